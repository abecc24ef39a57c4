#include "wcs/write_distortion.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "wcs/polynomial.h"

namespace fits::wcs {
namespace {

namespace record = distortion::record;

[[noreturn]] void refuse_slots() {
  throw std::invalid_argument("its distortion has slots that no header gives; make it again from its header");
}

// Makes of records what a header says: the inverse of distortion_block() in distortion_pack.h, with CDELT = 1.
class Reader {
 public:
  Reader(const Packed& wcs, Position position)
      : wcs_(wcs),
        block_(wcs.block(position == Position::prior ? head::kPolynomial : head::kSequent)),
        prior_(position == Position::prior) {}

  int count() const { return distorted_axes(block_); }

  AxisDistortion operator[](int k) const {
    const double* const from = PolynomialGroup{block_, 0}.at(k);
    AxisDistortion to;
    to.axis = static_cast<int>(from[record::kAxis]);
    to.corrects = from[record::kCorrects] == 1;
    if (!to.corrects && from[record::kCorrects] != 0) refuse_slots();
    to.is_template = from[record::kTable] == 0;
    if (to.is_template) {
      read_template(from, to);
    } else {
      read_table(block_ + static_cast<int>(from[record::kTable]), to);
    }
    return to;
  }

 private:
  // Headers count pixels from 1.
  double first() const { return prior_ ? 1 : 0; }
  // Pixel q of a cutout is pixel start + step q of the image that the block is for, both from 0.
  bool has_grid(int axis) const { return prior_ && wcs_.cutout && axis < 2; }
  double start(int axis) const { return has_grid(axis) ? wcs_.slots[head::kGridStart + axis] : 0; }
  double step(int axis) const { return has_grid(axis) ? wcs_.slots[head::kGridStep + axis] : 1; }

  void add_variable(int axis, double origin, double scale, AxisDistortion& to) const {
    to.variables.push_back(axis);
    to.origin.push_back((origin - start(axis)) / step(axis) + first());
    to.scale.push_back(scale);
  }
  // Of what is the new coordinate itself: a coordinate of the packed form, in the header's.
  double constant(double from, const AxisDistortion& to) const {
    return (from - start(to.axis)) / step(to.axis) + first();
  }

  void read_template(const double* from, AxisDistortion& to) const {
    const double* const map = from + record::kMap;
    const int p = static_cast<int>(from[record::kVariables]), q = static_cast<int>(from[record::kVariables + 1]);
    auto& fixed = to.fixed;
    if (p == q) {
      if (map[0] != 0 || map[2] != 0) refuse_slots();
      add_variable(p, from[record::kOrigin], map[1] * step(p), to);
    } else {
      add_variable(p, from[record::kOrigin], 1, to);
      add_variable(q, from[record::kOrigin + 1], 1, to);
      fixed.map = {map[0], map[1] * step(p), map[2] * step(q), map[3], map[4] * step(p), map[5] * step(q)};
    }
    const int degree = static_cast<int>(from[record::kDegree]), radial = static_cast<int>(from[record::kRadial]);
    for (int m = 0; m <= degree; ++m) {
      for (int n = 0; n <= degree - m; ++n) {
        const int at = sip::row(m) + n;
        double c = from[record::kTerms + at];
        if (p == q && n > 0) c = 0;  // y is 0
        fixed.terms[static_cast<std::size_t>(at)] = c / step(to.axis);
      }
    }
    if (!to.corrects) fixed.terms[0] = constant(from[record::kTerms], to);
    for (int k = 0; k < radial && p != q; ++k) {
      fixed.odd[static_cast<std::size_t>(k)] = from[record::kOdd + k] / step(to.axis);
    }
    if (p == q && radial > 0) refuse_slots();
  }

