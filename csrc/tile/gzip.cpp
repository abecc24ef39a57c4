#include "tile/gzip.h"

#include <utility>

#include "format/convert.h"
#include "io/gzip.h"
#include "tile/shuffle.h"

namespace fits {
namespace {

// Big-endian elements <-> native ones; the same either way.
void swap_elements(const std::byte* in, std::int64_t count, std::size_t element_size, std::byte* out) noexcept {
  const Pixel pixel = element_size == 2 ? Pixel::u16 : element_size == 4 ? Pixel::u32 : Pixel::u64;
  Converter(pixel, Scaling{}, pixel, ByteOrder::big_endian)(in, count, out);
}

}  // namespace

TileError inflate_tile(Bytes stream, std::span<std::byte> out) noexcept {
  switch (io::gunzip_into(stream, out)) {
    case io::Inflated::exactly: return TileError::ok;
    case io::Inflated::less: return TileError::short_input;
    case io::Inflated::more: return TileError::overrun;
    case io::Inflated::damaged: break;
  }
  return TileError::bad_code;
}

TileError decode_gzip(Bytes stream, bool shuffled, std::size_t element_size, std::span<std::byte> out,
                      std::span<std::byte> scratch) noexcept {
  if (element_size == 1) return inflate_tile(stream, out);
  const std::span<std::byte> stored = scratch.first(out.size());
  const TileError error = inflate_tile(stream, stored);
  if (error != TileError::ok) return error;
  const auto count = static_cast<std::int64_t>(out.size() / element_size);
  if (shuffled) {
    unshuffle(stored.data(), count, element_size, out.data());
  } else {
    swap_elements(stored.data(), count, element_size, out.data());
  }
  return TileError::ok;
}

std::size_t gzip_bound(std::size_t size) noexcept { return io::gzipped_bound(size); }

std::size_t encode_gzip(Bytes values, bool shuffled, std::size_t element_size, std::span<std::byte> out,
                        std::span<std::byte> scratch) noexcept {
  // CFITSIO writes at zlib's level 1. libdeflate's level 1 is as small or smaller and two to four times as fast, except
  // for elements of 4 and 8 bytes (shuffled: floats in tiles of 10^4 pixels or more), where it is up to 2 % larger and
  // level 2 is not.
  const int level = element_size >= 4 ? 2 : 1;
  if (element_size == 1) return io::gzip_into(values, level, out);
  const auto count = static_cast<std::int64_t>(values.size() / element_size);
  if (shuffled) {
    shuffle(values.data(), count, element_size, scratch.data());
  } else {
    swap_elements(values.data(), count, element_size, scratch.data());
  }
  return io::gzip_into(scratch.first(values.size()), level, out);
}

}  // namespace fits
