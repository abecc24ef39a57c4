// One value: its bytes, its type, its physical value. The arithmetic behind convert.h, shared by CPU loops and CUDA
// kernels so that both give the same bits (FITS Standard 4.0, section 5: integers are big-endian two's complement,
// floats big-endian IEEE 754).
//
// Free of branches where vectors can be used, so that loops over it vectorise. `c ? a : b` with floating arithmetic in
// a or b is a branch to GCC, which must not compute (and perhaps trap) what the program does not ask for: hence
// select().
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>

#include "format/pixel.h"
#include "format/scaling.h"

namespace fits {

// Storage of the two 16-bit floating types; all arithmetic on them goes through float.
struct Float16 {
  std::uint16_t bits;
};
struct BFloat16 {
  std::uint16_t bits;
};

template <class T>
inline constexpr bool kIsFloat16 = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;
template <class T>
inline constexpr bool kIsFloating = std::is_floating_point_v<T> || kIsFloat16<T>;

// The C++ type of each Pixel, in its order.
using PixelTypes = std::tuple<std::uint8_t, std::int8_t, std::int16_t, std::uint16_t, std::int32_t, std::uint32_t,
                              std::int64_t, std::uint64_t, Float16, BFloat16, float, double>;
inline constexpr std::size_t kPixelTypes = std::tuple_size_v<PixelTypes>;

template <std::size_t kIndex>
using PixelType = std::tuple_element_t<kIndex, PixelTypes>;

// As variables, because device code may read a constant but not call numeric_limits.
template <class T>
inline constexpr T kLowestOf = std::numeric_limits<T>::min();
template <class T>
inline constexpr T kHighestOf = std::numeric_limits<T>::max();

// The unsigned integer that holds the bits of a T.
template <class T>
using BitsOf = std::conditional_t<sizeof(T) == 1, std::uint8_t,
                                  std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                                     std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;

template <class To, class From>
FITS_HOST_DEVICE To bit_cast(From value) noexcept {
  static_assert(sizeof(To) == sizeof(From));
  To result;
  __builtin_memcpy(&result, &value, sizeof(To));
  return result;
}

template <class T>
FITS_HOST_DEVICE T select(bool condition, T yes, T no) noexcept {
  using Bits = BitsOf<T>;
  const Bits mask = static_cast<Bits>(Bits{0} - static_cast<Bits>(condition));
  return bit_cast<T>(static_cast<Bits>((bit_cast<Bits>(yes) & mask) | (bit_cast<Bits>(no) & static_cast<Bits>(~mask))));
}

template <class Bits>
FITS_HOST_DEVICE Bits swap_bytes(Bits value) noexcept {
  static_assert(std::is_unsigned_v<Bits>);
  if constexpr (sizeof(Bits) == 1) {
    return value;
  } else if constexpr (sizeof(Bits) == 2) {
    return static_cast<Bits>(value << 8 | value >> 8);
  } else if constexpr (sizeof(Bits) == 4) {
#if defined(__CUDA_ARCH__)
    return __byte_perm(value, 0, 0x0123);
#else
    return __builtin_bswap32(value);
#endif
  } else {
#if defined(__CUDA_ARCH__)
    return static_cast<Bits>(__byte_perm(static_cast<std::uint32_t>(value), 0, 0x0123)) << 32 |
           __byte_perm(static_cast<std::uint32_t>(value >> 32), 0, 0x0123);
#else
    return __builtin_bswap64(value);
#endif
  }
}

// The value whose bytes start at `bytes`: swapped if kSwap, then with the bits of `flip` inverted. A convention of
// section 5.2.5 is its top bit alone: the integer it stands for is the stored one with that bit inverted.
template <class T, bool kSwap>
FITS_HOST_DEVICE T load(const std::byte* bytes, std::uint64_t flip = 0) noexcept {
  using Bits = BitsOf<T>;
  Bits bits;
  __builtin_memcpy(&bits, bytes, sizeof(Bits));
  if constexpr (kSwap) bits = swap_bytes(bits);
  return bit_cast<T>(static_cast<Bits>(bits ^ static_cast<Bits>(flip)));
}

template <class T>
FITS_HOST_DEVICE T quiet_nan() noexcept {
  static_assert(kIsFloating<T>);
  if constexpr (std::is_same_v<T, Float16>) return Float16{0x7e00};
  if constexpr (std::is_same_v<T, BFloat16>) return BFloat16{0x7fc0};
  if constexpr (std::is_same_v<T, float>) return bit_cast<float>(std::uint32_t{0x7fc00000});
  if constexpr (std::is_same_v<T, double>) return bit_cast<double>(std::uint64_t{0x7ff8000000000000});
}

// Rounded to nearest even; the float subtraction of subnormals and the carry out of the mantissa do the rounding.
FITS_HOST_DEVICE Float16 float16_from(float value) noexcept {
  constexpr std::uint32_t kInfinity = 0x7f800000;
  constexpr std::uint32_t kFirstInfinite = 0x47800000;  // 65536: from here on infinity; 65520 up to here carry into it
  constexpr std::uint32_t kFirstNormal = 0x38800000;    // 2^-14
  constexpr std::uint32_t kHalf = 0x3f000000;           // 0.5: its last mantissa bit is worth 2^-24, as a subnormal's
  const std::uint32_t bits = bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  const std::uint32_t special = select(magnitude > kInfinity, 0x7e00U | (magnitude >> 13 & 0x3ffU), 0x7c00U);
  const std::uint32_t subnormal = bit_cast<std::uint32_t>(bit_cast<float>(magnitude) + bit_cast<float>(kHalf)) - kHalf;
  const std::uint32_t normal = (magnitude - (112U << 23) + 0xfffU + (magnitude >> 13 & 1U)) >> 13;
  const std::uint32_t finite = select(magnitude < kFirstNormal, subnormal, normal);
  const std::uint32_t result = select(magnitude >= kFirstInfinite, special, finite);
  return Float16{static_cast<std::uint16_t>(result | bits >> 31 << 15)};
}

FITS_HOST_DEVICE float float_from(Float16 value) noexcept {
  constexpr std::uint32_t kExponent = 0x0f800000;     // float16's exponent bits, moved into float's place
  constexpr std::uint32_t kFirstNormal = 0x38800000;  // 2^-14
  const std::uint32_t shifted = (value.bits & 0x7fffU) << 13;
  const std::uint32_t exponent = shifted & kExponent;
  const std::uint32_t normal = shifted + (112U << 23);
  const std::uint32_t special = shifted + (224U << 23);
  const std::uint32_t subnormal =
      bit_cast<std::uint32_t>(bit_cast<float>(shifted + kFirstNormal) - bit_cast<float>(kFirstNormal));
  const std::uint32_t magnitude = select(exponent == kExponent, special, select(exponent == 0, subnormal, normal));
  return bit_cast<float>(magnitude | static_cast<std::uint32_t>(value.bits & 0x8000U) << 16);
}

FITS_HOST_DEVICE BFloat16 bfloat16_from(float value) noexcept {
  const std::uint32_t bits = bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffU + (bits >> 16 & 1U)) >> 16;
  const std::uint32_t nan = bits >> 16 | 0x40U;
  return BFloat16{static_cast<std::uint16_t>(select((bits & 0x7fffffffU) > 0x7f800000U, nan, rounded))};
}

