// compress_tiles, quantize: the other way, from images to tiles. FITS Standard 4.0, section 10.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "format/window.h"
#include "ops/text.h"
#include "ops/tiles.h"
#include "tile/gzip.h"
#include "tile/hcompress.h"
#include "tile/plio.h"
#include "tile/quantize.h"
#include "tile/rice_encode.h"

namespace fits::ops {
namespace {

using Stream = std::vector<std::byte>;

// The pixels of tiles of a contiguous image, one tile at a time, in the order of its stream.
class TileReader {
 public:
  TileReader(const Tensor& image, const TileGrid& grid)
      : pixels_(static_cast<const std::byte*>(image.const_data_ptr())),
        element_(image.element_size()),
        shape_(shape_of(image)),
        grid_(grid) {}

  // Writes the tile's pixels to `out` and returns their number.
  std::int64_t read(std::int64_t number, void* out) const {
    const Tile tile = grid_.at(number);
    const auto naxis = static_cast<std::size_t>(grid_.naxis);
    const std::span start(tile.start, naxis), size(tile.size, naxis);
    for (const Run& run : window_runs(shape_, start, size)) {
      std::memcpy(static_cast<std::byte*>(out) + static_cast<std::size_t>(run.target) * element_,
                  pixels_ + static_cast<std::size_t>(run.source) * element_,
                  static_cast<std::size_t>(run.count) * element_);
    }
    return tile.pixels;
  }

 private:
  const std::byte* pixels_;
  std::size_t element_;
  Shape shape_;
  TileGrid grid_;
};

// Below this many pixels for each thread waking one costs more than it saves: the fastest encoder takes 2 ns a pixel.
constexpr std::int64_t kWorthThread = std::int64_t{1} << 15;
// Most tiles of a task, which has one set of buffers.
constexpr std::int64_t kTilesTogether = 16;

// Runs task(first, end) for ranges of the grid's tiles on several threads; small images on this one.
template <class Task>
void parallel_for_tiles(const TileGrid& grid, const Task& task) {
  const std::int64_t count = grid.count(), threads = thread_count();
  if (count * grid.tile_pixels() < 2 * kWorthThread) return task(0, count);
  // Several tasks for each thread, so that uneven ones balance.
  const std::int64_t together = std::clamp<std::int64_t>(count / (4 * threads), 1, kTilesTogether);
  parallel_for((count + together - 1) / together,
               [&](std::int64_t i) { task(i * together, std::min(count, (i + 1) * together)); });
}

// ---- compress_tiles

// What compress_tiles is asked.
struct Compress {
  Codec codec;
  TileGrid grid;
  Pixel pixel;
  RiceParameters rice;
  std::int32_t scale = 0;
};

bool is_stored(Pixel pixel) noexcept {
  return pixel == Pixel::u8 || pixel == Pixel::i16 || pixel == Pixel::i32 || pixel == Pixel::i64 ||
         pixel == Pixel::f32 || pixel == Pixel::f64;
}

Compress checked_compress(const Tensor& image, const std::string& name, const Shape& tile_shape, const Shape& params) {
  constexpr std::string_view kWho = "compress_tiles";
  const auto codec = find_codec(name);
  require(codec.has_value(), kWho, ": codec is ", name,
          "; it must be RICE_1, GZIP_1, GZIP_2, HCOMPRESS_1, PLIO_1 or NOCOMPRESS (FITS Standard 4.0, section 10.4)");
  Compress asked{*codec, checked_grid(tile_shape, shape_of(image), kWho), pixel_type(image.scalar_type(), kWho), {}, 0};
  require(is_stored(asked.pixel), kWho, ": image is ", torch::headeronly::toString(image.scalar_type()),
          "; tiles hold stored values (uint8, int16, int32, int64, float32, float64): unscale makes them");
  const bool any_type = *codec == Codec::gzip_1 || *codec == Codec::gzip_2 || *codec == Codec::nocompress;
  const bool integers = asked.pixel == Pixel::u8 || asked.pixel == Pixel::i16 || asked.pixel == Pixel::i32;
  require(any_type || integers, kWho, ": ", codec_name(*codec), " codes uint8, int16 and int32, not ",
          torch::headeronly::toString(image.scalar_type()),
          "; quantize makes int32 of floats, and GZIP_2 keeps 64-bit integers and floats as they are");
  const TileImage checked = checked_image(tile_shape, shape_of(image), 32, "NONE", 0, params, kWho);
  asked.rice = checked.rice;
  const auto width = static_cast<std::int64_t>(pixel_size(asked.pixel));
  asked.rice.bytepix = static_cast<int>(integers ? width : 4);
  require(*codec != Codec::rice_1 || params[1] == 0 || params[1] == width, kWho, ": params[1], BYTEPIX, is ", params[1],
          "; pixels of this image have ", width, " bytes");
  require(params[2] >= 0 && params[2] <= INT32_MAX, kWho, ": params[2], SCALE, is ", params[2],
          "; it must not be negative");
  asked.scale = static_cast<std::int32_t>(params[2]);
  return asked;
}

// The two lengths that HCOMPRESS_1 sees: NAXIS1 of the tile, and all others together.
std::array<std::int64_t, 2> planes(const TileGrid& grid, const Tile& tile) {
  const std::int64_t columns = tile.size[static_cast<std::size_t>(grid.naxis - 1)];
  return {tile.pixels / columns, columns};
}

// Buffers of one thread, as large as any tile needs.
class TileWriter {
 public:
  TileWriter(const Compress& asked, const TileReader& reader)
      : asked_(asked), reader_(reader), values_(tile_bytes(asked)) {}

