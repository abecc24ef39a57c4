#include "format/card.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

namespace fits {
namespace {

constexpr std::size_t kKeywordSize = 8;

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_exponent_letter(char c) noexcept { return c == 'E' || c == 'D' || c == 'e' || c == 'd'; }
constexpr char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

std::string_view trim_left(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

bool equal_without_case(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return upper(x) == upper(y); });
}

// The keyword field, columns 1-8, as one word: comparing keywords is then one instruction. Words are only ever compared
// with words loaded in the same way, so the order of bytes does not matter.
using Word = std::uint64_t;
constexpr Word kEachByte = 0x0101010101010101;
constexpr Word kHighBits = 0x80 * kEachByte;

Word load_word(const char* text) noexcept {
  Word word;
  std::memcpy(&word, text, sizeof(word));
  return word;
}

// Clears bit 5 of the bytes 'a' to 'z', eight at a time. Each sum below stays within its byte: it carries into bit 7
// exactly when the low seven bits are at least 'a', and more than 'z'.
constexpr Word upper(Word word) noexcept {
  const Word low = word & ~kHighBits;
  const Word from_a = low + (0x80 - 'a') * kEachByte;
  const Word past_z = low + (0x7f - 'z') * kEachByte;
  const Word lower_case = (from_a ^ past_z) & ~word & kHighBits;
  return word ^ (lower_case >> 2);
}

constexpr bool has_byte(Word word, unsigned char byte) noexcept {
  const Word difference = word ^ (byte * kEachByte);
  return ((difference - kEachByte) & ~difference & kHighBits) != 0;
}

const Word kBlank = load_word("        ");
const Word kComment = load_word("COMMENT ");
const Word kHistory = load_word("HISTORY ");
const Word kContinue = load_word("CONTINUE");
const Word kHierarch = load_word("HIERARCH");

// Half of a typical card is blanks at its end: eight at a time.
std::string_view trim_right(std::string_view text) noexcept {
  while (text.size() >= sizeof(Word) && load_word(text.data() + text.size() - sizeof(Word)) == kBlank) {
    text.remove_suffix(sizeof(Word));
  }
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view trim(std::string_view text) noexcept { return trim_right(trim_left(text)); }

// --- Values -------------------------------------------------------------------------------------------------------

// Positions run over the text of the value and its comment; each function returns the position after what it has read,
// or npos when that is not there. Blanks inside numbers ("- 5", "1.5 E+3") are not in the Standard but in files.
constexpr auto npos = std::string_view::npos;

std::size_t skip_blanks(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && is_blank(text[at])) ++at;
  return at;
}

std::size_t skip_digits(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

std::size_t skip_sign(std::string_view text, std::size_t at) noexcept {
  return at < text.size() && (text[at] == '+' || text[at] == '-') ? at + 1 : at;
}

// sections 4.2.3 and 4.2.4
std::size_t skip_number(std::string_view text, std::size_t at, ValueKind& kind) noexcept {
  kind = ValueKind::integer;
  at = skip_blanks(text, skip_sign(text, at));
  const std::size_t whole = skip_digits(text, at);
  bool digits = whole > at;
  at = whole;
  if (at < text.size() && text[at] == '.') {
    kind = ValueKind::real;
    const std::size_t fraction = skip_digits(text, at + 1);
    digits |= fraction > at + 1;
    at = fraction;
  }
  if (!digits) return npos;
  const std::size_t letter = skip_blanks(text, at);
  if (letter >= text.size() || !is_exponent_letter(text[letter])) return at;
  const std::size_t exponent = skip_blanks(text, skip_sign(text, skip_blanks(text, letter + 1)));
  const std::size_t end = skip_digits(text, exponent);
  if (end == exponent) return npos;
  kind = ValueKind::real;
  return end;
}

// sections 4.2.5 and 4.2.6
std::size_t skip_complex(std::string_view text, std::size_t at) noexcept {
  ValueKind kind;
  for (const char separator : {',', ')'}) {
    at = skip_number(text, skip_blanks(text, at + 1), kind);
    if (at == npos) return npos;
    at = skip_blanks(text, at);
    if (at >= text.size() || text[at] != separator) return npos;
  }
  return at + 1;
}

// A value may be followed by blanks and a comment only.
bool ends_value(std::string_view text, std::size_t at) noexcept {
  at = skip_blanks(text, at);
  return at >= text.size() || text[at] == '/';
}

// Position of the quote that closes the string opened at 0. By section 4.2.1.1 a quote inside is doubled; where a
// writer forgot that ('it's') the string ends at the first quote that only blanks or a comment follow.
std::size_t closing_quote(std::string_view text) noexcept {
  std::size_t at = text.find('\'', 1);
  while (at != npos && at + 1 < text.size() && text[at + 1] == '\'') at = text.find('\'', at + 2);
  if (at == npos || ends_value(text, at + 1)) return at;
  for (at = text.find('\'', at + 1); at != npos && !ends_value(text, at + 1);) at = text.find('\'', at + 1);
  return at;
}

void set_comment(Card& card, std::string_view text, std::size_t at) noexcept {
  at = skip_blanks(text, at);
  if (at < text.size()) card.comment = trim(text.substr(at + 1));
}

// `text` is what follows the value indicator.
void parse_value(Card& card, std::string_view text) noexcept {
  text = trim(text);
  const char first = text.empty() ? '/' : text.front();
  std::size_t end = npos;
  if (first == '/') {
    card.kind = ValueKind::undefined;
    end = 0;
  } else if (first == '\'') {
    card.kind = ValueKind::string;
    const std::size_t quote = closing_quote(text);
    if (quote != npos) {
      card.value = text.substr(1, quote - 1);
      return set_comment(card, text, quote + 1);
    }
  } else if (first == 'T' || first == 'F') {
    card.kind = ValueKind::logical;
    end = 1;
  } else if (first == '(') {
    card.kind = ValueKind::complex;
    end = skip_complex(text, 0);
  } else {
    end = skip_number(text, 0, card.kind);
  }
  if (end != npos && ends_value(text, end)) {
    card.value = text.substr(0, end);
    return set_comment(card, text, end);
  }
  card.kind = ValueKind::malformed;
  end = std::min(text.find('/'), text.size());
  card.value = trim_right(text.substr(0, end));
  set_comment(card, text, end);
}

// Where the value's text starts: after "= " in columns 9 and 10, or before them in files whose writer did not pad the
// keyword; npos without a value indicator.
std::size_t value_start(std::string_view card, Word word) noexcept {
  if (card[kKeywordSize] == '=' && card[kKeywordSize + 1] == ' ' && !has_byte(word, '=')) return kKeywordSize + 2;
  const std::size_t indicator = card.substr(0, kKeywordSize + 2).find("= ");
  return indicator == npos ? npos : indicator + 2;
}

// Copies a number without blanks and plus signs, with E as its exponent letter: what from_chars reads.
std::string_view plain_number(std::string_view text, std::array<char, kCardSize>& buffer) noexcept {
  std::size_t size = 0;
  for (const char c : text.substr(0, kCardSize)) {
    if (is_blank(c) || c == '+') continue;
    buffer[size++] = is_exponent_letter(c) ? 'e' : c;
  }
  return {buffer.data(), size};
}

}  // namespace

Card parse_card(std::string_view text) noexcept {
  Card card;
  const Word word = upper(load_word(text.data()));
  card.keyword = trim(text.substr(0, kKeywordSize));
  if (word == kHierarch && is_blank(text[kKeywordSize])) {
    const std::size_t equals = text.find('=', kKeywordSize);
    if (equals != npos) {
      card.hierarch = true;
      card.keyword = trim(text.substr(kKeywordSize, equals - kKeywordSize));
      parse_value(card, text.substr(equals + 1));
      return card;
    }
  } else if (word != kBlank && word != kComment && word != kHistory) {
    const std::size_t start = value_start(text, word);
    if (start != npos) {
      if (start < kKeywordSize + 2) card.keyword = trim(text.substr(0, start - 2));
      parse_value(card, text.substr(start));
      return card;
    }
    if (word == kContinue && trim_left(text.substr(kKeywordSize)).starts_with('\'')) {
      parse_value(card, text.substr(kKeywordSize));
      return card;
    }
  }
  card.comment = text.substr(kKeywordSize);
  return card;
}

std::optional<std::int64_t> integer_value(const Card& card) noexcept {
  if (card.kind != ValueKind::integer) return std::nullopt;
  std::array<char, kCardSize> buffer{};
  const auto text = plain_number(card.value, buffer);
  std::int64_t value = 0;
  const auto result = std::from_chars(text.begin(), text.end(), value);
  if (result.ec != std::errc{} || result.ptr != text.end()) return std::nullopt;
  return value;
}

double number_value(std::string_view text) noexcept {
  std::array<char, kCardSize> buffer{};
  text = plain_number(text, buffer);
  double value = 0;
  if (std::from_chars(text.begin(), text.end(), value).ec == std::errc::result_out_of_range) {
    // from_chars does not tell too small from too large: the exponent's sign does, and a number without exponent has at
    // most 70 digits, always in range.
    value = text.find("e-") == npos ? std::numeric_limits<double>::infinity() : 0.0;
    if (text.front() == '-') value = -value;
  }
  return value;
}

std::optional<double> real_value(const Card& card) noexcept {
  if (card.kind != ValueKind::integer && card.kind != ValueKind::real) return std::nullopt;
  const double value = number_value(card.value);
  return std::isinf(value) ? std::nullopt : std::optional(value);
}

std::optional<bool> logical_value(const Card& card) noexcept {
  if (card.kind != ValueKind::logical) return std::nullopt;
  return card.value.front() == 'T';
}

std::optional<std::string> string_value(const Card& card) {
  if (card.kind != ValueKind::string) return std::nullopt;
  std::string value(trim_right(card.value));
  for (std::size_t at = value.find("''"); at != npos; at = value.find("''", at + 1)) value.erase(at, 1);
  return value;
}

std::optional<std::size_t> HeaderView::find(std::string_view keyword, std::size_t from) const noexcept {
  keyword = trim(keyword);
  const std::string_view asked = keyword;
  constexpr std::string_view kPrefix = "HIERARCH ";
  if (keyword.size() > kPrefix.size() && equal_without_case(keyword.substr(0, kPrefix.size()), kPrefix)) {
    keyword = trim_left(keyword.substr(kPrefix.size()));
  }
  std::array<char, kKeywordSize> field;
  field.fill(' ');
  const bool fits_field = keyword.size() <= kKeywordSize;
  if (fits_field) std::copy(keyword.begin(), keyword.end(), field.begin());
  const Word wanted = upper(load_word(field.data()));
  const char* text = cards_.data();
  for (std::size_t i = from; i < size(); ++i) {
    const Word word = upper(load_word(text + i * kCardSize));
    const bool equal = word == wanted;
    // A name may also stand elsewhere than at column 1 of a field padded with blanks: after HIERARCH, after blanks,
    // beside a tab, or before an early '='.
    const bool unusual = word == kHierarch || has_byte(word, '=') || has_byte(word, '\t') ||
                         (text[i * kCardSize] == ' ' && word != kBlank);
    if (equal && fits_field && !unusual) return i;
    if (!unusual) continue;
    const std::string_view found = card(i).keyword;  // a HIERARCH name may begin with the word HIERARCH once more
    if (equal_without_case(found, keyword) || equal_without_case(found, asked)) return i;
  }
  return std::nullopt;
}

std::optional<std::int64_t> HeaderView::integer(std::string_view keyword) const noexcept {
  const auto i = find(keyword);
  return i ? integer_value(card(*i)) : std::nullopt;
}

std::optional<double> HeaderView::real(std::string_view keyword) const noexcept {
  const auto i = find(keyword);
  return i ? real_value(card(*i)) : std::nullopt;
}

std::optional<bool> HeaderView::logical(std::string_view keyword) const noexcept {
  const auto i = find(keyword);
  return i ? logical_value(card(*i)) : std::nullopt;
}

std::optional<std::string> HeaderView::string(std::string_view keyword) const {
  const auto i = find(keyword);
  if (!i) return std::nullopt;
  auto value = string_value(card(*i));
  if (value && is_continued(*i)) return join(*i).value;
  return value;
}

bool HeaderView::is_continued(std::size_t i) const noexcept {
  if (i + 1 >= size() || upper(load_word(card_text(i + 1).data())) != kContinue) return false;
  const Card piece = card(i);
  if (piece.kind != ValueKind::string || !trim_right(piece.value).ends_with('&')) return false;
  const Card next = card(i + 1);
  return next.kind == ValueKind::string && !next.hierarch && card_text(i + 1)[kKeywordSize] != '=';
}

LongString HeaderView::join(std::size_t i) const {
  LongString joined;
  for (bool more = true; more; ++i) {
    const Card piece = card(i);
    more = is_continued(i);
    auto text = string_value(piece);
    if (!text) break;
    if (more) text->pop_back();
    joined.value += *text;
    if (!piece.comment.empty()) {
      if (!joined.comment.empty()) joined.comment += ' ';
      joined.comment += piece.comment;
    }
    ++joined.cards;
  }
  joined.value.resize(trim_right(joined.value).size());
  return joined;
}

}  // namespace fits
