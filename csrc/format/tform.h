// TFORMn: what one column of a binary table holds. FITS Standard 4.0, section 7.3.1 (table 18) and 7.3.5 (descriptors).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fits {

// rT, or rPt(max) and rQt(max) of variable-length arrays: their rows hold descriptors, the arrays are in the heap.
struct Tform {
  std::int64_t repeat = 1;
  char letter = 0;   // L X B I J K A E D C M P Q
  char element = 0;  // of P and Q the letter of the arrays' elements; 0 where it is missing or unknown

  bool variable() const noexcept { return letter == 'P' || letter == 'Q'; }
  // Bytes in a row of the table.
  std::int64_t width() const noexcept { return array_size(letter, repeat); }

  // Bytes of one element; 0 of what is no letter of table 18. X counts bits: its elements are the bytes that hold them.
  static constexpr std::int64_t element_size(char letter) noexcept {
    switch (letter) {
      case 'L':
      case 'X':
      case 'B':
      case 'A': return 1;
      case 'I': return 2;
      case 'J':
      case 'E': return 4;
      case 'K':
      case 'D':
      case 'C':
      case 'P': return 8;
      case 'M':
      case 'Q': return 16;
      default: return 0;
    }
  }

  // Bytes of `count` elements, of X bits. The caller has checked that count <= 2^59 - 8.
  static constexpr std::int64_t array_size(char letter, std::int64_t count) noexcept {
    return letter == 'X' ? (count + 7) / 8 : count * element_size(letter);
  }
};

inline constexpr std::int64_t kMostRepeat = 999'999'999;  // a row longer than that is nobody's

// The number that the text begins with, 0 where it begins with no digit; empty where it is more than kMostRepeat.
constexpr std::optional<std::int64_t> leading_number(std::string_view text) noexcept {
  std::int64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') break;
    number = 10 * number + (c - '0');
    if (number > kMostRepeat) return std::nullopt;
  }
  return number;
}

// Empty where the text is no format of a column. Letters of either case; what follows them is for others, but in "A7",
// which writers that think of ASCII tables take for 7A, as CFITSIO and astropy do.
constexpr std::optional<Tform> parse_tform(std::string_view text) noexcept {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  Tform tform;
  const auto repeat = leading_number(text);
  if (!repeat) return std::nullopt;
  std::size_t at = 0;
  while (at < text.size() && digit(text[at])) ++at;
  if (at > 0) tform.repeat = *repeat;
  if (at == text.size()) return std::nullopt;
  tform.letter = upper(text[at]);
  if (Tform::element_size(tform.letter) == 0) return std::nullopt;
  if (tform.variable() && at + 1 < text.size() && Tform::element_size(upper(text[at + 1])) > 0) {
    tform.element = upper(text[at + 1]);
  }
  if (tform.letter != 'A' || at > 0 || text.size() == 1 || !digit(text[1])) return tform;
  const auto width = leading_number(text.substr(1));
  if (!width) return std::nullopt;
  tform.repeat = *width;
  return tform;
}

}  // namespace fits