  Stream write(std::int64_t number) {
    const std::int64_t count = reader_.read(number, values_.data());
    const std::size_t size = static_cast<std::size_t>(count) * pixel_size(asked_.pixel);
    switch (asked_.codec) {
      case Codec::rice_1: {
        room(rice_bound(count, asked_.rice));
        return taken(encode_rice(values_.data(), count, asked_.rice, out_.data()));
      }
      case Codec::gzip_1:
      case Codec::gzip_2: return gzip(number, size);
      case Codec::hcompress_1: return hcompress(number, count);
      case Codec::plio_1: return plio(number, count);
      case Codec::nocompress: break;
    }
    room(size);
    swap_bytes_of(Bytes(values_).first(size), out_.data());
    return taken(size);
  }

 private:
  static std::size_t tile_bytes(const Compress& asked) {
    return static_cast<std::size_t>(asked.grid.tile_pixels()) * pixel_size(asked.pixel);
  }

  void room(std::size_t size) {
    if (out_.size() < size) out_.resize(size);
  }
  void scratch(std::size_t size) {
    if (scratch_.size() < size) scratch_.resize(size);
  }
  Stream taken(std::size_t size) const { return {out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(size)}; }

  Stream gzip(std::int64_t number, std::size_t size) {
    room(gzip_bound(size));
    scratch(size);
    const std::size_t written = encode_gzip(Bytes(values_).first(size), asked_.codec == Codec::gzip_2,
                                            pixel_size(asked_.pixel), out_, std::span(scratch_).first(size));
    if (written == 0) throw std::runtime_error(sentence("compress_tiles: tile ", number, ": no memory for its stream"));
    return taken(written);
  }

  // The pixels as int32.
  const std::int32_t* integers(std::int64_t count) {
    wide_.resize(static_cast<std::size_t>(count));
    const Converter converter(asked_.pixel, {}, Pixel::i32, ByteOrder::native);
    converter(values_.data(), count, wide_.data());
    return wide_.data();
  }

  Stream hcompress(std::int64_t number, std::int64_t count) {
    const auto [rows, columns] = planes(asked_.grid, asked_.grid.at(number));
    room(hcompress_bound(rows, columns));
    constexpr std::size_t kLine = 64;
    const std::size_t needed = hcompress_encode_scratch(rows, columns);
    scratch(needed + kLine);
    std::byte* const first = scratch_.data();
    std::byte* const aligned = first + (kLine - reinterpret_cast<std::uintptr_t>(first) % kLine) % kLine;
    const std::size_t written =
        encode_hcompress(integers(count), rows, columns, asked_.scale, out_.data(), {aligned, needed});
    require(written > 0, "compress_tiles: tile ", number, " has ", rows, " by ", columns,
            " pixels, which HCOMPRESS_1 does not code");
    return taken(written);
  }

  Stream plio(std::int64_t number, std::int64_t count) {
    const std::int32_t* const values = integers(count);
    require(plio_can_hold(values, count), "compress_tiles: tile ", number,
            " holds values that PLIO_1 does not code: they must lie between 0 and ", kPlioHighest);
    room(plio_bound(count));
    return taken(encode_plio(values, count, out_.data()));
  }

  void swap_bytes_of(Bytes values, std::byte* out) const {
    const int bitpix = static_cast<int>(8 * pixel_size(asked_.pixel));
    const Converter converter = Converter::to_stored(stored_pixel(bitpix), bitpix, {}, ByteOrder::big_endian);
    converter(values.data(), static_cast<std::int64_t>(values.size() / pixel_size(asked_.pixel)), out);
  }

