// Interpolation at places, and its transpose (resample.h).
#include "wcs/resample.h"

#include <algorithm>
#include <cmath>

namespace fits::wcs {
namespace {

// Of the small numbers that places in an image are.
std::int64_t floor_of(double x) noexcept {
  const auto truncated = static_cast<std::int64_t>(x);
  return truncated - (x < static_cast<double>(truncated) ? 1 : 0);
}

// What an axis gives a place: kSide pixels from `first` on, and their weights.
template <int kSide>
struct Taps {
  std::int64_t first;
  double weight[kSide];
};

struct Nearest {
  static constexpr int kSide = 1;
  static Taps<kSide> taps(double x) noexcept { return {floor_of(x + 0.5), {1}}; }
};

struct Bilinear {
  static constexpr int kSide = 2;
  static Taps<kSide> taps(double x) noexcept {
    const std::int64_t first = floor_of(x);
    const double t = x - static_cast<double>(first);
    return {first, {1 - t, t}};
  }
};

struct Bicubic {
  static constexpr int kSide = 4;
  static Taps<kSide> taps(double x) noexcept {
    const std::int64_t first = floor_of(x);
    const double t = x - static_cast<double>(first);
    return {first - 1,
            {((-0.5 * t + 1) * t - 0.5) * t, (1.5 * t - 2.5) * t * t + 1, ((-1.5 * t + 2) * t + 0.5) * t,
             (0.5 * t - 0.5) * t * t}};
  }
};

bool is_inside(Place place, ImageSize size) noexcept {
  return ((place.x >= -0.5) & (place.x <= static_cast<double>(size.width) - 0.5) & (place.y >= -0.5) &
          (place.y <= static_cast<double>(size.height) - 0.5) & (size.width > 0) & (size.height > 0)) != 0;
}

template <int kSide>
bool is_whole(const Taps<kSide>& taps, std::int64_t size) noexcept {
  return ((taps.first >= 0) & (taps.first + kSide <= size)) != 0;
}

// The pixels of an axis that the taps mean: those beyond an edge are the one at it.
template <int kSide>
void clamp(const Taps<kSide>& taps, std::int64_t size, std::int64_t* pixel) noexcept {
  for (int i = 0; i < kSide; ++i) pixel[i] = std::clamp<std::int64_t>(taps.first + i, 0, size - 1);
}

// visit(row, column, weight) for every tap.
template <int kSide, class Visit>
void for_each_tap(const Taps<kSide>& down, const Taps<kSide>& across, ImageSize size, const Visit& visit) noexcept {
  std::int64_t row[kSide], column[kSide];
  clamp(down, size.height, row);
  clamp(across, size.width, column);
  for (int j = 0; j < kSide; ++j) {
    for (int i = 0; i < kSide; ++i) visit(row[j], column[i], down.weight[j] * across.weight[i]);
  }
}

template <class Kernel, class Sample>
double value_at(const Sample* plane, ImageSize size, Place place) noexcept {
  constexpr int kSide = Kernel::kSide;
  const Taps<kSide> down = Kernel::taps(place.y), across = Kernel::taps(place.x);
  double sum = 0;
  if (is_whole(down, size.height) && is_whole(across, size.width)) {
    const Sample* row = plane + down.first * size.width + across.first;
    double column[kSide] = {};  // columns side by side: one SIMD register or two
    for (int j = 0; j < kSide; ++j, row += size.width) {
      for (int i = 0; i < kSide; ++i) column[i] += down.weight[j] * static_cast<double>(row[i]);
    }
    for (int i = 0; i < kSide; ++i) sum += across.weight[i] * column[i];
  } else {
    for_each_tap(down, across, size, [&](std::int64_t row, std::int64_t column, double weight) {
      sum += weight * static_cast<double>(plane[row * size.width + column]);
    });
  }
  if (sum - sum == 0) return sum;
  sum = 0;  // a NaN or an infinity is among them: those that hardly count are left out
  for_each_tap(down, across, size, [&](std::int64_t row, std::int64_t column, double weight) {
    if (std::fabs(weight) > kTouch) sum += weight * static_cast<double>(plane[row * size.width + column]);
  });
  return sum;
}

template <class Kernel, class Sample>
void interpolate_with(const Sample* plane, ImageSize size, const Place* places, std::int64_t count, Sample fill,
                      Sample* value, Sample* weight) noexcept {
  for (std::int64_t i = 0; i < count; ++i) {
    const bool inside = is_inside(places[i], size);
    value[i] = inside ? static_cast<Sample>(value_at<Kernel>(plane, size, places[i])) : fill;
    weight[i] = inside && value[i] == value[i] ? Sample(1) : Sample(0);
  }
}

template <class Kernel, class Sample>
void spread_with(const Sample* gradient, const Place* places, std::int64_t count, ImageSize size, Rows rows,
                 Sample* plane) noexcept {
  constexpr int kSide = Kernel::kSide;
  for (std::int64_t k = 0; k < count; ++k) {
    if (!is_inside(places[k], size)) continue;
    const Taps<kSide> down = Kernel::taps(places[k].y), across = Kernel::taps(places[k].x);
    const auto value = static_cast<double>(gradient[k]);
    if (down.first >= rows.first && down.first + kSide <= rows.last && is_whole(across, size.width)) {
      Sample* row = plane + down.first * size.width + across.first;
      for (int j = 0; j < kSide; ++j, row += size.width) {
        for (int i = 0; i < kSide; ++i) row[i] += static_cast<Sample>(down.weight[j] * across.weight[i] * value);
      }
    } else {
      for_each_tap(down, across, size, [&](std::int64_t row, std::int64_t column, double weight) {
        if (row >= rows.first && row < rows.last) {
          plane[row * size.width + column] += static_cast<Sample>(weight * value);
        }
      });
    }
  }
}

}  // namespace

template <class Sample>
void interpolate(Method method, const Sample* plane, ImageSize size, const Place* places, std::int64_t count,
                 Sample fill, Sample* value, Sample* weight) noexcept {
  const auto with = method == Method::nearest    ? &interpolate_with<Nearest, Sample>
                    : method == Method::bilinear ? &interpolate_with<Bilinear, Sample>
                                                 : &interpolate_with<Bicubic, Sample>;
  with(plane, size, places, count, fill, value, weight);
}

template <class Sample>
void spread(Method method, const Sample* gradient, const Place* places, std::int64_t count, ImageSize size, Rows rows,
            Sample* plane) noexcept {
  const auto with = method == Method::nearest    ? &spread_with<Nearest, Sample>
                    : method == Method::bilinear ? &spread_with<Bilinear, Sample>
                                                 : &spread_with<Bicubic, Sample>;
  with(gradient, places, count, size, rows, plane);
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

template void interpolate(Method, const float*, ImageSize, const Place*, std::int64_t, float, float*, float*) noexcept;
template void interpolate(Method, const double*, ImageSize, const Place*, std::int64_t, double, double*,
                          double*) noexcept;
template void spread(Method, const float*, const Place*, std::int64_t, ImageSize, Rows, float*) noexcept;
template void spread(Method, const double*, const Place*, std::int64_t, ImageSize, Rows, double*) noexcept;

}  // namespace fits::wcs
