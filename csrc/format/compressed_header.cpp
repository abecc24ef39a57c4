#include "format/compressed_header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <string_view>

#include "format/error.h"
#include "format/pixel.h"

namespace fits {
namespace {

constexpr std::int64_t kMaxAxes = 99;     // ZNAXISn has room for two digits
constexpr std::int64_t kMaxFields = 999;  // section 7.3.1
constexpr std::int64_t kMaxInteger = std::numeric_limits<std::int64_t>::max();
constexpr std::string_view kDefaultName = "COMPRESSED_IMAGE";  // the EXTNAME that writers invent

// --- Looking into cards -------------------------------------------------------------------------------------------

constexpr char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool same(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return upper(x) == upper(y); });
}

bool one_of(std::string_view keyword, std::span<const std::string_view> names) noexcept {
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return same(keyword, name); });
}

// n of a keyword "STEMn" without leading zeros; 0 when it is another.
std::int64_t index_of(std::string_view keyword, std::string_view stem) noexcept {
  if (keyword.size() <= stem.size() || !same(keyword.substr(0, stem.size()), stem)) return 0;
  const std::string_view digits = keyword.substr(stem.size());
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  return error == std::errc() && end == digits.data() + digits.size() && digits.front() != '0' && n > 0 ? n : 0;
}

bool indexed_by(std::string_view keyword, std::span<const std::string_view> stems) noexcept {
  return std::any_of(stems.begin(), stems.end(), [&](std::string_view stem) { return index_of(keyword, stem) > 0; });
}

// Place of the first card with this keyword. HIERARCH cards are nobody's mandatory keyword.
std::optional<std::size_t> place_of(HeaderView stored, std::string_view keyword) noexcept {
  auto place = stored.find(keyword);
  while (place && stored.card(*place).hierarch) place = stored.find(keyword, *place + 1);
  return place;
}

// Places of STEM1 to STEMn, the first of each. One pass: looking them up one by one would cost cards times n.
std::vector<std::optional<std::size_t>> places_of(HeaderView stored, std::string_view stem, std::int64_t n) {
  std::vector<std::optional<std::size_t>> places(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const Card card = stored.card(i);
    const std::int64_t index = card.hierarch ? 0 : index_of(card.keyword, stem);
    if (index == 0 || index > n) continue;
    auto& place = places[static_cast<std::size_t>(index - 1)];
    if (!place) place = i;
  }
  return places;
}

std::string numbered(std::string_view stem, std::size_t i) { return std::string(stem) + std::to_string(i + 1); }

[[noreturn]] void refuse(HeaderView stored, std::size_t place, const std::string& expected) {
  const Card card = stored.card(place);
  throw FileError(Status::bad_header, "card " + std::to_string(place + 1) + ", " + std::string(card.keyword) + " = " +
                                          std::string(card.value) + ": must be " + expected);
}

[[noreturn]] void refuse_missing(const std::string& keyword, const std::string& why) {
  throw FileError(Status::bad_header, "keyword " + keyword + " is missing: " + why);
}

std::size_t required(HeaderView stored, std::string_view keyword, const std::string& why) {
  const auto place = place_of(stored, keyword);
  if (!place) refuse_missing(std::string(keyword), why);
  return *place;
}

std::int64_t integer_at(HeaderView stored, std::size_t place, std::int64_t low, std::int64_t high,
                        const std::string& expected) {
  const auto value = integer_value(stored.card(place));
  if (!value || *value < low || *value > high) refuse(stored, place, expected);
  return *value;
}

// A keyword that may be missing, but that must hold a number when it is there.
std::optional<double> optional_real(HeaderView stored, std::string_view keyword) {
  const auto place = place_of(stored, keyword);
  if (!place) return std::nullopt;
  const auto value = real_value(stored.card(*place));
  if (!value) refuse(stored, *place, "a number");
  return value;
}

std::optional<std::int64_t> optional_integer(HeaderView stored, std::string_view keyword) {
  const auto place = place_of(stored, keyword);
  if (!place) return std::nullopt;
  return integer_at(stored, *place, std::numeric_limits<std::int64_t>::min(), kMaxInteger, "an integer");
}

