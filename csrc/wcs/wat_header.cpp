// IRAF's surfaces in WATi_nnn: the TNX and ZPX conventions of the FITS registry.
#include <algorithm>
#include <charconv>
#include <string>

#include "format/error.h"
#include "wcs/distortion_header.h"
#include "wcs/distortion_text.h"

namespace fits::wcs {
namespace {

[[noreturn]] void fail(const std::string& what) { throw FileError(Status::bad_header, what); }

constexpr std::size_t kPart = 68;  // characters of the text in a card

// The text of axis 1 or 2: the strings of WATi_001, WATi_002, ... each filled up with blanks.
std::string text_of(const HeaderView& header, int axis) {
  std::string text;
  const std::string start = "WAT" + std::to_string(axis) + "_";
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::string_view name = header.card_text(i).substr(0, 8);
    if (!name.starts_with(start)) continue;
    int number = 0;
    if (std::from_chars(name.data() + 5, name.data() + 8, number).ptr != name.data() + 8 || number < 1) continue;
    const auto part = string_value(header.card(i));
    if (!part) fail(std::string(name) + " is not a string");
    const std::size_t at = static_cast<std::size_t>(number - 1) * kPart;
    if (text.size() < at + kPart) text.resize(at + kPart, ' ');
    std::copy_n(part->begin(), std::min(part->size(), kPart), text.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return text;
}

std::string_view word_after(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + key.size());
  return text.substr(0, std::min(text.find(' '), text.size()));
}

// The numbers between the quotes, in turn.
class Numbers {
 public:
  Numbers(std::string_view text, std::string name) : name_(std::move(name)) {
    const std::size_t quote = text.find('"');
    if (quote == std::string_view::npos) fail(name_ + " has no polynomial: lngcor or latcor = \"...\" is missing");
    rest_ = text.substr(quote + 1);
    rest_ = rest_.substr(0, std::min(rest_.find('"'), rest_.size()));
  }
  double next(const char* what) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
    const std::string_view word = rest_.substr(0, std::min(rest_.find(' '), rest_.size()));
    rest_.remove_prefix(word.size());
    if (word.empty()) fail(name_ + " ends before " + what);
    const auto number = number_in(word);
    if (!number) fail(name_ + ": " + what + " is '" + std::string(word) + "', which is not a finite number");
    return *number;
  }
  int next_integer(const char* what, int low, int high) {
    const double number = next(what);
    if (!(number >= low && number <= high) || number != static_cast<int>(number)) {
      fail(name_ + ": " + what + " must be an integer from " + std::to_string(low) + " to " + std::to_string(high));
    }
    return static_cast<int>(number);
  }
  const std::string& name() const { return name_; }

 private:
  std::string_view rest_;
  std::string name_;
};

// Type, orders in x and y, cross terms (0 none, 1 all, 2 half), range, coefficients with x running fastest.
Surface surface_of(std::string_view text, const std::string& name) {
  Numbers numbers(text, name);
  Surface surface;
  surface.kind = numbers.next_integer("the type of function (1 Chebyshev, 2 Legendre, 3 monomials)", 1, 3);
  const int columns = numbers.next_integer("the order in x", 1, 100);
  const int rows = numbers.next_integer("the order in y", 1, 100);
  const int cross = numbers.next_integer("the type of cross terms (0 none, 1 all, 2 half)", 0, 2);
  for (double& end : surface.range) end = numbers.next("the ranges of x and y");
  if (surface.kind != Surface::monomial &&
      (surface.range[0] == surface.range[1] || surface.range[2] == surface.range[3])) {
    fail(name + ": the range of x or y is empty");
  }
  for (int n = 0; n < rows; ++n) {
    for (int m = 0; m < columns; ++m) {
      if (cross == 0 && m != 0 && n != 0) continue;
      if (cross == 2 && m + n >= std::max(columns, rows)) continue;
      const double coefficient = numbers.next("its last coefficient");
      if (coefficient == 0) continue;
      if (m + n > sip::kMaxOrder) {
        fail(name + ": a term of degree " + std::to_string(m + n) + " (at most 9 are supported, as by wcslib)");
      }
      surface.terms.push_back({m, n, coefficient});
    }
  }
  return surface;
}

// projp0=..., which are all on the axis of latitude.
std::vector<Parameter> projection_parameters(const std::string& text) {
  std::vector<Parameter> found;
  for (std::size_t at = text.find("projp"); at != std::string::npos; at = text.find("projp", at + 5)) {
    const std::size_t equals = text.find('=', at);
    int m = -1;
    if (equals != std::string::npos) std::from_chars(text.data() + at + 5, text.data() + equals, m);
    if (m < 0 || m > 29) fail("WAT2_nnn: a parameter of the projection is not projp0 to projp29");
    const auto value = number_in(word_after(text, text.substr(at, equals + 1 - at)));
    if (!value) fail("WAT2_nnn: projp" + std::to_string(m) + " is not a finite number");
    found.push_back({1, m, *value});
  }
  return found;
}

}  // namespace

Surfaces surfaces_from_wat(const HeaderView& header) {
  const std::array<std::string, 2> texts = {text_of(header, 1), text_of(header, 2)};
  const auto type = [&](std::size_t i) { return word_after(texts[i], "wtype="); };
  const auto is_surface = [](std::string_view name) { return name == "tnx" || name == "zpx"; };
  if (!is_surface(type(0)) && !is_surface(type(1))) return {};
  for (std::size_t i = 0; i < 2; ++i) {
    if (texts[i].empty()) fail("WAT" + std::to_string(i + 1) + "_001 is missing, and the other axis has a surface");
    if (!is_surface(type(i))) return {};  // as wcslib: both axes, or none
  }
  Surfaces to;
  to.distortions.axes = {distortion_of(0, 1), distortion_of(1, 0)};
  for (std::size_t i = 0; i < 2; ++i) {
    to.distortions.kinds |= type(i) == "tnx" ? kDistortionTnx : kDistortionZpx;
    to.distortions.axes[i].variables = {0, 1};
    to.distortions.axes[i].fixed = terms_of(surface_of(texts[i], "WAT" + std::to_string(i + 1) + "_nnn"));
  }
  if (type(1) == "zpx") to.parameters = projection_parameters(texts[1]);
  return to;
}

}  // namespace fits::wcs
