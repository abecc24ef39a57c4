#include "tile/decode.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "io/gzip.h"
#include "tile/dequantize.h"
#include "tile/gzip.h"
#include "tile/hcompress.h"
#include "tile/nocompress.h"
#include "tile/plio.h"

namespace fits {
namespace {

// Values between two steps: with the values themselves and the pixels less than half an L1 cache.
constexpr std::int64_t kPiece = 512;

constexpr std::array<Pixel, 6> kValueTypes = {Pixel::u8, Pixel::i16, Pixel::i32, Pixel::i64, Pixel::f32, Pixel::f64};

constexpr std::size_t value_index(Pixel values) noexcept {
  return static_cast<std::size_t>(std::ranges::find(kValueTypes, values) - kValueTypes.begin());
}

constexpr std::size_t aligned(std::size_t size) noexcept { return (size + 63) / 64 * 64; }

template <class T>
void replace(std::byte* values, std::int64_t count, std::int64_t from, std::int64_t to) noexcept {
  auto* const typed = reinterpret_cast<T*>(values);
  const T old_value = static_cast<T>(from), new_value = static_cast<T>(to);
  for (std::int64_t i = 0; i < count; ++i) typed[i] = typed[i] == old_value ? new_value : typed[i];
}

std::array<Converter, 6> converters_to(Pixel stored) noexcept {
  const auto from = [stored](std::size_t i) { return Converter(kValueTypes[i], {}, stored, ByteOrder::native); };
  return {from(0), from(1), from(2), from(3), from(4), from(5)};
}

Pixel rice_values(int bytepix) noexcept { return bytepix == 1 ? Pixel::u8 : bytepix == 2 ? Pixel::i16 : Pixel::i32; }

}  // namespace

// What becomes of one tile's values: they are handed over in the order of the stream.
class TileDecoder::Sink {
 public:
  // `values`: the type of what the codec gives, one of kValueTypes.
  Sink(const TileDecoder& decoder, const TileStream& tile, Pixel values) noexcept
      : decoder_(decoder), place_(decoder.place_of(tile)), values_(values) {
    const TileImage& image = decoder.image_;
    const auto zblank = integer_of(tile.zblank);
    if (image.quantised(tile)) {
      dequantizer_.emplace(image.zquantiz, image.zdither0, tile.number, tile.zscale, tile.zzero, zblank);
      return;
    }
    if (values != decoder.stored_) store_ = &decoder.store_[value_index(values)];
    if (zblank && image.blank && *zblank != *image.blank && holds(decoder.stored_, *zblank) &&
        holds(decoder.stored_, *image.blank)) {
      zblank_ = zblank;
    }
  }

  // Where the codec may put its values itself: nothing is done to them, and all of them are wanted.
  std::byte* direct(std::int64_t count) const noexcept {
    const bool untouched = !dequantizer_ && store_ == nullptr && !zblank_ && decoder_.to_pixels_.copies();
    return untouched && place_.in_one_run(0, count) ? place_.address(0) : nullptr;
  }

  void take(std::int64_t first, std::int64_t count, const std::byte* values) noexcept {
    if (dequantizer_) {
      decoder_.stored_ == Pixel::f32 ? take_quantised<float>(first, count, values)
                                     : take_quantised<double>(first, count, values);
    } else if (store_ == nullptr && !zblank_) {
      put(first, count, values);
    } else {
      take_integers(first, count, values);
    }
  }

 private:
  // `stored`: pixels as the image stores them.
  void put(std::int64_t first, std::int64_t count, const std::byte* stored) noexcept {
    const auto size = static_cast<std::int64_t>(pixel_size(decoder_.stored_));
    place_.runs(first, count, [&](std::int64_t offset, std::int64_t length, std::byte* out) {
      decoder_.to_pixels_(stored + offset * size, length, out);
    });
  }

  void take_integers(std::int64_t first, std::int64_t count, const std::byte* values) noexcept {
    alignas(64) std::byte stored[kPiece * 8];
    const std::size_t size = pixel_size(values_);
    for (std::int64_t done = 0; done < count; done += kPiece) {
      const std::int64_t piece = std::min(kPiece, count - done);
      const std::byte* const from = values + static_cast<std::size_t>(done) * size;
      if (store_ != nullptr) {
        (*store_)(from, piece, stored);
      } else {
        std::memcpy(stored, from, static_cast<std::size_t>(piece) * size);
      }
      if (zblank_) mark_blank(stored, piece);
      put(first + done, piece, stored);
    }
  }

