// Headers of compressed HDUs turned back: section 10 of the Standard by worked examples, and headers that lie.
#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "check.h"
#include "format/compressed_header.h"
#include "format/error.h"

namespace {

using fits::FileError;
using fits::HeaderView;
using fits::Quantization;
using Lines = std::vector<std::string>;

std::string cards(const Lines& lines) {
  std::string text;
  for (std::string line : lines) {
    line.resize(fits::kCardSize, ' ');
    text += line;
  }
  return text;
}

// The lines with some replaced (same keyword) or added; a change without '=' removes the keyword's line.
Lines with(Lines lines, const Lines& changes) {
  for (const std::string& change : changes) {
    const std::string keyword = (change + "        ").substr(0, 8);
    const auto place =
        std::find_if(lines.begin(), lines.end(), [&](const auto& line) { return line.starts_with(keyword); });
    if (change.find('=') == std::string::npos) {
      lines.erase(place);
    } else if (place == lines.end()) {
      lines.push_back(change);
    } else {
      *place = change;
    }
  }
  return lines;
}

const Lines kImage = {
    "XTENSION= 'BINTABLE'           / binary table extension",
    "BITPIX  =                    8 / array data type",
    "NAXIS   =                    2 / number of array dimensions",
    "NAXIS1  =                   16 / width of table in bytes",
    "NAXIS2  =                    5 / number of rows in table",
    "PCOUNT  =                 1234 / size of the heap",
    "GCOUNT  =                    1 / number of groups",
    "TFIELDS =                    1 / number of fields",
    "TTYPE1  = 'COMPRESSED_DATA'    / label for field 1",
    "TFORM1  = '1PB(40) '           / data format",
    "ZIMAGE  =                    T / extension contains compressed image",
    "ZTENSION= 'IMAGE   '           / Image extension",
    "ZBITPIX =                   16 / data type of original image",
    "ZNAXIS  =                    2 / dimension of original image",
    "ZNAXIS1 =                   10 / columns",
    "ZNAXIS2 =                    5 / rows",
    "ZCMPTYPE= 'RICE_1  '           / compression algorithm",
    "EXTNAME = 'COMPRESSED_IMAGE'",
    "OBJECT  = 'M31     '           / target",
};

std::string image_header(const Lines& lines) { return fits::original_image_header(HeaderView(cards(lines))); }

fits::TileCompression tiles(const Lines& lines, int bitpix = 16, std::vector<std::int64_t> naxes = {10, 5}) {
  return fits::tile_compression(HeaderView(cards(lines)), bitpix, naxes);
}

const Lines kTable = {
    "XTENSION= 'BINTABLE'           / binary table extension",
    "BITPIX  =                    8 / array data type",
    "NAXIS   =                    2 / number of array dimensions",
    "NAXIS1  =                   32 / width of compressed table",
    "NAXIS2  =                    1 / number of tiles",
    "PCOUNT  =                  900 / size of the heap",
    "GCOUNT  =                    1 / number of groups",
    "TFIELDS =                    2 / number of fields",
    "TTYPE1  = 'A       '           / first",
    "TFORM1  = '1QB(202)'",
    "TTYPE2  = 'V       '           / second",
    "TFORM2  = '1QB(700)'",
    "THEAP   =                   32 / start of the compressed heap",
    "OBJECT  = 'M31     '",
    "ZHECKSUM= 'original'",
    "ZTABLE  =                    T / this is a compressed table",
    "ZTILELEN=                  500 / rows in each tile",
    "ZNAXIS1 =                   12 / width of the original",
    "ZNAXIS2 =                  500 / rows of the original",
    "ZPCOUNT =                 5976 / heap of the original",
    "ZTHEAP  =                 6000 / gap before the original heap",
    "ZFORM1  = 'J       '           / format of the original",
    "ZFORM2  = 'PJ(6)   '",
    "ZCTYP1  = 'RICE_1  '",
    "ZCTYP2  = 'GZIP_1  '",
    "CHECKSUM= 'compressed'",
    "DATASUM = '1'",
};

}  // namespace

TEST(image_header_of_an_extension) {
  CHECK_EQUAL(image_header(kImage), cards({
                                        "XTENSION= 'IMAGE   '           / Image extension",
                                        "BITPIX  =                   16 / data type of original image",
                                        "NAXIS   =                    2 / dimension of original image",
                                        "NAXIS1  =                   10 / columns",
                                        "NAXIS2  =                    5 / rows",
                                        "PCOUNT  =                    0",
                                        "GCOUNT  =                    1",
                                        "OBJECT  = 'M31     '           / target",
                                    }));
}

