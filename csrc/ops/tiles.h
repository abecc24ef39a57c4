// What the operators on compressed tiles are asked, checked: the same on every device (csrc/ops/tiles.cpp,
// cuda/tiles.cu). Only geometry, parameters, shapes and dtypes: what lies in tensors is checked where it is read.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>

#include "format/tile_table.h"
#include "ops/scaling.h"
#include "tile/decode.h"

namespace fits::ops {

inline constexpr std::int64_t kDescriptorColumns = 4;    // offset, bytes, codec, tile number
inline constexpr std::int64_t kQuantisationColumns = 3;  // ZSCALE, ZZERO, ZBLANK

inline TileGrid checked_grid(const Shape& tile_shape, const Shape& shape, std::string_view who) {
  require(shape.size() == tile_shape.size(), who, ": shape has ", shape.size(), " axes and tile_shape ",
          tile_shape.size());
  require(!shape.empty() && shape.size() <= kMostTileAxes, who, ": shape has ", shape.size(), " axes; from 1 to ",
          kMostTileAxes, " are possible");
  for (std::size_t i = 0; i < shape.size(); ++i) {
    require(shape[i] >= 1, who, ": shape is ", text(shape), "; an image of tiles has no axis below 1");
    require(tile_shape[i] >= 1, who, ": tile_shape is ", text(tile_shape), "; a tile has no axis below 1");
  }
  std::int64_t pixels = 1;
  for (const auto length : shape) {
    require(!__builtin_mul_overflow(pixels, length, &pixels), who, ": shape ", text(shape), " has too many pixels");
  }
  return TileGrid::of(shape, tile_shape);
}

inline Quantization checked_method(std::string_view method, std::string_view who) {
  constexpr std::string_view kNames[] = {"NONE", "NO_DITHER", "SUBTRACTIVE_DITHER_1", "SUBTRACTIVE_DITHER_2"};
  for (int i = 0; i < 4; ++i) {
    if (method == kNames[i]) return static_cast<Quantization>(i);
  }
  throw std::invalid_argument(sentence(who, ": method is ", method,
                                       "; it must be NONE, NO_DITHER, SUBTRACTIVE_DITHER_1 or SUBTRACTIVE_DITHER_2 "
                                       "(FITS Standard 4.0, section 10.2)"));
}

// What a file's ZDITHER0 means: any number mod 10000.
inline int dither_seed(Quantization method, std::int64_t zdither0) {
  return method < Quantization::subtractive_dither_1 ? 0 : static_cast<int>(zdither0 % 10000);
}

// The same of one that is to be written.
inline int checked_zdither0(Quantization method, std::int64_t zdither0, std::string_view who) {
  if (method < Quantization::subtractive_dither_1) return 0;
  require(zdither0 >= 1 && zdither0 <= 10000, who, ": zdither0 is ", zdither0,
          "; with dithering it must be from 1 to 10000 (FITS Standard 4.0, section 10.2.1)");
  return static_cast<int>(zdither0);
}

// `params`: BLOCKSIZE, BYTEPIX, SCALE, SMOOTH; 0 where unused, and then the Standard's default.
inline TileImage checked_image(const Shape& tile_shape, const Shape& shape, std::int64_t bitpix,
                               std::string_view method, std::int64_t zdither0, const Shape& params,
                               std::string_view who) {
  require(params.size() == 4, who, ": params has ", params.size(),
          " numbers; it must have 4: BLOCKSIZE, BYTEPIX, SCALE, SMOOTH");
  require(params[0] >= 0 && params[0] <= INT32_MAX, who, ": params[0], BLOCKSIZE, is ", params[0],
          "; it must be a number of pixels");
  require(params[1] == 0 || params[1] == 1 || params[1] == 2 || params[1] == 4, who, ": params[1], BYTEPIX, is ",
          params[1], "; it must be 1, 2 or 4");
  TileImage image;
  image.grid = checked_grid(tile_shape, shape, who);
  image.bitpix = checked_bitpix(bitpix, who);
  image.zquantiz = checked_method(method, who);
  image.zdither0 = dither_seed(image.zquantiz, zdither0);
  if (params[0] != 0) image.rice.blocksize = params[0];
  if (params[1] != 0) image.rice.bytepix = static_cast<int>(params[1]);
  image.smooth = params[3] != 0;
  return image;
}

inline TileWindow checked_window(const TileGrid& grid, const Shape& start, const Shape& size, std::string_view who) {
  const auto naxis = static_cast<std::size_t>(grid.naxis);
  require(start.size() == naxis && size.size() == naxis, who, ": the image has ", naxis, " axes; start has ",
          start.size(), " and size ", size.size());
  TileWindow window;
  for (std::size_t i = 0; i < naxis; ++i) {
    require(size[i] >= 0, who, ": size is ", text(size), "; a window has no axis below 0");
    window.start[i] = start[i];
    window.size[i] = size[i];
  }
  return window;
}

inline void checked_matrix(const Tensor& tensor, ScalarType dtype, std::int64_t columns, std::string_view what,
                           std::string_view who) {
  require(tensor.scalar_type() == dtype && tensor.dim() == 2 && tensor.size(1) == columns, who, ": ", what, " must be ",
          torch::headeronly::toString(dtype), " [T, ", columns, "], not ",
          torch::headeronly::toString(tensor.scalar_type()), " ", text(shape_of(tensor)));
}

inline void require_one_device(const Tensor& first, const Tensor& other, std::string_view what, std::string_view who) {
  require(first.is_cpu() == other.is_cpu() && first.get_device_index() == other.get_device_index(), who, ": ", what,
          " must be on the same device as the other tensors");
}

// Shapes and dtypes of what read_tiles returns, all on one device.
inline void checked_tiles(const Tensor& data, const Tensor& descriptors, std::string_view who) {
  require(data.scalar_type() == ScalarType::Byte && data.dim() == 1, who, ": data must be uint8 [n], not ",
          torch::headeronly::toString(data.scalar_type()), " ", text(shape_of(data)));
  checked_matrix(descriptors, ScalarType::Long, kDescriptorColumns, "descriptors", who);
  require_one_device(data, descriptors, "descriptors", who);
}

inline void checked_quantisation(const Tensor& quantisation, const Tensor& descriptors, std::string_view who) {
  checked_matrix(quantisation, ScalarType::Double, kQuantisationColumns, "quantisation", who);
  require(quantisation.size(0) == descriptors.size(0), who, ": quantisation has ", quantisation.size(0),
          " rows and descriptors ", descriptors.size(0));
  require_one_device(descriptors, quantisation, "quantisation", who);
}

// What decoders need as memory of their own is bounded by what the streams can hold, whatever a caller claims.
inline void require_tile_claim(const TileImage& image, std::int64_t bytes, std::string_view who) {
  const std::int64_t pixels = image.grid.tile_pixels();
  const std::int64_t free = static_cast<std::int64_t>(kFreeClaim) / 8;
  require(pixels <= free || pixels / static_cast<std::int64_t>(kGreatestRatio) <= bytes, who, ": a tile of ", pixels,
          " pixels from ", bytes, " bytes of data: more than any codec makes of them");
}

// What decode_tiles is asked.
struct DecodeTiles {
  TileImage image;
  TileWindow window;
  Conversion conversion;
};

inline DecodeTiles checked_decode(const Tensor& data, const Tensor& descriptors, const Tensor& quantisation,
                                  const Shape& tile_shape, const Shape& shape, std::int64_t bitpix,
                                  std::string_view method, std::int64_t zdither0, const Shape& params,
                                  const Shape& start, const Shape& size, double bscale, double bzero,
                                  std::optional<std::int64_t> blank, ScalarType dtype) {
  constexpr std::string_view kWho = "decode_tiles";
  checked_tiles(data, descriptors, kWho);
  checked_quantisation(quantisation, descriptors, kWho);
  DecodeTiles asked;
  asked.image = checked_image(tile_shape, shape, bitpix, method, zdither0, params, kWho);
  require_tile_claim(asked.image, data.numel(), kWho);
  asked.image.physical_plio = bitpix == 16 && bzero == 32768;
  if (bitpix > 0) asked.image.blank = blank;
  asked.window = checked_window(asked.image.grid, start, size, kWho);
  const Scaling scaling{bscale, bzero, asked.image.blank};
  asked.conversion = {static_cast<int>(bitpix), scaling, true, pixel_type(dtype, kWho)};
  return asked;
}

// The shape of a stack of T tiles: a whole tile's, cut to the image.
inline Shape stack_shape(const TileGrid& grid, std::int64_t tiles) {
  Shape shape{tiles};
  shape.insert(shape.end(), grid.tile_shape.begin(), grid.tile_shape.begin() + grid.naxis);
  return shape;
}

struct Dequantize {
  Quantization method = Quantization::none;
  int zdither0 = 0;
  std::int64_t tiles = 0, pixels = 0;  // pixels of each
  Pixel to = Pixel::f32;
  // What the formula's result is rounded to before it is cast: that of the image, float64 where it is asked for.
  Pixel exact() const noexcept { return to == Pixel::f64 ? Pixel::f64 : Pixel::f32; }
};

inline Dequantize checked_dequantize(const Tensor& tiles, const Tensor& zscale, const Tensor& zzero,
                                     std::string_view method, std::int64_t zdither0, const Tensor& tile_number,
                                     const std::optional<Tensor>& zblank, ScalarType dtype) {
  constexpr std::string_view kWho = "dequantize";
  const ScalarType from = tiles.scalar_type();
  require(from == ScalarType::Byte || from == ScalarType::Short || from == ScalarType::Int, kWho,
          ": tiles must be uint8, int16 or int32, not ", torch::headeronly::toString(from));
  require(tiles.dim() >= 1, kWho, ": tiles must have a dimension for the tiles, [T, ...]");
  const auto column = [&](const Tensor& tensor, ScalarType wanted, std::string_view what) {
    require(tensor.scalar_type() == wanted && tensor.dim() == 1 && tensor.size(0) == tiles.size(0), kWho, ": ", what,
            " must be ", torch::headeronly::toString(wanted), " [", tiles.size(0), "], one for each tile, not ",
            torch::headeronly::toString(tensor.scalar_type()), " ", text(shape_of(tensor)));
    require_one_device(tiles, tensor, what, kWho);
  };
  column(zscale, ScalarType::Double, "zscale");
  column(zzero, ScalarType::Double, "zzero");
  column(tile_number, ScalarType::Long, "tile_number");
  if (zblank) column(*zblank, ScalarType::Double, "zblank");
  Dequantize asked;
  asked.method = checked_method(method, kWho);
  asked.zdither0 = dither_seed(asked.method, zdither0);
  asked.tiles = tiles.size(0);
  asked.pixels = asked.tiles == 0 ? 0 : tiles.numel() / asked.tiles;
  asked.to = pixel_type(dtype, kWho);
  return asked;
}

struct AssembleTiles {
  TileGrid grid;
  TileWindow window;
};

inline AssembleTiles checked_assemble(const Tensor& tiles, const Shape& tile_shape, const Shape& shape,
                                      const Shape& start, const Shape& size) {
  constexpr std::string_view kWho = "assemble_tiles";
  const TileGrid grid = checked_grid(tile_shape, shape, kWho);
  const std::int64_t count = grid.count(), pixels = grid.tile_pixels();
  std::int64_t all = 0;
  const bool fits = !__builtin_mul_overflow(count, pixels, &all);
  require(fits && tiles.dim() >= 1 && tiles.size(0) == count && tiles.numel() == all, kWho, ": tiles are ",
          text(shape_of(tiles)), "; an image ", text(shape), " in tiles ", text(tile_shape), " takes [", count, ", ",
          pixels, "] or the same with the tile's axes apart");
  return {grid, checked_window(grid, start, size, kWho)};
}

// What pixels are that no tile covers.
inline double uncovered(Pixel pixel) noexcept { return is_floating(pixel) ? std::nan("") : 0.0; }

}  // namespace fits::ops
