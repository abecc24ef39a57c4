// Regions in FITS tables, and the sky on the plane of two columns.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "filter/token.h"
#include "format/error.h"
#include "ops/filter_files.h"
#include "ops/tensor.h"

namespace fits::ops {
namespace {

using filter::Figure;
using filter::Region;
using filter::RegionShape;

// Keywords of a pixel list (FITS Standard 4.0, table 22): of one column, of two. The header's own CRVALn and the like
// count where those of the columns are missing: CFITSIO copies them into the image that it makes of the two columns.
struct PlaneKeywords {
  HeaderView cards;
  std::array<std::int64_t, 2> columns;

  std::optional<double> real(std::size_t i, const char* stem, const char* image) const {
    const std::string n = std::to_string(columns[i]), axis = std::to_string(i + 1);
    if (const auto value = cards.real(stem + n)) return value;
    return cards.real(image + axis);
  }
  std::optional<double> matrix(const char* stem, const char* longer, const char* image, std::size_t i,
                               std::size_t j) const {
    const std::string pair = std::to_string(columns[i]) + "_" + std::to_string(columns[j]);
    if (const auto value = cards.real(stem + pair)) return value;
    if (const auto value = cards.real(longer + pair)) return value;
    return cards.real(image + std::to_string(i + 1) + "_" + std::to_string(j + 1));
  }
  std::optional<std::string> type(std::size_t i) const {
    if (auto text = cards.string("TCTYP" + std::to_string(columns[i]))) return text;
    return cards.string("CTYPE" + std::to_string(i + 1));
  }
};

// The angle of a matrix that turns without skewing, as CFITSIO takes it; empty where the two axes disagree by more than
// 0.0002 radians.
std::optional<double> angle_of(double m11, double m12, double m21, double m22) noexcept {
  const double a = std::atan2(m21, m11), b = std::atan2(-m12, m22);
  double low = std::min(a, b);
  const double high = std::max(a, b);
  if (high - low > std::numbers::pi / 2) low += std::numbers::pi;
  if (std::fabs(low - high) > 0.0002) return std::nullopt;
  return (low + high) / 2;
}

}  // namespace

std::optional<io::SkyPlane> sky_plane(HeaderView cards, std::int64_t x_column, std::int64_t y_column) {
  const PlaneKeywords keys{cards, {x_column, y_column}};
  const auto type = keys.type(0);
  if (!type || type->size() < 5 || (*type)[4] != '-') return std::nullopt;
  io::SkyPlane plane;
  plane.projection = type->substr(4, 4);
  for (std::size_t i = 0; i < 2; ++i) {
    const double missing = keys.type(i) ? 0 : 1;  // CFITSIO gives an axis without a type ones
    plane.value[i] = keys.real(i, "TCRVL", "CRVAL").value_or(missing);
    plane.pixel[i] = keys.real(i, "TCRPX", "CRPIX").value_or(missing);
  }
  const auto step = keys.real(0, "TCDLT", "CDELT");
  const auto rotation = keys.real(1, "TCROT", "CROTA");
  plane.step = {step.value_or(1), keys.real(1, "TCDLT", "CDELT").value_or(1)};
  plane.rotation = rotation.value_or(0);
  const bool deltas = step.has_value();
  const char* const stem = deltas ? "TP" : "TC";
  const char* const longer = deltas ? "TPC" : "TCD";
  const char* const image = deltas ? "PC" : "CD";
  std::array<std::optional<double>, 4> m;
  for (std::size_t k = 0; k < 4; ++k) m[k] = keys.matrix(stem, longer, image, k / 2, k % 2);
  const bool any = m[0] || m[1] || m[2] || m[3];
  if (any && !(deltas && rotation)) {
    const double one = deltas ? 1 : 0;
    const double m11 = m[0].value_or(one), m22 = m[3].value_or(one);
    const auto angle = angle_of(m11, m[1].value_or(0), m[2].value_or(0), m22);
    if (!angle) return std::nullopt;
    plane.rotation = *angle * 180. / std::numbers::pi;
    if (!deltas) {
      plane.step = {m11 / std::cos(*angle), m22 / std::cos(*angle)};
      if (plane.step[1] < 0) {
        plane.step = {-plane.step[0], -plane.step[1]};
        plane.rotation -= 180;
      }
    }
  }
  if (type->starts_with("DEC-") || type->substr(1).starts_with("LAT")) {
    plane.rotation = 90. - plane.rotation;
    plane.step[1] = -plane.step[1];
    std::swap(plane.value[0], plane.value[1]);
  }
  return plane;
}

namespace {

// What a row holds: points of X and Y, numbers of R and of ROTANG, and where each is among those of the shape.
struct RowKind {
  std::string_view name;
  Figure figure;
  std::size_t points, lengths, angles;
};
constexpr RowKind kRowKinds[] = {
    {"POINT", Figure::point, 1, 0, 0},
    {"CIRCLE", Figure::circle, 1, 1, 0},
    {"ELLIPSE", Figure::ellipse, 1, 2, 1},
    {"ANNULUS", Figure::annulus, 1, 2, 0},
    {"BOX", Figure::box, 1, 2, 1},
    {"ELLIPTANNULUS", Figure::elliptic_annulus, 1, 4, 2},
    {"ROTBOX", Figure::box, 1, 2, 1},
    {"BOXANNULUS", Figure::box_annulus, 1, 4, 2},
    {"RECTANGLE", Figure::rectangle, 2, 0, 0},
    {"ROTRECTANGLE", Figure::rectangle, 2, 0, 1},
    {"POLYGON", Figure::polygon, 0, 0, 0},
    {"DIAMOND", Figure::diamond, 1, 2, 1},
    {"RHOMBUS", Figure::diamond, 1, 2, 1},
    {"ROTDIAMOND", Figure::diamond, 1, 2, 1},
    {"ROTRHOMBUS", Figure::diamond, 1, 2, 1},
    // An annulus between two angles: the Specification's PIE and SECTOR.
    {"PIE", Figure::panda, 1, 2, 2},
    {"SECTOR", Figure::panda, 1, 2, 2},
};

// How places of the region's plane come to that of the filtered table.
struct Move {
  std::optional<io::SkyPlane> from, to;