TEST(image_header_of_a_primary_hdu) {
  const Lines lines =
      with(kImage, {"ZTENSION", "ZSIMPLE =                    T / conforms", "ZPCOUNT =   0",
                    "ZEXTEND =                    T / extensions", "ZHECKSUM= 'sum'", "CHECKSUM= 'of table'",
                    "DATASUM = '2'", "NAXIS3  = 7", "EXTNAME = 'SCI'", "BSCALE  = 2 / kept"});
  CHECK_EQUAL(image_header(lines), cards({
                                       "SIMPLE  =                    T / conforms",
                                       "BITPIX  =                   16 / data type of original image",
                                       "NAXIS   =                    2 / dimension of original image",
                                       "NAXIS1  =                   10 / columns",
                                       "NAXIS2  =                    5 / rows",
                                       "EXTNAME = 'SCI'",
                                       "OBJECT  = 'M31     '           / target",
                                       "EXTEND  =                    T / extensions",
                                       "CHECKSUM= 'sum'",
                                       "BSCALE  = 2 / kept",
                                   }));
}

TEST(mandatory_keywords_come_first_wherever_their_copies_stand) {
  const Lines lines = with(kImage, {"ZNAXIS1", "ZNAXIS", "ZNAXIS1 = 10", "ZNAXIS  = 2", "ZGCOUNT = 1 / groups"});
  CHECK_EQUAL(image_header(lines), cards({
                                       "XTENSION= 'IMAGE   '           / Image extension",
                                       "BITPIX  =                   16 / data type of original image",
                                       "NAXIS   = 2",
                                       "NAXIS1  = 10",
                                       "NAXIS2  =                    5 / rows",
                                       "PCOUNT  =                    0",
                                       "GCOUNT  = 1 / groups",
                                       "OBJECT  = 'M31     '           / target",
                                   }));
}

TEST(commentary_hierarch_and_long_strings_are_kept) {
  const Lines kept = {
      "COMMENT ZIMAGE stays in a comment",
      "HISTORY compressed",
      "        a blank keyword",
      "HIERARCH ZVAL1 = 3",
      "LONG    = 'begins &'",
      "CONTINUE  'and ends' / note",
      "ZVALUE  = 5 / the user's, as are the next three",
      "ZNAME   = 'Zoe'",
      "TFORMAT = 1",
      "NAXISES = 1",
      "",
      "",
  };
  Lines lines = kImage;
  lines.insert(lines.end(), kept.begin(), kept.end());
  CHECK(image_header(lines).ends_with(cards(kept)));
}

TEST(dropped_cards_take_their_continuation_along) {
  Lines lines = with(kImage, {"EXTNAME", "OBJECT"});
  lines.insert(lines.end(), {"TTYPE2  = 'begins &'", "CONTINUE  'and ends'", "OBJECT  = 1"});
  CHECK(image_header(lines).ends_with(cards({"GCOUNT  =                    1", "OBJECT  = 1"})));
}

TEST(default_extname_goes_beside_a_real_one) {
  Lines lines = kImage;
  lines.push_back("EXTNAME = 'SCI     '");
  const std::string header = image_header(lines);
  CHECK_EQUAL(HeaderView(header).string("EXTNAME"), std::optional<std::string>("SCI"));
}

TEST(blank_of_the_original) {
  struct Case {
    Lines lines;
    std::optional<std::int64_t> blank;
  };
  const Case cases[] = {
      {kImage, std::nullopt},
      {with(kImage, {"BLANK   = -7"}), -7},
      {with(kImage, {"ZBLANK  = -9"}), -9},
      {with(kImage, {"BLANK   = -7", "ZBLANK  = -9"}), -7},
      {with(kImage, {"TTYPE2  = 'ZBLANK'"}), -32768},
      {with(kImage, {"TTYPE2  = 'ZBLANK'", "ZBITPIX = 32"}), -2147483648},
      {with(kImage, {"TTYPE2  = 'ZBLANK'", "ZBITPIX = 64"}), std::numeric_limits<std::int64_t>::min()},
      {with(kImage, {"ZBLANK  = -9", "ZBITPIX = -32"}), std::nullopt},
      {with(kImage, {"TTYPE2  = 'ZBLANK'", "ZBITPIX = -32"}), std::nullopt},
  };
  for (const Case& c : cases) {
    const std::string stored = cards(c.lines);
    const std::string header = image_header(c.lines);
    CHECK_EQUAL(HeaderView(header).integer("BLANK"), c.blank);
    const int bitpix = static_cast<int>(*HeaderView(stored).integer("ZBITPIX"));
    CHECK_EQUAL(fits::original_blank(HeaderView(stored), bitpix), c.blank);
    CHECK(!HeaderView(header).find("ZBLANK"));
  }
}

