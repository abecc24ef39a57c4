// Region files of SAOImage and DS9, as CFITSIO's fits_read_ascii_region understands them: one or more shapes on a line,
// a minus sign before those that are excluded, coordinates in pixels, degrees or hours and degrees.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "filter/region.h"
#include "filter/token.h"

namespace fits::filter {
namespace {

bool blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

// The shapes by name: how many numbers they take, how many of them are coordinates.
struct Kind {
  std::string_view name;
  Figure figure;
  std::size_t least, most, coordinates;
};
constexpr Kind kKinds[] = {
    {"CIRCLE", Figure::circle, 3, 3, 2},
    {"ANNULUS", Figure::annulus, 4, 4, 2},
    {"ELLIPSE", Figure::ellipse, 4, 8, 2},  // with six numbers or more an annulus
    {"ELLIPTANNULUS", Figure::elliptic_annulus, 6, 8, 2},
    {"BOX", Figure::box, 4, 8, 2},
    {"ROTBOX", Figure::box, 4, 8, 2},
    {"RECTANGLE", Figure::rectangle, 4, 5, 4},
    {"ROTRECTANGLE", Figure::rectangle, 4, 5, 4},
    {"DIAMOND", Figure::diamond, 4, 5, 2},
    {"ROTDIAMOND", Figure::diamond, 4, 5, 2},
    {"RHOMBUS", Figure::diamond, 4, 5, 2},
    {"ROTRHOMBUS", Figure::diamond, 4, 5, 2},
    {"SECTOR", Figure::sector, 4, 4, 2},
    {"PIE", Figure::sector, 4, 4, 2},
    {"POINT", Figure::point, 2, 2, 2},
    {"LINE", Figure::line, 4, 4, 4},
    {"POLYGON", Figure::polygon, 6, SIZE_MAX, SIZE_MAX},
    {"PANDA", Figure::panda, 8, 8, 2},
    {"EPANDA", Figure::elliptic_panda, 10, 11, 2},
    {"BPANDA", Figure::box_panda, 10, 11, 2},
};

// Numbers of a shape that are angles: p[first] to p[last].
struct Angles {
  std::size_t first, last;
  bool holds(std::size_t i) const noexcept { return i >= first && i <= last; }
};
Angles angles_of(Figure figure) noexcept {
  switch (figure) {
    case Figure::sector:
    case Figure::panda:
    case Figure::elliptic_panda:
    case Figure::box_panda: return {2, 3};
    case Figure::ellipse:
    case Figure::box:
    case Figure::rectangle:
    case Figure::diamond: return {4, 4};
    case Figure::elliptic_annulus:
    case Figure::box_annulus: return {6, 7};
    default: return {1, 0};
  }
}

// How coordinates are written. It holds for the shapes that follow too.
enum class Format : std::uint8_t { pixels, degrees, sexagesimal };

class Reader {
 public:
  explicit Reader(const PlaneOfColumns& plane) : plane_(plane) {}

