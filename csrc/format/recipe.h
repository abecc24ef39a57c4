// What a conversion does to each value, decided once for CPU loops and CUDA kernels alike (FITS Standard 4.0, sections
// 4.4.2.5 and 5.2.5).
#pragma once

#include "format/cast.h"
#include "format/pixel.h"
#include "format/scaling.h"

namespace fits {

struct Recipe {
  Pixel exact = Pixel::u8;  // the type of the exact value: of a convention the integer it stands for, else as stored
  bool arithmetic = false;  // through double: BSCALE and BZERO, and on the way back rounding
  bool blank = false;       // BLANK becomes NaN
  Operands operands;        // of these `flip` turns a stored integer into the exact one and back
};

// BITPIX of a type that FITS stores, else 0.
constexpr int bitpix_of(Pixel pixel) noexcept {
  switch (pixel) {
    case Pixel::u8: return 8;
    case Pixel::i16: return 16;
    case Pixel::i32: return 32;
    case Pixel::i64: return 64;
    case Pixel::f32: return -32;
    case Pixel::f64: return -64;
    default: return 0;
  }
}

// `blank` in Operands is that of the exact type.
constexpr Operands operands_for(Pixel stored, const Scaling& scaling, bool convention) noexcept {
  Operands operands{scaling.bscale, scaling.bzero};
  if (convention) operands.flip = std::uint64_t{1} << (8 * pixel_size(stored) - 1);
  if (scaling.blank) {
    operands.blank = static_cast<std::int64_t>(static_cast<std::uint64_t>(*scaling.blank) ^ operands.flip);
  }
  return operands;
}

// From values of type `from` to pixels. Tensors may hold what no BITPIX stores (unsigned integers, 16-bit floats):
// BLANK and scaling then apply to the values as they are.
constexpr Recipe to_pixels(Pixel from, const Scaling& scaling, Pixel to) noexcept {
  const auto convention = integer_convention(bitpix_of(from), scaling.bscale, scaling.bzero);
  const bool blank = scaling.blank && holds(from, *scaling.blank) && is_floating(to);
  return {convention.value_or(from), !convention && scaling.linear(), blank,
          operands_for(from, scaling, convention.has_value())};
}

// The way back. Integers that need no arithmetic are cast to the exact type, all else is rounded to it.
constexpr Recipe to_stored(Pixel from, int bitpix, const Scaling& scaling) noexcept {
  const Pixel stored = stored_pixel(bitpix);
  const auto convention = integer_convention(bitpix, scaling.bscale, scaling.bzero);
  const Pixel exact = convention.value_or(stored);
  const bool linear = scaling.linear() && !convention;
  Recipe recipe{exact, linear || (is_floating(from) && !is_floating(exact)), false,
                operands_for(stored, scaling, convention.has_value())};
  if (convention) recipe.operands.bscale = 1, recipe.operands.bzero = 0;
  return recipe;
}

}  // namespace fits
