// Tables of tiles: what a row says of its tile, and tables that lie, which are refused before a decoder believes them.
#include <bit>
#include <string>
#include <vector>

#include "check.h"
#include "format/block.h"
#include "format/error.h"
#include "format/tile_table.h"

namespace {

using Lines = std::vector<std::string>;

struct Table {
  std::string codec = "RICE_1", tform = "1PB(8)", bitpix = "16", naxis1 = "4", ztile1 = "4", ztile2 = "1";
  Lines more = {};
  std::uint32_t count = 8, offset = 0;  // of the second of two tiles
  std::string heap = std::string(16, '\1');
};

std::string descriptor(std::uint32_t count, std::uint32_t offset) {
  std::string bytes;
  for (const auto value : {count, offset}) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 255);
  }
  return bytes;
}

std::string padded(std::string text, char fill) {
  text.resize(fits::padded(text.size()), fill);
  return text;
}

std::string header(Lines lines) {
  lines.push_back("END");
  std::string text;
  for (auto& line : lines) {
    line.resize(fits::kCardSize, ' ');
    text += line;
  }
  return padded(text, ' ');
}

std::string big_endian(std::uint64_t bits, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text += static_cast<char>(bits >> shift & 255);
  return text;
}

std::string file_of(Lines lines, const std::string& rows, const std::string& heap) {
  return header({"SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 0"}) + header(std::move(lines)) + padded(rows + heap, '\0');
}

// Row 1 of the two.
fits::TileRow second_row(const std::string& file) {
  const fits::MemoryBytes bytes(std::as_bytes(std::span(file)));
  fits::HduList hdus(bytes);
  const fits::TileTable table(bytes, hdus.at(1));
  fits::TileRow row;
  table.read(bytes, 1, {&row, 1});
  return row;
}

fits::TileRow check_table(const Table& t) {
  Lines lines = {"XTENSION= 'BINTABLE'",
                 "BITPIX  = 8",
                 "NAXIS   = 2",
                 "NAXIS1  = 8",
                 "NAXIS2  = 2",
                 "PCOUNT  = " + std::to_string(t.heap.size()),
                 "GCOUNT  = 1",
                 "TFIELDS = 1",
                 "TTYPE1  = 'COMPRESSED_DATA'",
                 "TFORM1  = '" + t.tform + "'",
                 "ZIMAGE  = T",
                 "ZBITPIX = " + t.bitpix,
                 "ZNAXIS  = 2",
                 "ZNAXIS1 = " + t.naxis1,
                 "ZNAXIS2 = 2",
                 "ZTILE1  = " + t.ztile1,
                 "ZTILE2  = " + t.ztile2,
                 "ZCMPTYPE= '" + t.codec + "'"};
  lines.insert(lines.end(), t.more.begin(), t.more.end());
  return second_row(file_of(lines, descriptor(0, 0) + descriptor(t.count, t.offset), t.heap));
}

// A quantised image of two tiles: the columns in an unusual order, with one between them that says nothing of tiles.
struct Column {
  std::string name, tform, second;  // its bytes in row 1; in row 0 as many zeros
};

fits::TileRow check_columns(const std::vector<Column>& columns, const Lines& more = {}) {
  std::string first, second;
  Lines lines;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string n = std::to_string(i + 1);
    lines.push_back("TTYPE" + n + "  = '" + columns[i].name + "'");
    lines.push_back("TFORM" + n + "  = '" + columns[i].tform + "'");
    first += std::string(columns[i].second.size(), '\0');
    second += columns[i].second;
  }
  Lines all = {
      "XTENSION= 'BINTABLE'", "BITPIX  = 8",       "NAXIS   = 2", "NAXIS1  = " + std::to_string(first.size()),
      "NAXIS2  = 2",          "PCOUNT  = 32",      "GCOUNT  = 1", "TFIELDS = " + std::to_string(columns.size()),
      "ZIMAGE  = T",          "ZBITPIX = -32",     "ZNAXIS  = 2", "ZNAXIS1 = 4",
      "ZNAXIS2 = 2",          "ZCMPTYPE= 'RICE_1'"};
  all.insert(all.end(), lines.begin(), lines.end());
  all.insert(all.end(), more.begin(), more.end());
  return second_row(file_of(all, first + second, std::string(32, '\1')));
}

const std::string kNoBytes = descriptor(0, 0);
const std::string kTwoThirds = big_endian(std::bit_cast<std::uint64_t>(2.0 / 3), 8);

}  // namespace

TEST(sound_tables_pass) {
  CHECK_EQUAL(check_table({}).size, 8U);
  CHECK_EQUAL(check_table({.tform = "PI(4)", .count = 4}).size, 8U);
  CHECK_EQUAL(check_table({.count = 16, .offset = 0}).size, 16U);
  const auto row = check_table({.count = 3, .offset = 5});
  CHECK_EQUAL(row.size, 3U);
  CHECK_EQUAL(row.start % fits::kBlockSize, 16U + 5U);  // behind two rows of 8 bytes
  CHECK(row.zscale != row.zscale && row.zzero != row.zzero && row.zblank != row.zblank);
}