FITS_HOST_DEVICE float float_from(BFloat16 value) noexcept {
  return bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}

// Truncates toward zero, saturates, NaN becomes 0.
template <class To>
FITS_HOST_DEVICE To integer_from(double value) noexcept {
  constexpr bool kWide = sizeof(To) == 8;
  constexpr To kLowest = kLowestOf<To>;
  constexpr To kHighest = kHighestOf<To>;
  // The largest double that converts to To: of 64-bit types 2^63 and 2^64 less one unit in the last place.
  constexpr double kHighestDouble =
      kWide ? (std::is_signed_v<To> ? 0x1.fffffffffffffp62 : 0x1.fffffffffffffp63) : static_cast<double>(kHighest);
  constexpr double kLowestDouble = static_cast<double>(kLowest);
  if constexpr (kWide) {  // as scalars: before AVX-512 no instruction does this for a vector
    if (!(value >= kLowestDouble)) return value == value ? kLowest : To{0};
    return value > kHighestDouble ? kHighest : static_cast<To>(value);
  } else {
    double clamped = select(value == value, value, 0.0);
    clamped = select(clamped < kLowestDouble, kLowestDouble, clamped);
    clamped = select(clamped > kHighestDouble, kHighestDouble, clamped);
    using Signed = std::conditional_t<std::is_same_v<To, std::uint32_t>, std::int64_t, std::int32_t>;
    return static_cast<To>(static_cast<Signed>(clamped));
  }
}

