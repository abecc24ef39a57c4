// Rice decoding of one stream, for CPU and CUDA: the bit reader, the blocks, and a tile that can be read piece by
// piece. FITS Standard 4.0, section 10.4.1.
//
// A stream holds the first pixel (big-endian, BYTEPIX bytes), then blocks of BLOCKSIZE pixels, the last one shorter. A
// block is a code of 3, 4 or 5 bits, and then one mapped difference per pixel, the first pixel's own (0) included:
//   code 0             all differences are 0, nothing follows
//   code 1 to kRaw-1   k = code - 1: v >> k zeros, a one, the k low bits of v
//   code kRaw          v itself in 8, 16 or 32 bits
// v is 2d for a difference d >= 0 and -2d - 1 else, in 32 bits; sums wrap around at the pixel's width. All this as
// CFITSIO writes and reads it. Codes above kRaw (27 to 31 where BYTEPIX is 4) mean nothing.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "format/pixel.h"
#include "tile/codec.h"

namespace fits {

template <int kBytepix>
struct RiceCode;
template <>
struct RiceCode<1> {
  using Pixel = std::uint8_t;
  static constexpr int kCodeBits = 3, kRaw = 7, kRawBits = 8;
};
template <>
struct RiceCode<2> {
  using Pixel = std::int16_t;
  static constexpr int kCodeBits = 4, kRaw = 15, kRawBits = 16;
};
template <>
struct RiceCode<4> {
  using Pixel = std::int32_t;
  static constexpr int kCodeBits = 5, kRaw = 26, kRawBits = 32;
};

FITS_HOST_DEVICE int rice_leading_zeros(std::uint64_t bits) noexcept {
#if defined(__CUDA_ARCH__)
  return __clzll(static_cast<long long>(bits));
#else
  return std::countl_zero(bits);
#endif
}

// The difference that a mapped difference stands for.
FITS_HOST_DEVICE std::uint32_t rice_difference(std::uint32_t v) noexcept { return (v >> 1) ^ (0u - (v & 1)); }

// The bits of [next, end), of which up to 63 stand ready. The `valid` top bits of `window` are the stream's next ones;
// the bits below them are zeros or the stream's own. Never reads at or past `end`.
struct RiceBits {
  const std::byte* next = nullptr;
  const std::byte* end = nullptr;
  std::uint64_t window = 0;
  int valid = 0;

  // Makes 56 bits or more ready, or all that are left. `valid` must not be negative.
  FITS_HOST_DEVICE void refill() noexcept {
    if (end - next >= 8) {
      window |= load(next) >> valid;
      next += (63 - valid) >> 3;
      valid |= 56;
    } else {
      for (; valid <= 55 && next < end; valid += 8) {
        window |= static_cast<std::uint64_t>(*next++) << (56 - valid);
      }
    }
  }

  // 0 <= bits <= 63; more than are valid makes `valid` negative: the stream was too short.
  FITS_HOST_DEVICE void drop(int bits) noexcept {
    window <<= bits;
    valid -= bits;
  }

  // The next 1 to 32 bits; after refill() and only if that many are valid.
  FITS_HOST_DEVICE std::uint32_t take(int bits) noexcept {
    const auto value = static_cast<std::uint32_t>(window >> (64 - bits));
    drop(bits);
    return value;
  }

  static FITS_HOST_DEVICE std::uint64_t load(const std::byte* bytes) noexcept {
    std::uint64_t value;
#if defined(__CUDA_ARCH__)
    value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<std::uint64_t>(bytes[i]);
#else
    std::memcpy(&value, bytes, sizeof value);
    if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
#endif
    return value;
  }
};

// One mapped difference of any length, however many zeros. False: the stream ends first.
template <class Bits>
FITS_HOST_DEVICE bool rice_symbol(Bits& bits, int k, std::uint32_t& v) noexcept {
  std::uint32_t zeros = 0;  // modulo 2^32, as v
  bits.refill();
  int run = rice_leading_zeros(bits.window);
  while (run >= bits.valid) {
    if (bits.valid == 0) return false;
    zeros += static_cast<std::uint32_t>(bits.valid);
    bits.window = 0;
    bits.valid = 0;
    bits.refill();
    run = rice_leading_zeros(bits.window);
  }
  zeros += static_cast<std::uint32_t>(run);
  bits.drop(run + 1);
  bits.refill();
  if (bits.valid < k) return false;
  v = zeros << k | (k == 0 ? 0 : bits.take(k));
  return true;
}

// Four differences with one refill per kEach of them. False: some did not fit into what a refill brings, and neither
// `bits` nor `last` mean anything.
template <int kEach, class Bits, class Pixel>
FITS_HOST_DEVICE bool rice_four(Bits& bits, int k, std::uint32_t& last, Pixel* out) noexcept {
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    if (i % kEach == 0) bits.refill();
    const int zeros = rice_leading_zeros(bits.window);
    // The one that ends the zeros stands at bit k of what remains.
    const auto low = static_cast<std::uint32_t>(bits.window >> ((63 - k - zeros) & 63));
    last += rice_difference(low + (static_cast<std::uint32_t>(zeros - 1) << k));
    bits.window <<= (zeros + k + 1) & 63;
    bits.valid -= zeros + k + 1;
    out[i] = static_cast<Pixel>(last);
    if (i % kEach == kEach - 1 && bits.valid < 0) return false;
  }
  return true;
}

