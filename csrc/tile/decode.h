// Compressed tiles -> pixels in a window of the image, in one pass: decode, unshuffle, dequantise or scale, cast,
// place. FITS Standard 4.0, section 10. Values go through the L1 cache in strips; there is no image in between.
//
// Done as CFITSIO does, where the Standard is silent:
// - GZIP tiles: the size of one value is what the inflated size says (files hold 16-bit pixels as 32-bit values);
// - values that BITPIX cannot hold, which lossy HCOMPRESS_1 makes, saturate;
// - NOCOMPRESS floats: CFITSIO's mark for an undefined pixel is NaN (see nocompress.h);
// - PLIO_1 with ZBITPIX 16 and BZERO 32768: streams hold physical values, not stored ones (see plio.h).
#pragma once

#include <array>
#include <limits>
#include <optional>
#include <span>

#include "format/bytes.h"
#include "format/compressed_header.h"
#include "format/convert.h"
#include "tile/codec.h"
#include "tile/grid.h"
#include "tile/place.h"
#include "tile/rice.h"

namespace fits {

// The integer that a ZBLANK handed on as a floating number is; none where it is none.
constexpr std::optional<std::int64_t> integer_of(double value) noexcept {
  if (!(value >= -0x1p63 && value < 0x1p63)) return std::nullopt;
  const auto integer = static_cast<std::int64_t>(value);
  return static_cast<double>(integer) == value ? std::optional(integer) : std::nullopt;
}

// Rows and columns of a whole HCOMPRESS_1 tile, which is an array of two axes: those of more than one pixel, or where
// there are not two of them, all but the last axis as one.
inline std::array<std::array<std::int64_t, 2>, 2> hcompress_shapes(const TileGrid& grid) noexcept {
  const std::int64_t last = grid.tile_shape[static_cast<std::size_t>(grid.naxis - 1)];
  std::array<std::int64_t, 2> long_axes{1, 1};
  for (int i = grid.naxis; i-- > 0;) {
    const std::int64_t length = grid.tile_shape[static_cast<std::size_t>(i)];
    if (length == 1) continue;
    if (long_axes[1] == 1) {
      long_axes[1] = length;
    } else {
      long_axes[0] *= length;
    }
  }
  return {{{grid.tile_pixels() / last, last}, long_axes}};
}

// One compressed tile. NaN stands for what it does not have.
struct TileStream {
  Bytes bytes;
  Codec codec = Codec::rice_1;
  std::int64_t number = 0;                                         // in [0, grid.count())
  std::int64_t slot = 0;                                           // its place in a stack of tiles
  std::int64_t wanted = std::numeric_limits<std::int64_t>::max();  // of a stack: so many pixels from its first on
  double zscale = std::numeric_limits<double>::quiet_NaN();
  double zzero = std::numeric_limits<double>::quiet_NaN();
  double zblank = std::numeric_limits<double>::quiet_NaN();
};

// What all tiles of an image have in common.
struct TileImage {
  TileGrid grid;
  int bitpix = 8;
  Quantization zquantiz = Quantization::none;  // tiles of it that have no ZSCALE are not quantised
  int zdither0 = 0;
  RiceParameters rice;
  bool smooth = false;                // HCOMPRESS_1
  bool physical_plio = false;         // ZBITPIX 16 with BZERO 32768
  std::optional<std::int64_t> blank;  // integer images: what a pixel that its tile's ZBLANK marks becomes

  bool quantised(const TileStream& tile) const noexcept {
    return bitpix < 0 && zquantiz != Quantization::none && tile.zscale == tile.zscale;
  }
  // Codecs of integers have no values for a tile of floats that is not quantised; they then report bad_code.
  bool has_values(const TileStream& tile) const noexcept {
    const bool integers =
        tile.codec == Codec::rice_1 || tile.codec == Codec::hcompress_1 || tile.codec == Codec::plio_1;
    return bitpix > 0 || !integers || quantised(tile);
  }
};

// RICE_1 tiles of equal length are decoded together, one in each SIMD lane: so many at a time,
inline constexpr std::size_t kTileGroup = 16;
// picked from so many, since edges cut some of them.
inline constexpr std::size_t kTileBatch = 64;

// Decodes tiles of one image into one array. Holds no memory; any thread may run it.
class TileDecoder {
 public:
  // Into a window of the image, an array of window.size at `out`; what no tile covers is left alone.
  TileDecoder(const TileImage& image, const TileWindow& window, const Conversion& conversion, void* out) noexcept;
  // Into a stack of tiles: tile by tile at its slot, each in the order of its stream, tile_pixels() apart. Pixels
  // behind those that are wanted are left alone.
  TileDecoder(const TileImage& image, const Conversion& conversion, void* out) noexcept;

  // How many pixels from a tile's first on must be decoded: 0 where it lies outside the window.
  std::int64_t needed(std::int64_t number) const noexcept;
  // The most bytes of scratch, 64-byte aligned, that decoding any tile by this codec takes.
  std::size_t scratch_size(Codec codec) const noexcept;

  // At most kTileBatch tiles. errors[i] is what is wrong with tile i, whose pixels are then undefined.
  void operator()(std::span<const TileStream> tiles, std::span<std::byte> scratch,
                  std::span<TileError> errors) const noexcept;

 private:
  class Sink;
  std::optional<Pixel> value_type(const TileStream& tile, std::size_t size) const noexcept;
  TilePlace place_of(const TileStream& tile) const noexcept;
  std::int64_t needed(const TileStream& tile) const noexcept;
  TileError decode_one(const TileStream& tile, std::span<std::byte> scratch) const noexcept;
  TileError decode_gzip_tile(const TileStream& tile, std::span<std::byte> scratch) const noexcept;
  TileError decode_hcompress_tile(const TileStream& tile, std::span<std::byte> scratch) const noexcept;
  TileError decode_plio_tile(const TileStream& tile, std::span<std::byte> scratch) const noexcept;
  TileError copy_tile(const TileStream& tile) const noexcept;
  void decode_rice_tiles(std::span<const TileStream> tiles, std::span<const std::size_t> chosen, std::int64_t count,
                         std::span<TileError> errors) const noexcept;

  TileImage image_;
  TileWindow window_;
  bool stacked_;
  std::byte* out_;
  Pixel stored_, to_;
  Converter to_pixels_;             // from stored values
  std::array<Converter, 6> store_;  // to stored values, from those that codecs give: kValueTypes
};

}  // namespace fits
