#include "wcs/lookup_header.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "format/error.h"
#include "wcs/layout.h"
#include "wcs/mentions.h"

namespace fits::wcs {
namespace {

[[noreturn]] void fail(const std::string& what) { throw FileError(Status::bad_header, what); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// The number that a text is, read as a card's value.
std::optional<double> number_of(std::string_view text) {
  std::string card = "RECORD  = " + std::string(trimmed(text));
  if (card.size() > kCardSize) return std::nullopt;
  card.resize(kCardSize, ' ');
  return real_value(parse_card(card));
}

// An integer field of a record-valued keyword: DP1 = 'AXIS.1: 2', or HIERARCH DP1.AXIS.1 = 2. Empty where it is not
// there; the first where there are several.
std::optional<int> field(const HeaderView& header, const std::string& record, std::string_view name) {
  const std::string whole = record + "." + std::string(name);
  std::optional<double> number;
  if (header.find(whole)) {
    number = header.real(whole);
    if (!number) fail(whole + " is not a number");
  }
  for (auto i = header.find(record); i && !number; i = header.find(record, *i + 1)) {
    const std::string text = string_value(header.card(*i)).value_or("");
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos || !same_letters(trimmed(text.substr(0, colon)), name)) continue;
    number = number_of(std::string_view(text).substr(colon + 1));
    if (!number) fail(record + " = '" + text + "': what follows the colon must be a number (WCS Paper IV)");
  }
  if (!number) return std::nullopt;
  if (!(std::fabs(*number) < 1e9) || std::floor(*number) != *number) fail(whole + " is not an integer");
  return static_cast<int>(*number);
}

// Where the values of an image lie along the two pixel axes.
struct Table {
  std::int64_t columns = 0, rows = 1;  // columns 0: no table
  std::array<double, 2> crpix{}, crval{}, cdelt = {1, 1};
  std::vector<double> values;
};

double table_card(const HeaderView& header, const std::string& keyword, double otherwise, const std::string& where) {
  if (!header.find(keyword)) return otherwise;
  const auto value = header.real(keyword);
  if (!value || !std::isfinite(*value)) fail(where + ": its " + keyword + " is not a finite number");
  if (*value == 0 && keyword.starts_with("CDELT")) fail(where + ": its " + keyword + " is 0");
  return *value;
}

// The image `extname`, `extver` of `naxis` axes. `where` begins what is said of it.
Table read_table(const Companions& companions, const std::string& extname, int extver, std::size_t naxis,
                 const std::string& where) {
  ImageTable image = companions.image(extname, extver);
  const std::string its = where + ": the table " + extname + ", EXTVER " + std::to_string(extver);
  const auto& naxes = image.pixels.naxes;
  if (naxes.size() != naxis) {
    fail(its + ", has " + std::to_string(naxes.size()) + " axes and not " + std::to_string(naxis));
  }
  Table table;
  table.columns = naxes[0];
  table.rows = naxis == 2 ? naxes[1] : 1;
  if (table.columns < 1 || table.rows < 1) fail(its + ", has no pixels");
  if (table.columns > kMostTablePixels / table.rows) fail(its + ", has more than 2^26 pixels");
  table.values = std::move(image.pixels.values);
  if (table.values.size() != static_cast<std::size_t>(table.columns * table.rows)) {
    fail(its + ", has " + std::to_string(table.values.size()) + " values");
  }
  const HeaderView header(image.cards);
  for (std::size_t i = 0; i < naxis; ++i) {
    const std::string number = std::to_string(i + 1);
    table.crpix[i] = table_card(header, "CRPIX" + number, 0, its);
    table.crval[i] = table_card(header, "CRVAL" + number, 0, its);
    table.cdelt[i] = table_card(header, "CDELT" + number, 1, its);
  }
  return table;
}

// As astropy: the values change places, the table's WCS cards do not.
void transpose(Table& table) {
  std::vector<double> turned(table.values.size());
  const auto columns = static_cast<std::size_t>(table.columns), rows = static_cast<std::size_t>(table.rows);
  for (std::size_t y = 0; y < rows; ++y) {
    for (std::size_t x = 0; x < columns; ++x) turned[x * rows + y] = table.values[y * columns + x];
  }
  table.values = std::move(turned);
  std::swap(table.columns, table.rows);
}

// lookup::kSteepest; of values that are NaN nothing is known.
double steepest(const Table& table) {
  double most = 0;
  const auto columns = static_cast<std::size_t>(table.columns);
  for (std::size_t i = 0; i < table.values.size(); ++i) {
    const double value = table.values[i];
    if ((i + 1) % columns != 0) most = std::fmax(most, std::fabs((table.values[i + 1] - value) / table.cdelt[0]));
    if (i + columns < table.values.size()) {
      most = std::fmax(most, std::fabs((table.values[i + columns] - value) / table.cdelt[1]));
    }
  }
  return most;
}

[[noreturn]] void fail_without_file(const std::string& what) {
  fail(what + ": its table is in another HDU; use wcs_from_file, which reads both");
}

// One kind of tables: how its keywords and its images are called.
struct Kind {
  std::string_view distortion, record, extname;
};
constexpr Kind kCpdisKind = {"CPDIS", "DP", "WCSDVARR"};
constexpr Kind kD2imKind = {"D2IMDIS", "D2IM", "D2IMARR"};

Table table_of_axis(const HeaderView& header, const Kind& kind, int axis, const std::string& suffix,
                    const Companions* companions) {
  const std::string key = std::string(kind.distortion) + suffix, record = std::string(kind.record) + suffix;
  if (!is_lookup(header, key)) return {};
  const std::string where = key + " = 'Lookup'";
  if (companions == nullptr) fail_without_file(where);
  const int naxes = field(header, record, "NAXES").value_or(2);
  if (naxes != 2) fail(record + ".NAXES = " + std::to_string(naxes) + ": only tables of 2 axes are supported");
  const std::string name = "AXIS." + std::to_string(axis);
  const auto along = field(header, record, name);
  if (!along) fail(where + " without " + record + " = '" + name + ": ...', the pixel axis along which its table runs");
  if (*along != 1 && *along != 2) {
    fail(record + "." + name + " = " + std::to_string(*along) + ": only tables along pixel axes 1 and 2 are supported");
  }
  const int extver = field(header, record, "EXTVER").value_or(1);
  Table table = read_table(*companions, std::string(kind.extname), extver, 2, where);
  if (*along != axis) transpose(table);
  return table;
}

using Tables = std::array<Table, 2>;

// D2IM before 2012: one row of a table along pixel axis 1 for the pixel axis that AXISCORR names.
Tables old_d2im(const HeaderView& header, const Companions* companions) {
  const auto axis = header.integer("AXISCORR");
  if (!axis || (*axis != 1 && *axis != 2)) fail("AXISCORR must be 1 or 2");
  const std::string where = "AXISCORR = " + std::to_string(*axis);
  if (companions == nullptr) fail_without_file(where);
  Tables tables;
  tables[static_cast<std::size_t>(*axis - 1)] = read_table(*companions, "D2IMARR", 1, 1, where);
  return tables;
}

std::vector<double> block_of(const Tables& tables) {
  std::vector<double> block(lookup::kSize);
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const Table& table = tables[axis];
    if (table.columns == 0) continue;
    double* const to = block.data() + axis * lookup::kDescriptor;
    to[lookup::kColumns] = static_cast<double>(table.columns);
    to[lookup::kRows] = static_cast<double>(table.rows);
    std::copy_n(table.crpix.begin(), 2, to + lookup::kReference);
    std::copy_n(table.crval.begin(), 2, to + lookup::kValue);
    std::copy_n(table.cdelt.begin(), 2, to + lookup::kIncrement);
    to[lookup::kTable] = static_cast<double>(block.size());
    to[lookup::kSteepest] = steepest(table);
    block.insert(block.end(), table.values.begin(), table.values.end());
  }
  return block.size() > lookup::kSize ? block : std::vector<double>();
}

std::string with_alt(int axis, char alt) { return std::to_string(axis) + (alt == ' ' ? "" : std::string(1, alt)); }

void refuse_other_lookups(const HeaderView& header, char alt) {
  for (int axis = 1; axis <= kMaxAxes; ++axis) {
    const std::string suffix = with_alt(axis, alt);
    if (is_lookup(header, "CQDIS" + suffix)) {
      fail("CQDIS" + suffix + " = 'Lookup': tables after the linear transformation are not supported, only CPDIS");
    }
    if (axis > 2 && (is_lookup(header, "CPDIS" + suffix) || is_lookup(header, "D2IMDIS" + suffix))) {
      fail("lookup tables for pixel axis " + std::to_string(axis) + " are not supported, only for axes 1 and 2");
    }
  }
  for (int axis = 1; axis <= 2; ++axis) {
    const std::string key = "D2IMDIS" + std::to_string(axis);
    if (header.find(key) && !is_lookup(header, key)) fail(key + ": only 'Lookup' is supported");
    const std::string one = "CPDIS" + with_alt(axis, alt), other = "CPDIS" + with_alt(3 - axis, alt);
    if (is_lookup(header, one) && header.find(other) && !is_lookup(header, other)) {
      fail(one + " = 'Lookup' beside " + other + " of another kind is not supported");
    }
  }
}

}  // namespace

bool is_lookup(const HeaderView& header, std::string_view keyword) {
  const auto value = header.string(keyword);
  return value && same_letters(trimmed(*value), "lookup");
}

LookupBlocks lookup_blocks(const HeaderView& header, char alt, const Companions* companions) {
  if (!mentions(header, {"CPDIS", "CQDIS", "D2IMDIS", "AXISCORR"})) return {};
  refuse_other_lookups(header, alt);
  Tables cpdis, d2im;
  const bool is_old = header.find("AXISCORR").has_value();  // then D2IMDIS does not count, as in astropy
  if (is_old) d2im = old_d2im(header, companions);
  for (int axis = 1; axis <= 2; ++axis) {
    const auto i = static_cast<std::size_t>(axis - 1);
    cpdis[i] = table_of_axis(header, kCpdisKind, axis, with_alt(axis, alt), companions);
    if (!is_old) d2im[i] = table_of_axis(header, kD2imKind, axis, std::to_string(axis), companions);
  }
  return {block_of(cpdis), block_of(d2im)};
}

}  // namespace fits::wcs
