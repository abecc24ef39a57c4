#include "ops/filter_files.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "filter/token.h"
#include "format/error.h"
#include "format/tile_table.h"
#include "ops/filter_cells.h"
#include "ops/source.h"
#include "ops/table.h"

namespace fits::ops {
namespace {

using filter::Input;
using filter::InputReader;
using filter::Intervals;
using filter::Region;

constexpr std::int64_t kBlockRows = 4096;

// A name in front of an extension: "events.fits[GTI]", "events.fits+2".
struct ExtensionName {
  std::string file;  // empty: the filtered file itself
  std::string name;  // of an extension
  std::int64_t version = 0;
  std::optional<std::int64_t> hdu;
};

std::optional<std::int64_t> number_in(std::string_view text) noexcept {
  if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return std::nullopt;
  return leading_number(text);
}

ExtensionName parse_name(std::string_view text) {
  ExtensionName result;
  std::error_code none;
  if (std::filesystem::is_regular_file(text, none)) {  // one of that very name
    result.file = text;
    return result;
  }
  const std::size_t plus = text.rfind('+');
  if (const auto hdu = plus == text.npos ? std::nullopt : number_in(text.substr(plus + 1))) {
    result.file = text.substr(0, plus);
    result.hdu = *hdu;
    return result;
  }
  const std::size_t open = text.find('[');
  result.file = text.substr(0, open);
  if (open == text.npos) return result;
  const std::size_t close = text.find(']', open);
  if (close == text.npos) throw std::invalid_argument("the extension lacks its closing ]");
  if (close + 1 != text.size()) {
    throw std::invalid_argument(
        "after a file's name one extension is read, [NAME], [NAME,VERSION] or [NUMBER]; "
        "filter that table first and write it to a file of its own");
  }
  const auto parts = filter::split(text.substr(open + 1, close - open - 1), ',');
  const std::string_view name = filter::trimmed(parts[0]);
  if (const auto hdu = number_in(name)) {
    result.hdu = *hdu;
  } else {
    result.name = filter::capitals(name);
    const auto version = parts.size() > 1 ? number_in(filter::trimmed(parts[1])) : std::nullopt;
    if (result.name.empty() || (parts.size() > 1 && !version)) {
      throw std::invalid_argument("an extension is [NAME], [NAME,VERSION] or [NUMBER]");
    }
    result.version = version.value_or(0);
  }
  return result;
}

bool is_table(const Hdu& hdu) noexcept {
  return hdu.kind == HduKind::binary_table || hdu.kind == HduKind::ascii_table || hdu.kind == HduKind::compressed_table;
}

// The first HDU of which `wanted(name, version)` is true, of tables alone where `tables`; or -1.
template <class Wanted>
std::int64_t find_extension(const io::Source& source, bool tables, const Wanted& wanted) {
  HduList& hdus = source.file->hdus();
  const auto size = static_cast<std::int64_t>(hdus.size());
  for (std::int64_t i = 1; i < size; ++i) {
    if (tables && !is_table(hdus.at(i))) continue;
    const std::string text = visible_cards(source.file->bytes(), hdus.at(i));
    const HeaderView cards(text);
    const std::int64_t version = cards.integer("EXTVER").value_or(1);
    for (const char* const keyword : {"EXTNAME", "HDUNAME"}) {
      if (const auto name = cards.string(keyword); name && wanted(filter::capitals(*name), version)) return i;
    }
  }
  return -1;
}

std::int64_t find_hdu(const io::Source& source, const ExtensionName& wanted) {
  if (wanted.hdu) return *wanted.hdu;
  const std::int64_t hdu = find_extension(source, false, [&](const std::string& name, std::int64_t version) {
    return name == wanted.name && (wanted.version == 0 || version == wanted.version);
  });
  if (hdu < 0) throw FileError(Status::no_such_hdu, sentence("it has no extension ", wanted.name));
  return hdu;
}

// Whether `pattern`, in which * stands for any letters and ? for one, is the whole of `text`.
bool matches(std::string_view pattern, std::string_view text) noexcept {
  std::size_t p = 0, t = 0, star = pattern.npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

const Column& find_column(const Table& table, std::string_view name) {
  if (name.find_first_of("*?") == name.npos) return table.column(name);
  const std::string pattern = filter::capitals(name);
  const Column* found = nullptr;
  for (const Column& column : table.columns) {
    if (!matches(pattern, filter::capitals(column.name))) continue;
    if (found != nullptr) {
      throw std::invalid_argument(sentence("'", name, "' could be ", found->title(), " or ", column.title(),
                                           ": name the columns that are meant, (\"file\", TIME, \"START\", \"STOP\")"));
    }
    found = &column;
  }
  if (found == nullptr) {
    throw NoSuchCell(sentence("no column is called ", name, ": name those that are meant, (\"file\", TIME, \"START\", ",
                              "\"STOP\")"));
  }
  return *found;
}

// The time from which a table's times count: TIMEZERO, or TIMEZERI and TIMEZERF.
struct TimeZero {
  double whole = 0, part = 0;
  explicit TimeZero(HeaderView cards) {
    if (const auto zero = cards.real("TIMEZERO")) {
      whole = *zero;
    } else if (const auto integer = cards.real("TIMEZERI")) {
      whole = *integer;
      part = cards.real("TIMEZERF").value_or(0);
    }
  }
};

Intervals read_intervals(const io::Source& source, std::int64_t hdu, std::string_view start, std::string_view stop) {
  const WholeTable table(source, hdu);
  Intervals intervals;
  for (const auto& [name, out] : {std::pair{start, &intervals.start}, std::pair{stop, &intervals.stop}}) {
    const Column& column = find_column(table.table(), name);
    Reals reals = table.reals(column);
    if (reals.each != 1) throw FileError(Status::bad_header, column.title() + " has several times in a row");
    *out = std::move(reals.values);
  }
  return intervals;
}

bool is_fits(Bytes start) noexcept { return as_text(start).starts_with("SIMPLE"); }

}  // namespace

WholeTable::WholeTable(const io::Source& source, std::int64_t hdu)
    : source_(source),
      hdu_(table_hdu(source, hdu)),
      table_(source.file->table(hdu_)),
      cards_(visible_cards(source.file->bytes(), hdu_)),
      rows_(table_.rows.count) {
  if (table_.rows.size == 0 && static_cast<std::uint64_t>(rows_) > kFreeClaim) {
    throw FileError(Status::bad_header, sentence(rows_, " rows without a byte are more than a table has"));
  }
}

template <class Take>
void WholeTable::read(const Column& column, filter::Type type, const Take& take) const {
  const ByteReader& bytes = source_.file->bytes();
  const std::int64_t each = type == filter::Type::string ? column.width : column.count();
  std::vector<InputReader> inputs;
  inputs.emplace_back(column, Input{0, type, 0, each, 0});
  std::unique_ptr<Rows> rows;
  std::optional<CompressedTable> compressed;
  if (hdu_.kind == HduKind::compressed_table) {
    compressed = compressed_table(bytes, hdu_);
    rows = compressed_rows(bytes, hdu_, *compressed, inputs);
  } else {
    rows = plain_rows(bytes, hdu_, table_.rows.size, inputs);
  }
  std::vector<std::byte> values, scratch;
  std::vector<std::uint8_t> nulls;
  for (std::int64_t row = 0; row < rows_; row += kBlockRows) {
    const std::int64_t count = std::min(kBlockRows, rows_ - row);
    values.resize(static_cast<std::size_t>(count * inputs[0].value_size()));
    scratch.resize(static_cast<std::size_t>(count * inputs[0].scratch_size()));
    nulls.assign(static_cast<std::size_t>(count * inputs[0].null_size()), 0);
    const Cells cells = rows->cells(0, row, count);
    const std::int64_t done =
        inputs[0].read(cells.first, cells.stride, count, scratch.data(), values.data(), nulls.data());
    if (done < count) fail_cell(inputs[0].column(), cells, row, done);
    take(values.data(), nulls.data(), count);
  }
}

Reals WholeTable::reals(const Column& column) const {
  const ElementType type = column.elements();
  column.check_values();
  if (type.kind != ElementKind::number) throw FileError(Status::bad_header, column.title() + " has no numbers");
  Reals reals;
  reals.each = column.count();
  if (reals.each == 0) return reals;
  read(column, filter::Type::real, [&](const std::byte* values, const std::uint8_t* nulls, std::int64_t rows) {
    const auto* const from = reinterpret_cast<const double*>(values);
    for (std::int64_t i = 0; i < rows * reals.each; ++i) {
      reals.values.push_back(nulls[i] != 0 ? std::nan("") : from[i]);
    }
  });
  return reals;
}

std::vector<std::string> WholeTable::strings(const Column& column) const {
  if (column.elements().kind != ElementKind::character) {
    throw FileError(Status::bad_header, column.title() + " has no strings");
  }
  std::vector<std::string> all;
  const auto width = static_cast<std::size_t>(column.width);
  read(column, filter::Type::string, [&](const std::byte* values, const std::uint8_t*, std::int64_t rows) {
    for (std::int64_t i = 0; i < rows; ++i) {
      std::string text(reinterpret_cast<const char*>(values) + static_cast<std::size_t>(i) * width, width);
      text = text.substr(0, text.find('\0'));
      all.emplace_back(filter::trimmed(text));
    }
  });
  return all;
}

Intervals FilterNames::intervals(std::string_view file, std::string_view start, std::string_view stop) const {
  const auto where = [&] { return sentence("filter: the good time intervals '", file, "'"); };
  return in_context(where, [&] {
    const ExtensionName name = parse_name(file);
    const io::Source source = name.file.empty() ? source_ : io::open_file(name.file);
    std::int64_t hdu = -1;
    if (name.hdu || !name.name.empty()) {
      hdu = find_hdu(source, name);
      if (hdu == 0) throw std::invalid_argument("the primary HDU has no good time intervals");
    } else {
      hdu = find_extension(source, true,
                           [](const std::string& found, std::int64_t) { return found.find("GTI") != found.npos; });
      if (hdu < 0) {
        throw FileError(
            Status::no_such_hdu,
            sentence("no extension of ", name.file.empty() ? "this file" : name.file.c_str(),
                     " has GTI in its EXTNAME: name the one that is meant, GTIFILTER(\"", name.file, "[NAME]\")"));
      }
    }
    Intervals intervals = read_intervals(source, hdu, start, stop);
    const TimeZero here(cards_), there(HeaderView(visible_cards(source.file->bytes(), source.file->hdus().at(hdu))));
    intervals.shift((there.whole - here.whole) + (there.part - here.part));
    return intervals;
  });
}

Region FilterNames::region(std::string_view file, const std::optional<filter::ColumnPair>& columns) const {
  const auto where = [&] { return sentence("filter: the region file '", file, "'"); };
  return in_context(where, [&] {
    std::optional<io::SkyPlane> plane;
    if (columns) {
      const auto number = [&](std::int64_t column) { return table_.columns[static_cast<std::size_t>(column)].number; };
      plane = sky_plane(cards_, number(columns->x), number(columns->y));
    }
    if (file.empty()) throw std::invalid_argument("it has no name");
    const ExtensionName name = parse_name(file);
    const io::Source source = name.file.empty() ? source_ : io::open_file(name.file);
    const ByteReader& bytes = source.file->bytes();
    std::vector<std::byte> held;
    if (is_fits(bytes.view(0, std::min<std::uint64_t>(bytes.size(), 9), held))) {
      const bool named = name.hdu || !name.name.empty();
      const std::int64_t hdu =
          named ? find_hdu(source, name)
                : find_extension(source, true, [](const auto& found, auto) { return found == "REGION"; });
      if (hdu < 0)
        throw FileError(Status::no_such_hdu, "it has no extension REGION: name the one that is meant, [NAME]");
      return read_region_table(source, hdu, plane);
    }
    if (name.file != file) throw FileError(Status::not_fits, "it is no FITS file, and has no extensions");
    filter::PlaneOfColumns columns_plane;
    if (plane) {
      columns_plane.rotation = plane->rotation;
      columns_plane.to_plane = [&plane](double longitude, double latitude) -> std::optional<filter::Point> {
        if (!plane->known()) {
          throw std::invalid_argument("it is given on the sky, and the columns' projection is " + plane->projection +
                                      ": CAR, SIN, TAN, ARC, NCP, GLS, MER, AIT and STG are known here");
        }
        const auto at = plane->to_pixel(longitude, latitude);
        if (!at) return std::nullopt;
        return filter::Point{(*at)[0], (*at)[1]};
      };
    }
    const Bytes text = bytes.view(0, bytes.size(), held);
    try {
      return filter::read_region_text(as_text(text), columns_plane);
    } catch (const std::invalid_argument& error) {
      throw FileError(Status::bad_header, error.what());
    }
  });
}

}  // namespace fits::ops
