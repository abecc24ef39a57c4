#include "format/hdu.h"

#include <algorithm>

#include "format/block.h"
#include "format/compressed_header.h"
#include "format/error.h"

namespace fits {
namespace {

constexpr std::int64_t kMaxNaxis = 999;  // section 4.4.1.1

// A keyword field of eight characters as one number, so that cards are told apart by one comparison.
constexpr std::uint64_t word(std::string_view keyword) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    const auto c = static_cast<unsigned char>(i < keyword.size() ? keyword[i] : ' ');
    value |= std::uint64_t{c} << (8 * i);
  }
  return value;
}

std::uint64_t keyword_word(std::string_view card) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value |= std::uint64_t{static_cast<unsigned char>(card[i])} << (8 * i);
  return value;
}

[[noreturn]] void bad_header(const std::string& what) { throw FileError(Status::bad_header, what); }

std::string shown(const Card& card) { return std::string(card.keyword) + " = " + std::string(card.value); }

// Mandatory keywords of one geometry: the stored one (BITPIX, NAXIS ...) or that of the compressed image or table
// (ZBITPIX, ZNAXIS ...).
struct Geometry {
  std::optional<std::int64_t> bitpix, naxis, pcount, gcount;
  std::vector<std::pair<std::int64_t, std::int64_t>> axes;  // (n, NAXISn) as met

  // NAXIS1 ... NAXISn checked; `prefix` is "" or "Z".
  std::vector<std::int64_t> checked_axes(const std::string& prefix) const {
    if (!naxis) bad_header("keyword " + prefix + "NAXIS is missing (section 4.4.1.1)");
    if (*naxis < 0 || *naxis > kMaxNaxis) {
      bad_header(prefix + "NAXIS = " + std::to_string(*naxis) + ": must be from 0 to 999 (section 4.4.1.1)");
    }
    std::vector<std::int64_t> lengths(static_cast<std::size_t>(*naxis), -1);
    for (const auto& [n, length] : axes) {
      if (n < 1 || n > *naxis) continue;
      auto& slot = lengths[static_cast<std::size_t>(n - 1)];
      if (slot >= 0) continue;  // the first of duplicates counts
      const std::string keyword = prefix + "NAXIS" + std::to_string(n);
      if (length < 0) bad_header(keyword + " = " + std::to_string(length) + ": must not be negative (section 4.4.1.1)");
      slot = length;
    }
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      if (lengths[i] < 0) {
        bad_header("keyword " + prefix + "NAXIS" + std::to_string(i + 1) + " is missing (section 4.4.1.1)");
      }
    }
    return lengths;
  }

  int checked_bitpix(const std::string& prefix) const {
    if (!bitpix) bad_header("keyword " + prefix + "BITPIX is missing (section 4.4.1.1)");
    if (!is_bitpix(*bitpix)) {
      bad_header(prefix + "BITPIX = " + std::to_string(*bitpix) +
                 ": must be 8, 16, 32, 64, -32 or -64 (section 4.4.1.1)");
    }
    return static_cast<int>(*bitpix);
  }
};

// What the walk needs of one header, gathered in one pass over its cards.
struct Mandatory {
  Geometry stored, original;
  std::string xtension;
  bool simple = false, groups = false, zimage = false, ztable = false;
  std::optional<double> bscale, bzero, blank;
  std::string bad_scaling;
};

template <class T>
void keep_first(std::optional<T>& slot, std::optional<T> value, const Card& card, const char* expected) {
  if (slot || card.kind == ValueKind::undefined) return;
  if (!value) bad_header(shown(card) + ": must be " + expected);
  slot = value;
}

void take_integer(std::optional<std::int64_t>& slot, std::string_view text) {
  const Card card = parse_card(text);
  keep_first(slot, integer_value(card), card, "an integer");
}

// Of the compressed image or table: in any other table these keywords mean nothing, whatever they hold.
void take_original(std::optional<std::int64_t>& slot, std::string_view text) {
  if (!slot) slot = integer_value(parse_card(text));
}

// BSCALE or BZERO. One that is no number must not hide the other HDUs, nor the tables that have no use for it.
void take_scaling(Mandatory& m, std::optional<double>& slot, std::string_view text) {
  const Card card = parse_card(text);
  try {
    keep_first(slot, real_value(card), card, "a number");
  } catch (const FileError& error) {
    m.bad_scaling = error.what();
  }
}

template <class Take>
void take_axis(Geometry& geometry, std::string_view digits, std::string_view text, const Take& take) {
  std::int64_t n = 0;
  for (const char c : digits) {
    if (c == ' ') break;
    if (c < '0' || c > '9') return;
    n = 10 * n + (c - '0');
  }
  if (n == 0) return;
  std::optional<std::int64_t> length;
  take(length, text);
  if (length) geometry.axes.emplace_back(n, *length);
}

