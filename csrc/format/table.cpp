#include "format/table.h"

#include <algorithm>
#include <array>

#include "format/column_keywords.h"
#include "format/error.h"

namespace fits {
namespace {

constexpr std::array<std::string_view, 7> kStems = {"TTYPE", "TFORM", "TSCAL", "TZERO", "TNULL", "TDIM", "TBCOL"};
enum Stem : std::size_t { kTtype, kTform, kTscal, kTzero, kTnull, kTdim, kTbcol };
using Keywords = ColumnKeywords<kStems.size()>;

[[noreturn]] void bad(const std::string& what) { throw FileError(Status::bad_header, what); }

std::string keyword(Stem stem, std::int64_t n) { return std::string(kStems[stem]) + std::to_string(n); }

char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool same_name(std::string_view a, std::string_view b) noexcept { return std::ranges::equal(a, b, {}, upper, upper); }

std::string_view without_blanks_at_end(std::string_view text) noexcept {
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// "(3,4)" as axes; none where it is no such text.
std::optional<std::vector<std::int64_t>> parse_tdim(std::string_view text) {
  std::vector<std::int64_t> axes;
  std::size_t at = 0;
  const auto skip_blanks = [&] {
    while (at < text.size() && text[at] == ' ') ++at;
  };
  skip_blanks();
  if (at == text.size() || text[at] != '(') return std::nullopt;
  do {
    ++at;
    skip_blanks();
    const auto length = leading_number(text.substr(at));
    const std::size_t digits = std::min(text.find_first_not_of("0123456789", at), text.size()) - at;
    if (!length || digits == 0) return std::nullopt;
    axes.push_back(*length);
    at += digits;
    skip_blanks();
  } while (at < text.size() && text[at] == ',');
  if (at == text.size() || text[at] != ')') return std::nullopt;
  return axes;
}

// Whether a cell of `repeat` elements has as many as the axes ask for.
bool has_room(const std::vector<std::int64_t>& axes, std::int64_t repeat) noexcept {
  std::int64_t count = 1;
  for (const auto length : axes) {
    // An axis of no elements must not let the others claim any number of them.
    if (__builtin_mul_overflow(count, std::max<std::int64_t>(length, 1), &count)) return false;
  }
  const bool empty = std::ranges::find(axes, 0) != axes.end();
  return count <= (empty ? std::max<std::int64_t>(repeat, 1) : repeat);
}

// Bits are one axis; of arrays in the heap TDIMn says how each is to be seen, which is left to who reads them.
void shape_cells(Column& column, const Keywords& keywords) {
  const char letter = column.tform.letter;
  const auto text = keywords.string(kTdim, column.number);
  if (!text || without_blanks_at_end(*text).empty() || letter == 'X' || letter == 'P' || letter == 'Q') return;
  auto axes = parse_tdim(*text);
  if (axes && has_room(*axes, column.tform.repeat)) {
    column.tdim = *std::move(axes);
    return;
  }
  column.bad_shape = keyword(kTdim, column.number) + " = '" + *text + "': ";
  column.bad_shape += axes ? "a cell of " + keyword(kTform, column.number) + " has only " +
                                 std::to_string(column.tform.repeat) + " elements (section 7.3.2)"
                           : "must be axes, such as (3,4) (section 7.3.2)";
}

double number(const Keywords& keywords, Stem stem, Column& column, double missing) {
  const auto card = keywords.card(stem, column.number);
  if (!card || card->kind == ValueKind::undefined) return missing;
  const auto value = real_value(*card);
  if (!value)
    column.bad_scaling = keyword(stem, column.number) + " = " + std::string(card->value) + ": must be a number";
  return value.value_or(missing);
}

std::string text_of_format(const Keywords& keywords, std::int64_t n) {
  auto text = keywords.string(kTform, n);
  if (!text && keywords.card(kTform, n)) bad(keyword(kTform, n) + ": must be a string (section 7.2.1 and 7.3.1)");
  if (!text) bad("keyword " + keyword(kTform, n) + " is missing (section 7.2.1 and 7.3.1)");
  return *std::move(text);
}

void place_binary(Column& column, const Keywords& keywords, std::int64_t start) {
  const std::string text = text_of_format(keywords, column.number);
  const auto tform = parse_tform(text);
  if (!tform) {
    bad(keyword(kTform, column.number) + " = " + text +
        ": must be a number of elements and one of the letters L X B I J K A E D C M P Q (section 7.3.1)");
  }
  column.tform = *tform;
  column.start = start;
  column.width = tform->width();
  shape_cells(column, keywords);
}

void place_ascii(Column& column, const Keywords& keywords, std::int64_t row_size) {
  const std::string text = text_of_format(keywords, column.number);
  const auto format = parse_ascii_tform(text);
  if (!format) {
    bad(keyword(kTform, column.number) + " = " + text + ": must be Aw, Iw, Fw.d, Ew.d or Dw.d (section 7.2.1)");
  }
  const auto card = keywords.card(kTbcol, column.number);
  if (!card) bad("keyword " + keyword(kTbcol, column.number) + " is missing (section 7.2.1)");
  const auto tbcol = integer_value(*card);
  if (!tbcol || *tbcol < 1 || *tbcol - 1 > row_size || format->width > row_size - (*tbcol - 1)) {
    bad(keyword(kTbcol, column.number) + " = " + std::string(card->value) + ": " + std::to_string(format->width) +
        " characters from there on do not lie in a row of NAXIS1 = " + std::to_string(row_size) + " (section 7.2.1)");
  }
  column.ascii = *format;
  column.start = *tbcol - 1;
  column.width = format->width;
}

Column described(const Keywords& keywords, std::int64_t n) {
  Column column;
  column.number = n;
  column.name = keywords.string(kTtype, n).value_or("");
  column.tscal = number(keywords, kTscal, column, 1);
  column.tzero = number(keywords, kTzero, column, 0);
  if (const auto card = keywords.card(kTnull, n); card && card->kind != ValueKind::undefined) {
    column.tnull = keywords.string(kTnull, n).value_or(std::string(card->value));
  }
  return column;
}

}  // namespace

TableRows::TableRows(const Hdu& hdu) {
  const bool table = hdu.naxes.size() == 2 && hdu.bitpix == 8;
  if (table) size = hdu.naxes[0], count = hdu.naxes[1];
  // The HDU's size was found with GCOUNT, whatever that is; the rows of a compressed table are not in the data unit.
  std::int64_t all = 0;
  const bool compressed = hdu.kind == HduKind::compressed_table;
  if (!table || __builtin_mul_overflow(size, count, &all) ||
      (!compressed && static_cast<std::uint64_t>(all) > hdu.data_size)) {
    bad("a table must have BITPIX = 8, NAXIS = 2, GCOUNT = 1 (section 7.2.1 and 7.3.1)");
  }
}

Table::Table(HeaderView cards, const Hdu& hdu) : rows(hdu) {
  const auto tfields = cards.integer("TFIELDS");
  if (!tfields || *tfields < 0 || *tfields > kMostFields) {
    bad(tfields ? "TFIELDS = " + std::to_string(*tfields) + ": must be from 0 to 999 (section 7.3.1)"
                : "keyword TFIELDS is missing or no integer (section 7.3.1)");
  }
  const Keywords keywords(cards, kStems, *tfields);
  columns.reserve(static_cast<std::size_t>(*tfields));
  const bool ascii = hdu.kind == HduKind::ascii_table;
  std::int64_t width = 0;  // below 999 * 16 * 10^9
  for (std::int64_t n = 1; n <= *tfields; ++n) {
    Column& column = columns.emplace_back(described(keywords, n));
    if (ascii) {
      place_ascii(column, keywords, rows.size);
    } else {
      place_binary(column, keywords, width);
      width += column.width;
    }
  }
  if (!ascii && width != rows.size) {
    bad("the columns TFORMn are " + std::to_string(width) + " bytes wide, NAXIS1 = " + std::to_string(rows.size) +
        " (section 7.3.1)");
  }
}

const Column& Table::column(std::string_view name) const {
  name = without_blanks_at_end(name);
  if (name.starts_with('#') && name.size() > 1) {
    const auto n = leading_number(name.substr(1));
    const bool digits = name.find_first_not_of("0123456789", 1) == std::string_view::npos;
    if (digits && n && *n >= 1 && static_cast<std::size_t>(*n) <= columns.size()) {
      return columns[static_cast<std::size_t>(*n - 1)];
    }
  }
  const auto find = [&](const auto& matches) -> const Column* {
    const auto found = std::ranges::find_if(columns, matches);
    if (found == columns.end()) return nullptr;
    const auto second = std::find_if(found + 1, columns.end(), matches);
    if (second != columns.end()) {
      throw std::invalid_argument("'" + std::string(name) + "' could be " + found->title() + " or " + second->title() +
                                  ": name it '#" + std::to_string(found->number) + "' or '#" +
                                  std::to_string(second->number) + "'");
    }
    return &*found;
  };
  if (const Column* exact = find([&](const Column& column) { return column.name == name; })) return *exact;
  if (const Column* alike = find([&](const Column& column) { return same_name(column.name, name); })) return *alike;
  std::string known;
  for (const Column& column : columns) {
    if (known.size() > 200) {
      known += " ...";
      break;
    }
    known += (known.empty() ? "" : ", ") + (column.name.empty() ? "#" + std::to_string(column.number) : column.name);
  }
  throw NoSuchCell("there is no column '" + std::string(name) + "': the table has " + (known.empty() ? "none" : known));
}

}  // namespace fits
