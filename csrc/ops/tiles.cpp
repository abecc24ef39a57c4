// read_tiles, decode_tiles, decompress_tiles, dequantize, assemble_tiles: tile compression in parts. CPU kernels.
#include "ops/tiles.h"

#include <algorithm>
#include <cstring>

#include "ops/decode.h"
#include "ops/image.h"
#include "ops/source.h"
#include "tile/dequantize.h"

namespace fits::ops {
namespace {

using Tiles = std::tuple<Tensor, Tensor, Tensor>;

// ---- read_tiles

std::vector<StoredTile> chosen_tiles(const CompressedImage& image, const ByteReader& bytes,
                                     const std::optional<Tensor>& chosen) {
  const std::int64_t count = image.table().compression().tile_count;
  std::vector<StoredTile> tiles;
  const auto add = [&](std::int64_t first, std::int64_t length) {
    std::vector<TileRow> rows(static_cast<std::size_t>(length));
    image.table().read(bytes, first, rows);
    for (std::int64_t i = 0; i < length; ++i) {
      tiles.push_back(image.stored(rows[static_cast<std::size_t>(i)], first + i));
    }
  };
  if (!chosen) {
    tiles.reserve(static_cast<std::size_t>(count));
    add(0, count);
    return tiles;
  }
  require(chosen->dim() == 1, "tiles must have one dimension, not ", chosen->dim());
  for (const auto number : index_source(*chosen, "read_tiles", "tiles")) {
    if (number < 0 || number >= count) {
      throw NoSuchHdu(sentence("there is no tile ", number, "; the image has ", count, " tiles, counted from 0"));
    }
    add(number, 1);
  }
  return tiles;
}

Tiles read_tiles_of(const io::Source& source, std::int64_t index, const std::optional<Tensor>& chosen) {
  const Hdu& hdu = image_hdu(source, index);
  if (hdu.kind != HduKind::compressed_image) {
    throw FileError(Status::not_an_image, "the HDU is an image without tiles; read_image reads it");
  }
  require_data(source, hdu);
  const ByteReader& bytes = source.file->bytes();
  const CompressedImage image(source.file->tiles(hdu), hdu);
  const auto stored = chosen_tiles(image, bytes, chosen);
  const auto count = static_cast<std::int64_t>(stored.size());
  Tensor descriptors = empty({count, kDescriptorColumns}, ScalarType::Long);
  Tensor quantisation = empty({count, kQuantisationColumns}, ScalarType::Double);
  auto* descriptor = static_cast<std::int64_t*>(descriptors.mutable_data_ptr());
  auto* numbers = static_cast<double*>(quantisation.mutable_data_ptr());
  std::int64_t size = 0;
  for (const StoredTile& tile : stored) {
    const auto length = static_cast<std::int64_t>(tile.size);
    const std::int64_t row[] = {size, length, static_cast<std::int64_t>(tile.stream.codec), tile.stream.number};
    descriptor = std::ranges::copy(row, descriptor).out;
    const double values[] = {tile.stream.zscale, tile.stream.zzero, tile.stream.zblank};
    numbers = std::ranges::copy(values, numbers).out;
    // A tile may be asked for, and heap bytes pointed at, many times.
    require(!__builtin_add_overflow(size, length, &size), "the tiles together have too many bytes");
  }
  Tensor data = empty({size}, ScalarType::Byte);
  auto* const out = static_cast<std::byte*>(data.mutable_data_ptr());
  const auto* const offsets = static_cast<const std::int64_t*>(descriptors.const_data_ptr());
  const Pieces pieces(out, count, static_cast<std::size_t>(count == 0 ? 1 : size / count + 1));
  parallel_for(pieces.count(), [&](std::int64_t piece) {
    std::vector<std::byte> scratch;
    for (std::int64_t i = pieces.bound(piece); i < pieces.bound(piece + 1); ++i) {
      const StoredTile& tile = stored[static_cast<std::size_t>(i)];
      const Bytes view = bytes.view(tile.start, static_cast<std::size_t>(tile.size), scratch);
      if (view.size() < tile.size) throw FileError(Status::truncated, "the heap of the tiles is cut off");
      if (!view.empty()) std::memcpy(out + offsets[i * kDescriptorColumns], view.data(), view.size());
    }
  });
  return {data, descriptors, quantisation};
}

Tiles read_tiles(const Text& path, std::int64_t hdu, const std::optional<Tensor>& tiles) {
  return in_context(Name{path, hdu}, [&] { return read_tiles_of(io::open_file(path), hdu, tiles); });
}

Tiles read_tiles_bytes(const Tensor& data, std::int64_t hdu, const std::optional<Tensor>& tiles) {
  const Bytes bytes = byte_source(data, "read_tiles");
  return in_context(Name{kBytesName, hdu}, [&] { return read_tiles_of(io::open_bytes(bytes), hdu, tiles); });
}

// ---- decode_tiles, decompress_tiles

// The tiles that descriptors describe, in their order. They come from anyone: every number is looked at.
std::vector<StoredTile> checked_stored(const Tensor& data, const Tensor& descriptors, const Tensor* quantisation,
                                       const TileImage& image, std::string_view who) {
  const auto rows = index_source(descriptors, who, "descriptors");
  const auto* const numbers =
      quantisation == nullptr ? nullptr : static_cast<const double*>(quantisation->const_data_ptr());
  const std::int64_t size = data.numel(), count = image.grid.count();
  std::vector<StoredTile> tiles(static_cast<std::size_t>(descriptors.size(0)));
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    const auto row = rows.subspan(i * kDescriptorColumns, kDescriptorColumns);
    const std::int64_t number = row[3];
    require(number >= 0 && number < count, who, ": descriptors[", i, "] is of tile ", number, "; the image has ", count,
            " tiles, counted from 0");
    require(row[0] >= 0 && row[1] >= 0 && row[0] <= size && row[1] <= size - row[0], who, ": tile ", number, ": ",
            row[1], " bytes at ", row[0], " do not lie in the ", size, " bytes of data");
    require(row[2] >= 1 && row[2] <= 6, who, ": tile ", number, ": codec ", row[2],
            "; codecs are 1 RICE_1, 2 GZIP_1, 3 GZIP_2, 4 HCOMPRESS_1, 5 PLIO_1, 6 NOCOMPRESS");
    StoredTile& tile = tiles[i];
    tile.start = static_cast<std::uint64_t>(row[0]);
    tile.size = static_cast<std::uint64_t>(row[1]);
    tile.stream.codec = static_cast<Codec>(row[2]);
    tile.stream.number = number;
    tile.stream.slot = static_cast<std::int64_t>(i);
    if (numbers == nullptr) continue;
    tile.stream.zscale = numbers[i * kQuantisationColumns];
    tile.stream.zzero = numbers[i * kQuantisationColumns + 1];
    tile.stream.zblank = numbers[i * kQuantisationColumns + 2];
  }
  return tiles;
}

// Two threads must not write one tile.
void require_distinct(const std::vector<StoredTile>& tiles, std::string_view who) {
  const auto number = [](const StoredTile& tile) { return tile.stream.number; };
  if (std::ranges::is_sorted(tiles, std::ranges::less_equal{}, number)) return;
  std::vector<std::int64_t> numbers(tiles.size());
  std::ranges::transform(tiles, numbers.begin(), number);
  std::ranges::sort(numbers);
  const auto twice = std::ranges::adjacent_find(numbers);
  require(twice == numbers.end(), who, ": descriptors hold tile ", twice == numbers.end() ? 0 : *twice, " twice");
}

// Whether these tiles leave pixels of the window untouched.
bool leaves_gaps(const TileGrid& grid, const TileWindow& window, const std::vector<StoredTile>& tiles,
                 const TileDecoder& decoder) {
  std::int64_t wanted = 1;
  for (int i = 0; i < grid.naxis; ++i) {
    const auto n = static_cast<std::size_t>(i);
    if (window.start[n] < 0 || window.start[n] > grid.shape[n] - window.size[n]) return true;
    if (window.size[n] == 0) return false;
    wanted *= (window.start[n] + window.size[n] - 1) / grid.tile_shape[n] - window.start[n] / grid.tile_shape[n] + 1;
  }
  if (static_cast<std::int64_t>(tiles.size()) == grid.count()) return false;
  std::int64_t found = 0;
  for (const StoredTile& tile : tiles) found += decoder.needed(tile.stream.number) > 0 ? 1 : 0;
  return found < wanted;
}

MemoryBytes memory_of(const Tensor& data) {
  return MemoryBytes({static_cast<const std::byte*>(data.const_data_ptr()), static_cast<std::size_t>(data.numel())});
}

// The window. `status`: null, and a tile that is wrong throws; else room for what is wrong with each tile.
Tensor decode_window(const DecodeTiles& asked, const Tensor& data, const Tensor& descriptors,
                     const Tensor& quantisation, const Shape& size, ScalarType dtype, std::int32_t* status) {
  constexpr std::string_view kWho = "decode_tiles";
  const Tensor bytes = torch::stable::contiguous(data);
  const Tensor rows = torch::stable::contiguous(descriptors);
  const Tensor numbers = torch::stable::contiguous(quantisation);
  const TileImage& image = asked.image;
  const auto tiles = checked_stored(bytes, rows, &numbers, image, kWho);
  require_distinct(tiles, kWho);
  Tensor out = empty(size, dtype);
  const TileDecoder decoder(image, asked.window, asked.conversion, out.mutable_data_ptr());
  const Pixel to = asked.conversion.to;
  if (leaves_gaps(image.grid, asked.window, tiles, decoder)) {
    fill_pixels(uncovered(to), out.numel(), to, out.mutable_data_ptr());
  }
  if (status != nullptr) std::fill_n(status, tiles.size(), 0);
  if (out.numel() == 0) return out;
  if (status == nullptr) {
    in_context([&] { return std::string(kWho); }, [&] { decode_all(memory_of(bytes), decoder, image, tiles); });
    return out;
  }
  const auto errors = decode_each(memory_of(bytes), decoder, image, tiles);
  for (std::size_t i = 0; i < errors.size(); ++i) {
    status[i] = static_cast<std::int32_t>(errors[i]);
    if (errors[i] == TileError::ok) continue;
    const Tile tile = image.grid.at(tiles[i].stream.number);
    const TilePlace place(image.grid, tile, asked.window, pixel_size(to),
                          static_cast<std::byte*>(out.mutable_data_ptr()));
    place.runs(0, tile.pixels, [&](std::int64_t, std::int64_t count, std::byte* target) {
      fill_pixels(uncovered(to), count, to, target);
    });
  }
  return out;
}

Tensor decode_tiles(const Tensor& data, const Tensor& descriptors, const Tensor& quantisation, const Shape& tile_shape,
                    const Shape& shape, std::int64_t bitpix, const Text& method, std::int64_t zdither0,
                    const Shape& params, const Shape& start, const Shape& size, double bscale, double bzero,
                    std::optional<std::int64_t> blank, ScalarType dtype) {
  const DecodeTiles asked = checked_decode(data, descriptors, quantisation, tile_shape, shape, bitpix, method, zdither0,
                                           params, start, size, bscale, bzero, blank, dtype);
  return decode_window(asked, data, descriptors, quantisation, size, dtype, nullptr);
}

std::tuple<Tensor, Tensor> decode_tiles_status(const Tensor& data, const Tensor& descriptors,
                                               const Tensor& quantisation, const Shape& tile_shape, const Shape& shape,
                                               std::int64_t bitpix, const Text& method, std::int64_t zdither0,
                                               const Shape& params, const Shape& start, const Shape& size,
                                               double bscale, double bzero, std::optional<std::int64_t> blank,
                                               ScalarType dtype) {
  const DecodeTiles asked = checked_decode(data, descriptors, quantisation, tile_shape, shape, bitpix, method, zdither0,
                                           params, start, size, bscale, bzero, blank, dtype);
  Tensor status = empty({descriptors.size(0)}, ScalarType::Int);
  auto* const errors = static_cast<std::int32_t*>(status.mutable_data_ptr());
  Tensor out = decode_window(asked, data, descriptors, quantisation, size, dtype, errors);
  return {std::move(out), std::move(status)};
}

Tensor decompress_tiles(const Tensor& data, const Tensor& descriptors, const Shape& tile_shape, const Shape& shape,
                        std::int64_t bitpix, const Shape& params) {
  constexpr std::string_view kWho = "decompress_tiles";
  checked_tiles(data, descriptors, kWho);
  const TileImage image = checked_image(tile_shape, shape, bitpix, "NONE", 0, params, kWho);
  require_tile_claim(image, data.numel(), kWho);
  const Tensor bytes = torch::stable::contiguous(data);
  const Tensor rows = torch::stable::contiguous(descriptors);
  const auto tiles = checked_stored(bytes, rows, nullptr, image, kWho);
  const Pixel stored = stored_pixel(image.bitpix);
  Tensor out = empty(stack_shape(image.grid, descriptors.size(0)), scalar_type(stored));
  bool cut = false;
  for (std::size_t i = 0; i < shape.size(); ++i) cut = cut || shape[i] % image.grid.tile_shape[i] != 0;
  if (cut) fill_pixels(0, out.numel(), stored, out.mutable_data_ptr());
  const TileDecoder decoder(image, {image.bitpix, {}, false, stored}, out.mutable_data_ptr());
  in_context([&] { return std::string(kWho); }, [&] { decode_all(memory_of(bytes), decoder, image, tiles); });
  return out;
}

// ---- dequantize

// Pixels of one tile that one thread does at a time.
constexpr std::int64_t kPiecePixels = 1 << 16;

template <class In, class Out>
void dequantize_piece(Dequantizer dequantizer, const In* values, std::int64_t count, const Converter& converter,
                      std::byte* out, std::size_t out_size) {
  constexpr std::int64_t kStrip = 512;
  Out exact[kStrip];
  for (std::int64_t at = 0; at < count; at += kStrip) {
    const std::int64_t strip = std::min(kStrip, count - at);
    dequantizer(values + at, strip, exact);
    converter(exact, strip, out + static_cast<std::size_t>(at) * out_size);
  }
}

template <class In>
void dequantize_as(const Dequantizer& dequantizer, const In* values, std::int64_t count, Pixel exact,
                   const Converter& converter, std::byte* out, std::size_t out_size) {
  if (exact == Pixel::f64) {
    dequantize_piece<In, double>(dequantizer, values, count, converter, out, out_size);
  } else {
    dequantize_piece<In, float>(dequantizer, values, count, converter, out, out_size);
  }
}

Tensor dequantize(const Tensor& tiles, const Tensor& zscale, const Tensor& zzero, const Text& method,
                  std::int64_t zdither0, const Tensor& tile_number, const std::optional<Tensor>& zblank,
                  ScalarType dtype) {
  const Dequantize asked = checked_dequantize(tiles, zscale, zzero, method, zdither0, tile_number, zblank, dtype);
  const Tensor stored = torch::stable::contiguous(tiles);
  const Tensor scales = torch::stable::contiguous(zscale), zeros = torch::stable::contiguous(zzero);
  const Tensor numbers = torch::stable::contiguous(tile_number);
  std::optional<Tensor> blanks;
  if (zblank) blanks = torch::stable::contiguous(*zblank);
  const auto* const scale = static_cast<const double*>(scales.const_data_ptr());
  const auto* const zero = static_cast<const double*>(zeros.const_data_ptr());
  const auto* const number = static_cast<const std::int64_t*>(numbers.const_data_ptr());
  const auto* const blank = blanks ? static_cast<const double*>(blanks->const_data_ptr()) : nullptr;
  for (std::int64_t t = 0; t < asked.tiles; ++t) {
    require(number[t] >= 0, "dequantize: tile_number[", t, "] is ", number[t], "; tiles are counted from 0");
  }

  Tensor out = empty(shape_of(tiles), dtype);
  const Converter converter(asked.exact(), {}, asked.to, ByteOrder::native);
  const auto* const values = static_cast<const std::byte*>(stored.const_data_ptr());
  auto* const target = static_cast<std::byte*>(out.mutable_data_ptr());
  const std::size_t in_size = stored.element_size(), out_size = out.element_size();
  const std::int64_t in_tile = (asked.pixels + kPiecePixels - 1) / kPiecePixels;
  parallel_for(asked.tiles * in_tile, [&](std::int64_t task) {
    const std::int64_t t = task / in_tile, first = task % in_tile * kPiecePixels;
    const std::int64_t count = std::min(kPiecePixels, asked.pixels - first);
    Dequantizer dequantizer(asked.method, asked.zdither0, number[t], scale[t], zero[t],
                            blank == nullptr ? std::nullopt : integer_of(blank[t]));
    dequantizer.skip(first);
    const auto at = static_cast<std::size_t>(t * asked.pixels + first);
    const std::byte* const from = values + at * in_size;
    std::byte* const to = target + at * out_size;
    switch (in_size) {
      case 1:
        return dequantize_as(dequantizer, reinterpret_cast<const std::uint8_t*>(from), count, asked.exact(), converter,
                             to, out_size);
      case 2:
        return dequantize_as(dequantizer, reinterpret_cast<const std::int16_t*>(from), count, asked.exact(), converter,
                             to, out_size);
      default:
        return dequantize_as(dequantizer, reinterpret_cast<const std::int32_t*>(from), count, asked.exact(), converter,
                             to, out_size);
    }
  });
  return out;
}

// ---- assemble_tiles

Tensor assemble_tiles(const Tensor& tiles, const Shape& tile_shape, const Shape& shape, const Shape& start,
                      const Shape& size) {
  const AssembleTiles asked = checked_assemble(tiles, tile_shape, shape, start, size);
  const Tensor stack = torch::stable::contiguous(tiles);
  const Pixel pixel = pixel_type(tiles.scalar_type(), "assemble_tiles");
  Tensor out = empty(size, tiles.scalar_type());
  auto* const target = static_cast<std::byte*>(out.mutable_data_ptr());
  if (out.numel() == 0) return out;
  const TileGrid& grid = asked.grid;
  bool inside = true;
  for (std::size_t i = 0; i < size.size(); ++i) {
    inside = inside && start[i] >= 0 && start[i] <= grid.shape[i] - size[i];
  }
  if (!inside) fill_pixels(uncovered(pixel), out.numel(), pixel, target);
  const std::size_t element = pixel_size(pixel);
  const std::int64_t count = grid.count(), pixels = grid.tile_pixels();
  const auto* const values = static_cast<const std::byte*>(stack.const_data_ptr());
  const Pieces pieces(target, count, static_cast<std::size_t>(pixels) * element);
  parallel_for(pieces.count(), [&](std::int64_t piece) {
    for (std::int64_t number = pieces.bound(piece); number < pieces.bound(piece + 1); ++number) {
      const Tile tile = grid.at(number);
      const TilePlace place(grid, tile, asked.window, element, target);
      const std::byte* const from = values + static_cast<std::size_t>(number * pixels) * element;
      place.runs(0, tile.pixels, [&](std::int64_t offset, std::int64_t length, std::byte* to) {
        std::memcpy(to, from + static_cast<std::size_t>(offset) * element, static_cast<std::size_t>(length) * element);
      });
    }
  });
  return out;
}

// Reading happens on the host: of a tensor on a CUDA device the same kernels say so.
void add_byte_readers(Library& m) { m.impl("read_tiles.bytes", TORCH_BOX(&read_tiles_bytes)); }

}  // namespace
}  // namespace fits::ops

STABLE_TORCH_LIBRARY_IMPL(fits, CompositeExplicitAutograd, m) {
  m.impl("read_tiles", TORCH_BOX(&fits::ops::read_tiles));
}
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) {
  using namespace fits::ops;
  add_byte_readers(m);
  m.impl("decode_tiles", TORCH_BOX(&decode_tiles));
  m.impl("decode_tiles_status", TORCH_BOX(&decode_tiles_status));
  m.impl("decompress_tiles", TORCH_BOX(&decompress_tiles));
  m.impl("dequantize", TORCH_BOX(&dequantize));
  m.impl("assemble_tiles", TORCH_BOX(&assemble_tiles));
}
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add_byte_readers(m); }
