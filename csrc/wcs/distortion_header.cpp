#include "wcs/distortion_header.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "format/error.h"
#include "wcs/distortion_text.h"

namespace fits::wcs {
namespace {

[[noreturn]] void fail(const std::string& what) { throw FileError(Status::bad_header, what); }

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// "NAMEnnA": NAME, then digits, then at most one letter.
struct Indexed {
  int index = 0;  // 0: it is none
  char alt = ' ';
};
Indexed indexed(std::string_view keyword, std::string_view name) {
  if (!keyword.starts_with(name)) return {};
  keyword.remove_prefix(name.size());
  Indexed found;
  while (!keyword.empty() && is_digit(keyword.front()) && found.index < 1000) {
    found.index = found.index * 10 + keyword.front() - '0';
    keyword.remove_prefix(1);
  }
  if (!keyword.empty() && keyword.front() >= 'A' && keyword.front() <= 'Z') {
    found.alt = keyword.front();
    keyword.remove_prefix(1);
  }
  return keyword.empty() ? found : Indexed{};
}

// One "field: value" of a record-valued keyword, the field taken apart at its points.
struct Record {
  std::string text;  // for messages: DP1 = 'AXIS.1: 2'
  std::vector<std::string> field;
  double value = 0;
};

// What a header says of one axis.
struct AxisRecords {
  std::string keyword;  // CPDIS1
  std::string type;
  std::vector<Record> records;
};

std::optional<Record> record_of(const Card& card) {
  const auto text = string_value(card);
  if (!text) return std::nullopt;
  const std::size_t colon = text->find(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  Record record;
  record.text = std::string(card.keyword) + " = '" + *text + "'";
  record.field.emplace_back();
  for (const char c : text->substr(0, colon)) {
    if (c == '.') {
      record.field.emplace_back();
    } else if (is_digit(c) || c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) {
      record.field.back() += c;
    } else {
      return std::nullopt;  // a text with a colon, no record
    }
  }
  const auto value = number_in(std::string_view(*text).substr(colon + 1));
  if (!value) fail(record.text + ": the value is not a finite number");
  record.value = *value;
  return record;
}

// A number in the field, from `low` to `high`.
int index_in(const Record& record, std::size_t part, int low, int high) {
  const std::string& text = part < record.field.size() ? record.field[part] : std::string();
  if (!text.empty() && text.size() < 6 && std::all_of(text.begin(), text.end(), is_digit)) {
    if (const int index = std::stoi(text); index >= low && index <= high) return index;
  }
  fail(record.text + ": needs an index from " + std::to_string(low) + " to " + std::to_string(high) + " as part " +
       std::to_string(part + 1) + " of its field");
}

int integer_in(const Record& record, int low, int high) {
  if (record.value >= low && record.value <= high && std::floor(record.value) == record.value) {
    return static_cast<int>(record.value);
  }
  fail(record.text + ": must be an integer from " + std::to_string(low) + " to " + std::to_string(high));
}

bool is_field(const Record& record, std::initializer_list<std::string_view> start, std::size_t parts) {
  return record.field.size() == parts && std::equal(start.begin(), start.end(), record.field.begin());
}

[[noreturn]] void fail_unknown(const Record& record, const AxisRecords& from) {
  fail(record.text + ": no field of the distortion '" + from.type + "' (" + from.keyword + ")");
}

// The fields that all distortions have; the other records stay in `rest`.
AxisDistortion common_part(const AxisRecords& from, int axis, int naxis, std::vector<Record>& rest) {
  AxisDistortion to;
  to.axis = axis;
  int count = 0;
  const auto n = static_cast<std::size_t>(naxis);
  std::vector<int> variables(n, -1);
  std::vector<double> origin(n, 0), scale(n, 1);
  for (const Record& record : from.records) {
    if (is_field(record, {"NAXES"}, 1)) {
      count = integer_in(record, 1, naxis);
    } else if (is_field(record, {"DOCORR"}, 1)) {
      to.corrects = record.value != 0;
    } else if (is_field(record, {"AXIS"}, 2)) {
      variables[static_cast<std::size_t>(index_in(record, 1, 1, naxis)) - 1] = integer_in(record, 1, naxis) - 1;
    } else if (is_field(record, {"OFFSET"}, 2)) {
      origin[static_cast<std::size_t>(index_in(record, 1, 1, naxis)) - 1] = record.value;
    } else if (is_field(record, {"SCALE"}, 2)) {
      scale[static_cast<std::size_t>(index_in(record, 1, 1, naxis)) - 1] = record.value;
    } else {
      rest.push_back(record);
    }
  }
  const std::string name = from.keyword + " = '" + from.type + "'";
  if (count == 0) fail(name + " without the record NAXES: how many variables it has");
  for (std::size_t i = 0; i < n; ++i) {
    if (static_cast<int>(i) >= count && variables[i] >= 0) {
      fail(name + ": AXIS." + std::to_string(i + 1) + " is there though NAXES is " + std::to_string(count));
    }
    if (static_cast<int>(i) >= count) continue;
    to.variables.push_back(variables[i] >= 0 ? variables[i] : static_cast<int>(i));
    to.origin.push_back(origin[i]);
    to.scale.push_back(scale[i]);
    if (std::count(to.variables.begin(), to.variables.end(), to.variables.back()) > 1) {
      fail(name + ": the records AXIS.i name axis " + std::to_string(to.variables.back() + 1) + " twice");
    }
  }
  return to;
}

void need_variables(const AxisDistortion& to, const AxisRecords& from, std::size_t least) {
  if (to.variables.size() >= least && to.variables.size() <= 2) return;
  fail(from.keyword + " = '" + from.type + "': NAXES must be " + (least == 2 ? "2" : "1 or 2"));
}

void read_tpd(const AxisRecords& from, const std::vector<Record>& records, AxisDistortion& to) {
  need_variables(to, from, 1);
  for (const Record& record : records) {
    if (is_field(record, {"TPD", "FWD"}, 3)) {
      term_of(to.fixed, index_in(record, 2, 0, 59)) = record.value;
    } else if (is_field(record, {"TPD", "REV"}, 3)) {
      index_in(record, 2, 0, 59);  // an approximate inverse: ours is exact and begins elsewhere
    } else if (record.field.size() == 4 && record.field[0] == "AUX" && record.field[2] == "COEFF") {
      need_variables(to, from, 2);
      const int k = index_in(record, 1, 1, 2), i = index_in(record, 3, 0, 2);
      to.fixed.map[static_cast<std::size_t>(3 * (k - 1) + i)] = record.value;
    } else {
      fail_unknown(record, from);
    }
  }
}

void read_tpv(const AxisRecords& from, const std::vector<Record>& records, AxisDistortion& to) {
  need_variables(to, from, 2);
  to.corrects = false;
  for (const Record& record : records) {
    if (!is_field(record, {"TPV"}, 2)) fail_unknown(record, from);
    term_of(to.fixed, index_in(record, 1, 0, 39)) = record.value;
  }
}

// "p_q", p + q at most 9.
std::array<int, 2> powers_in(const Record& record, std::size_t part) {
  const std::string& text = part < record.field.size() ? record.field[part] : std::string();
  if (text.size() == 3 && is_digit(text[0]) && text[1] == '_' && is_digit(text[2])) {
    const int p = text[0] - '0', q = text[2] - '0';
    if (p + q <= sip::kMaxOrder) return {p, q};
  }
  fail(record.text + ": must name two powers of 9 or less in all, as 2_1");
}

void read_sip(const AxisRecords& from, const std::vector<Record>& records, AxisDistortion& to) {
  need_variables(to, from, 2);
  to.corrects = true;
  for (const Record& record : records) {
    const bool forward = is_field(record, {"SIP", "FWD"}, 3);
    if (!forward && !is_field(record, {"SIP", "REV"}, 3)) fail_unknown(record, from);
    const auto [p, q] = powers_in(record, 2);
    if (forward) to.fixed.terms[static_cast<std::size_t>(sip::row(p) + q)] = record.value;
  }
}

void read_surface(const AxisRecords& from, const std::vector<Record>& records, AxisDistortion& to) {
  constexpr std::array<std::string_view, 3> kFunctions = {"CHBY", "LEGR", "MONO"};
  constexpr std::array<std::string_view, 4> kRanges = {"XMIN", "XMAX", "YMIN", "YMAX"};
  need_variables(to, from, 2);
  to.corrects = true;
  Surface surface;
  surface.kind = 0;
  std::array<std::vector<Surface::Term>, 3> terms;
  for (const Record& record : records) {
    if (record.field.size() < 2 || record.field[0] != "WAT") fail_unknown(record, from);
    const auto range = std::find(kRanges.begin(), kRanges.end(), record.field[1]);
    const auto function = std::find(kFunctions.begin(), kFunctions.end(), record.field[1]);
    if (record.field[1] == "POLY" && record.field.size() == 2) {
      surface.kind = integer_in(record, 1, 3);
    } else if (range != kRanges.end() && record.field.size() == 2) {
      surface.range[static_cast<std::size_t>(range - kRanges.begin())] = record.value;
    } else if (function != kFunctions.end() && record.field.size() == 3) {
      const auto [m, n] = powers_in(record, 2);
      terms[static_cast<std::size_t>(function - kFunctions.begin())].push_back({m, n, record.value});
    } else {
      fail_unknown(record, from);
    }
  }
  const std::string name = from.keyword + " = '" + from.type + "'";
  if (surface.kind == 0) fail(name + " without the record WAT.POLY");
  if (surface.kind != Surface::monomial &&
      (surface.range[0] == surface.range[1] || surface.range[2] == surface.range[3])) {
    fail(name + ": the range of x or y is empty (WAT.XMIN to WAT.YMAX)");
  }
  surface.terms = std::move(terms[static_cast<std::size_t>(surface.kind) - 1]);
  to.fixed = terms_of(surface);
}

void read_polynomial(const AxisRecords& from, const std::vector<Record>& records, AxisDistortion& to) {
  int auxiliaries = 0, terms = 0;
  for (const Record& record : records) {
    if (is_field(record, {"NAUX"}, 1)) auxiliaries = integer_in(record, 0, distortion::kMaxAuxiliaries);
    if (is_field(record, {"NTERMS"}, 1)) terms = integer_in(record, 1, distortion::kMaxTerms);
  }
  if (terms == 0) fail(from.keyword + " = '" + from.type + "' without the record NTERMS");
  const std::size_t n = to.variables.size();
  GeneralTerms& general = to.general;
  general.auxiliaries.assign(static_cast<std::size_t>(auxiliaries),
                             {std::vector<double>(n + 1), std::vector<double>(n + 1, 1)});
  general.terms.assign(static_cast<std::size_t>(terms),
                       {1, std::vector<double>(n + static_cast<std::size_t>(auxiliaries))});
  const int variables = static_cast<int>(n);
  for (const Record& record : records) {
    const auto& field = record.field;
    if (field.size() == 4 && field[0] == "AUX" && (field[2] == "COEFF" || field[2] == "POWER")) {
      auto& auxiliary = general.auxiliaries[static_cast<std::size_t>(index_in(record, 1, 1, auxiliaries)) - 1];
      auto& values = field[2] == "COEFF" ? auxiliary.coefficient : auxiliary.power;
      values[static_cast<std::size_t>(index_in(record, 3, 0, variables))] = record.value;
    } else if (field.size() >= 3 && field[0] == "TERM") {
      auto& term = general.terms[static_cast<std::size_t>(index_in(record, 1, 1, terms)) - 1];
      if (field[2] == "COEFF" && field.size() == 3) {
        term.coefficient = record.value;
      } else if (field[2] == "VAR" && field.size() == 4) {
        term.power[static_cast<std::size_t>(index_in(record, 3, 1, variables)) - 1] = record.value;
      } else if (field[2] == "AUX" && field.size() == 4) {
        term.power[n + static_cast<std::size_t>(index_in(record, 3, 1, auxiliaries)) - 1] = record.value;
      } else {
        fail_unknown(record, from);
      }
    } else if (!is_field(record, {"NAUX"}, 1) && !is_field(record, {"NTERMS"}, 1)) {
      fail_unknown(record, from);
    }
  }
  to.is_template = false;
}

// A general polynomial that the template holds becomes that: it is much faster. Two variables at most, powers that are
// integers and 9 or less in all, and no auxiliary variable but r = sqrt(x^2 + y^2), alone and to odd powers.
void simplify(AxisDistortion& to) {
  const GeneralTerms& general = to.general;
  const std::size_t n = to.variables.size();
  if (n > 2 || general.auxiliaries.size() > 1) return;
  if (general.auxiliaries.size() == 1) {
    const auto& r = general.auxiliaries[0];
    if (n != 2 || r.coefficient != std::vector<double>{0, 1, 1} || r.power != std::vector<double>{0.5, 2, 2}) return;
  }
  TemplateTerms fixed;
  for (const auto& term : general.terms) {
    const auto power = [&](std::size_t i) { return i < term.power.size() ? term.power[i] : 0; };
    const double p = power(0), q = n == 2 ? power(1) : 0, odd = power(n);
    for (const double exponent : {p, q, odd}) {
      if (!(exponent >= 0 && exponent <= sip::kMaxOrder) || std::floor(exponent) != exponent) return;
    }
    if (p + q > sip::kMaxOrder || (odd != 0 && (p + q != 0 || std::fmod(odd, 2) == 0))) return;
    if (odd != 0) {
      fixed.odd[static_cast<std::size_t>(odd) / 2] += term.coefficient;
    } else {
      fixed.terms[static_cast<std::size_t>(sip::row(static_cast<int>(p)) + static_cast<int>(q))] += term.coefficient;
    }
  }
  to.fixed = fixed;
  to.is_template = true;
}

// CQDISi = 'DSS': the coefficients of both axes make each of the two polynomials.
Distortions plate_from_records(const std::map<int, AxisRecords>& axes) {
  Plate plate;
  for (const auto& [axis, from] : axes) {
    if (axis > 1 || axes.size() != 2 || from.type != "DSS") {
      fail(from.keyword + " = '" + from.type + "': DSS is a distortion of axes 1 and 2 together");
    }
    std::vector<Record> rest;
    const AxisDistortion common = common_part(from, axis, 2, rest);
    if (common.variables != std::vector<int>{0, 1} || common.origin != std::vector<double>{0, 0} ||
        common.scale != std::vector<double>{1, 1}) {
      fail(from.keyword + " = 'DSS': its variables are axes 1 and 2 as they are");
    }
    for (const Record& record : rest) {
      if (!is_field(record, {"DSS", "AMD"}, 3)) fail_unknown(record, from);
      (axis == 0 ? plate.amdx : plate.amdy)[static_cast<std::size_t>(index_in(record, 2, 1, 13))] = record.value;
    }
  }
  if (plate.scale() == 0) fail("CQDIS1 = 'DSS': the scale of the plate is zero");
  return distortions_of(plate);
}

bool is_lookup(std::string_view type) {
  constexpr std::string_view kLookup = "lookup";
  return std::equal(type.begin(), type.end(), kLookup.begin(), kLookup.end(),
                    [](char a, char b) { return (a | 0x20) == b; });
}

// Type and records of each axis that has any.
std::map<int, AxisRecords> axis_records(const HeaderView& header, char alt, int naxis, Position position) {
  const std::string_view type_keyword = position == Position::prior ? "CPDIS" : "CQDIS";
  const std::string_view record_keyword = position == Position::prior ? "DP" : "DQ";
  std::map<int, AxisRecords> axes;
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (header.card_text(i)[0] != record_keyword[0] && header.card_text(i)[0] != type_keyword[0]) continue;
    const Card card = header.card(i);
    const Indexed type = indexed(card.keyword, type_keyword), record = indexed(card.keyword, record_keyword);
    const Indexed& key = type.index > 0 ? type : record;
    if (key.index == 0 || key.alt != alt) continue;
    if (type.index > 0) {
      const auto value = string_value(card);
      if (!value) fail(std::string(card.keyword) + " is not a string");
      if (value->empty()) continue;
      if (key.index > naxis) {
        fail(std::string(card.keyword) + " = '" + *value + "': there are " + std::to_string(naxis) + " axes");
      }
      axes[key.index - 1].keyword = card.keyword;
      axes[key.index - 1].type = *value;
    } else if (auto found = record_of(card)) {
      axes[key.index - 1].records.push_back(std::move(*found));
    }
  }
  return axes;
}

}  // namespace

bool is_distortion_keyword(std::string_view keyword) noexcept {
  for (const std::string_view name : {"CPDIS", "CQDIS", "CPERR", "CQERR", "DP", "DQ", "AMDX", "AMDY"}) {
    if (indexed(keyword, name).index > 0) return true;
  }
  if (keyword.size() == 8 && keyword.starts_with("WAT") && keyword[4] == '_' && is_digit(keyword[3])) return true;
  constexpr std::array<std::string_view, 14> kPlate = {"CNPIX1",   "CNPIX2",  "PPO3",    "PPO6",   "XPIXELSZ",
                                                       "YPIXELSZ", "PLTRAH",  "PLTRAM",  "PLTRAS", "PLTDECSN",
                                                       "PLTDECD",  "PLTDECM", "PLTDECS", "PLATEID"};
  return std::find(kPlate.begin(), kPlate.end(), keyword) != kPlate.end();
}

Distortions distortions_from_records(const HeaderView& header, char alt, int naxis, Position position) {
  const auto axes = axis_records(header, alt, naxis, position);
  Distortions to;
  for (const auto& [axis, from] : axes) {
    if (from.type.empty()) {
      fail(from.records[0].text + ": there is no " + (position == Position::prior ? "CPDIS" : "CQDIS") +
           std::to_string(axis + 1) + " that says of what distortion");
    }
    if (is_lookup(from.type)) continue;
    if (from.type == "DSS" && position == Position::sequent) return plate_from_records(axes);
    std::vector<Record> rest;
    AxisDistortion one = common_part(from, axis, naxis, rest);
    if (from.type == "TPD") {
      read_tpd(from, rest, one);
      to.kinds |= kDistortionTpd;
    } else if (from.type == "TPV") {
      read_tpv(from, rest, one);
      to.kinds |= kDistortionTpv;
    } else if (from.type == "SIP") {
      read_sip(from, rest, one);
      to.kinds |= kDistortionTpd;
    } else if (from.type == "WAT-TNX" || from.type == "WAT-ZPX") {
      read_surface(from, rest, one);
      to.kinds |= from.type == "WAT-TNX" ? kDistortionTnx : kDistortionZpx;
    } else if (from.type == "Polynomial" || from.type == "Polynomial*") {
      read_polynomial(from, rest, one);
      simplify(one);
      to.kinds |= kDistortionPolynomial;
    } else {
      fail(from.keyword + " = '" + from.type + "': no distortion that is known: TPD, TPV, SIP, Polynomial, Lookup");
    }
    to.axes.push_back(std::move(one));
  }
  return to;
}

Distortions distortions_from_tpv(int first, int second, const std::vector<Parameter>& parameters) {
  Distortions to{kDistortionTpv, {distortion_of(first, second), distortion_of(second, first)}};
  for (AxisDistortion& axis : to.axes) axis.corrects = false;
  for (const Parameter& parameter : parameters) {
    if (parameter.m < 0 || parameter.m > 39) {
      fail("PV" + std::to_string(parameter.axis + 1) + "_" + std::to_string(parameter.m) +
           ": the polynomials of TPV have terms 0 to 39");
    }
    AxisDistortion& axis = to.axes[parameter.axis == first ? 0 : 1];
    term_of(axis.fixed, parameter.m) = parameter.value;
  }
  if (first > second) std::swap(to.axes[0], to.axes[1]);
  return to;
}

}  // namespace fits::wcs