  void mark_blank(std::byte* stored, std::int64_t count) const noexcept {
    const std::int64_t blank = *decoder_.image_.blank;
    switch (decoder_.stored_) {
      case Pixel::u8: return replace<std::uint8_t>(stored, count, *zblank_, blank);
      case Pixel::i16: return replace<std::int16_t>(stored, count, *zblank_, blank);
      case Pixel::i32: return replace<std::int32_t>(stored, count, *zblank_, blank);
      default: return replace<std::int64_t>(stored, count, *zblank_, blank);
    }
  }

  template <class Out>
  void take_quantised(std::int64_t first, std::int64_t count, const std::byte* values) noexcept {
    if (decoder_.to_pixels_.copies() && place_.in_one_run(first, count)) {
      return dequantise(values, count, reinterpret_cast<Out*>(place_.address(first)));
    }
    alignas(64) Out stored[kPiece];
    const std::size_t size = pixel_size(values_);
    for (std::int64_t done = 0; done < count; done += kPiece) {
      const std::int64_t piece = std::min(kPiece, count - done);
      dequantise(values + static_cast<std::size_t>(done) * size, piece, stored);
      put(first + done, piece, reinterpret_cast<const std::byte*>(stored));
    }
  }

  template <class Out>
  void dequantise(const std::byte* values, std::int64_t count, Out* out) noexcept {
    switch (values_) {
      case Pixel::u8: return (*dequantizer_)(reinterpret_cast<const std::uint8_t*>(values), count, out);
      case Pixel::i16: return (*dequantizer_)(reinterpret_cast<const std::int16_t*>(values), count, out);
      default: return (*dequantizer_)(reinterpret_cast<const std::int32_t*>(values), count, out);
    }
  }

  const TileDecoder& decoder_;
  TilePlace place_;
  Pixel values_;
  const Converter* store_ = nullptr;  // to stored values; null where the codec gives those
  std::optional<Dequantizer> dequantizer_;
  std::optional<std::int64_t> zblank_;  // of integers: what is to become image.blank
};

TileDecoder::TileDecoder(const TileImage& image, const TileWindow& window, const Conversion& conversion,
                         void* out) noexcept
    : image_(image),
      window_(window),
      stacked_(false),
      out_(static_cast<std::byte*>(out)),
      stored_(stored_pixel(image.bitpix)),
      to_(conversion.to),
      to_pixels_(conversion, ByteOrder::native),
      store_(converters_to(stored_)) {}

TileDecoder::TileDecoder(const TileImage& image, const Conversion& conversion, void* out) noexcept
    : TileDecoder(image, TileWindow{}, conversion, out) {
  stacked_ = true;
}

TilePlace TileDecoder::place_of(const TileStream& tile) const noexcept {
  const Tile box = image_.grid.at(tile.number);
  if (!stacked_) return TilePlace(image_.grid, box, window_, pixel_size(to_), out_);
  const auto apart = static_cast<std::size_t>(image_.grid.tile_pixels()) * pixel_size(to_);
  return TilePlace(std::min(box.pixels, tile.wanted), pixel_size(to_),
                   out_ + static_cast<std::size_t>(tile.slot) * apart);
}

std::int64_t TileDecoder::needed(std::int64_t number) const noexcept {
  TileStream tile;
  tile.number = number;
  return needed(tile);
}

std::int64_t TileDecoder::needed(const TileStream& tile) const noexcept {
  const Tile box = image_.grid.at(tile.number);
  if (stacked_) return std::min(box.pixels, tile.wanted);
  bool whole = true;
  for (int i = 0; i < image_.grid.naxis; ++i) {
    const auto n = static_cast<std::size_t>(i);
    const std::int64_t end = box.start[i] + box.size[i];
    whole = whole && window_.start[n] <= box.start[i] && window_.start[n] >= end - window_.size[n];
  }
  return whole ? box.pixels : place_of(tile).needed();
}

std::size_t TileDecoder::scratch_size(Codec codec) const noexcept {
  const std::int64_t pixels = image_.grid.tile_pixels();
  const auto values = static_cast<std::size_t>(pixels);
  switch (codec) {
    case Codec::gzip_1:
    case Codec::gzip_2: return 2 * aligned(values * std::max<std::size_t>(pixel_size(stored_), 4));
    case Codec::hcompress_1: {
      std::size_t most = 0;
      for (const auto [rows, columns] : hcompress_shapes(image_.grid)) {
        most = std::max(most, hcompress_scratch(rows, columns));
      }
      return aligned(values * 4) + most;
    }
    case Codec::plio_1: return aligned(values * 4);
    default: return 0;
  }
}

void TileDecoder::operator()(std::span<const TileStream> tiles, std::span<std::byte> scratch,
                             std::span<TileError> errors) const noexcept {
  std::array<std::int64_t, kTileBatch> counts{};  // pixels to decode of RICE_1 tiles that are still to do
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    if (tiles[i].codec == Codec::rice_1) {
      errors[i] = image_.has_values(tiles[i]) ? TileError::ok : TileError::bad_code;
      if (errors[i] == TileError::ok) counts[i] = needed(tiles[i]);
    } else {
      errors[i] = decode_one(tiles[i], scratch);
    }
  }
  for (std::size_t i = 0; i < tiles.size();) {
    const std::int64_t count = counts[i];
    if (count == 0) {
      ++i;
      continue;
    }
    std::array<std::size_t, kTileGroup> chosen{};
    std::size_t size = 0;
    for (std::size_t j = i; j < tiles.size() && size < kTileGroup; ++j) {
      if (counts[j] != count) continue;
      chosen[size++] = j;
      counts[j] = 0;
    }
    decode_rice_tiles(tiles, {chosen.data(), size}, count, errors);
  }
}