TEST(image_headers_that_lie) {
  struct Case {
    std::string change, message;
  };
  const Case cases[] = {
      {"ZBITPIX", "keyword ZBITPIX is missing"},
      {"ZBITPIX = 24", "ZBITPIX = 24: must be 8, 16"},
      {"ZBITPIX = 'sixteen'", "ZBITPIX = sixteen: must be"},
      {"ZNAXIS", "keyword ZNAXIS is missing"},
      {"ZNAXIS  = -1", "card 14, ZNAXIS = -1: must be an integer from 0 to 99"},
      {"ZNAXIS  = 1000", "ZNAXIS = 1000: must be"},
      {"ZNAXIS  = 4611686018427387904", "must be an integer from 0 to 99"},
      {"ZNAXIS  = 99999999999999999999", "must be an integer from 0 to 99"},
      {"ZNAXIS  = 3", "keyword ZNAXIS3 is missing: ZNAXIS is 3"},
      {"ZNAXIS2", "keyword ZNAXIS2 is missing"},
  };
  for (const Case& c : cases) CHECK_THROWS(FileError, c.message, image_header(with(kImage, {c.change})));
}

TEST(table_header) {
  CHECK_EQUAL(fits::original_table_header(HeaderView(cards(kTable))),
              cards({
                  "XTENSION= 'BINTABLE'           / binary table extension",
                  "BITPIX  =                    8 / array data type",
                  "NAXIS   =                    2 / number of array dimensions",
                  "NAXIS1  =                   12 / width of the original",
                  "NAXIS2  =                  500 / rows of the original",
                  "PCOUNT  =                 5976 / heap of the original",
                  "GCOUNT  =                    1 / number of groups",
                  "TFIELDS =                    2 / number of fields",
                  "TTYPE1  = 'A       '           / first",
                  "TFORM1  = 'J       '           / format of the original",
                  "TTYPE2  = 'V       '           / second",
                  "TFORM2  = 'PJ(6)   '",
                  "OBJECT  = 'M31     '",
                  "CHECKSUM= 'original'",
                  "THEAP   =                 6000 / gap before the original heap",
              }));
}

TEST(table_headers_that_lie) {
  struct Case {
    std::string change, message;
  };
  const Case cases[] = {
      {"ZFORM2", "keyword ZFORM2 is missing: a compressed table needs it"},
      {"ZNAXIS1", "keyword ZNAXIS1 is missing"},
      {"ZPCOUNT", "keyword ZPCOUNT is missing"},
      {"TFIELDS", "keyword TFIELDS is missing"},
      {"TFIELDS = 1000", "TFIELDS = 1000: must be an integer from 0 to 999"},
      {"TFIELDS = -1", "TFIELDS = -1: must be"},
      {"TFIELDS = 999", "keyword ZFORM3 is missing"},
  };
  for (const Case& c : cases) {
    CHECK_THROWS(FileError, c.message, fits::original_table_header(HeaderView(cards(with(kTable, {c.change})))));
  }
}

TEST(tiles_by_default_are_rows) {
  const auto t = tiles(kImage);
  CHECK_EQUAL(t.zcmptype, std::string("RICE_1"));
  CHECK(t.ztile == (std::vector<std::int64_t>{10, 1}));
  CHECK_EQUAL(t.tile_count, 5);
  CHECK(t.zquantiz == Quantization::none);
  CHECK_EQUAL(t.blocksize, 32);
  CHECK_EQUAL(t.bytepix, 4);
  CHECK(!t.zblank && !t.zscale && !t.zzero);
}

