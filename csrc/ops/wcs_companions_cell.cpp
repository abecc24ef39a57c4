// One cell of a binary table as numbers (FITS Standard 4.0, section 7.3): what -TAB axes refer to.
#include <algorithm>
#include <limits>

#include "format/convert.h"
#include "format/heap.h"
#include "format/tform.h"
#include "ops/rows.h"
#include "ops/source.h"
#include "ops/wcs_companions.h"

namespace fits::ops {
namespace {

[[noreturn]] void fail(const std::string& what) { throw FileError(Status::bad_header, what); }

struct TableHdu {
  std::int64_t index = 0;
  std::string cards;  // of a compressed table the original's
};

// The first binary table of that name, version and level; of others that come near the message tells.
TableHdu find_table(const io::Source& source, std::string_view extname, std::int64_t extver, std::int64_t extlevel) {
  std::string near;
  for (std::int64_t index = 0;; ++index) {
    const Hdu* hdu = nullptr;
    try {
      hdu = &source.file->hdus().at(index);
    } catch (const NoSuchHdu&) {
      throw FileError(Status::no_such_hdu, sentence("the file has no such binary table", near));
    }
    std::string cards = visible_cards(source.file->bytes(), *hdu);
    const HeaderView header(cards);
    if (!wcs::same_letters(header.string("EXTNAME").value_or(""), extname)) continue;
    const std::int64_t version = header.integer("EXTVER").value_or(1), level = header.integer("EXTLEVEL").value_or(1);
    const bool table = hdu->kind == HduKind::binary_table || hdu->kind == HduKind::compressed_table;
    if (table && version == extver && level == extlevel) return {index, std::move(cards)};
    near = table ? sentence("; HDU ", index, " of that name has EXTVER ", version, " and EXTLEVEL ", level)
                 : sentence("; HDU ", index, " has that name and is no binary table");
  }
}

struct Column {
  std::int64_t number = 0;  // n of TTYPEn
  std::int64_t start = 0;   // byte in a row
  Tform tform;
};

Column find_column(const HeaderView& header, std::string_view ttype) {
  const std::int64_t fields = header.integer("TFIELDS").value_or(0);
  Column column;
  for (column.number = 1; column.number <= std::min<std::int64_t>(fields, 999); ++column.number) {
    const std::string n = std::to_string(column.number);
    const auto tform = parse_tform(header.string("TFORM" + n).value_or(""));
    if (!tform) fail(sentence("TFORM", n, " of that table is no format of a column (section 7.3.1)"));
    column.tform = *tform;
    if (wcs::same_letters(header.string("TTYPE" + n).value_or(""), ttype)) return column;
    column.start += tform->width();
  }
  fail("that table has no such column");
}

int bitpix_of(char letter) {
  switch (letter) {
    case 'B': return 8;
    case 'I': return 16;
    case 'J': return 32;
    case 'K': return 64;
    case 'E': return -32;
    case 'D': return -64;
    default: fail(sentence("TFORM says '", std::string(1, letter), "', which holds no real numbers"));
  }
}

// TDIM "(l,m,n)" of an array of `count` values; one axis where there is none. Values beyond it are nobody's.
std::vector<std::int64_t> axes_of(const HeaderView& header, std::int64_t column, std::int64_t count) {
  const std::string keyword = "TDIM" + std::to_string(column);
  if (!header.find(keyword)) return {count};
  const std::string text = header.string(keyword).value_or("");
  std::vector<std::int64_t> naxes;
  std::int64_t product = 1, length = -1;
  bool whole = text.starts_with('(');
  for (std::size_t i = 1; whole && i < text.size(); ++i) {
    const char c = text[i];
    if (c >= '0' && c <= '9') {
      length = std::max<std::int64_t>(length, 0) * 10 + (c - '0');
      whole = length <= count;
    } else if (c == ',' || c == ')') {
      whole = length >= 0;
      naxes.push_back(length);
      product *= std::max<std::int64_t>(length, 1);
      whole = whole && product <= std::max<std::int64_t>(count, 1);
      length = -1;
      if (c == ')') break;
    } else {
      whole = whole && c == ' ';
    }
  }
  if (!whole || naxes.empty() || text.find(')') == std::string::npos) {
    fail(sentence(keyword, " = '", text, "' is no shape of its ", count, " values (section 7.3.2)"));
  }
  return naxes;
}

Scaling scaling_of(const HeaderView& header, const Column& column, int bitpix) {
  const std::string n = std::to_string(column.number);
  Scaling scaling;
  scaling.bscale = header.real("TSCAL" + n).value_or(1);
  scaling.bzero = header.real("TZERO" + n).value_or(0);
  if (bitpix > 0) scaling.blank = header.integer("TNULL" + n);
  return scaling;
}

// A piece of `bytes`, which must be there.
Bytes piece(const Tensor& bytes, std::uint64_t offset, std::uint64_t size, const char* where) {
  const auto all = static_cast<std::uint64_t>(bytes.numel());
  if (offset > all || size > all - offset) fail(sentence("the cell reaches beyond ", where));
  return {static_cast<const std::byte*>(bytes.const_data_ptr()) + offset, static_cast<std::size_t>(size)};
}

wcs::Array read_cell(const io::Source& source, const TableHdu& table, const Column& column, std::int64_t row) {
  const HeaderView header(table.cards);
  const Tform tform = column.tform;
  const Tensor bytes = read_rows_of(source, table.index, row - 1, row);
  if (bytes.size(0) == 0) fail(sentence("that table has no row ", row));
  Bytes stored =
      piece(bytes, static_cast<std::uint64_t>(column.start), static_cast<std::uint64_t>(tform.width()), "its row");
  Tensor heap;
  std::int64_t count = tform.repeat;
  const char letter = tform.variable() ? tform.element : tform.letter;
  const int bitpix = bitpix_of(letter);
  if (tform.variable()) {
    if (stored.empty()) fail("TFORM has a repeat count of 0: there is no array");
    const Descriptor descriptor = read_descriptor(stored);
    heap = read_heap_of(source, table.index);
    const auto element = static_cast<std::uint64_t>(Tform::element_size(letter));
    if (descriptor.count > static_cast<std::uint64_t>(heap.numel()) / element) fail("the cell reaches beyond the heap");
    stored = piece(heap, descriptor.offset, descriptor.count * element, "the heap");
    count = static_cast<std::int64_t>(descriptor.count);
  }
  wcs::Array array;
  array.naxes = axes_of(header, column.number, count);
  std::int64_t used = 1;
  for (const std::int64_t length : array.naxes) used *= length;
  array.values.resize(static_cast<std::size_t>(used));
  const Conversion conversion{bitpix, scaling_of(header, column, bitpix), true, Pixel::f64};
  Converter(conversion, ByteOrder::big_endian)(stored.data(), used, array.values.data());
  return array;
}

}  // namespace

wcs::Array FileCompanions::cell(std::string_view extname, std::int64_t extver, std::int64_t extlevel,
                                std::string_view ttype, std::int64_t row) const {
  const auto where = [&] {
    return sentence("column '", ttype, "', row ", row, " of the table with EXTNAME '", extname, "', EXTVER ", extver,
                    ", EXTLEVEL ", extlevel);
  };
  return in_context(where, [&] {
    const TableHdu table = find_table(source_, extname, extver, extlevel);
    return read_cell(source_, table, find_column(HeaderView(table.cards), ttype), row);
  });
}

}  // namespace fits::ops