// --- Writing cards ------------------------------------------------------------------------------------------------

struct Renaming {
  std::string_view stored;
  std::string_view original;
};

// A card under another name; the rest is the verbatim copy that section 10.1.2 and 10.3.1 ask for.
void append_renamed(std::string& out, std::string_view card, std::string_view keyword) {
  out += keyword;
  out.append(8 - keyword.size(), ' ');
  out += card.substr(8);
}

// A new card in fixed format (section 4.2).
void append_card(std::string& out, std::string_view keyword, std::string_view value) {
  append_renamed(out, std::string(kCardSize, ' '), keyword);
  const bool text = value.front() == '\'';
  const std::size_t column = out.size() - kCardSize + (text ? 10 : 30 - value.size());
  out[out.size() - kCardSize + 8] = '=';
  out.replace(column, value.size(), value);
}

// Appends the cards under the keyword that `original` gives for each: its own, another one, or "" to leave it out.
// CONTINUE cards share the fate of the one they continue.
template <class Original>
void append_cards(std::string& out, HeaderView stored, Original original) {
  bool kept = true;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const std::string_view text = stored.card_text(i);
    if (text.starts_with("CONTINUE")) {
      if (kept) out += text;
      continue;
    }
    const Card card = stored.card(i);
    const bool plain = card.hierarch || card.keyword.empty();
    const std::string_view keyword = plain ? card.keyword : original(card);
    kept = plain || !keyword.empty();
    if (!kept) continue;
    if (keyword == card.keyword) {
      out += text;
    } else {
      append_renamed(out, text, keyword);
    }
  }
}

// The original name of a keyword that is one in these tables, else nothing.
std::string_view renamed(std::string_view keyword, std::span<const Renaming> renamings) noexcept {
  for (const Renaming& renaming : renamings) {
    if (same(keyword, renaming.stored)) return renaming.original;
  }
  return {};
}

// --- The original image -------------------------------------------------------------------------------------------

constexpr const char* kImageNeedsIt = "a compressed image needs it (section 10.1.1)";

constexpr std::array<Renaming, 4> kImageRenamings = {
    {{"ZEXTEND", "EXTEND"}, {"ZBLOCKED", "BLOCKED"}, {"ZHECKSUM", "CHECKSUM"}, {"ZDATASUM", "DATASUM"}}};

// Keywords that say something of the table or of the tiles, and those that append_image_start() writes.
constexpr std::array<std::string_view, 24> kImageDropped = {
    "SIMPLE",  "XTENSION", "BITPIX",   "NAXIS",    "EXTEND",   "PCOUNT",   "GCOUNT",  "TFIELDS",
    "THEAP",   "CHECKSUM", "DATASUM",  "ZIMAGE",   "ZSIMPLE",  "ZTENSION", "ZBITPIX", "ZNAXIS",
    "ZPCOUNT", "ZGCOUNT",  "ZCMPTYPE", "ZMASKCMP", "ZQUANTIZ", "ZDITHER0", "ZSCALE",  "ZZERO"};
constexpr std::array<std::string_view, 20> kImageDroppedStems = {
    "NAXIS", "ZNAXIS", "ZTILE", "ZNAME", "ZVAL",  "TTYPE", "TFORM", "TUNIT", "TNULL", "TSCAL",
    "TZERO", "TDISP",  "TBCOL", "TDIM",  "TCTYP", "TCUNI", "TCRPX", "TCRVL", "TCDLT", "TRPOS"};