void take_card(Mandatory& m, std::string_view text) {
  switch (keyword_word(text)) {
    case word("SIMPLE"): m.simple = true; return;
    case word("XTENSION"):
      // Only as the first card: a stray one in a primary header changes nothing.
      if (!m.simple && m.xtension.empty()) m.xtension = string_value(parse_card(text)).value_or("");
      return;
    case word("BITPIX"): take_integer(m.stored.bitpix, text); return;
    case word("NAXIS"): take_integer(m.stored.naxis, text); return;
    case word("PCOUNT"): take_integer(m.stored.pcount, text); return;
    case word("GCOUNT"): take_integer(m.stored.gcount, text); return;
    case word("GROUPS"): m.groups = logical_value(parse_card(text)).value_or(false); return;
    case word("ZIMAGE"): m.zimage = logical_value(parse_card(text)).value_or(false); return;
    case word("ZTABLE"): m.ztable = logical_value(parse_card(text)).value_or(false); return;
    case word("ZBITPIX"): take_original(m.original.bitpix, text); return;
    case word("ZNAXIS"): take_original(m.original.naxis, text); return;
    case word("BSCALE"): take_scaling(m, m.bscale, text); return;
    case word("BZERO"): take_scaling(m, m.bzero, text); return;
    case word("BLANK"):
      // Never an error: BLANK is invalid with floating BITPIX and to be ignored there (section 5.3).
      if (!m.blank) m.blank = real_value(parse_card(text));
      return;
    default: break;
  }
  if (text.starts_with("NAXIS")) return take_axis(m.stored, text.substr(5, 3), text, take_integer);
  if (text.starts_with("ZNAXIS")) return take_axis(m.original, text.substr(6, 2), text, take_original);
}

std::uint64_t product(const std::vector<std::int64_t>& lengths, std::size_t first) {
  std::uint64_t count = 1;
  for (std::size_t i = first; i < lengths.size(); ++i) {
    if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(lengths[i]), &count)) {
      bad_header("the product of the NAXISn does not fit 64 bits");
    }
  }
  return count;
}

// Nbits = |BITPIX| * GCOUNT * (PCOUNT + NAXIS1 * ... * NAXISm), equations 1, 2 and 4 of the Standard.
std::uint64_t data_size(const Mandatory& m, int bitpix, const std::vector<std::int64_t>& axes, bool groups) {
  if (axes.empty()) return 0;
  const bool extension = !m.xtension.empty();
  const std::int64_t pcount = extension || groups ? m.stored.pcount.value_or(0) : 0;
  const std::int64_t gcount = extension || groups ? m.stored.gcount.value_or(1) : 1;
  if (pcount < 0) bad_header("PCOUNT = " + std::to_string(pcount) + ": must not be negative (section 4.4.1.2)");
  if (gcount < 0) bad_header("GCOUNT = " + std::to_string(gcount) + ": must not be negative (section 4.4.1.2)");
  std::uint64_t size = product(axes, groups ? 1 : 0);
  bool too_large = __builtin_add_overflow(size, static_cast<std::uint64_t>(pcount), &size);
  too_large |= __builtin_mul_overflow(size, static_cast<std::uint64_t>(gcount), &size);
  too_large |= __builtin_mul_overflow(size, std::uint64_t{bitpix_size(bitpix)}, &size);
  if (too_large || size > (std::uint64_t{1} << 62)) bad_header("the data unit would be larger than 2^62 bytes");
  return size;
}

HduKind kind_of(const Mandatory& m, const std::vector<std::int64_t>& axes) {
  if (m.xtension.empty()) {
    return m.groups && axes.size() > 1 && axes[0] == 0 ? HduKind::random_groups : HduKind::image;
  }
  if (m.xtension == "IMAGE" || m.xtension == "IUEIMAGE") return HduKind::image;
  if (m.xtension == "TABLE") return HduKind::ascii_table;
  if (m.xtension != "BINTABLE" && m.xtension != "A3DTABLE") return HduKind::other;
  if (m.zimage) return HduKind::compressed_image;
  return m.ztable ? HduKind::compressed_table : HduKind::binary_table;
}

Scaling scaling_of(const Mandatory& m, int bitpix) {
  Scaling scaling{m.bscale.value_or(1), m.bzero.value_or(0), std::nullopt};
  if (bitpix > 0 && m.blank && *m.blank >= -9.2e18 && *m.blank <= 9.2e18) {
    const auto blank = static_cast<std::int64_t>(*m.blank);
    if (static_cast<double>(blank) == *m.blank) scaling.blank = blank;
  }
  return scaling;
}