TEST(columns_in_any_order) {
  const auto row = check_columns({{"ZZERO", "1E", big_endian(std::bit_cast<std::uint32_t>(-1.5F), 4)},
                                  {"ZBLANK", "J", big_endian(static_cast<std::uint32_t>(-2147483647), 4)},
                                  {"FLAGS", "12X", "ab"},
                                  {"gzip_compressed_data", "1PB(9)", descriptor(0, 9999)},
                                  {"COMPRESSED_DATA", "1QI(9)", big_endian(5, 8) + big_endian(7, 8)},
                                  {"ZSCALE", "1D", kTwoThirds}});
  CHECK_EQUAL(row.size, 10U);
  CHECK(row.column == fits::TileColumn::compressed);
  CHECK_EQUAL(row.zscale, 2.0 / 3);
  CHECK_EQUAL(row.zzero, -1.5);
  CHECK_EQUAL(row.zblank, -2147483647.0);
}

TEST(tiles_that_could_not_be_compressed) {
  const Column scale = {"ZSCALE", "1D", kTwoThirds}, zero = {"ZZERO", "1D", kTwoThirds};
  const Column empty = {"COMPRESSED_DATA", "1PB", kNoBytes};
  const Column gzip = {"GZIP_COMPRESSED_DATA", "1PB", descriptor(9, 3)};
  const Column raw = {"UNCOMPRESSED_DATA", "1PE", descriptor(4, 16)};
  auto row = check_columns({scale, zero, empty, gzip});
  CHECK(row.column == fits::TileColumn::gzip);
  CHECK_EQUAL(row.size, 9U);
  CHECK(row.zscale != row.zscale && row.zzero != row.zzero);
  row = check_columns({gzip, raw, empty});  // as CFITSIO
  CHECK(row.column == fits::TileColumn::uncompressed);
  CHECK_EQUAL(row.size, 16U);
  CHECK_THROWS(fits::FileError, "tile 1 is empty: it has no bytes in any column", check_columns({empty}));
  CHECK_THROWS(fits::FileError, "tile 1, UNCOMPRESSED_DATA: 4 elements at byte 17 do not lie in the heap",
               check_columns({empty, {"UNCOMPRESSED_DATA", "1PE", descriptor(4, 17)}}));
}

TEST(keywords_stand_for_columns) {
  const Column data = {"COMPRESSED_DATA", "1PB", descriptor(9, 3)};
  auto row = check_columns({data}, {"ZSCALE  = 0.5", "ZZERO   = 3", "ZBLANK  = -7"});
  CHECK_EQUAL(row.zscale, 0.5);
  CHECK_EQUAL(row.zzero, 3.0);
  CHECK_EQUAL(row.zblank, -7.0);
  row = check_columns({data, {"ZBLANK", "1J", big_endian(9, 4)}}, {"ZBLANK  = -7"});
  CHECK_EQUAL(row.zblank, 9.0);
  CHECK_EQUAL(check_columns({data}, {"BLANK   = -8"}).zblank, -8.0);
  row = check_columns({data}, {"ZSCALE  = 0.5", "ZQUANTIZ= 'NONE'"});
  CHECK(row.zscale != row.zscale);
}

TEST(tables_that_lie) {
  struct Case {
    Table table;
    std::string message;
  };
  const Case cases[] = {
      {{.count = 0, .offset = 0xffffffff}, "tile 1 is empty"},
      {{.count = 17}, "tile 1, COMPRESSED_DATA: 17 elements at byte 0 do not lie in the heap of 16 bytes"},
      {{.count = 1, .offset = 16}, "do not lie in the heap"},
      {{.count = 0xffffffff}, "do not lie in the heap"},
      {{.offset = 0xffffffff}, "do not lie in the heap"},
      {{.tform = "PJ(8)", .count = 5}, "do not lie in the heap"},
      {{.tform = "PZ(8)"}, "must name the type in the heap"},
      {{.tform = "nonsense"}, "must be a format of a column"},
      {{.tform = "9999999999PB"}, "9999999999PB: must be a format of a column"},
      {{.tform = "1QB(8)"}, "the columns are 16 bytes wide, NAXIS1 = 8"},
      {{.tform = "8B"}, "no column COMPRESSED_DATA of descriptors"},
      {{.ztile1 = "0"}, "ZTILE1 = 0: must be"},
      {{.naxis1 = "99999999", .ztile1 = "99999999"}, "the image would have 199999998 pixels"},
      {{.more = {"ZNAME1  = 'BLOCKSIZE'", "ZVAL1   = 0"}}, "ZVAL1 = 0: must be a number of pixels"},
      {{.more = {"ZNAME2  = 'BYTEPIX'", "ZVAL2   = 3"}}, "ZVAL2 = 3: must be 1, 2, 4 or 8"},
      {{.more = {"THEAP   = 0"}}, "THEAP: the heap must lie between"},
      {{.more = {"THEAP   = 4611686018427387904"}}, "THEAP: the heap must lie between"},
  };
  for (const Case& c : cases) CHECK_THROWS(fits::FileError, c.message, check_table(c.table));
  CHECK_THROWS(fits::FileError, "must be the format of a number, as ZSCALE is one",
               check_columns({{"COMPRESSED_DATA", "1PB", descriptor(9, 3)}, {"ZSCALE", "8A", "12345678"}}));
}