  Region read(std::string_view text) {
    for (const std::string_view line : split(text, '\n')) {
      ++line_;
      read_line(line);
    }
    if (region_.shapes.empty()) throw std::invalid_argument("it holds no region");
    number_components();
    return std::move(region_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::invalid_argument("line " + std::to_string(line_) + ": " + what);
  }
  static std::string quoted(std::string_view text) {
    std::string result = "'";
    for (const char c : text.substr(0, 60)) result += c < ' ' || c > '~' ? '?' : c;
    return result += "'";
  }

  void read_line(std::string_view line) {
    if (line.starts_with('#')) return read_comment(trimmed(line.substr(1)));
    if (capitals(line.substr(0, 4)) == "GLOB") return;
    line = line.substr(0, line.find('#'));
    while (!trimmed(line).empty()) {
      const std::size_t end = line.find_first_of("()");
      if (end == std::string_view::npos) return read_shape(trimmed(line), {}, false);
      if (line[end] == ')') fail("this ) closes nothing: " + quoted(trimmed(line)));
      const std::size_t close = line.find_first_of("()", end + 1);
      if (close == std::string_view::npos || line[close] == '(') {
        fail("the ( has no ) on its line: " + quoted(trimmed(line)));
      }
      read_shape(trimmed(line.substr(0, end)), line.substr(end + 1, close - end - 1), true);
      line.remove_prefix(close + 1);
    }
  }

  void read_comment(std::string_view text) {
    if (capitals(text.substr(0, 7)) != "FORMAT:") return;
    const std::string format = capitals(trimmed(text.substr(7)));
    if (!region_.shapes.empty()) fail("the format must be given before the first shape");
    if (format.starts_with("PIXEL")) {
      format_ = Format::pixels;
    } else if (format.starts_with("DEGREE")) {
      format_ = Format::degrees;
    } else if (format.starts_with("HHMMSS") || format.starts_with("HMS")) {
      format_ = Format::sexagesimal;
    } else {
      fail(quoted(text) + " is no format; PIXEL, DEGREE and HHMMSS are");
    }
  }

  // A coordinate system before a shape ("fk5;circle"), or alone on a line.
  bool read_system(std::string_view& name, bool alone) {
    const std::size_t semicolon = name.find(';');
    if (semicolon == std::string_view::npos && !alone) return false;
    const std::string system = capitals(trimmed(name.substr(0, semicolon)));
    if (system == "IMAGE" || system == "PHYSICAL" || system == "LINEAR") {
      format_ = Format::pixels;
    } else if (system == "FK4" || system == "FK5" || system == "ICRS") {
      format_ = Format::degrees;
    } else if (system == "GALACTIC" || system == "ECLIPTIC") {
      fail(system + " coordinates are not known here: save the regions in FK5, ICRS or image coordinates");
    } else {
      return false;
    }
    name = semicolon == std::string_view::npos ? std::string_view() : trimmed(name.substr(semicolon + 1));
    return true;
  }

  void read_shape(std::string_view name, std::string_view inside, bool parentheses) {
    const std::string_view whole = name;
    const std::vector<std::string_view> numbers = split(inside, ',');
    // As CFITSIO: a colon or a d among the numbers says how coordinates are written, from here on.
    const std::size_t mark = inside.find_last_of(":d");
    if (mark != std::string_view::npos) format_ = inside[mark] == ':' ? Format::sexagesimal : Format::degrees;
    if (read_system(name, !parentheses) && name.empty() && !parentheses) return;
    RegionShape shape;
    if (name.starts_with('+') || name.starts_with('-')) {
      shape.excluded = name[0] == '-';
      name = trimmed(name.substr(1));
    }
    const std::string capital = capitals(name);
    const auto* const kind = std::ranges::find(kKinds, std::string_view(capital), &Kind::name);
    if (kind == std::end(kKinds) || !parentheses) {
      fail(quoted(whole) + " is no shape that is known here: " + known_shapes());
    }
    const std::size_t size = numbers.size();
    const bool polygon = kind->figure == Figure::polygon;
    const bool wrong = kind->name == "ELLIPTANNULUS" ? size != 6 && size != 8 : polygon && size % 2 != 0;
    if (size < kind->least || size > kind->most || wrong) {
      fail(capital + " does not take " + std::to_string(size) + " numbers");
    }
    shape.figure = kind->figure;
    if (kind->figure == Figure::ellipse && size > 5) shape.figure = Figure::elliptic_annulus;
    if (kind->figure == Figure::box && size > 5) shape.figure = Figure::box_annulus;
    if (polygon) shape.corners.resize(size);
    fill(shape, numbers, std::min(kind->coordinates, size));
    if (const std::string error = shape.prepare(); !error.empty()) fail(error);
    region_.shapes.push_back(std::move(shape));
  }

  static std::string known_shapes() {
    std::string all;
    for (const Kind& kind : kKinds) all += (all.empty() ? "" : ", ") + std::string(kind.name);
    return all;
  }

  void fill(RegionShape& shape, const std::vector<std::string_view>& numbers, std::size_t coordinates) {
    double* const p = shape.figure == Figure::polygon ? shape.corners.data() : shape.p.data();
    const Angles angles = angles_of(shape.figure);
    Point first;  // as written: lengths on the sky are measured from there
    for (std::size_t i = 0; i < coordinates; i += 2) {
      const Point written = coordinate_pair(numbers[i], numbers[i + 1]);
      if (i == 0) first = written;
      const Point at = format_ == Format::pixels ? written : on_plane(written);
      p[i] = at.x;
      p[i + 1] = at.y;
    }
    for (std::size_t i = coordinates; i < numbers.size(); ++i) {
      char unit = 0;
      p[i] = number(numbers[i], &unit);
      const bool angle = angles.holds(i) || (i == 10 && shape.figure >= Figure::elliptic_panda);
      const double per_degree = unit == '"' ? 3600.0 : unit == '\'' ? 60.0 : unit == 'd' && !angle ? 1.0 : 0.0;
      if (per_degree == 0) continue;
      if (format_ == Format::pixels)
        fail(quoted(trimmed(numbers[i])) + " is a length on the sky, of a place in pixels");
      // Northward or southward, whichever leads away from the pole. Pixels are taken to be square, as CFITSIO does.
      const double degrees = p[i] / per_degree;
      const Point end = on_plane({first.x, first.y < 0 ? first.y + degrees : first.y - degrees});
      p[i] = std::sqrt(std::pow(end.x - p[0], 2) + std::pow(end.y - p[1], 2));
    }
    if (numbers.size() == 7 && angles.first == 6) p[7] = p[6];
    if (format_ == Format::pixels) return;
    for (std::size_t i = angles.first; i <= angles.last; ++i) p[i] += plane_.rotation;
    if (shape.figure >= Figure::elliptic_panda) p[10] += plane_.rotation;
  }

  Point on_plane(Point sky) const {
    if (!plane_.to_plane) {
      fail(
          "it is given on the sky, and the columns have no keywords (TCTYPn, TCRVLn, TCRPXn, TCDLTn) that say where "
          "that is");
    }
    if (const auto at = plane_.to_plane(sky.x, sky.y)) return *at;
    fail("longitude " + std::to_string(sky.x) + ", latitude " + std::to_string(sky.y) +
         " lies nowhere on the plane of the columns");
  }

  // The number that the text begins with; `unit` becomes the character after it.
  double number(std::string_view text, char* unit = nullptr) const {
    std::string_view rest = trimmed(text);
    if (rest.starts_with('+')) rest.remove_prefix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    const std::string_view after = trimmed(rest.substr(static_cast<std::size_t>(end - rest.data())));
    const bool known = after.empty() || (after.size() == 1 && std::string_view("\"'dpi").find(after[0]) != after.npos);
    if (error != std::errc() || !known) fail(quoted(trimmed(text)) + " is no number that is known here");
    if (unit != nullptr) *unit = after.empty() ? '\0' : after[0];
    return value;
  }

  Point coordinate_pair(std::string_view x, std::string_view y) {
    const bool colons = x.find(':') != x.npos;
    if (colons != (y.find(':') != y.npos)) fail("one coordinate is sexagesimal and the other is not");
    if (!colons) return {number(x), number(y)};
    const auto [hours, minus] = sexagesimal(x);
    const auto [degrees, south] = sexagesimal(y);
    if (minus) fail("right ascension " + quoted(trimmed(x)) + " is negative");
    format_ = Format::sexagesimal;
    const double latitude = south ? -degrees[0] - degrees[1] / 60. - degrees[2] / 3600.
                                  : degrees[0] + degrees[1] / 60. + degrees[2] / 3600.;
    return {15. * (hours[0] + hours[1] / 60. + hours[2] / 3600.), latitude};
  }

  struct Sexagesimal {
    std::array<double, 3> parts;
    bool minus;
  };
  Sexagesimal sexagesimal(std::string_view text) const {
    text = trimmed(text);
    const bool minus = text.starts_with('-');
    const std::vector<std::string_view> pieces = split(minus ? text.substr(1) : text, ':');
    if (pieces.size() > 3) fail(quoted(text) + " has more than three parts");
    std::array<double, 3> parts{};
    for (std::size_t i = 0; i < pieces.size(); ++i) parts[i] = number(pieces[i]);
    for (std::size_t i = 0; i < 2; ++i) {
      if (parts[i] != std::trunc(parts[i])) fail(quoted(text) + ": hours, degrees and minutes are whole numbers");
    }
    return {parts, minus};
  }

  // A shape that is excluded takes from all that are included before it in the file. Those that no included one comes
  // before are a region of their own: all but them.
  void number_components() {
    bool included = false;
    for (RegionShape& shape : region_.shapes) {
      included = included || !shape.excluded;
      shape.component = included;
    }
  }

  const PlaneOfColumns& plane_;
  Region region_;
  Format format_ = Format::pixels;
  std::int64_t line_ = 0;
};

}  // namespace

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const std::size_t at = text.find(separator);
    pieces.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return pieces;
    text.remove_prefix(at + 1);
  }
}

Region read_region_text(std::string_view text, const PlaneOfColumns& plane) { return Reader(plane).read(text); }

}  // namespace fits::filter