TEST(tiles_as_the_header_says) {
  const auto t = tiles(
      with(kImage, {"ZTILE1  = 4", "ZTILE2  = 100", "ZNAME1  = 'BLOCKSIZE'", "ZVAL1   = 16", "ZNAME2  = 'BYTEPIX'",
                    "ZVAL2   = 2", "ZNAME3  = 'SCALE'", "ZVAL3   = 2.5", "ZNAME4  = 'SMOOTH'", "ZVAL4   = 1",
                    "ZNAME5  = 'NOISEBIT'", "ZBLANK  = -5", "ZSCALE  = 0.5", "ZZERO   = 3"}),
      -32);
  CHECK(t.ztile == (std::vector<std::int64_t>{4, 5}));
  CHECK_EQUAL(t.tile_count, 3);
  CHECK(t.zquantiz == Quantization::no_dither);
  CHECK_EQUAL(t.blocksize, 16);
  CHECK_EQUAL(t.bytepix, 2);
  CHECK_EQUAL(t.scale, 2.5);
  CHECK_EQUAL(t.smooth, 1);
  CHECK_EQUAL(t.zblank, std::optional<std::int64_t>(-5));
  CHECK_EQUAL(t.zscale, std::optional<double>(0.5));
  CHECK_EQUAL(t.zzero, std::optional<double>(3));
}

TEST(quantization_is_of_floating_images_only) {
  const Lines lines = with(kImage, {"ZQUANTIZ= 'SUBTRACTIVE_DITHER_2'", "ZDITHER0= 10000"});
  const auto t = tiles(lines, -64);
  CHECK(t.zquantiz == Quantization::subtractive_dither_2);
  CHECK_EQUAL(t.zdither0, 10000);
  CHECK(tiles(lines, 16).zquantiz == Quantization::none);
  CHECK(tiles(with(kImage, {"ZQUANTIZ= 'NONE'"}), -32).zquantiz == Quantization::none);
}

TEST(seeds_that_the_standard_does_not_allow) {
  const std::pair<const char*, int> seeds[] = {{"TITLE   = 1", 1},     {"ZDITHER0= 0", 10000},
                                               {"ZDITHER0= 10001", 1}, {"ZDITHER0= -1", 9999},
                                               {"ZDITHER0= 1", 1},     {"ZDITHER0= 10000", 10000}};
  for (const auto& [card, expected] : seeds) {
    CHECK_EQUAL(tiles(with(kImage, {"ZQUANTIZ= 'SUBTRACTIVE_DITHER_1'", card}), -32).zdither0, expected);
  }
}

TEST(empty_images_have_no_tiles) {
  CHECK_EQUAL(tiles(kImage, 16, {}).tile_count, 0);
  CHECK_EQUAL(tiles(kImage, 16, {0, 5}).tile_count, 0);
  CHECK(tiles(kImage, 16, {0, 5}).ztile == (std::vector<std::int64_t>{1, 1}));
}

TEST(tiles_that_lie) {
  struct Case {
    std::string change, message;
  };
  const Case cases[] = {
      {"ZCMPTYPE", "keyword ZCMPTYPE is missing"},
      {"ZCMPTYPE= 5", "ZCMPTYPE = 5: must be the name"},
      {"ZCMPTYPE= ''", "must be the name"},
      {"ZTILE1  = 0", "ZTILE1 = 0: must be an integer of 1 or more"},
      {"ZTILE2  = -3", "ZTILE2 = -3: must be"},
      {"ZTILE1  = 1.5", "ZTILE1 = 1.5: must be"},
      {"NAXIS2  = 4", "NAXIS2 = 4: must be at least 5, one row for each tile"},
      {"NAXIS2", "keyword NAXIS2 is missing"},
      {"ZQUANTIZ= 'DITHERED'", "ZQUANTIZ = DITHERED: must be NONE, NO_DITHER"},
      {"ZBLANK  = 'x'", "ZBLANK = x: must be an integer"},
      {"ZSCALE  = T", "ZSCALE = T: must be a number"},
      {"ZNAME1  = 'BLOCKSIZE'", "keyword ZVAL1 is missing: ZNAME1 is BLOCKSIZE"},
  };
  for (const Case& c : cases) CHECK_THROWS(FileError, c.message, tiles(with(kImage, {c.change}), -32));
  for (const char* seed : {"ZDITHER0= 'x'", "ZDITHER0= 1.5"}) {
    CHECK_THROWS(FileError, "must be an integer", tiles(with(kImage, {"ZQUANTIZ= 'SUBTRACTIVE_DITHER_1'", seed}), -32));
  }
  for (const char* value : {"ZVAL1   = 0", "ZVAL1   = 9", "ZVAL1   = 3", "ZVAL1   = 'x'"}) {
    CHECK_THROWS(FileError, "must be 1, 2, 4 or 8", tiles(with(kImage, {"ZNAME1  = 'BYTEPIX'", value})));
  }
  const std::int64_t huge = std::int64_t{1} << 40;
  CHECK_THROWS(FileError, "more than 2^63 tiles", tiles(with(kImage, {"ZTILE1  = 1"}), 16, {huge, huge}));
}
