// Interpolation at places, and its transpose (resample.h): which loops, and which rows.
#include "wcs/resample.h"

#include <algorithm>

namespace fits::wcs {

template <class Sample>
void interpolate(Method method, const Sample* plane, ImageSize size, const Place* places, std::int64_t count,
                 Sample fill, Sample* value, Sample* weight, Level level) noexcept {
#if defined(__x86_64__)
  if (level == Level::avx2) return avx2::interpolate(method, plane, size, places, count, fill, value, weight);
#endif
  (void)level;
  plain::interpolate(method, plane, size, places, count, fill, value, weight);
}

template <class Sample>
void spread(Method method, const Sample* gradient, const Place* places, std::int64_t count, ImageSize size, Rows rows,
            Sample* plane, Level level) noexcept {
#if defined(__x86_64__)
  if (level == Level::avx2) return avx2::spread(method, gradient, places, count, size, rows, plane);
#endif
  (void)level;
  plain::spread(method, gradient, places, count, size, rows, plane);
}

Rows rows_of(Method method, const Place* places, std::int64_t count, ImageSize size) noexcept {
  // What a place, or the corner of a quadrilateral, reaches to: one pixel more than it can be.
  const std::int64_t reach = method == Method::bicubic ? 3 : 2;
  const double end = static_cast<double>(size.height);
  double low = end, high = -1;
  for (std::int64_t i = 0; i < count; ++i) {
    if (places[i].y != places[i].y) continue;
    low = std::min(low, places[i].y);
    high = std::max(high, places[i].y);
  }
  if (low > high || low > end || high < -1) return {0, 0};
  const auto first = static_cast<std::int64_t>(std::max(low, 0.0)) - reach;
  const auto last = static_cast<std::int64_t>(std::min(high, end)) + reach;
  return {std::max<std::int64_t>(first, 0), std::min(last, size.height)};
}

template void interpolate(Method, const float*, ImageSize, const Place*, std::int64_t, float, float*, float*,
                          Level) noexcept;
template void interpolate(Method, const double*, ImageSize, const Place*, std::int64_t, double, double*, double*,
                          Level) noexcept;
template void spread(Method, const float*, const Place*, std::int64_t, ImageSize, Rows, float*, Level) noexcept;
template void spread(Method, const double*, const Place*, std::int64_t, ImageSize, Rows, double*, Level) noexcept;

}  // namespace fits::wcs
