// A header card: one 80-character keyword record, and the values it can hold.
// FITS Standard 4.0, section 4.1 and 4.2; CONTINUE: section 4.2.1.2; HIERARCH: the ESO convention.
//
// Reading is tolerant where files in archives are (free format everywhere, lower case keywords, non-ASCII
// bytes in comments) and never guesses: a value that cannot be parsed is `malformed`, not a default.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fits {

inline constexpr std::size_t kCardSize = 80;

enum class ValueKind : std::uint8_t {
  none,       // no value indicator: COMMENT, HISTORY, blank keyword, or free text
  undefined,  // "KEY =" followed by blanks (section 4.1.2.3)
  logical,
  integer,
  real,
  complex,  // "(re, im)", integers or reals
  string,
  malformed,
};

// One parsed card. All members are views into the 80 characters that were parsed.
struct Card {
  std::string_view keyword;  // without trailing blanks; of HIERARCH cards the name after that word; "" if blank
  ValueKind kind = ValueKind::none;
  std::string_view value;    // the value's text without surrounding blanks; of strings what is between the quotes
  std::string_view comment;  // text after the '/', without surrounding blanks; without a value (kind none) columns 9-80
  bool hierarch = false;
};

// Parses one card of exactly kCardSize characters.
Card parse_card(std::string_view card) noexcept;

// The value as a number or logical; empty when the card holds something else or it does not fit.
// An integer card is also a real. Real accepts the exponent letters E, e, D and d.
std::optional<std::int64_t> integer_value(const Card& card) noexcept;
std::optional<double> real_value(const Card& card) noexcept;
// The value of a text that is a number, of a card or a part of a complex one; infinite where a double cannot hold it.
double number_value(std::string_view text) noexcept;
std::optional<bool> logical_value(const Card& card) noexcept;
// The string with doubled quotes undone and trailing blanks dropped (section 4.2.1.1).
std::optional<std::string> string_value(const Card& card);

// A string over several cards: its own and the CONTINUE cards after it.
struct LongString {
  std::string value;
  std::string comment;  // the cards' comments, joined by blanks
  std::size_t cards = 0;
};

// A header's cards: n * 80 characters, END and what follows it left out. A view: it owns nothing.
class HeaderView {
 public:
  explicit HeaderView(std::string_view cards) noexcept
      : cards_(cards.substr(0, cards.size() / kCardSize * kCardSize)) {}

  std::size_t size() const noexcept { return cards_.size() / kCardSize; }
  std::string_view text() const noexcept { return cards_; }
  std::string_view card_text(std::size_t i) const noexcept { return cards_.substr(i * kCardSize, kCardSize); }
  Card card(std::size_t i) const noexcept { return parse_card(card_text(i)); }

  // Index of the first card with this keyword (letters compared without case; HIERARCH names without that
  // word), looking from card `from`.
  std::optional<std::size_t> find(std::string_view keyword, std::size_t from = 0) const noexcept;

  // Value of the first card with this keyword; empty when it is missing or of another kind.
  std::optional<std::int64_t> integer(std::string_view keyword) const noexcept;
  std::optional<double> real(std::string_view keyword) const noexcept;
  std::optional<bool> logical(std::string_view keyword) const noexcept;
  // Joins the CONTINUE cards of a long string.
  std::optional<std::string> string(std::string_view keyword) const;

  // Whether card i is a string ending in '&' with a CONTINUE card after it (section 4.2.1.2). Without that card the '&'
  // belongs to the string; a CONTINUE card after anything else is a card of its own.
  bool is_continued(std::size_t i) const noexcept;
  // The string that starts at card i with all cards that continue it.
  LongString join(std::size_t i) const;

 private:
  std::string_view cards_;
};

// Header cards from a text: with '\n' after each card, then of any length and padded here, or without, then of 80
// characters each; up to the END card where there is one. UTF-8 becomes Latin-1; throws std::invalid_argument for other
// characters.
std::string cards_from_text(std::string_view text);

// A header as a pickle (protocol 4, opcodes of data alone: nothing in it calls or imports), for Python, which builds
// its values from it seven times faster than from JSON. One entry per record, in the order of the file; a long string
// and its CONTINUE cards are one record. A tuple of columns, keywords and comments as one string each (fewest objects):
//   "SIMPLE\x7FBITPIX...",   keywords joined by U+007F; in capitals, but HIERARCH names (without that word) and the
//   first
//                            columns of a text without value as written
//   [True, 8, ...],          values: bool, int, float or str; None if undefined; (re, im) if complex; the text of a
//   record
//                            without value or with a malformed one
//   "...\x7F...",            comments, joined like the keywords; empty where there is none
//   [(record, cards), ...],  the records that take more than one card
//   [record, ...], [...], [...],  those with HIERARCH names, complex values, malformed values
//   [...]                    strings that look like record-valued keywords (WCS Paper IV, 'AXIS.1: 2')
// Where a keyword or comment holds U+007F itself, which the Standard forbids, the joined string is a list of strings.
// Integers are of any size; bytes above 127 are Latin-1 characters.
std::string header_pickle(HeaderView header);

}  // namespace fits