// The header that starts at `start`: its blocks up to and including the one with END. `scratch` may back the result.
std::string_view header_text(const ByteReader& bytes, std::uint64_t start, std::vector<std::byte>& scratch) {
  std::size_t wanted = 4 * kBlockSize;
  std::size_t checked = 0;
  while (true) {
    const auto text = as_text(bytes.view(start, wanted, scratch));
    for (; checked + kCardSize <= text.size(); checked += kCardSize) {
      if (keyword_word(text.substr(checked, kCardSize)) == word("END")) return text.substr(0, checked);
    }
    if (text.size() < wanted) {
      throw FileError(Status::truncated, "the header has no END card before the end of the file (section 4.4.1.1)");
    }
    wanted *= 4;
  }
}

}  // namespace

std::optional<Hdu> read_hdu(const ByteReader& bytes, std::uint64_t start, int index) {
  std::vector<std::byte> scratch;
  const auto first = as_text(bytes.view(start, kCardSize, scratch));
  if (index == 0 && (first.size() < kCardSize || keyword_word(first) != word("SIMPLE"))) {
    throw FileError(Status::not_fits, first.empty()
                                          ? "the file is empty"
                                          : "not a FITS file: it does not begin with SIMPLE (section 4.4.1.1)");
  }
  if (index > 0 && (first.size() < kCardSize || keyword_word(first) != word("XTENSION"))) return std::nullopt;

  const auto text = header_text(bytes, start, scratch);
  Mandatory m;
  for (std::size_t at = 0; at < text.size(); at += kCardSize) take_card(m, text.substr(at, kCardSize));

  Hdu hdu;
  const auto axes = m.stored.checked_axes("");
  const int bitpix = m.stored.checked_bitpix("");
  hdu.kind = kind_of(m, axes);
  hdu.header_start = start;
  hdu.header_size = text.size();
  hdu.data_start = start + padded(text.size() + kCardSize);
  const bool groups = hdu.kind == HduKind::random_groups;
  hdu.data_size = data_size(m, bitpix, axes, groups);
  hdu.pcount = m.stored.pcount.value_or(0);
  hdu.bitpix = bitpix;
  hdu.naxes = axes;
  if (groups) {
    hdu.naxes.erase(hdu.naxes.begin());
    hdu.naxes.push_back(m.stored.gcount.value_or(1));
  } else if (hdu.kind == HduKind::compressed_image) {
    hdu.bitpix = m.original.checked_bitpix("Z");
    hdu.naxes = m.original.checked_axes("Z");
    (void)product(hdu.naxes, 0);
  } else if (hdu.kind == HduKind::compressed_table && m.original.axes.size() >= 2) {
    m.original.naxis = 2;
    hdu.naxes = m.original.checked_axes("Z");
  }
  hdu.scaling = scaling_of(m, hdu.bitpix);
  hdu.bad_scaling = m.bad_scaling;
  const bool compressed = hdu.kind == HduKind::compressed_image;
  if (compressed && !m.blank) hdu.scaling.blank = original_blank(HeaderView(text), hdu.bitpix);
  return hdu;
}

std::string stored_cards(const ByteReader& bytes, const Hdu& hdu) {
  std::vector<std::byte> scratch;
  return std::string(as_text(bytes.view(hdu.header_start, static_cast<std::size_t>(hdu.header_size), scratch)));
}

std::string visible_cards(const ByteReader& bytes, const Hdu& hdu) {
  std::string cards = stored_cards(bytes, hdu);
  if (hdu.kind == HduKind::compressed_image) return original_image_header(HeaderView(cards));
  if (hdu.kind == HduKind::compressed_table) return original_table_header(HeaderView(cards));
  return cards;
}

const Hdu& HduList::at(std::int64_t index) {
  if (index < 0) {
    throw std::invalid_argument("hdu = " + std::to_string(index) + ": HDUs are counted from 0, the primary HDU");
  }
  const std::lock_guard lock(mutex_);
  while (hdus_.size() <= static_cast<std::size_t>(index)) {
    if (!find_next(index)) {
      throw NoSuchHdu("there is no HDU " + std::to_string(index) + ": the file has " + std::to_string(hdus_.size()) +
                      (hdus_.size() == 1 ? " HDU" : " HDUs"));
    }
  }
  return hdus_[static_cast<std::size_t>(index)];
}

std::size_t HduList::size() {
  const std::lock_guard lock(mutex_);
  while (find_next(-1)) {
  }
  return hdus_.size();
}

bool HduList::find_next(std::int64_t wanted) {
  if (complete_) return false;
  const int index = static_cast<int>(hdus_.size());
  const std::uint64_t start = hdus_.empty() ? 0 : hdus_.back().data_start + padded(hdus_.back().data_size);
  std::optional<Hdu> found;
  try {
    found = read_hdu(*bytes_, start, index);
  } catch (const FileError& error) {
    if (index == wanted) throw;  // the caller names it
    throw FileError(error.status(), "HDU " + std::to_string(index) + ": " + error.what());
  }
  complete_ = !found;
  if (found) hdus_.push_back(std::move(*found));
  return !complete_;
}

}  // namespace fits