void TileDecoder::decode_rice_tiles(std::span<const TileStream> tiles, std::span<const std::size_t> chosen,
                                    std::int64_t count, std::span<TileError> errors) const noexcept {
  std::array<Bytes, kTileGroup> streams;
  std::array<TileError, kTileGroup> found{};
  std::array<std::optional<Sink>, kTileGroup> sinks;
  std::array<void*, kTileGroup> places{};
  const std::size_t size = chosen.size();
  for (std::size_t i = 0; i < size; ++i) {
    const TileStream& tile = tiles[chosen[i]];
    streams[i] = tile.bytes;
    sinks[i].emplace(*this, tile, rice_values(image_.rice.bytepix));
    places[i] = sinks[i]->direct(count);
  }
  const auto take = [](void* context, std::int64_t tile, std::int64_t first, std::int64_t length,
                       const void* values) noexcept {
    auto& all = *static_cast<std::array<std::optional<Sink>, kTileGroup>*>(context);
    all[static_cast<std::size_t>(tile)]->take(first, length, static_cast<const std::byte*>(values));
  };
  decode_rice({streams.data(), size}, image_.rice, count, RiceSink{&sinks, take, places.data()}, {found.data(), size});
  for (std::size_t i = 0; i < size; ++i) errors[chosen[i]] = found[i];
}

TileError TileDecoder::decode_one(const TileStream& tile, std::span<std::byte> scratch) const noexcept {
  if (needed(tile) == 0) return TileError::ok;
  if (!image_.has_values(tile)) return TileError::bad_code;
  switch (tile.codec) {
    case Codec::gzip_1:
    case Codec::gzip_2: return decode_gzip_tile(tile, scratch);
    case Codec::hcompress_1: return decode_hcompress_tile(tile, scratch);
    case Codec::plio_1: return decode_plio_tile(tile, scratch);
    default: return copy_tile(tile);
  }
}

// The type of values of `size` bytes each; none where a tile cannot be of them.
std::optional<Pixel> TileDecoder::value_type(const TileStream& tile, std::size_t size) const noexcept {
  const bool quantised = image_.quantised(tile);
  if (image_.bitpix < 0 && !quantised) {
    return size == 4 ? std::optional(Pixel::f32) : size == 8 ? std::optional(Pixel::f64) : std::nullopt;
  }
  switch (size) {
    case 1: return Pixel::u8;
    case 2: return Pixel::i16;
    case 4: return Pixel::i32;
    case 8: return quantised ? std::nullopt : std::optional(Pixel::i64);
    default: return std::nullopt;
  }
}

TileError TileDecoder::decode_gzip_tile(const TileStream& tile, std::span<std::byte> scratch) const noexcept {
  const std::int64_t count = image_.grid.at(tile.number).pixels;
  const auto pixels = static_cast<std::size_t>(count);
  const std::size_t half = scratch.size() / 2;
  std::size_t size = image_.quantised(tile) ? 4 : pixel_size(stored_);
  const auto inflated = io::claimed_size(tile.bytes);  // modulo 2^32, and a stream may have several members: a hint
  if (inflated && *inflated % pixels == 0 && *inflated / pixels <= std::max<std::size_t>(pixel_size(stored_), 4)) {
    size = *inflated / pixels;
  }
  const auto type = value_type(tile, size);
  if (!type) return TileError::overrun;
  Sink sink(*this, tile, *type);
  std::byte* const direct = sink.direct(count);
  std::byte* const values = direct != nullptr ? direct : scratch.data();
  const bool shuffled = tile.codec == Codec::gzip_2;
  const TileError error =
      decode_gzip(tile.bytes, shuffled, size, {values, pixels * size}, scratch.subspan(half, pixels * size));
  if (error == TileError::ok && direct == nullptr) sink.take(0, count, values);
  return error;
}

