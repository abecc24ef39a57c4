// Tables of tiles that lie about their heap: what would make a decoder write or read elsewhere is refused before.
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

void check_table(const Table& t) {
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
  const std::string file = header({"SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 0"}) + header(lines) +
                           padded(descriptor(0, 0) + descriptor(t.count, t.offset) + t.heap, '\0');
  const fits::MemoryBytes bytes(std::as_bytes(std::span(file)));
  fits::HduList hdus(bytes);
  fits::require_sound_tiles(bytes, hdus.at(1));
}

std::string hcompress(unsigned char nx, unsigned char ny) {
  const unsigned char stream[] = {0xdd, 0x99, 0, 0, 0, nx, 0, 0, 0, ny, 0, 0, 0, 0, 0, 0};
  return {reinterpret_cast<const char*>(stream), sizeof(stream)};
}

}  // namespace

TEST(sound_tables_pass) {
  check_table({});
  check_table({.tform = "PI(4)", .count = 4});
  check_table({.count = 0, .offset = 0xffffffff});  // an empty tile is nowhere
  check_table({.count = 16, .offset = 0});
  check_table({.more = {"ZVAL1   = 32", "ZVAL2   = 2"}});
}

TEST(tables_that_lie) {
  struct Case {
    Table table;
    std::string message;
  };
  const Case cases[] = {
      {{.count = 17}, "tile 1, COMPRESSED_DATA: 17 elements at byte 0 do not lie in the heap of 16 bytes"},
      {{.count = 1, .offset = 16}, "do not lie in the heap"},
      {{.count = 0xffffffff}, "do not lie in the heap"},
      {{.offset = 0xffffffff}, "do not lie in the heap"},
      {{.tform = "PJ(8)", .count = 5}, "do not lie in the heap"},
      {{.tform = "PZ(8)"}, "must name the type in the heap"},
      {{.tform = "nonsense"}, "must be a format of a column"},
      {{.tform = "9999999999PB"}, "the repeat count is too large"},
      {{.tform = "1QB(8)"}, "the columns are 16 bytes wide, NAXIS1 = 8"},
      {{.tform = "8B"}, "no column COMPRESSED_DATA of descriptors"},
      {{.ztile1 = "0"}, "ZTILE1 = 0: must be"},
      {{.naxis1 = "99999999", .ztile1 = "99999999"}, "the image would have 199999998 pixels"},
      {{.ztile1 = "4611686018427387904"}, "a tile would have"},
      {{.more = {"ZVAL1   = 0"}}, "ZVAL1: must be a positive integer"},
      {{.more = {"ZVAL2   = -4"}}, "ZVAL2: must be a positive integer"},
      {{.more = {"THEAP   = 0"}}, "THEAP: the heap must lie between"},
      {{.more = {"THEAP   = 4611686018427387904"}}, "THEAP: the heap must lie between"},
      {{.codec = "HCOMPRESS_1", .count = 16, .heap = hcompress(5, 1)}, "of 5 by 1 pixels, more than 4"},
      {{.codec = "HCOMPRESS_1", .count = 9, .heap = hcompress(4, 1)}, "the HCOMPRESS_1 stream is too short"},
  };
  for (const Case& c : cases) CHECK_THROWS(fits::FileError, c.message, check_table(c.table));
}

TEST(hcompress_streams_no_larger_than_their_tile_pass) {
  check_table({.codec = "HCOMPRESS_1", .count = 16, .heap = hcompress(4, 1)});
  check_table({.codec = "HCOMPRESS_1", .count = 16, .heap = hcompress(2, 2)});
}
