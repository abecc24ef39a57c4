// Sums over areas, and their transpose (resample.h).
//
// How much of each pixel a polygon covers follows from its edges alone (Green's theorem): within a row, every piece of
// an edge adds its height to all that lies right of it, and in its own column the part right of it. The running sum of
// these along the row is the cover, exact for any simple polygon. Polygons that share an edge add and take away the
// same numbers there: covers of output pixels that tile the image sum to 1 in each of its pixels.
#include <algorithm>
#include <cmath>

#include "wcs/resample.h"

namespace fits::wcs {
namespace {

// Corners in the order around; pixel i of the image reaches from i to i + 1.
struct Polygon {
  double x[4], y[4];
  double area;  // signed: positive where the corners go from +x to +y
  double low_x, high_x, low_y, high_y;
};

// Whether output pixel i has an outline, which is then in `to`.
bool outline(const Quadrilaterals& pixels, std::int64_t i, Polygon& to) noexcept {
  const Place corner[4] = {pixels.above[i], pixels.above[i + 1], pixels.below[i + 1], pixels.below[i]};
  for (int k = 0; k < 4; ++k) {
    to.x[k] = corner[k].x + 0.5;
    to.y[k] = corner[k].y + 0.5;
  }
  to.area = 0.5 * ((to.x[2] - to.x[0]) * (to.y[3] - to.y[1]) - (to.x[3] - to.x[1]) * (to.y[2] - to.y[0]));
  if (!(std::fabs(to.area) > 0) || !std::isfinite(to.area)) return false;
  to.low_x = std::min(std::min(to.x[0], to.x[1]), std::min(to.x[2], to.x[3]));
  to.high_x = std::max(std::max(to.x[0], to.x[1]), std::max(to.x[2], to.x[3]));
  to.low_y = std::min(std::min(to.y[0], to.y[1]), std::min(to.y[2], to.y[3]));
  to.high_y = std::max(std::max(to.y[0], to.y[1]), std::max(to.y[2], to.y[3]));
  // Torn: the centre of a quadrilateral lies near the mean of its corners, unless some of them are elsewhere.
  const double off_x = 0.25 * (to.x[0] + to.x[1] + to.x[2] + to.x[3]) - (pixels.centre[i].x + 0.5);
  const double off_y = 0.25 * (to.y[0] + to.y[1] + to.y[2] + to.y[3]) - (pixels.centre[i].y + 0.5);
  return std::fabs(off_x) + std::fabs(off_y) <= 0.2 * (to.high_x - to.low_x + to.high_y - to.low_y);
}

constexpr double kUpright = 1e-200;  // edges that go less far across lie in one column, and divide by nothing

// Columns [first, last) of a row and what the pieces of edges in it change.
struct Row {
  std::int64_t first, last;
  double* change;  // [last - first + 1]

  // A straight piece of an edge between x = a and x = b, of signed height `height`.
  void add(double a, double b, double height) const noexcept {
    const auto start = static_cast<double>(first), end = static_cast<double>(last);
    double low = std::min(a, b), high = std::max(a, b);
    if (low >= end) return;
    if (high <= start) {
      change[0] += height;
      return;
    }
    const double steepness = high - low > kUpright ? height / (high - low) : 0;
    if (low < start) {  // what is left of the image is left of all columns
      const double part = steepness * (start - low);
      change[0] += part;
      height -= part;
      low = start;
    }
    if (high > end) {
      height = steepness * (end - low);
      high = end;
    }
    auto column = static_cast<std::int64_t>(low);
    for (; high > static_cast<double>(column + 1); ++column) {
      const auto edge = static_cast<double>(column + 1);
      const double part = steepness * (edge - low);
      put(column, part, 0.5 * (low + edge));
      height -= part;
      low = edge;
    }
    if (column < last) put(column, height, 0.5 * (low + high));
  }

