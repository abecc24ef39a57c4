// One step of the H-transform and of its inverse on one 2x2 cell, and the smoothing of the inverse: the arithmetic of
// HCOMPRESS_1, shared by CPU loops and CUDA kernels. White, Postman & Lattanzi (1992); FITS Standard 4.0, section
// 10.4.4. Where the text leaves the rounding open it is CFITSIO's, whose streams define the format.
//
// Level 0 is the finest, whose cells hold the tile's pixels; a cell of level k + 1 holds four h0 of level k. Integer is
// int32 or int64, wide enough for every sum (see hcompress.cpp).
#pragma once

#include <cstdint>

#include "format/pixel.h"

namespace fits {

// p00 p01 lie in the upper row, p10 p11 in the lower.
template <class Integer>
struct HCell {
  Integer p00, p01, p10, p11;
};

// The sum, lower minus upper row, right minus left column, and the curvature.
template <class Integer>
struct HCoefficients {
  Integer h0, hx, hy, hc;
};

// -1 where value is negative, else 0.
template <class Integer>
FITS_HOST_DEVICE constexpr Integer sign_mask(Integer value) noexcept {
  return value >> (sizeof(Integer) * 8 - 1);
}

template <class Integer>
FITS_HOST_DEVICE constexpr Integer power_of_two(int exponent) noexcept {
  return static_cast<Integer>(Integer{1} << exponent);
}

// The multiple of `unit` (a power of 2) nearest to value; halves go away from zero.
template <class Integer>
FITS_HOST_DEVICE constexpr Integer round_to(Integer value, Integer unit) noexcept {
  const Integer less = unit > 1 ? sign_mask(value) : Integer{0};
  return (value + (unit >> 1) + less) & -unit;
}

// A cell that the edge of an odd length cuts is given the missing pixels as copies of their neighbours in it; its
// coefficients in that direction are then zero, and are not kept.
template <class Integer>
FITS_HOST_DEVICE constexpr HCoefficients<Integer> forward_cell(HCell<Integer> p, int level) noexcept {
  const int shift = level == 0 ? 0 : 1;
  const Integer upper = p.p01 + p.p00, lower = p.p11 + p.p10;
  const Integer upper_step = p.p01 - p.p00, lower_step = p.p11 - p.p10;
  return {round_to<Integer>((lower + upper) >> shift, power_of_two<Integer>(level + 2)),
          round_to<Integer>((lower - upper) >> shift, power_of_two<Integer>(level + 1)),
          round_to<Integer>((lower_step + upper_step) >> shift, power_of_two<Integer>(level + 1)),
          (lower_step - upper_step) >> shift};
}

// The way back; coefficients that the cell does not have are zero. h0 is a multiple of 4 << level, and so are the
// results of 2 << level (of the tile's sum, round_to() must see to it).
template <class Integer>
FITS_HOST_DEVICE constexpr HCell<Integer> inverse_cell(HCoefficients<Integer> c, int level) noexcept {
  const Integer bit0 = power_of_two<Integer>(level), bit1 = power_of_two<Integer>(level + 1);
  // The forward step could drop the low bits of h0, hx and hy because the four sums are not independent: all agree in
  // bit 0, and an even number of them has bit 1.
  const Integer hc = round_to(c.hc, bit0);
  const Integer low0 = hc & bit0;
  Integer hx = round_to(c.hx, bit1);
  Integer hy = round_to(c.hy, bit1);
  hx = hx >= 0 ? hx - low0 : hx + low0;
  hy = hy >= 0 ? hy - low0 : hy + low0;
  const Integer low1 = (hc ^ hx ^ hy) & bit1;
  const Integer h0 = c.h0 + (c.h0 < 0 && low0 == 0 ? low1 : low0 - low1);
  const int shift = level == 0 ? 2 : 1;
  const Integer upper = h0 - hx, lower = h0 + hx, same = hy + hc, other = hy - hc;
  return {(upper - other) >> shift, (upper + other) >> shift, (lower - same) >> shift, (lower + same) >> shift};
}

template <class Integer>
FITS_HOST_DEVICE constexpr Integer smaller(Integer a, Integer b) noexcept {
  return a < b ? a : b;
}

template <class Integer>
FITS_HOST_DEVICE constexpr Integer larger(Integer a, Integer b) noexcept {
  return a > b ? a : b;
}

// SMOOTH = 1 moves a coefficient toward what interpolation between the neighbouring cells asks for, by not more than
// `most`, half the stream's scale: what quantisation may have taken. `asked` is that value times 1 << bits, `lowest`
// and `highest` (times the same) keep the pixels monotonic.
FITS_HOST_DEVICE constexpr std::int64_t smoothed(std::int64_t coefficient, std::int64_t asked, std::int64_t lowest,
                                                 std::int64_t highest, int bits, std::int64_t most) noexcept {
  if (lowest >= highest) return coefficient;
  const std::int64_t all = larger(smaller(asked, highest), lowest) - coefficient * power_of_two<std::int64_t>(bits);
  const std::int64_t step = (all + (sign_mask(all) & (power_of_two<std::int64_t>(bits) - 1))) >> bits;
  return coefficient + larger(smaller(step, most), -most);
}

// hx from the h0 of the cells above and below, or hy from those on the left and right.
FITS_HOST_DEVICE constexpr std::int64_t smoothed_slope(std::int64_t slope, std::int64_t before, std::int64_t h0,
                                                       std::int64_t after, std::int64_t most) noexcept {
  const std::int64_t up = after - h0, down = h0 - before;
  return smoothed(slope, after - before, 4 * smaller<std::int64_t>(larger(up, down), 0),
                  4 * larger<std::int64_t>(smaller(up, down), 0), 3, most);
}

// The h0 of a cell's diagonal neighbours: above left, above right, below left, below right.
struct HCorners {
  std::int64_t p00, p01, p10, p11;
};

// hc of a cell whose hx and hy are smoothed already.
FITS_HOST_DEVICE constexpr std::int64_t smoothed_curvature(HCoefficients<std::int64_t> c, HCorners h0,
                                                           std::int64_t most) noexcept {
  const std::int64_t x = 2 * c.hx, y = 2 * c.hy;
  const std::int64_t d11 = h0.p11 - c.h0, d10 = c.h0 - h0.p10, d01 = c.h0 - h0.p01, d00 = h0.p00 - c.h0;
  const std::int64_t highest =
      smaller(smaller(larger<std::int64_t>(d11, 0) - x - y, larger<std::int64_t>(d10, 0) + x - y),
              smaller(larger<std::int64_t>(d01, 0) - x + y, larger<std::int64_t>(d00, 0) + x + y));
  const std::int64_t lowest =
      larger(larger(smaller<std::int64_t>(d11, 0) - x - y, smaller<std::int64_t>(d10, 0) + x - y),
             larger(smaller<std::int64_t>(d01, 0) - x + y, smaller<std::int64_t>(d00, 0) + x + y));
  return smoothed(c.hc, h0.p11 + h0.p00 - h0.p01 - h0.p10, 16 * lowest, 16 * highest, 6, most);
}

}  // namespace fits
