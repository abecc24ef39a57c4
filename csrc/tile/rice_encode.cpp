#include "tile/rice_encode.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "format/cast.h"

namespace fits {
namespace {

// How pixels of type T are coded: a split level of kSplitBits bits, raw from kRawSplit on.
template <class T>
struct RiceForm {
  static constexpr unsigned kSplitBits = sizeof(T) == 1 ? 3 : sizeof(T) == 2 ? 4 : 5;
  static constexpr unsigned kRawSplit = sizeof(T) == 1 ? 6 : sizeof(T) == 2 ? 14 : 25;
};

constexpr std::int64_t kChunk = 32;  // pixels whose codes are made before they are written
constexpr unsigned kMostBits = 56;   // of one BitWriter::put

// Most significant bit first. Invariant: the upper `used_` (0 to 7) bits of `bits_` are not yet in memory for good, its
// others are zero. Every put stores 8 bytes, so that nothing depends on how many are full: the output needs 8 more than
// are written.
class BitWriter {
 public:
  explicit BitWriter(std::byte* out) noexcept : start_(out), out_(out) {}

  // The lower `length` bits of code, 1 to kMostBits; those above are zero.
  FITS_HOST_DEVICE void put(std::uint64_t code, std::uint64_t length) noexcept {
    const std::uint64_t used = used_ + length;
    bits_ |= code << (64 - used);
    std::uint64_t bytes = bits_;
    if constexpr (std::endian::native == std::endian::little) bytes = swap_bytes(bytes);
    std::memcpy(out_, &bytes, 8);
    out_ += used / 8;
    bits_ <<= used / 8 * 8;
    used_ = used % 8;
  }

  // Of any length: zeros first.
  FITS_HOST_DEVICE void put_long(std::uint64_t code, std::uint64_t length) noexcept {
    for (; length > kMostBits; length -= 32) put(0, 32);
    put(code, length);
  }

  std::size_t finish() const noexcept { return static_cast<std::size_t>(out_ - start_) + (used_ > 0 ? 1 : 0); }

 private:
  std::byte* start_;
  std::byte* out_;
  std::uint64_t bits_ = 0;
  std::uint64_t used_ = 0;
};

// Zigzag of the difference to the pixel before: 0, -1, 1, -2 ... become 0, 1, 2, 3, modulo the width of a pixel.
template <class T>
FITS_HOST_DEVICE std::uint32_t mapped(T pixel, T before) noexcept {
  using Bits = std::make_unsigned_t<T>;
  const auto difference = static_cast<Bits>(static_cast<std::uint32_t>(pixel) - static_cast<std::uint32_t>(before));
  const auto sign = static_cast<Bits>(static_cast<std::make_signed_t<T>>(difference) >> (8 * sizeof(T) - 1));
  return static_cast<Bits>(static_cast<Bits>(difference << 1) ^ sign);
}

// The code of one value in a block: (value >> split) zero bits, a one, and the lower `split` bits; or the value itself.
struct RiceCode {
  unsigned split;
  unsigned fixed;      // bits that every code has
  std::uint32_t one;   // after the zeros
  std::uint32_t mask;  // of the value's own bits

  static RiceCode of_split(unsigned split) noexcept { return {split, split + 1, 1U << split, (1U << split) - 1}; }
  // A shift by 32 is left to the wider type.
  static RiceCode raw(unsigned bits) noexcept { return {32, bits, 0, ~std::uint32_t{0}}; }

  FITS_HOST_DEVICE std::uint64_t code(std::uint32_t value) const noexcept { return (value & mask) | one; }
  FITS_HOST_DEVICE std::uint64_t length(std::uint32_t value) const noexcept {
    return (std::uint64_t{value} >> split) + fixed;
  }
};

// How many lower bits of each value are written as they are: as CFITSIO has it, in double as there (exact up to blocks
// of 2^20 pixels), because it decides which of several valid streams is written.
FITS_HOST_DEVICE unsigned split_level(std::uint64_t sum, std::int64_t count) noexcept {
  const double mean = (static_cast<double>(sum) - static_cast<double>(count / 2) - 1) / static_cast<double>(count);
  return mean > 0 ? static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(mean) >> 1)) : 0;
}

}  // namespace
}  // namespace fits

#if defined(__x86_64__)
#include <immintrin.h>
#define FITS_X86
#define FITS_LEVEL avx2
#define FITS_TARGET __attribute__((target("avx2")))
namespace fits {
#include "tile/rice_encode_loops.inl"
}
#undef FITS_X86
#undef FITS_LEVEL
#undef FITS_TARGET
#endif
#define FITS_LEVEL plain
#define FITS_TARGET
namespace fits {
#include "tile/rice_encode_loops.inl"
}

namespace fits {
namespace {

template <class T>
std::size_t encode_at(const void* values, std::int64_t count, std::int64_t blocksize, std::byte* out,
                      SimdLevel level) noexcept {
#if defined(__x86_64__)
  if (level != SimdLevel::plain) return avx2::encode(static_cast<const T*>(values), count, blocksize, out);
#endif
  (void)level;
  return plain::encode(static_cast<const T*>(values), count, blocksize, out);
}

}  // namespace

std::size_t rice_bound(std::int64_t count, RiceParameters parameters) noexcept {
  if (count <= 0) return 0;
  // A split level below the raw one costs at most half a bit per pixel and one more than writing pixels raw, since the
  // sum of the values is less than count * 2^(level + 1) + count / 2 + 1.
  const std::int64_t blocks = (count - 1) / parameters.blocksize + 1;
  const std::int64_t bits = (count + 1) * 8 * parameters.bytepix + count / 2 + 1 + blocks * 6;
  return static_cast<std::size_t>(bits / 8) + 16;
}

std::size_t encode_rice(const void* values, std::int64_t count, RiceParameters parameters, std::byte* out,
                        SimdLevel level) noexcept {
  if (count <= 0) return 0;
  switch (parameters.bytepix) {
    case 1: return encode_at<std::uint8_t>(values, count, parameters.blocksize, out, level);
    case 2: return encode_at<std::int16_t>(values, count, parameters.blocksize, out, level);
    default: return encode_at<std::int32_t>(values, count, parameters.blocksize, out, level);
  }
}

}  // namespace fits
