// Which points lie inside of a region, and the kernel of REGFILTER.
#include "filter/region.h"

#include <algorithm>
#include <cmath>

#include "filter/kernels.h"

namespace fits::filter {
namespace {

// As region.h of CFITSIO has them; angles come out as atan2() * 180.0 / kPi.
constexpr double kPi = 3.1415926535897932385;

double degrees(double y, double x) noexcept { return std::atan2(y, x) * 180.0 / kPi; }

// From above -180 to 180.
double half_turn(double angle) noexcept {
  angle = std::fmod(angle, 360.0);  // exact, as subtracting 360 again and again is
  return angle > 180 ? angle - 360 : angle <= -180 ? angle + 360 : angle;
}

bool between(double angle, double from, double to) noexcept {
  return from <= to ? !(angle < from || angle > to) : !(angle < from && angle > to);
}

struct Turned {
  double x, y;
};

// Seen from an origin, along axes that are turned.
Turned turned(double dx, double dy, double sine, double cosine) noexcept {
  return {dx * cosine + dy * sine, -dx * sine + dy * cosine};
}

bool outside_box(const Turned& at, double width, double height) noexcept {
  const double dx = 0.5 * width, dy = 0.5 * height;
  return at.x < -dx || at.x > dx || at.y < -dy || at.y > dy;
}
bool inside_box(const Turned& at, double width, double height) noexcept {
  const double dx = 0.5 * width, dy = 0.5 * height;
  return at.x >= -dx && at.x <= dx && at.y >= -dy && at.y <= dy;
}
// Square of the distance in units of the radii.
double elliptic(const Turned& at, double x_radius, double y_radius) noexcept {
  const double x = at.x / x_radius, y = at.y / y_radius;
  return x * x + y * y;
}

bool within_angles(double x, double y, double from, double to) noexcept {
  return (x == 0 && y == 0) || between(degrees(y, x), from, to);
}

// Crossings of a line to the right of the point, odd or even; what lies on an edge is inside.
bool in_polygon(double x, double y, const std::vector<double>& corners) noexcept {
  constexpr double kEdge = 1e-10;
  const std::size_t size = corners.size();
  bool inside = false;
  double next_x = corners[size - 2], next_y = corners[size - 1];
  for (std::size_t i = 0; i < size; i += 2) {
    const double last_x = next_x, last_y = next_y;
    next_x = corners[i];
    next_y = corners[i + 1];
    if ((y > last_y && y >= next_y) || (y < last_y && y <= next_y) || (x > last_x && x >= next_x)) continue;
    if (x >= last_x || x > next_x) {
      const double dy = y - last_y, height = next_y - last_y;
      if (std::fabs(height) < kEdge) {
        if (std::fabs(dy) < kEdge) return true;
        continue;
      }
      const double dx = last_x + ((next_x - last_x) / height) * dy - x;
      if (dx < -kEdge) continue;
      if (dx < kEdge) return true;
    }
    if (y != last_y) {
      inside = !inside;
      continue;
    }
    // The line goes through a corner: the edges cross it there, or only touch it.
    std::size_t j = i + 1, steps = 0;
    do {
      j = j > 1 ? j - 2 : size - 1;
    } while (y == corners[j] && ++steps < size / 2);
    if (steps == size / 2) return true;  // all corners lie on the line; CFITSIO turns in circles here
    if ((next_y - y) * (y - corners[j]) > 0) inside = !inside;
  }
  return inside;
}

struct Points {
  const double* x;
  const double* y;
  std::int64_t count;
};

template <class Inside>
void mark(const Points& points, std::uint8_t* inside, const Inside& is_inside) noexcept {
  for (std::int64_t i = 0; i < points.count; ++i) inside[i] = is_inside(points.x[i], points.y[i]);
}

// The same with the point as seen from `origin`.
template <class Inside>
void mark_from(const Points& points, Point origin, std::uint8_t* inside, const Inside& is_inside) noexcept {
  mark(points, inside, [&](double x, double y) { return is_inside(x - origin.x, y - origin.y); });
}
template <class Inside>
void mark_turned(const Points& points, const RegionShape& shape, Point origin, std::uint8_t* inside,
                 const Inside& is_inside) noexcept {
  mark_from(points, origin, inside,
            [&](double dx, double dy) { return is_inside(turned(dx, dy, shape.sine, shape.cosine), dx, dy); });
}

void mark_shape(const RegionShape& shape, const Points& points, std::uint8_t* inside) noexcept {
  const auto& p = shape.p;
  const double a = shape.a, b = shape.b;
  const Point origin{p[0], p[1]};
  switch (shape.figure) {
    case Figure::point:
      return mark_from(points, origin, inside,
                       [](double x, double y) { return !(x < -0.5 || x >= 0.5 || y < -0.5 || y >= 0.5); });
    case Figure::line:
      return mark_turned(points, shape, origin, inside, [a](const Turned& at, double, double) {
        return !(at.y < -0.5 || at.y >= 0.5 || at.x < -0.5 || at.x >= a);
      });
    case Figure::circle:
      return mark_from(points, origin, inside, [a](double x, double y) { return x * x + y * y <= a; });
    case Figure::annulus:
      return mark_from(points, origin, inside, [a, b](double x, double y) {
        const double r = x * x + y * y;
        return !(r < a || r > b);
      });
    case Figure::ellipse:
      return mark_turned(points, shape, origin, inside,
                         [&](const Turned& at, double, double) { return !(elliptic(at, p[2], p[3]) > 1); });
    case Figure::elliptic_annulus:
      return mark_turned(points, shape, origin, inside, [&](const Turned& at, double dx, double dy) {
        return !(elliptic(at, p[4], p[5]) > 1) && !(elliptic(turned(dx, dy, a, b), p[2], p[3]) < 1);
      });
    case Figure::box:
      return mark_turned(points, shape, origin, inside,
                         [&](const Turned& at, double, double) { return !outside_box(at, p[2], p[3]); });
    case Figure::box_annulus:
      return mark_turned(points, shape, origin, inside, [&](const Turned& at, double dx, double dy) {
        return !outside_box(at, p[4], p[5]) && !inside_box(turned(dx, dy, a, b), p[2], p[3]);
      });
    case Figure::rectangle:
      return mark_turned(points, shape, {p[5], p[6]}, inside, [a, b](const Turned& at, double, double) {
        return !(at.x < -a || at.x > a || at.y < -b || at.y > b);
      });
    case Figure::diamond:
      return mark_turned(points, shape, origin, inside, [&](const Turned& at, double, double) {
        return !(std::fabs(at.x / (0.5 * p[2])) + std::fabs(at.y / (0.5 * p[3])) > 1);
      });
    case Figure::sector:
      return mark_from(points, origin, inside, [&](double x, double y) { return within_angles(x, y, p[2], p[3]); });
    case Figure::polygon:
      return mark(points, inside, [&](double x, double y) {
        const auto& [west, east, south, north] = shape.bounds;
        return !(x < west || x > east || y < south || y > north) && in_polygon(x, y, shape.corners);
      });
    case Figure::panda:
      return mark_from(points, origin, inside, [&](double x, double y) {
        const double r = x * x + y * y;
        return !(r < a || r > b) && within_angles(x, y, p[2], p[3]);
      });
    case Figure::elliptic_panda:
      return mark_turned(points, shape, origin, inside, [&](const Turned& at, double, double) {
        return !(elliptic(at, p[7], p[8]) > 1) && !(elliptic(at, p[5], p[6]) < 1) &&
               within_angles(at.x, at.y, p[2], p[3]);
      });
    case Figure::box_panda:
      return mark_turned(points, shape, origin, inside, [&](const Turned& at, double, double) {
        return !outside_box(at, p[7], p[8]) && !inside_box(at, p[5], p[6]) && within_angles(at.x, at.y, p[2], p[3]);
      });
  }
}

}  // namespace

std::string RegionShape::prepare() {
  const auto finite = [](double x) { return std::isfinite(x); };
  if (!std::ranges::all_of(p, finite) || !std::ranges::all_of(corners, finite)) {
    return "a coordinate, length or angle is no finite number";
  }
  const auto turn_by = [](double angle, double& s, double& c) {
    s = std::sin(kPi * (angle / 180.0));
    c = std::cos(kPi * (angle / 180.0));
  };
  switch (figure) {
    case Figure::point: break;
    case Figure::line: {
      const double x = p[2] - p[0], y = p[3] - p[1], r = std::sqrt(x * x + y * y);
      sine = r != 0 ? y / r : 0;
      cosine = r != 0 ? x / r : 1;
      a = r + 0.5;
      break;
    }
    case Figure::circle: a = p[2] * p[2]; break;
    case Figure::annulus: a = p[2] * p[2], b = p[3] * p[3]; break;
    case Figure::ellipse:
    case Figure::box:
    case Figure::diamond: turn_by(p[4], sine, cosine); break;
    case Figure::elliptic_annulus:
    case Figure::box_annulus:
      turn_by(p[6], a, b);
      turn_by(p[7], sine, cosine);
      break;
    case Figure::rectangle: {
      turn_by(p[4], sine, cosine);
      const double x = 0.5 * (p[2] - p[0]), y = 0.5 * (p[3] - p[1]);
      a = std::fabs(x * cosine + y * sine);
      b = std::fabs(y * cosine - x * sine);
      p[5] = 0.5 * (p[2] + p[0]);
      p[6] = 0.5 * (p[3] + p[1]);
      break;
    }
    case Figure::polygon: {
      if (corners.size() < 6) return "a polygon has three corners or more";
      bounds = {corners[0], corners[0], corners[1], corners[1]};
      for (std::size_t i = 2; i < corners.size(); i += 2) {
        bounds = {std::min(bounds[0], corners[i]), std::max(bounds[1], corners[i]), std::min(bounds[2], corners[i + 1]),
                  std::max(bounds[3], corners[i + 1])};
      }
      break;
    }
    case Figure::elliptic_panda:
    case Figure::box_panda: turn_by(p[10], sine, cosine); [[fallthrough]];
    case Figure::sector:
    case Figure::panda:
      p[2] = half_turn(p[2]);
      p[3] = half_turn(p[3]);
      if (figure == Figure::panda) a = p[5] * p[5], b = p[6] * p[6];
      break;
  }
  return {};
}

void Region::contains(const double* x, const double* y, std::int64_t count, std::uint8_t* inside) const noexcept {
  constexpr std::int64_t kBlock = 512;
  std::array<std::uint8_t, kBlock> in_shape, in_component;
  for (std::int64_t first = 0; first < count; first += kBlock) {
    const Points points{x + first, y + first, std::min(kBlock, count - first)};
    std::uint8_t* const out = inside + first;
    std::fill_n(out, points.count, 0);
    const RegionShape* last = nullptr;
    for (const RegionShape& shape : shapes) {
      if (last == nullptr || shape.component != last->component) {
        for (std::int64_t i = 0; last != nullptr && i < points.count; ++i) out[i] |= in_component[i];
        in_component.fill(shape.excluded);
      }
      last = &shape;
      mark_shape(shape, points, in_shape.data());
      if (shape.excluded) {
        for (std::int64_t i = 0; i < points.count; ++i) in_component[i] &= in_shape[i] ^ 1;
      } else {
        for (std::int64_t i = 0; i < points.count; ++i) in_component[i] |= in_shape[i];
      }
    }
    for (std::int64_t i = 0; last != nullptr && i < points.count; ++i) out[i] |= in_component[i];
  }
}

namespace {

// Operands: x, y; each a constant or of the result's shape.
void region(Call& call) {
  const Region& region = *call.node.region;
  std::uint8_t* const out = call.out<std::uint8_t>();
  const std::int64_t count = call.elements();
  const Operand &x = call.operands[0], &y = call.operands[1];
  if (!x.constant && !y.constant) {
    region.contains(x.as<double>(), y.as<double>(), count, out);
  } else if (x.constant && y.constant) {
    region.contains(x.as<double>(), y.as<double>(), 1, out);
  } else {
    constexpr std::int64_t kBlock = 512;
    std::array<double, kBlock> same;
    same.fill(*(x.constant ? x : y).as<double>());
    for (std::int64_t first = 0; first < count; first += kBlock) {
      const std::int64_t n = std::min(kBlock, count - first);
      region.contains(x.constant ? same.data() : x.as<double>() + first,
                      y.constant ? same.data() : y.as<double>() + first, n, out + first);
    }
  }
  call.join_nulls();
}

}  // namespace

Kernel region_kernel() noexcept { return region; }

}  // namespace fits::filter