  const Compress& asked_;
  const TileReader& reader_;
  std::vector<std::byte> values_, out_, scratch_;
  std::vector<std::int32_t> wide_;
};

std::tuple<Tensor, Tensor> compress_tiles(const Tensor& image, const Text& codec, const Shape& tile_shape,
                                          const Shape& params) {
  const Compress asked = checked_compress(image, codec, tile_shape, params);
  const Tensor pixels = torch::stable::contiguous(image);
  const TileReader reader(pixels, asked.grid);
  const std::int64_t count = asked.grid.count();
  std::vector<Stream> streams(static_cast<std::size_t>(count));
  parallel_for_tiles(asked.grid, [&](std::int64_t first, std::int64_t end) {
    TileWriter writer(asked, reader);
    for (std::int64_t n = first; n < end; ++n) streams[static_cast<std::size_t>(n)] = writer.write(n);
  });

  Tensor descriptors = empty({count, kDescriptorColumns}, ScalarType::Long);
  auto* row = static_cast<std::int64_t*>(descriptors.mutable_data_ptr());
  std::int64_t offset = 0;
  for (std::int64_t n = 0; n < count; ++n, row += kDescriptorColumns) {
    const auto size = static_cast<std::int64_t>(streams[static_cast<std::size_t>(n)].size());
    row[0] = offset;
    row[1] = size;
    row[2] = static_cast<std::int64_t>(asked.codec);
    row[3] = n;
    offset += size;
  }
  Tensor data = empty({offset}, ScalarType::Byte);
  auto* to = static_cast<std::byte*>(data.mutable_data_ptr());
  for (const Stream& stream : streams) to = std::copy(stream.begin(), stream.end(), to);
  return {data, descriptors};
}

// ---- quantize

template <class T>
void quantize_tile(Quantizer& quantizer, const TileReader& reader, const TileGrid& grid, std::int64_t number,
                   std::vector<T>& pixels, std::int32_t* out, double& zscale, double& zzero) {
  reader.read(number, pixels.data());
  const Tile tile = grid.at(number);
  const std::span size(tile.size, static_cast<std::size_t>(grid.naxis));
  const auto found = quantizer(pixels.data(), tile_rows(size), number, out);
  const std::int64_t whole = grid.tile_pixels();
  std::fill(out + (found ? tile.pixels : 0), out + whole, 0);
  zscale = found ? found->zscale : std::nan("");
  zzero = found ? found->zzero : std::nan("");
}

template <class T>
void quantize_all(const TileReader& reader, const TileGrid& grid, Quantization method, float level, int zdither0,
                  std::int32_t* out, double* zscale, double* zzero) {
  const std::int64_t whole = grid.tile_pixels();
  parallel_for_tiles(grid, [&](std::int64_t first, std::int64_t end) {
    Quantizer quantizer(method, level, zdither0);
    std::vector<T> tile(static_cast<std::size_t>(whole));
    for (std::int64_t n = first; n < end; ++n) {
      quantize_tile(quantizer, reader, grid, n, tile, out + n * whole, zscale[n], zzero[n]);
    }
  });
}

std::tuple<Tensor, Tensor, Tensor> quantize(const Tensor& image, const Shape& tile_shape, double level,
                                            const Text& method, std::int64_t zdither0) {
  constexpr std::string_view kWho = "quantize";
  const ScalarType dtype = image.scalar_type();
  require(dtype == ScalarType::Float || dtype == ScalarType::Double, kWho, ": image is ",
          torch::headeronly::toString(dtype), "; it must be float32 or float64, integers are not quantised");
  const TileGrid grid = checked_grid(tile_shape, shape_of(image), kWho);
  const Quantization dither = checked_method(method, kWho);
  require(dither != Quantization::none, kWho,
          ": method is NONE; it must be NO_DITHER, SUBTRACTIVE_DITHER_1 or SUBTRACTIVE_DITHER_2, and compress_tiles "
          "keeps floats without loss by GZIP_2");
  const int seed = checked_zdither0(dither, zdither0, kWho);
  const auto step = static_cast<float>(level);
  require(std::isfinite(step), kWho, ": level is ", level, "; it must be finite");
  const Tensor pixels = torch::stable::contiguous(image);
  const TileReader reader(pixels, grid);
  const std::int64_t count = grid.count();
  Tensor tiles = empty(stack_shape(grid, count), ScalarType::Int);
  Tensor zscale = empty({count}, ScalarType::Double), zzero = empty({count}, ScalarType::Double);
  auto* const out = static_cast<std::int32_t*>(tiles.mutable_data_ptr());
  auto* const scales = static_cast<double*>(zscale.mutable_data_ptr());
  auto* const zeros = static_cast<double*>(zzero.mutable_data_ptr());
  if (dtype == ScalarType::Float) {
    quantize_all<float>(reader, grid, dither, step, seed, out, scales, zeros);
  } else {
    quantize_all<double>(reader, grid, dither, step, seed, out, scales, zeros);
  }
  return {tiles, zscale, zzero};
}

// Encoding happens on the host.
Tensor on_host(const Tensor& image, std::string_view who) {
  require(image.is_cpu(), who, ": image is on another device; tiles are made on the host: bring it there with .cpu()");
  return image;
}

std::tuple<Tensor, Tensor> compress_host_tiles(const Tensor& image, const Text& codec, const Shape& tile_shape,
                                               const Shape& params) {
  return compress_tiles(on_host(image, "compress_tiles"), codec, tile_shape, params);
}
std::tuple<Tensor, Tensor, Tensor> quantize_host(const Tensor& image, const Shape& tile_shape, double level,
                                                 const Text& method, std::int64_t zdither0) {
  return quantize(on_host(image, "quantize"), tile_shape, level, method, zdither0);
}

void add_encoders(Library& m) {
  m.impl("compress_tiles", TORCH_BOX(&compress_host_tiles));
  m.impl("quantize", TORCH_BOX(&quantize_host));
}

}  // namespace
}  // namespace fits::ops

// Of a tensor on a CUDA device the same kernels say what to do.
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { fits::ops::add_encoders(m); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add_encoders(m); }
