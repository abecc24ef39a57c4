// Places on the sky, in degrees: within a cone, between meridians and parallels, in a polygon of great circles. None
// has a seam at the poles or where right ascension begins.
#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "filter/kernels.h"

namespace fits::filter {
namespace {

constexpr double kDegree = std::numbers::pi / 180;

// sin^2(x / 2): exact for small angles too.
double haversine(double degrees) noexcept {
  const double s = std::sin(degrees * kDegree / 2);
  return s * s;
}

// From 0 to below 360. The remainder is exact.
double turn(double degrees) noexcept {
  if (degrees >= 0 && degrees < 360) return degrees;
  const double rest = std::fmod(degrees, 360.0);
  return rest < 0 ? rest + 360 : rest;
}

// Cones are asked about many points of which most lie far off: their declination alone says so.
struct Cone {
  double ra, dec, radius, cos_dec, limit, band;

  Cone(double ra, double dec, double radius) noexcept
      : ra(ra),
        dec(dec),
        radius(radius),
        cos_dec(std::cos(dec * kDegree)),
        limit(haversine(radius)),
        band(radius * (1 + 1e-12) + 1e-12) {}

  bool contains(double a, double d) const noexcept {
    if (!(std::fabs(d - dec) <= band)) return false;
    return radius >= 180 || haversine(d - dec) + cos_dec * std::cos(d * kDegree) * haversine(a - ra) <= limit;
  }
};

// Operands: right ascension, declination; of the centre; radius.
void cone(Call& call) {
  const Operand* const x = call.operands;
  std::uint8_t* const out = call.out<std::uint8_t>();
  const bool fixed = x[2].constant && x[3].constant && x[4].constant;
  Cone cone(value_at<double>(x[2], 0), value_at<double>(x[3], 0), value_at<double>(x[4], 0));
  for (std::int64_t i = 0, n = call.elements(); i < n; ++i) {
    if (!fixed) cone = Cone(value_at<double>(x[2], i), value_at<double>(x[3], i), value_at<double>(x[4], i));
    out[i] = cone.contains(value_at<double>(x[0], i), value_at<double>(x[1], i));
  }
  call.join_nulls();
}

// Operands: right ascension, declination; from and to which meridian (eastward); from and to which parallel. Both ends
// belong to the box. A pole has every right ascension.
void box(Call& call) {
  const Operand* const x = call.operands;
  std::uint8_t* const out = call.out<std::uint8_t>();
  for (std::int64_t i = 0, n = call.elements(); i < n; ++i) {
    const double dec = value_at<double>(x[1], i);
    const double west = value_at<double>(x[2], i), east = value_at<double>(x[3], i);
    if (!(dec >= value_at<double>(x[4], i) && dec <= value_at<double>(x[5], i))) {
      out[i] = 0;
      continue;
    }
    const double ra = turn(value_at<double>(x[0], i)), from = turn(west), to = turn(east);
    const bool between = from <= to ? ra >= from && ra <= to : ra >= from || ra <= to;
    out[i] = between || east - west >= 360 || std::fabs(dec) == 90;
  }
  call.join_nulls();
}

using Vector = std::array<double, 3>;

Vector direction(double ra, double dec) noexcept {
  const double c = std::cos(dec * kDegree);
  return {c * std::cos(ra * kDegree), c * std::sin(ra * kDegree), std::sin(dec * kDegree)};
}
double dot(const Vector& a, const Vector& b) noexcept { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
Vector cross(const Vector& a, const Vector& b) noexcept {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
Vector unit(const Vector& a) noexcept {
  const double size = std::sqrt(dot(a, a));
  return {a[0] / size, a[1] / size, a[2] / size};
}

// Seen from the middle of the Earth on a plane that touches the sky (the gnomonic projection), great circles are
// straight lines, so that a polygon of them is a plane one. node.reals: the plane's point of contact and its two axes;
// the cosine of how far off the farthest corner is, and the declinations that this leaves; the corners.
constexpr std::size_t kCorners = 12;

struct Plane {
  Vector centre, x_axis, y_axis;

  std::array<double, 2> project(const Vector& v) const noexcept {
    const double z = dot(v, centre);
    return {dot(v, x_axis) / z, dot(v, y_axis) / z};
  }
};

bool in_polygon(const std::vector<double>& reals, double x, double y) noexcept {
  bool inside = false;
  for (std::size_t i = kCorners, j = reals.size() - 2; i < reals.size(); j = i, i += 2) {
    const double x1 = reals[i], y1 = reals[i + 1], x2 = reals[j], y2 = reals[j + 1];
    if ((y1 > y) != (y2 > y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}

void polygon(Call& call) {
  const auto& r = call.node.reals;
  const Plane plane{{r[0], r[1], r[2]}, {r[3], r[4], r[5]}, {r[6], r[7], r[8]}};
  std::uint8_t* const out = call.out<std::uint8_t>();
  for (std::int64_t i = 0, n = call.elements(); i < n; ++i) {
    const double dec = value_at<double>(call.operands[1], i);
    out[i] = 0;
    if (!(dec >= r[10] && dec <= r[11])) continue;
    const Vector v = direction(value_at<double>(call.operands[0], i), dec);
    if (dot(v, plane.centre) < r[9]) continue;
    const auto [x, y] = plane.project(v);
    out[i] = in_polygon(r, x, y);
  }
  call.join_nulls();
}

}  // namespace

std::string prepare_polygon(const std::vector<double>& corners, std::vector<double>& reals) {
  std::vector<Vector> directions;
  Vector centre{};
  for (std::size_t i = 0; i + 1 < corners.size(); i += 2) {
    if (!std::isfinite(corners[i]) || !(std::fabs(corners[i + 1]) <= 90)) {
      return "a corner of SKYPOLYGON has no place on the sky: declinations are from -90 to 90 degrees";
    }
    directions.push_back(direction(corners[i], corners[i + 1]));
    for (std::size_t k = 0; k < 3; ++k) centre[k] += directions.back()[k];
  }
  // A point from which all corners are less than 89 degrees away: corners that are too far pull it towards them.
  constexpr double kNear = 0.01745;
  double nearest = -1;
  for (int step = 0; step < 1000 && nearest < kNear; ++step) {
    if (dot(centre, centre) > 1e-20) centre = unit(centre);
    const Vector* farthest = &directions[0];
    for (const Vector& v : directions) farthest = dot(v, centre) < dot(*farthest, centre) ? &v : farthest;
    nearest = dot(*farthest, centre);
    if (nearest >= kNear) break;
    for (std::size_t k = 0; k < 3; ++k) centre[k] += (*farthest)[k] / 2;
  }
  if (nearest < kNear) {
    return "the corners of SKYPOLYGON do not lie in one hemisphere: join smaller polygons with ||";
  }
  const Vector pole = std::fabs(centre[2]) < 0.9 ? Vector{0, 0, 1} : Vector{1, 0, 0};
  const Vector x_axis = unit(cross(pole, centre));
  const Plane plane{centre, x_axis, cross(centre, x_axis)};
  reals.clear();
  for (const Vector& axis : {plane.centre, plane.x_axis, plane.y_axis})
    reals.insert(reals.end(), axis.begin(), axis.end());
  const double radius = std::acos(nearest) / kDegree, middle = std::asin(centre[2]) / kDegree;
  reals.insert(reals.end(), {nearest - 1e-12, middle - radius - 1e-9, middle + radius + 1e-9});
  for (const Vector& v : directions) {
    const auto point = plane.project(v);
    reals.insert(reals.end(), point.begin(), point.end());
  }
  return {};
}

Kernel cone_kernel() noexcept { return cone; }
Kernel sky_box_kernel() noexcept { return box; }
Kernel polygon_kernel() noexcept { return polygon; }

}  // namespace fits::filter