  bool nothing() const noexcept { return !from || !to; }
  double turn() const noexcept { return nothing() ? 0 : to->rotation - from->rotation; }
  filter::Point operator()(filter::Point point) const {
    if (nothing()) return point;
    const auto sky = from->to_sky(point.x, point.y);
    const auto at = sky ? to->to_pixel((*sky)[0], (*sky)[1]) : std::nullopt;
    if (at) return {(*at)[0], (*at)[1]};
    throw std::invalid_argument(sentence("(", point.x, ", ", point.y, ") of its plane (", from->projection,
                                         ") lies nowhere on that of the columns (", to->projection, ")"));
  }
};

class RegionTable {
 public:
  RegionTable(const io::Source& source, std::int64_t hdu, const std::optional<io::SkyPlane>& plane)
      : table_(source, hdu) {
    const Column &x = column("X"), &y = column("Y");
    x_ = table_.reals(x), y_ = table_.reals(y), r_ = table_.reals(column("R")), angle_ = table_.reals(column("ROTANG"));
    shapes_ = table_.strings(column("SHAPE"));
    const auto component = std::ranges::find_if(
        table_.table().columns, [](const Column& c) { return filter::capitals(c.name) == "COMPONENT"; });
    if (component != table_.table().columns.end()) components_ = table_.reals(*component);
    move_ = {sky_plane(table_.cards(), x.number, y.number), plane};
  }

  Region read() const {
    Region region;
    for (std::int64_t row = 0; row < table_.rows(); ++row) {
      try {
        region.shapes.push_back(shape(static_cast<std::size_t>(row)));
      } catch (const std::invalid_argument& error) {
        throw FileError(Status::bad_header, sentence("row ", row, ": ", error.what()));
      }
    }
    if (region.shapes.empty()) throw FileError(Status::bad_header, "its table holds no region");
    return region;
  }