// SIMPLE or XTENSION, BITPIX, NAXIS, NAXISn, and of extensions PCOUNT and GCOUNT: this order is mandatory (section
// 4.4.1), but their copies may stand anywhere.
void append_image_start(std::string& out, HeaderView stored) {
  const auto zsimple = place_of(stored, "ZSIMPLE");
  const auto ztension = place_of(stored, "ZTENSION");
  if (zsimple) {
    append_renamed(out, stored.card_text(*zsimple), "SIMPLE");
  } else if (ztension && string_value(stored.card(*ztension)) == "IMAGE") {
    append_renamed(out, stored.card_text(*ztension), "XTENSION");
  } else {
    append_card(out, "XTENSION", "'IMAGE   '");
  }

  append_renamed(out, stored.card_text(required(stored, "ZBITPIX", kImageNeedsIt)), "BITPIX");
  const std::size_t znaxis = required(stored, "ZNAXIS", kImageNeedsIt);
  append_renamed(out, stored.card_text(znaxis), "NAXIS");
  const std::int64_t naxis = integer_at(stored, znaxis, 0, kMaxAxes, "an integer from 0 to 99 (section 10.1.1)");
  const auto axes = places_of(stored, "ZNAXIS", naxis);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (!axes[i]) refuse_missing(numbered("ZNAXIS", i), "ZNAXIS is " + std::to_string(naxis) + " (section 10.1.1)");
    append_renamed(out, stored.card_text(*axes[i]), numbered("NAXIS", i));
  }

  if (zsimple) return;
  for (const std::string keyword : {"PCOUNT", "GCOUNT"}) {
    const auto place = place_of(stored, "Z" + keyword);
    if (place) {
      append_renamed(out, stored.card_text(*place), keyword);
    } else {
      append_card(out, keyword, keyword == "PCOUNT" ? "0" : "1");  // all that an image extension can have
    }
  }
}

// True when one of the table's columns is called ZBLANK: each tile then has its own mark of undefined pixels.
bool has_zblank_column(HeaderView stored) {
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const Card card = stored.card(i);
    if (card.hierarch || index_of(card.keyword, "TTYPE") == 0) continue;
    const auto name = string_value(card);
    if (name && same(*name, "ZBLANK")) return true;
  }
  return false;
}

int original_bitpix(HeaderView stored) {
  const std::size_t place = required(stored, "ZBITPIX", kImageNeedsIt);
  const auto value = integer_value(stored.card(place));
  if (!value || !is_bitpix(*value)) refuse(stored, place, "8, 16, 32, 64, -32 or -64 (section 10.1.1)");
  return static_cast<int>(*value);
}

// --- The original table -------------------------------------------------------------------------------------------

constexpr const char* kTableNeedsIt = "a compressed table needs it (section 10.3.1)";

constexpr std::array<Renaming, 3> kTableRenamings = {
    {{"ZHECKSUM", "CHECKSUM"}, {"ZDATASUM", "DATASUM"}, {"ZTHEAP", "THEAP"}}};
constexpr std::array<std::string_view, 8> kTableDropped = {"ZTABLE",  "ZTILELEN", "ZNAXIS1",  "ZNAXIS2",
                                                           "ZPCOUNT", "THEAP",    "CHECKSUM", "DATASUM"};
constexpr std::array<std::string_view, 2> kTableDroppedStems = {"ZFORM", "ZCTYP"};

// Places of ZFORM1 to ZFORMn, n being TFIELDS; all are there.
std::vector<std::optional<std::size_t>> original_formats(HeaderView stored) {
  const std::size_t tfields = required(stored, "TFIELDS", "a table needs it (section 7.3.1)");
  const std::int64_t n = integer_at(stored, tfields, 0, kMaxFields, "an integer from 0 to 999 (section 7.3.1)");
  auto places = places_of(stored, "ZFORM", n);
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!places[i]) refuse_missing(numbered("ZFORM", i), kTableNeedsIt);
  }
  return places;
}

// --- Tiles --------------------------------------------------------------------------------------------------------

std::vector<std::int64_t> tile_shape(HeaderView stored, const std::vector<std::int64_t>& naxes) {
  const auto places = places_of(stored, "ZTILE", static_cast<std::int64_t>(naxes.size()));
  std::vector<std::int64_t> ztile;
  for (std::size_t i = 0; i < naxes.size(); ++i) {
    std::int64_t length = i == 0 ? naxes[0] : 1;  // rows, where nothing is said (section 10.1.2)
    if (places[i]) length = integer_at(stored, *places[i], 1, kMaxInteger, "an integer of 1 or more (section 10.1.2)");
    ztile.push_back(std::max<std::int64_t>(1, std::min(length, naxes[i])));
  }
  return ztile;
}