  void read_table(const double* table, AxisDistortion& to) const {
    using distortion::TableLayout;
    const int n = static_cast<int>(table[TableLayout::kVariables]);
    const int auxiliaries = static_cast<int>(table[TableLayout::kAuxiliaries]);
    const TableLayout layout{n, auxiliaries};
    for (int i = 0; i < n; ++i) {
      const int axis = static_cast<int>(table[TableLayout::kAxes + i]);
      add_variable(axis, table[layout.origin() + i], table[layout.scale() + i] * step(axis), to);
    }
    const auto numbers = [](const double* at, int count) { return std::vector<double>(at, at + count); };
    for (int k = 0; k < auxiliaries; ++k) {
      const double* const at = table + layout.auxiliary(k);
      to.general.auxiliaries.push_back({numbers(at, n + 1), numbers(at + n + 1, n + 1)});
    }
    const double gain = table[TableLayout::kGain] / step(to.axis);
    for (int m = 0; m < static_cast<int>(table[TableLayout::kTerms]); ++m) {
      const double* const at = table + layout.term(m);
      to.general.terms.push_back({at[0] * gain, numbers(at + 1, n + auxiliaries)});
    }
    // Of a correction its constant is 0, else that which counting from 1 takes away: unless the pixels are a cutout's.
    const double kept = table[TableLayout::kConstant];
    const double more = to.corrects ? kept / step(to.axis) : constant(kept, to);
    if (more != 0 || to.general.terms.empty()) {
      to.general.terms.push_back({more, std::vector<double>(static_cast<std::size_t>(n + auxiliaries))});
    }
    if (to.general.terms.size() > distortion::kMaxTerms) {
      throw std::invalid_argument("its polynomial would have more terms than the " +
                                  std::to_string(distortion::kMaxTerms) + " that are read again");
    }
  }

