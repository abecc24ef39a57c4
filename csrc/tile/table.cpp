#include "tile/table.h"

#include <algorithm>
#include <array>

#include "format/column_keywords.h"
#include "format/error.h"
#include "format/heap.h"
#include "format/tile_table.h"

namespace fits {
namespace {

[[noreturn]] void bad(const std::string& what) { throw FileError(Status::bad_compressed_data, what); }

std::string numbered(std::string_view stem, std::int64_t n) { return std::string(stem) + std::to_string(n); }

constexpr std::array<std::string_view, 3> kStems = {"TFORM", "ZFORM", "ZCTYP"};
enum Stem : std::size_t { kTform, kZform, kZctyp };
using Keywords = ColumnKeywords<kStems.size()>;

std::int64_t integer(HeaderView header, const char* keyword, std::int64_t least) {
  const auto value = header.integer(keyword);
  if (!header.find(keyword))
    bad(std::string("keyword ") + keyword + " is missing: a compressed table needs it (section 10.3.1)");
  if (!value || *value < least) {
    bad(std::string(keyword) + ": must be an integer of " + std::to_string(least) + " or more (section 10.3.1)");
  }
  return *value;
}

Tform format_of(const std::optional<std::string>& text, const char* stem, std::int64_t n) {
  if (!text) bad("keyword " + numbered(stem, n) + " is missing: a compressed table needs it (section 10.3.1)");
  const auto tform = parse_tform(*text);
  if (!tform) bad(numbered(stem, n) + " = " + *text + ": must be a format of a column (section 7.3.1)");
  return *tform;
}

Codec codec_of(const std::optional<std::string>& zctyp, const Tform& tform, std::int64_t n) {
  if (!zctyp) bad("keyword " + numbered("ZCTYP", n) + " is missing: a compressed column needs it (section 10.3.1)");
  const auto codec = find_codec(*zctyp);
  if (!codec || *codec == Codec::hcompress_1 || *codec == Codec::plio_1) {
    bad(numbered("ZCTYP", n) + " = " + *zctyp + ": must be GZIP_1, GZIP_2, RICE_1 or NOCOMPRESS (section 10.3.3)");
  }
  const char values = tform.variable() ? tform.element : tform.letter;
  if (*codec == Codec::rice_1 && values != 'B' && values != 'I' && values != 'J') {
    bad(numbered("ZCTYP", n) + " = " + *zctyp + ": RICE_1 codes integers of 8, 16 or 32 bits (B, I, J), not " + values +
        " (section 10.3.3)");
  }
  return *codec;
}

// One column of both tables; `column` has its places in their rows.
void describe(TableColumn& column, const Keywords& keywords) {
  const std::int64_t n = column.number;
  const Tform stored = format_of(keywords.string(kTform, n), "TFORM", n);
  if (!stored.variable() || stored.repeat != 1) {
    bad(numbered("TFORM", n) + " = " + *keywords.string(kTform, n) +
        ": must be 1PB or 1QB in a compressed table (section 10.3.1)");
  }
  column.cell_size = stored.width();
  column.codec = codec_of(keywords.string(kZctyp, n), column.tform, n);
  if (!column.tform.variable()) return;
  if (column.tform.element == 0 || column.tform.element == 'P' || column.tform.element == 'Q') {
    bad(numbered("ZFORM", n) + " = " + *keywords.string(kZform, n) +
        ": must name the type in the heap (section 7.3.5)");
  }
  if (column.tform.repeat != 1) {
    bad(numbered("ZFORM", n) + " = " + *keywords.string(kZform, n) +
        ": a row has one descriptor of an array, or none (section 7.3.5)");
  }
}

// TFIELDS columns in the rows of both tables.
void describe_columns(CompressedTable& table, HeaderView header) {
  const std::int64_t tfields = integer(header, "TFIELDS", 0);
  if (tfields > kMostFields) bad("TFIELDS = " + std::to_string(tfields) + ": must be from 0 to 999 (section 7.3.1)");
  const Keywords keywords(header, kStems, tfields);
  std::int64_t start = 0, cell = 0;  // both below 999 * 16 * 10^9
  for (std::int64_t n = 1; n <= tfields; ++n) {
    TableColumn column;
    column.number = n;
    column.tform = format_of(keywords.string(kZform, n), "ZFORM", n);
    column.start = start;
    column.width = column.tform.width();
    column.cell = cell;
    start += column.width;
    cell += format_of(keywords.string(kTform, n), "TFORM", n).width();
    if (column.width == 0) continue;
    describe(column, keywords);
    table.columns.push_back(column);
  }
  if (start != table.row_size) {
    bad("the columns ZFORMn are " + std::to_string(start) + " bytes wide, ZNAXIS1 = " + std::to_string(table.row_size));
  }
  if (cell > table.stored_row_size) {
    bad("the columns TFORMn are " + std::to_string(cell) +
        " bytes wide, NAXIS1 = " + std::to_string(table.stored_row_size));
  }
}

// Where the original heap starts, behind rows of `rows_size` bytes: at ZTHEAP (section 10.3.1). fpack writes none and
// leaves the original's THEAP as it is, which is never less than `rows_size`; the compressed table's own nearly always.
std::int64_t original_heap_start(HeaderView header, std::int64_t rows_size, std::int64_t data_size) {
  if (header.find("ZTHEAP")) return heap_start(header, "ZTHEAP", rows_size, data_size);
  const auto theap = header.integer("THEAP").value_or(rows_size);
  return theap >= rows_size && theap <= data_size ? theap : rows_size;
}

// Nothing is allocated, and no loop runs, by a number that the file merely claims.
void require_claim(std::int64_t size, const Hdu& hdu, const char* what) {
  const auto claim = static_cast<std::uint64_t>(size);
  if (claim <= kFreeClaim || claim / kMostBytesFromOne <= hdu.data_size) return;
  bad(std::string(what) + " would have " + std::to_string(size) + " bytes, from " + std::to_string(hdu.data_size) +
      " bytes of data: more than any codec makes of them");
}

}  // namespace

CompressedTable compressed_table(const ByteReader& bytes, const Hdu& hdu) {
  const std::string cards = stored_cards(bytes, hdu);
  const HeaderView stored(cards);
  CompressedTable table;
  table.row_size = integer(stored, "ZNAXIS1", 0);
  table.rows = integer(stored, "ZNAXIS2", 0);
  const std::int64_t pcount = integer(stored, "ZPCOUNT", 0);
  std::int64_t rows_size = 0, size = 0;
  if (__builtin_mul_overflow(table.row_size, table.rows, &rows_size) ||
      __builtin_add_overflow(rows_size, pcount, &size) || size > (std::int64_t{1} << 62)) {
    bad("ZNAXIS1, ZNAXIS2 and ZPCOUNT make more than 2^62 bytes");
  }
  require_claim(rows_size, hdu, "the rows");
  require_claim(pcount, hdu, "the heap");
  const std::int64_t ztilelen = integer(stored, "ZTILELEN", 1);
  table.tile_rows = std::max<std::int64_t>(1, std::min(ztilelen, table.rows));
  table.heap_size = size - original_heap_start(stored, rows_size, size);

  table.stored_row_size = integer(stored, "NAXIS1", 0);
  const std::int64_t stored_rows = integer(stored, "NAXIS2", 0);
  const auto data_size = static_cast<std::int64_t>(hdu.data_size);
  std::int64_t stored_size = 0;
  if (__builtin_mul_overflow(table.stored_row_size, stored_rows, &stored_size) || stored_size > data_size) {
    bad("NAXIS1 and NAXIS2 make more bytes than the data unit has");
  }
  // fpack copies the original's THEAP into the compressed table and starts the heap there, but counts PCOUNT without
  // the gap that this makes: the heap then ends behind the data unit that the header promises.
  const auto left = static_cast<std::int64_t>(bytes.size() - hdu.data_start);
  table.stored_heap_start = heap_start(stored, "THEAP", stored_size, left);
  table.stored_heap_size = std::min(data_size - stored_size, left - table.stored_heap_start);
  describe_columns(table, stored);
  if (table.tiles() > stored_rows) {
    bad("NAXIS2 = " + std::to_string(stored_rows) + ": must be " + std::to_string(table.tiles()) +
        ", one row for each tile (section 10.3.2)");
  }
  return table;
}

std::vector<Stream> table_streams(const ByteReader& bytes, const Hdu& hdu, const CompressedTable& table,
                                  std::int64_t first, std::int64_t count) {
  std::vector<std::byte> scratch;
  const auto wanted = static_cast<std::size_t>(count * table.stored_row_size);
  const Bytes cells =
      bytes.view(hdu.data_start + static_cast<std::uint64_t>(first * table.stored_row_size), wanted, scratch);
  if (cells.size() < wanted) throw FileError(Status::truncated, "the table of tiles is cut off");
  std::vector<Stream> streams;
  streams.reserve(static_cast<std::size_t>(count) * table.columns.size());
  for (std::int64_t tile = first; tile < first + count; ++tile) {
    for (const TableColumn& column : table.columns) {
      const auto at = static_cast<std::size_t>((tile - first) * table.stored_row_size + column.cell);
      const auto [size, offset] = read_descriptor(cells.subspan(at, static_cast<std::size_t>(column.cell_size)));
      const auto heap = static_cast<std::uint64_t>(table.stored_heap_size);
      if (offset > heap || size > heap - offset) {
        bad(stream_name(column, tile) + ": " + std::to_string(size) + " bytes at byte " + std::to_string(offset) +
            " do not lie in the heap of " + std::to_string(heap) + " bytes (section 7.3.5)");
      }
      const std::int64_t makes = table.rows_of(tile) * column.stream_width();
      if (static_cast<std::uint64_t>(makes / kMostBytesFromOne) > size) {
        bad(stream_name(column, tile) + ": " + std::to_string(size) + " bytes cannot hold the " +
            std::to_string(makes) + " bytes of its rows");
      }
      streams.push_back({table.stored_heap_start + static_cast<std::int64_t>(offset), static_cast<std::int64_t>(size)});
    }
  }
  return streams;
}

std::string stream_name(const TableColumn& column, std::int64_t tile) {
  return "tile " + std::to_string(tile) + ", column " + std::to_string(column.number) + " (" +
         std::string(codec_name(column.codec)) + ")";
}

}  // namespace fits
