// Interpolation and sums over areas: covers against polygons that are clipped, bands of rows against the whole, and
// places that no honest map gives.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "check.h"
#include "wcs/resample.h"

using namespace fits::wcs;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
const Method kPoints[] = {Method::nearest, Method::bilinear, Method::bicubic};

using Numbers = std::vector<double>;
using Outline = std::vector<Place>;

// Sutherland and Hodgman: what is left of a polygon on one side of a line a x + b y <= c.
Outline clipped(const Outline& polygon, double a, double b, double c) {
  Outline kept;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const Place p = polygon[i], q = polygon[(i + 1) % polygon.size()];
    const double u = c - a * p.x - b * p.y, v = c - a * q.x - b * q.y;
    if (u >= 0) kept.push_back(p);
    if ((u >= 0) != (v >= 0)) kept.push_back({p.x + (q.x - p.x) * u / (u - v), p.y + (q.y - p.y) * u / (u - v)});
  }
  return kept;
}

double area_of(const Outline& polygon) {
  double twice = 0;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const Place p = polygon[i], q = polygon[(i + 1) % polygon.size()];
    twice += p.x * q.y - q.x * p.y;
  }
  return std::fabs(twice) / 2;
}

double overlap(Outline polygon, double x, double y) {  // with the pixel there
  polygon = clipped(polygon, -1, 0, -(x - 0.5));
  polygon = clipped(polygon, 1, 0, x + 0.5);
  polygon = clipped(polygon, 0, -1, -(y - 0.5));
  return area_of(clipped(polygon, 0, 1, y + 0.5));
}

// One quadrilateral's covers, by the transpose: a gradient of 1.
Numbers covers(const Place corner[4], ImageSize size, const std::vector<Rows>& bands) {
  const Place above[2] = {corner[0], corner[1]}, below[2] = {corner[3], corner[2]};
  const Place centre = {(corner[0].x + corner[1].x + corner[2].x + corner[3].x) / 4,
                        (corner[0].y + corner[1].y + corner[2].y + corner[3].y) / 4};
  Numbers to(static_cast<std::size_t>(size.height * size.width));
  const double one = 1;
  AreaScratch scratch(size, 1);
  for (const Rows rows : bands) {
    spread_areas<double>({&one, 1, 1}, {above, below, &centre, 1}, size, rows, {to.data(), 1, 0}, scratch);
  }
  return to;
}

}  // namespace

TEST(covers_are_those_of_clipped_polygons) {
  std::mt19937_64 random(7);
  const ImageSize size{9, 7};
  for (int trial = 0; trial < 3000; ++trial) {
    const double radius = std::pow(10, std::uniform_real_distribution<double>(-2, 1.2)(random));
    const double x = std::uniform_real_distribution<double>(-2, 8)(random);
    const double y = std::uniform_real_distribution<double>(-2, 10)(random);
    std::uniform_real_distribution<double> some(0.6, 1.4);
    const double turn = std::uniform_real_distribution<double>(0, 6.3)(random), way = trial % 2 == 0 ? 1 : -1;
    Outline corners;
    for (int k = 0; k < 4; ++k) {
      const double angle = turn + way * (k + 0.3 * some(random)) * 1.5707963267948966;
      corners.push_back({x + radius * some(random) * std::cos(angle), y + radius * some(random) * std::sin(angle)});
    }
    if (trial % 5 == 0) {  // corners and edges on those of pixels
      for (Place& corner : corners) corner = {std::round(corner.x) + 0.5, std::round(corner.y) - 0.5};
    }
    // Clipping wants convex polygons.
    bool convex = area_of(corners) > 1e-12;
    for (std::size_t k = 0; k < 4 && convex; ++k) {
      const Place a = corners[k], b = corners[(k + 1) % 4], c = corners[(k + 2) % 4];
      convex = way * ((b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x)) >= 0;
    }
    if (!convex) continue;
    const Numbers found = covers(corners.data(), size, {{0, size.height}});
    double worst = 0;
    for (std::int64_t row = 0; row < size.height; ++row) {
      for (std::int64_t column = 0; column < size.width; ++column) {
        const double expected = overlap(corners, static_cast<double>(column), static_cast<double>(row));
        worst = std::max(worst, std::fabs(found[static_cast<std::size_t>(row * size.width + column)] - expected));
      }
    }
    CHECK(worst < 1e-12);
    const Numbers in_bands = covers(corners.data(), size, {{0, 1}, {1, 5}, {5, 5}, {5, 9}});
    CHECK(in_bands == found);
  }
}

TEST(places_that_no_honest_map_gives) {
  const ImageSize size{3, 5};
  const Numbers image(15, 2.0);
  const double odd[] = {kNan,   kInf,       -kInf,      1e300, -1e300,      1e19,       -1e19,
                        -0.5,   0,          2.5,        4.5,   2,           4,          -1e-320,
                        1e-320, -0.5000001, 4.50000001, 1,     0x1p63,      -0x1p63,    0x1p31,
                        -1,     5,          3,          2.5,   2.499999999, 4.49999999, 0.9999999999999999};
  Outline places;
  for (const double x : odd) {
    for (const double y : odd) places.push_back({x, y});
  }
  const auto count = static_cast<std::int64_t>(places.size());
  Numbers value(places.size()), weight(places.size());
  for (const Method method : kPoints) {
    interpolate(method, image.data(), size, places.data(), count, -1.0, value.data(), weight.data());
    Numbers back(15);
    spread(method, weight.data(), places.data(), count, size, {0, 3}, back.data());
    double inside = 0, sum = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
      CHECK(weight[i] == 0 || weight[i] == 1);
      CHECK(weight[i] == 0 ? value[i] == -1 : std::fabs(value[i] - 2) < 1e-12);
      inside += weight[i];
    }
    for (const double pixel : back) sum += pixel;
    CHECK(inside > 50);
    CHECK(std::fabs(sum - inside) < 1e-9);
    const Rows rows = rows_of(method, places.data(), count, size);
    CHECK(rows.first == 0 && rows.last == 3);
  }
  AreaScratch scratch(size, 1);
  Numbers back(15);
  for (std::size_t i = 0; i + 40 < places.size(); ++i) {
    const Place above[2] = {places[i], places[i + 7]}, below[2] = {places[i + 33], places[i + 40]};
    const Place centre = {(above[0].x + above[1].x + below[0].x + below[1].x) / 4,
                          (above[0].y + above[1].y + below[0].y + below[1].y) / 4};
    const Quadrilaterals one{above, below, &centre, 1};
    double sum = 0, fraction = 0;
    sum_areas<double>({image.data(), 1, 15}, size, one, -1.0, {&sum, 1, 1}, {&fraction, 1, 1}, scratch);
    CHECK(fraction >= 0 && fraction <= 1);
    spread_areas<double>({&fraction, 1, 1}, one, size, {0, 3}, {back.data(), 1, 15}, scratch);
  }
}