std::int64_t count_tiles(HeaderView stored, const std::vector<std::int64_t>& naxes,
                         const std::vector<std::int64_t>& ztile) {
  if (naxes.empty() || std::find(naxes.begin(), naxes.end(), 0) != naxes.end()) return 0;
  std::int64_t count = 1;
  for (std::size_t i = 0; i < ztile.size(); ++i) {
    if (__builtin_mul_overflow(count, (naxes[i] - 1) / ztile[i] + 1, &count)) {
      throw FileError(Status::bad_header, "ZNAXISn and ZTILEn make more than 2^63 tiles (section 10.1.1)");
    }
  }
  const std::size_t rows = required(stored, "NAXIS2", "a table needs it (section 7.3.1)");
  integer_at(stored, rows, count, kMaxInteger,
             "at least " + std::to_string(count) + ", one row for each tile (section 10.1.3)");
  return count;
}

void read_quantization(HeaderView stored, TileCompression& tiles) {
  tiles.zquantiz = Quantization::no_dither;  // what a missing ZQUANTIZ means (section 10.2)
  const auto place = place_of(stored, "ZQUANTIZ");
  if (!place) return;
  constexpr std::array<std::string_view, 4> kNames = {"NONE", "NO_DITHER", "SUBTRACTIVE_DITHER_1",
                                                      "SUBTRACTIVE_DITHER_2"};  // in the order of Quantization
  const auto name = string_value(stored.card(*place));
  const auto known = std::find(kNames.begin(), kNames.end(), name.value_or(""));
  if (known == kNames.end()) {
    refuse(stored, *place, "NONE, NO_DITHER, SUBTRACTIVE_DITHER_1 or SUBTRACTIVE_DITHER_2 (section 10.2)");
  }
  tiles.zquantiz = static_cast<Quantization>(known - kNames.begin());
  if (tiles.zquantiz < Quantization::subtractive_dither_1) return;
  // The Standard asks for 1 to 10000. CFITSIO takes 1 where it is missing, and fpack writes 0 with floats that it does
  // not quantise.
  const auto seed = place_of(stored, "ZDITHER0");
  constexpr std::int64_t kSeeds = 10000;
  const std::int64_t value = seed ? integer_at(stored, *seed, -kMaxInteger, kMaxInteger, "an integer") : 1;
  tiles.zdither0 = static_cast<int>(((value - 1) % kSeeds + kSeeds) % kSeeds + 1);
}

// The codec's parameters: ZNAMEi = 'BLOCKSIZE' with ZVALi = 32, for example. Other names are for those who write.
void read_parameters(HeaderView stored, TileCompression& tiles) {
  constexpr std::array<std::string_view, 4> kNames = {"BLOCKSIZE", "BYTEPIX", "SCALE", "SMOOTH"};
  constexpr const char* kBytepix = "1, 2, 4 or 8 (section 10.4.1)";
  const auto names = places_of(stored, "ZNAME", kMaxFields);
  const auto values = places_of(stored, "ZVAL", kMaxFields);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto name = names[i] ? string_value(stored.card(*names[i])) : std::nullopt;
    if (!name || !one_of(*name, kNames)) continue;
    if (!values[i]) refuse_missing(numbered("ZVAL", i), numbered("ZNAME", i) + " is " + *name + " (section 10.1.2)");
    const std::size_t value = *values[i];
    if (same(*name, "BLOCKSIZE")) {
      tiles.blocksize =
          integer_at(stored, value, 1, std::numeric_limits<std::int32_t>::max(), "a number of pixels (section 10.4.1)");
    } else if (same(*name, "BYTEPIX")) {
      tiles.bytepix = integer_at(stored, value, 1, 8, kBytepix);
      if ((tiles.bytepix & (tiles.bytepix - 1)) != 0) refuse(stored, value, kBytepix);
    } else if (same(*name, "SMOOTH")) {
      tiles.smooth = integer_at(stored, value, 0, std::numeric_limits<std::int32_t>::max(),
                                "an integer of 0 or more (section 10.4.4)");
    } else {
      const auto scale = real_value(stored.card(value));
      if (!scale) refuse(stored, value, "a number (section 10.4.4)");
      tiles.scale = *scale;
    }
  }
}

}  // namespace

