// Stored value -> physical value: BSCALE, BZERO, BLANK and the unsigned conventions.
// FITS Standard 4.0, section 4.4.2.5 (BSCALE, BZERO, BLANK) and 5.2.5 (unsigned integers by offset).
#pragma once

#include <cstdint>
#include <optional>

#include "format/pixel.h"

namespace fits {

struct Scaling {
  double bscale = 1;
  double bzero = 0;
  std::optional<std::int64_t> blank;  // only ever applied to integer BITPIX

  constexpr bool linear() const noexcept { return bscale != 1 || bzero != 0; }
};

// The integer type that a convention of section 5.2.5 stands for, when `scaling` is one: int8 stored in BITPIX 8 with
// BZERO -128; uint16, 32, 64 stored in BITPIX 16, 32, 64 with BZERO 2^15, 2^31, 2^63; BSCALE 1 in each. Physical
// value and stored value then differ in their top bit only.
constexpr std::optional<Pixel> integer_convention(int bitpix, double bscale, double bzero) noexcept {
  if (bscale != 1) return std::nullopt;
  if (bitpix == 8 && bzero == -128.0) return Pixel::i8;
  if (bitpix == 16 && bzero == 32768.0) return Pixel::u16;
  if (bitpix == 32 && bzero == 2147483648.0) return Pixel::u32;
  if (bitpix == 64 && bzero == 9223372036854775808.0) return Pixel::u64;
  return std::nullopt;
}

// The element type of an image as the user sees it when none is asked for: a convention's own type; with other scaling
// or BLANK on integers float32 for BITPIX 8 and 16, else float64 (float32 keeps being float32); otherwise as stored.
constexpr Pixel physical_pixel(int bitpix, const Scaling& scaling) noexcept {
  if (auto unsigned_type = integer_convention(bitpix, scaling.bscale, scaling.bzero)) return *unsigned_type;
  const bool changes = scaling.bscale != 1 || scaling.bzero != 0 || (bitpix > 0 && scaling.blank);
  if (!changes || bitpix < 0) return stored_pixel(bitpix);
  return bitpix <= 16 ? Pixel::f32 : Pixel::f64;
}

// Physical value of one stored value: BZERO + BSCALE * stored. Two roundings in double, never a fused multiply-add:
// CFITSIO computes it so, and single precision differs from it in a third of the pixels.
FITS_HOST_DEVICE double physical(double stored, double bscale, double bzero) noexcept {
#if defined(__CUDA_ARCH__)
  return __dadd_rn(__dmul_rn(stored, bscale), bzero);
#else
  return stored * bscale + bzero;  // compiled with -ffp-contract=off
#endif
}

// Its inverse, as CFITSIO and astropy compute it (dividing, where a product with 1 / BSCALE would round once more).
FITS_HOST_DEVICE double unscaled(double value, double bscale, double bzero) noexcept {
#if defined(__CUDA_ARCH__)
  return __ddiv_rn(__dsub_rn(value, bzero), bscale);
#else
  return (value - bzero) / bscale;
#endif
}

// Whether an integer type can hold this value. A floating type has no BLANK, so it holds none.
constexpr bool holds(Pixel pixel, std::int64_t value) noexcept {
  switch (pixel) {
    case Pixel::u8: return value >= 0 && value <= UINT8_MAX;
    case Pixel::i8: return value >= INT8_MIN && value <= INT8_MAX;
    case Pixel::i16: return value >= INT16_MIN && value <= INT16_MAX;
    case Pixel::u16: return value >= 0 && value <= UINT16_MAX;
    case Pixel::i32: return value >= INT32_MIN && value <= INT32_MAX;
    case Pixel::u32: return value >= 0 && value <= UINT32_MAX;
    case Pixel::i64: return true;
    case Pixel::u64: return value >= 0;
    default: return false;
  }
}

}  // namespace fits