// The stream says how its pixels make rows and columns, as CFITSIO believes too; here they must be those of the tile.
TileError TileDecoder::decode_hcompress_tile(const TileStream& tile, std::span<std::byte> scratch) const noexcept {
  const std::int64_t count = image_.grid.at(tile.number).pixels;
  HcompressHeader header;
  if (const TileError error = read_hcompress_header(tile.bytes, header); error != TileError::ok) return error;
  if (header.rows < 1 || header.columns < 1 || std::int64_t{header.rows} * header.columns != count) {
    return TileError::overrun;
  }
  Sink sink(*this, tile, Pixel::i32);
  std::byte* const direct = sink.direct(count);
  std::byte* const values = direct != nullptr ? direct : scratch.data();
  const auto rest = scratch.subspan(aligned(static_cast<std::size_t>(count) * 4));
  if (rest.size() < hcompress_scratch(header.rows, header.columns)) return TileError::overrun;
  const TileError error = decode_hcompress(tile.bytes, header.rows, header.columns, image_.smooth,
                                           reinterpret_cast<std::int32_t*>(values), rest);
  if (error == TileError::ok && direct == nullptr) sink.take(0, count, values);
  return error;
}

TileError TileDecoder::decode_plio_tile(const TileStream& tile, std::span<std::byte> scratch) const noexcept {
  const std::int64_t count = image_.grid.at(tile.number).pixels;
  const Pixel type = stored_ == Pixel::u8 || stored_ == Pixel::i16 ? stored_ : Pixel::i32;
  Sink sink(*this, tile, type);
  std::byte* const direct = sink.direct(count);
  std::byte* const values = direct != nullptr ? direct : scratch.data();
  TileError error = TileError::ok;
  if (type == Pixel::u8) {
    error = decode_plio(tile.bytes, count, reinterpret_cast<std::uint8_t*>(values));
  } else if (type == Pixel::i16 && image_.physical_plio) {
    auto* const physical = reinterpret_cast<std::uint16_t*>(values);
    error = decode_plio(tile.bytes, count, physical);
    for (std::int64_t i = 0; error == TileError::ok && i < count; ++i) physical[i] ^= 0x8000U;
  } else if (type == Pixel::i16) {
    error = decode_plio(tile.bytes, count, reinterpret_cast<std::int16_t*>(values));
  } else {
    error = decode_plio(tile.bytes, count, reinterpret_cast<std::int32_t*>(values));
  }
  if (error == TileError::ok && direct == nullptr) sink.take(0, count, values);
  return error;
}

// NOCOMPRESS and UNCOMPRESSED_DATA: big-endian values.
namespace {

template <class T>
void unmark(std::byte* values, std::int64_t count) noexcept {
  T* const at = reinterpret_cast<T*>(values);
  for (std::int64_t i = 0; i < count; ++i) at[i] = unmarked(at[i]);
}

}  // namespace

TileError TileDecoder::copy_tile(const TileStream& tile) const noexcept {
  const auto pixels = static_cast<std::size_t>(image_.grid.at(tile.number).pixels);
  const std::size_t size = tile.bytes.size() / pixels;
  if (size == 0) return TileError::short_input;
  const auto type = value_type(tile, size);
  if (!type || size * pixels != tile.bytes.size()) return TileError::overrun;
  Sink sink(*this, tile, *type);
  const Converter to_native(*type, {}, *type, ByteOrder::big_endian);
  alignas(64) std::byte values[kPiece * 8];
  for (std::size_t done = 0; done < pixels; done += kPiece) {
    const auto piece = static_cast<std::int64_t>(std::min<std::size_t>(kPiece, pixels - done));
    to_native(tile.bytes.data() + done * size, piece, values);
    if (*type == Pixel::f32) unmark<float>(values, piece);
    if (*type == Pixel::f64) unmark<double>(values, piece);
    sink.take(static_cast<std::int64_t>(done), piece, values);
  }
  return TileError::ok;
}

}  // namespace fits