std::optional<std::int64_t> original_blank(HeaderView stored, int bitpix) {
  if (bitpix < 0) return std::nullopt;
  // Never an error: one that is no integer marks no pixel.
  for (const char* keyword : {"BLANK", "ZBLANK"}) {
    if (const auto place = place_of(stored, keyword)) return integer_value(stored.card(*place));
  }
  if (!has_zblank_column(stored)) return std::nullopt;
  return std::numeric_limits<std::int64_t>::min() >> (64 - bitpix);
}

std::string original_image_header(HeaderView stored) {
  std::string out;
  out.reserve(stored.text().size());
  append_image_start(out, stored);

  const int bitpix = original_bitpix(stored);
  const bool lost_blank = bitpix > 0 && !place_of(stored, "BLANK");
  const bool zblank = place_of(stored, "ZBLANK").has_value();
  if (lost_blank && !zblank && has_zblank_column(stored)) {
    append_card(out, "BLANK", std::to_string(*original_blank(stored, bitpix)));
  }
  const bool zblocked = place_of(stored, "ZBLOCKED").has_value();

  append_cards(out, stored, [&](const Card& card) -> std::string_view {
    const std::string_view original = renamed(card.keyword, kImageRenamings);
    if (!original.empty()) return original;
    if (same(card.keyword, "ZBLANK")) return lost_blank ? "BLANK" : "";
    if (same(card.keyword, "BLOCKED") && zblocked) return "";
    if (same(card.keyword, "EXTNAME") && string_value(card) == kDefaultName) return "";
    return one_of(card.keyword, kImageDropped) || indexed_by(card.keyword, kImageDroppedStems) ? "" : card.keyword;
  });
  return out;
}

// Section 10.3.1: the original's sizes and formats take the places of the compressed table's.
std::string original_table_header(HeaderView stored) {
  constexpr std::array<Renaming, 3> kSizes = {{{"ZNAXIS1", "NAXIS1"}, {"ZNAXIS2", "NAXIS2"}, {"ZPCOUNT", "PCOUNT"}}};
  std::array<std::size_t, 3> sizes{};
  for (std::size_t i = 0; i < 3; ++i) sizes[i] = required(stored, kSizes[i].stored, kTableNeedsIt);
  const auto zforms = original_formats(stored);

  std::string out;
  out.reserve(stored.text().size());
  append_cards(out, stored, [&](const Card& card) -> std::string_view {
    std::optional<std::size_t> copy;
    for (std::size_t i = 0; i < 3; ++i) {
      if (same(card.keyword, kSizes[i].original)) copy = sizes[i];
    }
    const auto column = static_cast<std::size_t>(index_of(card.keyword, "TFORM"));
    if (column > 0 && column <= zforms.size()) copy = zforms[column - 1];
    if (copy) {
      append_renamed(out, stored.card_text(*copy), card.keyword);
      return "";
    }
    const std::string_view original = renamed(card.keyword, kTableRenamings);
    if (!original.empty()) return original;
    return one_of(card.keyword, kTableDropped) || indexed_by(card.keyword, kTableDroppedStems) ? "" : card.keyword;
  });
  return out;
}

TileCompression tile_compression(HeaderView stored, int bitpix, const std::vector<std::int64_t>& naxes) {
  TileCompression tiles;
  const std::size_t type = required(stored, "ZCMPTYPE", kImageNeedsIt);
  const auto name = string_value(stored.card(type));
  if (!name || name->empty()) refuse(stored, type, "the name of a compression algorithm (section 10.4)");
  tiles.zcmptype = *name;
  tiles.ztile = tile_shape(stored, naxes);
  tiles.tile_count = count_tiles(stored, naxes, tiles.ztile);
  if (bitpix < 0) read_quantization(stored, tiles);
  tiles.zblank = optional_integer(stored, "ZBLANK");
  tiles.zscale = optional_real(stored, "ZSCALE");
  tiles.zzero = optional_real(stored, "ZZERO");
  read_parameters(stored, tiles);
  return tiles;
}

}  // namespace fits