// `count` pixels of one block whose code is `code`; `last` is the pixel before them, then the last of them.
template <int kBytepix, class Bits>
FITS_HOST_DEVICE TileError rice_pixels(Bits& bits, int code, std::uint32_t& last, std::int64_t count,
                                       typename RiceCode<kBytepix>::Pixel* out) noexcept {
  using Code = RiceCode<kBytepix>;
  using Pixel = typename Code::Pixel;
  if (code > Code::kRaw) return TileError::bad_code;
  if (code == 0) {
    for (std::int64_t i = 0; i < count; ++i) out[i] = static_cast<Pixel>(last);
    return TileError::ok;
  }
  if (code == Code::kRaw) {
    for (std::int64_t i = 0; i < count; ++i) {
      bits.refill();
      if (bits.valid < Code::kRawBits) return TileError::short_input;
      last += rice_difference(bits.take(Code::kRawBits));
      out[i] = static_cast<Pixel>(last);
    }
    return TileError::ok;
  }
  const int k = code - 1;
  for (std::int64_t i = 0; i < count;) {
    const Bits first_bits = bits;
    const std::uint32_t first_last = last;
    if (count - i >= 4 && (k <= 8 ? rice_four<4>(bits, k, last, out + i) : rice_four<2>(bits, k, last, out + i))) {
      i += 4;
      continue;
    }
    bits = first_bits;
    last = first_last;
    for (const std::int64_t end = count - i < 4 ? count : i + 4; i < end; ++i) {
      std::uint32_t v;
      if (!rice_symbol(bits, k, v)) return TileError::short_input;
      last += rice_difference(v);
      out[i] = static_cast<Pixel>(last);
    }
  }
  return TileError::ok;
}

// The code of the next block. False: the stream ends first.
template <int kBytepix, class Bits>
FITS_HOST_DEVICE bool rice_block_code(Bits& bits, int& code) noexcept {
  bits.refill();
  if (bits.valid < RiceCode<kBytepix>::kCodeBits) return false;
  code = static_cast<int>(bits.take(RiceCode<kBytepix>::kCodeBits));
  return true;
}

// A tile that is read piece by piece, in order. `bits` is the whole stream at first.
template <int kBytepix, class Bits = RiceBits>
struct RiceTile {
  using Pixel = typename RiceCode<kBytepix>::Pixel;

  Bits bits;
  std::int64_t blocksize = 32;
  std::int64_t left = 0;   // pixels of the current block that are still to come
  int code = 0;            // of the current block
  std::uint32_t last = 0;  // the pixel before the next; modulo 2^(8 kBytepix)

  // The first pixel's value: the difference of the first pixel, coded too, is then 0.
  FITS_HOST_DEVICE TileError start() noexcept {
    bits.refill();
    if (bits.valid < 8 * kBytepix) return TileError::short_input;
    last = bits.take(8 * kBytepix);
    return TileError::ok;
  }

  FITS_HOST_DEVICE TileError read(std::int64_t count, Pixel* out) noexcept {
    while (count > 0) {
      if (left == 0) {
        if (!rice_block_code<kBytepix>(bits, code)) return TileError::short_input;
        left = blocksize;
      }
      const std::int64_t piece = left < count ? left : count;
      const TileError error = rice_pixels<kBytepix>(bits, code, last, piece, out);
      if (error != TileError::ok) return error;
      out += piece;
      count -= piece;
      left -= piece;
    }
    return TileError::ok;
  }
};

}  // namespace fits
