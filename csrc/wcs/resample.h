// Images at places between their pixels: nearest, bilinear and bicubic interpolation, and sums over areas. Single-
// threaded and without state; the transpose of each beside it, from the same weights.
//
// Places are 0-based pixel coordinates (x, y), NaN where there is none. Pixel i of an axis of n reaches from i - 0.5 to
// i + 0.5; what lies within [-0.5, n - 0.5] lies in the image, and there pixels beyond an edge are as those at it (as
// reproject has it). Arithmetic is float64, rounded once to the image's type.
#pragma once

#include <cstdint>
#include <vector>

#include "wcs/evaluate.h"

namespace fits::wcs {

enum class Method { nearest, bilinear, bicubic, area };

struct ImageSize {
  std::int64_t height, width;
};

struct Place {  // as the coordinates of points lie in memory
  double x, y;
};

// Of a pixel: a NaN counts, and an overlap does, where its weight is more than this, which is how exact places are.
// An image resampled onto its own pixels keeps its NaN where they are.
inline constexpr double kTouch = 1e-9;

// Rows [first, last) of an image.
struct Rows {
  std::int64_t first, last;
};

// `count` values of one plane. `weight` is 1; 0 outside, where the value is `fill`, and where it is NaN.
// Bicubic is Keys's convolution with a = -1/2 (Keys 1981, equation 15), exact for quadratic polynomials.
template <class Sample>
void interpolate(Method method, const Sample* plane, ImageSize size, const Place* places, std::int64_t count,
                 Sample fill, Sample* value, Sample* weight, Level level = best_level()) noexcept;

// The transpose: adds to the pixels in `rows` what each of `count` gradients means for them, in the gradients' order.
template <class Sample>
void spread(Method method, const Sample* gradient, const Place* places, std::int64_t count, ImageSize size, Rows rows,
            Sample* plane, Level level = best_level()) noexcept;

namespace plain {
template <class Sample>
void interpolate(Method method, const Sample* plane, ImageSize size, const Place* places, std::int64_t count,
                 Sample fill, Sample* value, Sample* weight) noexcept;
template <class Sample>
void spread(Method method, const Sample* gradient, const Place* places, std::int64_t count, ImageSize size, Rows rows,
            Sample* plane) noexcept;
}  // namespace plain
namespace avx2 {
template <class Sample>
void interpolate(Method method, const Sample* plane, ImageSize size, const Place* places, std::int64_t count,
                 Sample fill, Sample* value, Sample* weight) noexcept;
template <class Sample>
void spread(Method method, const Sample* gradient, const Place* places, std::int64_t count, ImageSize size, Rows rows,
            Sample* plane) noexcept;
}  // namespace avx2

// The rows that values at these places are made from.
Rows rows_of(Method method, const Place* places, std::int64_t count, ImageSize size) noexcept;

// ---- area: output pixels as quadrilaterals on the input's pixels (resample_area.cpp)

// Output pixels side by side: the corners above and below them, count + 1 each, and their centres.
struct Quadrilaterals {
  const Place* above;
  const Place* below;
  const Place* centre;
  std::int64_t count;
};

// Planes of a stack, all of one size, `step` elements apart.
template <class Sample>
struct Planes {
  Sample* first;
  std::int64_t count, step;
};

// What the sums need: room for a row of the image, and for a value of each plane.
class AreaScratch {
 public:
  AreaScratch(ImageSize size, std::int64_t planes)
      : cover_(static_cast<std::size_t>(size.width) + 1), sums_(static_cast<std::size_t>(planes)) {}
  double* cover() { return cover_.data(); }
  double* sums() { return sums_.data(); }

 private:
  std::vector<double> cover_;  // all zero between calls
  std::vector<double> sums_;
};

// Each value is the sum of pixel times the fraction of that pixel which the quadrilateral covers: sums over the image
// are kept. `weight` is the fraction of the quadrilateral that lies on the image; 0 where the value is NaN, and where
// it is `fill`: outside, or where the quadrilateral is torn (its corners lie on two sides of a seam of the sky).
template <class Sample>
void sum_areas(Planes<const Sample> image, ImageSize size, const Quadrilaterals& pixels, Sample fill,
               Planes<Sample> value, Planes<Sample> weight, AreaScratch& scratch) noexcept;

template <class Sample>
void spread_areas(Planes<const Sample> gradient, const Quadrilaterals& pixels, ImageSize size, Rows rows,
                  Planes<Sample> image, AreaScratch& scratch) noexcept;

}  // namespace fits::wcs