  const Packed& wcs_;
  const double* block_;
  bool prior_;
};

constexpr std::array<double, 6> kIdentity = {0, 1, 0, 0, 0, 1};

// Whether PVi_m can say it: of the axis itself and another, degrees up to 7, r to r^7.
bool has_parameters(const AxisDistortion& one) {
  if (!one.is_template || one.corrects || one.variables.size() != 2) return false;
  const bool swapped = one.variables[1] == one.axis;  // the first variable of PVi_m is axis i
  if (one.fixed.map != (swapped ? std::array<double, 6>{0, 0, 1, 0, 1, 0} : kIdentity)) return false;
  if (one.origin[0] != 0 || one.origin[1] != 0 || one.fixed.odd[4] != 0) return false;
  for (int m = 0; m <= sip::kMaxOrder; ++m) {
    for (int n = std::max(0, 8 - m); m + n <= sip::kMaxOrder; ++n) {
      if (one.fixed.terms[static_cast<std::size_t>(sip::row(m) + n)] != 0) return false;
    }
  }
  return true;
}

// The conventions take a PVi_1 that is missing for 1.
void write_parameters(const AxisDistortion& from, Cards& cards) {
  TemplateTerms terms = from.fixed;
  for (int m = 0; m < 40; ++m) {
    const double value = term_of(terms, m);
    if (value != 0 || m == 1) cards.put("PV" + std::to_string(from.axis + 1) + "_" + std::to_string(m), value);
  }
}

void write_common(const AxisDistortion& from, const std::string& key, Cards& cards) {
  const auto count = static_cast<int>(from.variables.size());
  cards.put_record(key, "NAXES", count);
  for (int i = 0; i < count; ++i) {
    const auto variable = static_cast<std::size_t>(i);
    const std::string number = std::to_string(i + 1);
    cards.put_record(key, "AXIS." + number, from.variables[variable] + 1);
    if (from.origin[variable] != 0) cards.put_record(key, "OFFSET." + number, from.origin[variable]);
    if (from.scale[variable] != 1) cards.put_record(key, "SCALE." + number, from.scale[variable]);
  }
  if (!from.corrects) cards.put_record(key, "DOCORR", 0);
}

void write_template(const TemplateTerms& from, const std::string& key, Cards& cards) {
  for (int i = 0; i < 6 && from.map != kIdentity; ++i) {
    const std::string field = "AUX." + std::to_string(i / 3 + 1) + ".COEFF." + std::to_string(i % 3);
    cards.put_record(key, field, from.map[static_cast<std::size_t>(i)]);
  }
  TemplateTerms terms = from;
  for (int m = 0; m < 60; ++m) {
    const double value = term_of(terms, m);
    if (value != 0 || m == 0) cards.put_record(key, "TPD.FWD." + std::to_string(m), value);  // at least one
  }
}

void write_general(const GeneralTerms& from, std::size_t variables, const std::string& key, Cards& cards) {
  if (!from.auxiliaries.empty()) cards.put_record(key, "NAUX", static_cast<int>(from.auxiliaries.size()));
  for (std::size_t k = 0; k < from.auxiliaries.size(); ++k) {
    const std::string field = "AUX." + std::to_string(k + 1);
    for (std::size_t i = 0; i <= variables; ++i) {
      cards.put_record(key, field + ".COEFF." + std::to_string(i), from.auxiliaries[k].coefficient[i]);
      cards.put_record(key, field + ".POWER." + std::to_string(i), from.auxiliaries[k].power[i]);
    }
  }
  cards.put_record(key, "NTERMS", static_cast<int>(from.terms.size()));
  for (std::size_t m = 0; m < from.terms.size(); ++m) {
    const std::string field = "TERM." + std::to_string(m + 1);
    const auto& [coefficient, power] = from.terms[m];
    cards.put_record(key, field + ".COEFF", coefficient);
    for (std::size_t i = 0; i < power.size(); ++i) {
      const bool own = i < variables;
      if (power[i] == 0) continue;
      cards.put_record(key, field + (own ? ".VAR." : ".AUX.") + std::to_string(i + 1 - (own ? 0 : variables)),
                       power[i]);
    }
  }
}

bool is_plain_tan(const Packed& wcs) {
  if (wcs.projection != projection_number("TAN")) return false;
  const double* const block = wcs.celestial();
  return block[celestial::kOffset] == 0 && block[celestial::kPhi0] == 0 && block[celestial::kTheta0] == 90;
}

}  // namespace

std::string_view code_of_parameters(const Packed& wcs) {
  const bool prior = wcs.has(head::kPolynomial);
  if (wcs.distortion != kDistortionTpv || prior == wcs.has(head::kSequent) || !is_plain_tan(wcs)) return {};
  const Reader reader(wcs, prior ? Position::prior : Position::sequent);
  // With the latitude first wcslib (7.12, 8.6) takes the other axis for the first variable.
  bool can = reader.count() == 2 && wcs.lng < wcs.lat;
  for (int k = 0; k < 2 && can; ++k) {
    const AxisDistortion one = reader[k];
    can = has_parameters(one) && std::minmax(one.variables[0], one.variables[1]) == std::minmax(wcs.lng, wcs.lat) &&
          (one.axis == wcs.lng || one.axis == wcs.lat);
  }
  return !can ? std::string_view() : prior ? "TPU" : "TPV";
}

void write_distortion(const Packed& wcs, Position position, Cards& cards) {
  const Reader reader(wcs, position);
  const bool parameters = !code_of_parameters(wcs).empty();
  for (int k = 0; k < reader.count(); ++k) {
    const AxisDistortion one = reader[k];
    if (parameters) {
      write_parameters(one, cards);
      continue;
    }
    const std::string number = std::to_string(one.axis + 1);
    const std::string key = (position == Position::prior ? "DP" : "DQ") + number;
    // Without blanks at the end, which wcslib (7.12) takes for part of it.
    cards.put((position == Position::prior ? "CPDIS" : "CQDIS") + number, one.is_template ? "TPD" : "Polynomial", 0);
    write_common(one, key, cards);
    if (one.is_template) {
      write_template(one.fixed, key, cards);
    } else {
      write_general(one.general, one.variables.size(), key, cards);
    }
  }
}

}  // namespace fits::wcs