TEST(bands_of_rows_make_up_the_whole) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> any(-2, 12);
  const ImageSize size{11, 10};
  Outline places(500);
  Numbers gradient(500);
  for (std::size_t i = 0; i < places.size(); ++i) {
    places[i] = {any(random), any(random)};
    gradient[i] = any(random);
  }
  for (const Method method : kPoints) {
    Numbers whole(110), bands(110);
    spread(method, gradient.data(), places.data(), 500, size, {0, 11}, whole.data());
    for (const Rows rows : {Rows{0, 1}, Rows{1, 4}, Rows{4, 4}, Rows{4, 10}, Rows{10, 11}}) {
      spread(method, gradient.data(), places.data(), 500, size, rows, bands.data());
    }
    CHECK(whole == bands);
    for (int i = 0; i < 500; ++i) {  // no row beyond those that are named is touched
      Numbers one(110);
      spread(method, &gradient[static_cast<std::size_t>(i)], &places[static_cast<std::size_t>(i)], 1, size, {0, 11},
             one.data());
      const Rows rows = rows_of(method, &places[static_cast<std::size_t>(i)], 1, size);
      for (std::int64_t pixel = 0; pixel < 110; ++pixel) {
        const bool named = pixel / 10 >= rows.first && pixel / 10 < rows.last;
        CHECK(named || one[static_cast<std::size_t>(pixel)] == 0);
      }
    }
  }
}

template <class Sample>
void check_levels(Method method, ImageSize size, bool odd) {
  std::mt19937_64 random(static_cast<std::uint64_t>(size.width) + (odd ? 99 : 0));
  std::uniform_real_distribution<double> any(-1.5, static_cast<double>(std::max(size.height, size.width)) + 0.5);
  std::vector<Sample> image(static_cast<std::size_t>(size.height * size.width));
  for (Sample& pixel : image) pixel = static_cast<Sample>(any(random));
  if (odd) {
    for (std::size_t i = 0; i < image.size(); i += 7) image[i] = i % 2 == 0 ? Sample(-0.0) : Sample(kNan);
    for (std::size_t i = 3; i < image.size(); i += 31) image[i] = static_cast<Sample>(kInf);
  }
  Outline places(1003);
  for (Place& place : places) place = {any(random), any(random)};
  for (std::size_t i = 0; i < places.size(); i += 5) places[i] = {std::round(places[i].x), std::round(places[i].y)};
  const auto count = static_cast<std::int64_t>(places.size());
  std::vector<Sample> value[2], weight[2], back[2];
  for (int k = 0; k < 2; ++k) {
    const Level level = k == 0 ? Level::plain : best_level();
    value[k].resize(places.size());
    weight[k].resize(places.size());
    back[k].resize(image.size());
    interpolate(method, image.data(), size, places.data(), count, Sample(5), value[k].data(), weight[k].data(), level);
    spread(method, weight[k].data(), places.data(), count, size, {0, size.height}, back[k].data(), level);
  }
  CHECK(std::equal(value[0].begin(), value[0].end(), value[1].begin(), [](Sample a, Sample b) {
    return a == b ? std::signbit(a) == std::signbit(b) : std::isnan(a) && std::isnan(b);
  }));
  CHECK(weight[0] == weight[1]);
  CHECK(back[0] == back[1]);
}

TEST(all_instruction_sets_give_the_same_bits) {
  for (const Method method : kPoints) {
    for (const ImageSize size : {ImageSize{1, 1}, {1, 9}, {9, 1}, {2, 2}, {3, 4}, {4, 3}, {40, 31}}) {
      for (const bool odd : {false, true}) {
        check_levels<float>(method, size, odd);
        check_levels<double>(method, size, odd);
      }
    }
  }
}

TEST(several_planes_share_the_covers) {
  const ImageSize size{2, 2};
  const float image[8] = {1, 2, 3, 4, 10, 20, 30, std::numeric_limits<float>::infinity()};
  const Place above[2] = {{-0.5, -0.5}, {1.0, -0.5}}, below[2] = {{-0.5, 1.0}, {1.0, 1.0}}, centre = {0.25, 0.25};
  float value[2], weight[2];
  AreaScratch scratch(size, 2);
  sum_areas<float>({image, 2, 4}, size, {above, below, &centre, 1}, -1.0f, {value, 2, 1}, {weight, 2, 1}, scratch);
  CHECK_EQUAL(value[0], 1 + 0.5f * 2 + 0.5f * 3 + 0.25f * 4);
  CHECK(std::isinf(value[1]));
  CHECK_EQUAL(weight[0], 1.0f);
}