 private:
  const Column& column(const char* name) const { return table_.table().column(name); }

  static double number(const Reals& reals, std::size_t row, std::size_t k, const char* name) {
    const auto each = static_cast<std::size_t>(reals.each);
    if (k >= each) throw std::invalid_argument(sentence("its shape takes more than the ", each, " values of ", name));
    const double value = reals.values[row * each + k];
    if (!std::isfinite(value)) throw std::invalid_argument(sentence("value ", k + 1, " of ", name, " is none"));
    return value;
  }

  RegionShape shape(std::size_t row) const {
    std::string_view name = shapes_[row];
    RegionShape made;
    made.excluded = name.starts_with('!');
    if (made.excluded) name.remove_prefix(1);
    const std::string capital = filter::capitals(name);
    const auto* const kind = std::ranges::find(kRowKinds, std::string_view(capital), &RowKind::name);
    if (kind == std::end(kRowKinds)) {
      throw std::invalid_argument("'" + std::string(name) + "' is no shape that is known here");
    }
    made.figure = kind->figure;
    if (components_) {
      const double component = number(*components_, row, 0, "COMPONENT");
      made.component = std::llround(std::clamp(component, -1e15, 1e15));
    }
    if (kind->figure == Figure::polygon) {
      fill_corners(row, made.corners);
    } else {
      fill(row, *kind, made.p);
    }
    if (const std::string error = made.prepare(); !error.empty()) throw std::invalid_argument(error);
    return made;
  }

  // As many corners as there are up to the first that is NULL, or that is the first one again.
  void fill_corners(std::size_t row, std::vector<double>& corners) const {
    const auto each = static_cast<std::size_t>(std::min(x_.each, y_.each));
    const double* const x = &x_.values[row * static_cast<std::size_t>(x_.each)];
    const double* const y = &y_.values[row * static_cast<std::size_t>(y_.each)];
    for (std::size_t k = 0; k < each && std::isfinite(x[k]) && std::isfinite(y[k]); ++k) {
      const filter::Point at = move_({x[k], y[k]});
      corners.insert(corners.end(), {at.x, at.y});
      if (k > 0 && x[k] == x[0] && y[k] == y[0]) break;
    }
  }

  void fill(std::size_t row, const RowKind& kind, std::array<double, 11>& p) const {
    const filter::Point first{number(x_, row, 0, "X"), number(y_, row, 0, "Y")};
    for (std::size_t k = 0; k < kind.points; ++k) {
      const filter::Point at = move_({number(x_, row, k, "X"), number(y_, row, k, "Y")});
      p[2 * k] = at.x;
      p[2 * k + 1] = at.y;
    }
    const bool pie = kind.figure == Figure::panda;
    for (std::size_t k = 0; k < kind.lengths; ++k) {
      double length = number(r_, row, k, "R");
      if (!move_.nothing()) {  // upwards in the region's plane, as CFITSIO measures
        const filter::Point end = move_({first.x, first.y + length});
        length = std::sqrt(std::pow(end.x - p[0], 2) + std::pow(end.y - p[1], 2));
      }
      p[pie ? 5 + k : 2 + k] = length;
    }
    for (std::size_t k = 0; k < kind.angles; ++k) {
      const double angle = number(angle_, row, k, "ROTANG") + move_.turn();
      p[pie ? 2 + k : kind.figure == Figure::rectangle ? 4 : 2 + kind.lengths + k] = angle;
    }
  }

  WholeTable table_;
  Reals x_, y_, r_, angle_;
  std::optional<Reals> components_;
  std::vector<std::string> shapes_;
  Move move_;
};

}  // namespace

Region read_region_table(const io::Source& source, std::int64_t hdu, const std::optional<io::SkyPlane>& plane) {
  return RegionTable(source, hdu, plane).read();
}

}  // namespace fits::ops