 private:
  void put(std::int64_t column, double height, double middle) const noexcept {
    const double right = height * (middle - static_cast<double>(column));
    change[column - first] += height - right;
    change[column - first + 1] += right;
  }
};

// An edge by its upper and lower end; `sign` says which way it goes.
struct Edge {
  double x0, y0, x1, y1, slope, sign;
};

// Also where the slope overflowed and x is NaN.
double within(const Polygon& polygon, double x) noexcept {
  return std::max(polygon.low_x, std::min(polygon.high_x, x));
}

// visit(row, first column, last column, covers) for every row in `rows` that the polygon touches.
template <class Visit>
void for_each_cover(const Polygon& polygon, ImageSize size, Rows rows, double* cover, const Visit& visit) noexcept {
  const auto width = static_cast<double>(size.width);
  const auto top = static_cast<double>(rows.first), bottom = static_cast<double>(rows.last);
  if (polygon.low_x >= width || polygon.high_x <= 0 || polygon.low_y >= bottom || polygon.high_y <= top) return;
  const auto first = static_cast<std::int64_t>(std::max(polygon.low_x, 0.0));
  const auto last = static_cast<std::int64_t>(std::ceil(std::min(polygon.high_x, width)));
  const auto first_row = static_cast<std::int64_t>(std::max(polygon.low_y, top));
  const auto last_row = static_cast<std::int64_t>(std::ceil(std::min(polygon.high_y, bottom)));
  Edge edges[4];
  int count = 0;
  const double orientation = polygon.area > 0 ? -1 : 1;
  for (int k = 0; k < 4; ++k) {
    const int next = (k + 1) % 4;
    const bool falls = polygon.y[k] < polygon.y[next];
    const int a = falls ? k : next, b = falls ? next : k;
    if (polygon.y[a] == polygon.y[b]) continue;
    edges[count++] = {polygon.x[a],
                      polygon.y[a],
                      polygon.x[b],
                      polygon.y[b],
                      (polygon.x[b] - polygon.x[a]) / (polygon.y[b] - polygon.y[a]),
                      falls ? orientation : -orientation};
  }
  const Row columns{first, last, cover};
  for (std::int64_t row = first_row; row < last_row; ++row) {
    const auto begin = static_cast<double>(row), end = static_cast<double>(row + 1);
    for (int k = 0; k < count; ++k) {
      const Edge& edge = edges[k];
      const double from = std::max(edge.y0, begin), to = std::min(edge.y1, end);
      if (from >= to) continue;
      const double a = from == edge.y0 ? edge.x0 : edge.x0 + (from - edge.y0) * edge.slope;
      const double b = to == edge.y1 ? edge.x1 : edge.x0 + (to - edge.y0) * edge.slope;
      columns.add(within(polygon, a), within(polygon, b), edge.sign * (to - from));
    }
    double covered = 0;
    for (std::int64_t i = 0; i < last - first; ++i) {
      covered += cover[i];
      cover[i] = covered;
    }
    visit(row, first, last, static_cast<const double*>(cover));
    std::fill_n(cover, last - first + 1, 0.0);
  }
}

}  // namespace

template <class Sample>
void sum_areas(Planes<const Sample> image, ImageSize size, const Quadrilaterals& pixels, Sample fill,
               Planes<Sample> value, Planes<Sample> weight, AreaScratch& scratch) noexcept {
  double* const sums = scratch.sums();
  Polygon polygon{};
  for (std::int64_t k = 0; k < pixels.count; ++k) {
    double covered = 0;
    if (outline(pixels, k, polygon)) {
      std::fill_n(sums, image.count, 0.0);
      for_each_cover(polygon, size, {0, size.height}, scratch.cover(),
                     [&](std::int64_t row, std::int64_t first, std::int64_t last, const double* cover) {
                       for (std::int64_t i = 0; i < last - first; ++i) covered += cover[i];
                       for (std::int64_t c = 0; c < image.count; ++c) {
                         const Sample* const from = image.first + c * image.step + row * size.width + first;
                         double sum = 0;
                         for (std::int64_t i = 0; i < last - first; ++i) {
                           const auto pixel = static_cast<double>(from[i]);
                           if (cover[i] > kTouch || std::isfinite(pixel)) sum += cover[i] * pixel;
                         }
                         sums[c] += sum;
                       }
                     });
    }
    const double fraction = covered / std::fabs(polygon.area);
    const bool inside = covered > 0 && fraction > kTouch;
    for (std::int64_t c = 0; c < image.count; ++c) {
      const Sample sum = inside ? static_cast<Sample>(sums[c]) : fill;
      value.first[c * value.step + k] = sum;
      weight.first[c * weight.step + k] = inside && sum == sum ? static_cast<Sample>(std::min(fraction, 1.0)) : 0;
    }
  }
}

template <class Sample>
void spread_areas(Planes<const Sample> gradient, const Quadrilaterals& pixels, ImageSize size, Rows rows,
                  Planes<Sample> image, AreaScratch& scratch) noexcept {
  Polygon polygon{};
  for (std::int64_t k = 0; k < pixels.count; ++k) {
    if (!outline(pixels, k, polygon)) continue;
    for_each_cover(polygon, size, rows, scratch.cover(),
                   [&](std::int64_t row, std::int64_t first, std::int64_t last, const double* cover) {
                     for (std::int64_t c = 0; c < image.count; ++c) {
                       const auto value = static_cast<double>(gradient.first[c * gradient.step + k]);
                       Sample* const to = image.first + c * image.step + row * size.width + first;
                       for (std::int64_t i = 0; i < last - first; ++i) to[i] += static_cast<Sample>(cover[i] * value);
                     }
                   });
  }
}

template void sum_areas(Planes<const float>, ImageSize, const Quadrilaterals&, float, Planes<float>, Planes<float>,
                        AreaScratch&) noexcept;
template void sum_areas(Planes<const double>, ImageSize, const Quadrilaterals&, double, Planes<double>, Planes<double>,
                        AreaScratch&) noexcept;
template void spread_areas(Planes<const float>, const Quadrilaterals&, ImageSize, Rows, Planes<float>,
                           AreaScratch&) noexcept;
template void spread_areas(Planes<const double>, const Quadrilaterals&, ImageSize, Rows, Planes<double>,
                           AreaScratch&) noexcept;

}  // namespace fits::wcs