// To the nearest integer, ties to even, without an instruction for it: 2^52 leaves a double no bits for a fraction.
FITS_HOST_DEVICE double rounded(double value) noexcept {
  const std::uint64_t sign = bit_cast<std::uint64_t>(value) & 0x8000000000000000U;
  const double magnitude = bit_cast<double>(bit_cast<std::uint64_t>(value) ^ sign);
  const double nearest = (magnitude + 0x1p52) - 0x1p52;
  return bit_cast<double>(bit_cast<std::uint64_t>(select(magnitude < 0x1p52, nearest, value)) | sign);
}

// Integer to integer, saturating.
template <class To, class From>
FITS_HOST_DEVICE To saturated(From value) noexcept {
  using FromLimits = std::numeric_limits<From>;
  using ToLimits = std::numeric_limits<To>;
  if constexpr (FromLimits::is_signed && (!ToLimits::is_signed || ToLimits::digits < FromLimits::digits)) {
    constexpr From kLowest = static_cast<From>(kLowestOf<To>);
    value = value < kLowest ? kLowest : value;
  }
  if constexpr (ToLimits::digits < FromLimits::digits) {
    constexpr From kHighest = static_cast<From>(kHighestOf<To>);
    value = value > kHighest ? kHighest : value;
  }
  return static_cast<To>(value);
}

// The cast rule of convert.h.
template <class To, class From>
FITS_HOST_DEVICE To cast(From value) noexcept {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (kIsFloat16<From>) {
    return cast<To>(float_from(value));
  } else if constexpr (std::is_same_v<To, Float16>) {
    return float16_from(cast<float>(value));
  } else if constexpr (std::is_same_v<To, BFloat16>) {
    return bfloat16_from(cast<float>(value));
  } else if constexpr (std::is_floating_point_v<To>) {
    return static_cast<To>(value);
  } else if constexpr (std::is_floating_point_v<From>) {
    return integer_from<To>(static_cast<double>(value));
  } else {
    return saturated<To>(value);
  }
}

// What a conversion needs beside the types. `blank` is that of the integer which a convention stands for.
struct Operands {
  double bscale = 1;
  double bzero = 0;
  std::uint64_t flip = 0;
  std::int64_t blank = 0;
};

// From an exact value (float, or integer with its convention undone) to what the reader asked for.
template <class To, bool kLinear, bool kBlank, class From>
FITS_HOST_DEVICE To converted(From value, const Operands& operands) noexcept {
  To result;
  if constexpr (kLinear) {
    result = cast<To>(physical(cast<double>(value), operands.bscale, operands.bzero));
  } else {
    result = cast<To>(value);
  }
  if constexpr (kBlank) {
    static_assert(std::is_integral_v<From> && kIsFloating<To>);
    const bool undefined = value == static_cast<From>(operands.blank);
    if constexpr (sizeof(From) < 8) {
      result = select(undefined, quiet_nan<To>(), result);
    } else {  // int64 to floating is not vectorised before AVX-512; there a branch is faster
      result = undefined ? quiet_nan<To>() : result;
    }
  }
  return result;
}

// The inverse, from a double: (value - BZERO) / BSCALE, to integers rounded to nearest even and saturated, NaN to
// BLANK.
template <class To>
FITS_HOST_DEVICE To unconverted(double value, const Operands& operands) noexcept {
  const double linear = unscaled(value, operands.bscale, operands.bzero);
  if constexpr (std::is_integral_v<To>) {
    const To result = integer_from<To>(rounded(linear));
    const To blank = static_cast<To>(operands.blank);
    if constexpr (sizeof(To) < 8) {
      return select(value == value, result, blank);
    } else {
      return value == value ? result : blank;
    }
  } else {
    return cast<To>(linear);
  }
}

}  // namespace fits
