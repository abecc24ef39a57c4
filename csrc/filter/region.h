// Regions of a plane: what REGFILTER asks about. Shapes, included and excluded, as DS9 writes them in text files and
// the ASC Region Specification in tables.
//
// Inside means what it does in CFITSIO's fits_in_region, to the last bit: the same formulas in the same order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fits::filter {

enum class Figure : std::uint8_t {
  point,             // x, y: half a pixel around it
  line,              // x1, y1, x2, y2: half a pixel around it
  circle,            // x, y, radius
  annulus,           // x, y, inner and outer radius
  ellipse,           // x, y, two radii, angle
  elliptic_annulus,  // x, y, two inner and two outer radii, angles of both
  box,               // x, y, width, height, angle
  box_annulus,       // x, y, inner and outer width and height, angles of both
  rectangle,         // x1, y1, x2, y2, angle
  diamond,           // x, y, width, height, angle
  sector,            // x, y, two angles
  polygon,           // its corners
  panda,             // x, y, two angles, their number, inner and outer radius, their number
  elliptic_panda,    // x, y, two angles, their number, two inner and two outer radii, their number, angle
  box_panda,         // the same with widths and heights
};

struct Point {
  double x = 0, y = 0;
};

// Lengths in pixels, angles in degrees from the x axis.
struct RegionShape {
  Figure figure = Figure::point;
  bool excluded = false;
  std::int64_t component = 0;
  std::array<double, 11> p{};  // in the order above
  std::vector<double> corners;

  // What the tests below need, from the numbers above.
  double sine = 0, cosine = 0, a = 0, b = 0;
  std::array<double, 4> bounds{};  // of a polygon: lowest and highest x, and y

  // To be called when all numbers are there. Empty, or what is wrong with them.
  std::string prepare();
};

// Components are joined by "or". In one, in the order of its shapes, those that are included add to it and those that
// are excluded take away; where the first is excluded, all else is inside at the start.
struct Region {
  std::vector<RegionShape> shapes;

  // inside[i] becomes 1 where the i-th point is, else 0.
  void contains(const double* x, const double* y, std::int64_t count, std::uint8_t* inside) const noexcept;
};

// Where a place on the sky, in degrees, lies on the plane; empty where nowhere.
using SkyToPlane = std::function<std::optional<Point>(double longitude, double latitude)>;

// How a region that is given on the sky comes to the plane of two columns.
struct PlaneOfColumns {
  SkyToPlane to_plane;  // none: the columns have no such keywords
  double rotation = 0;  // degrees, added to angles
};

// A text of DS9 or SAOImage. Throws std::invalid_argument: "line N: WHAT".
Region read_region_text(std::string_view text, const PlaneOfColumns& plane);

// Splits `text` at `separator`.
std::vector<std::string_view> split(std::string_view text, char separator);
// Without white space at its ends.
std::string_view trimmed(std::string_view text) noexcept;

}  // namespace fits::filter
