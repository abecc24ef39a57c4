// The noise of a tile as CFITSIO estimates it (quantize.c, FnNoise5_*), on which the step of quantisation depends: the
// medians of absolute differences between pixels two apart, of second, third and fifth order, after the MAD method of
// the ST-ECF newsletter 42 (Stoehr et al.); Pence et al., PASP 121 (2009) 414. NaN is an undefined pixel.
//
// The aim is the same numbers to the last bit, so that files come out as fpack writes them. Two habits of CFITSIO's are
// kept for that: pixels in constant runs count for nothing (test_quantize.cpp: constant_runs), and the second order
// median is taken over as many values as the third has, the missing ones being what earlier rows left in the array
// (test_quantize.cpp: leftovers_of_earlier_rows).
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "format/convert.h"

namespace fits {

template <class T>
struct PixelRange {
  std::int64_t good = 0;  // pixels that are not NaN
  T lowest, highest;      // of those; the largest finite number and its negative if there are none
};

// Standard deviations, 0 where there is nothing to measure.
struct Noise {
  double second = 0;
  double third = 0;
  double fifth = 0;
};

template <class T>  // float, double
PixelRange<T> pixel_range(const T* pixels, std::int64_t count, SimdLevel level = simd_level()) noexcept;

// Around pixel p[4], in T and in CFITSIO's order.
template <class T>
FITS_HOST_DEVICE T second_difference(const T* p) noexcept {
  return std::abs(p[4] - p[6]);
}
template <class T>
FITS_HOST_DEVICE T third_difference(const T* p) noexcept {
  return std::abs(2 * p[4] - p[2] - p[6]);
}
template <class T>
FITS_HOST_DEVICE T fifth_difference(const T* p) noexcept {
  return std::abs(6 * p[4] - 4 * p[2] - 4 * p[6] + p[0] + p[8]);
}

// Keeps its buffers from tile to tile: one per thread.
template <class T>  // float, double
class NoiseEstimator {
 public:
  explicit NoiseEstimator(SimdLevel level = simd_level()) noexcept : level_(level) {}

  // `range` is that of these pixels, and finite.
  Noise operator()(const T* pixels, std::int64_t columns, std::int64_t rows, const PixelRange<T>& range);

 private:
  bool measure(const T* pixels, std::int64_t columns, std::int64_t rows, const PixelRange<T>& range, bool leftovers);
  void difference_row(const T* pixels, std::int64_t count);
  T median(std::vector<T>& values, std::int64_t count, bool like_cfitsio, T& guess);

  SimdLevel level_;
  T guesses_[3] = {};
  std::vector<T> good_, second_, third_, fifth_;
  std::int64_t second_count_ = 0;  // differences of the row in second_, and in third_ and fifth_
  std::int64_t count_ = 0;
  std::vector<double> seconds_, thirds_, fifths_;  // the rows' medians
};

}  // namespace fits
