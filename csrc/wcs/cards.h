// Cards of a header that is written.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <string>
#include <string_view>

#include "format/card.h"

namespace fits::wcs {

// In the fixed format of the FITS Standard 4.0, section 4.2, where the value is short enough. Numbers have as many
// digits as reading them back exactly needs.
class Cards {
 public:
  void put(std::string_view keyword, double value) { put_right(keyword, number(keyword, value)); }
  void put(std::string_view keyword, int value) { put_right(keyword, std::to_string(value)); }
  // At least `length` characters, blanks at the end.
  void put(std::string_view keyword, std::string_view value, std::size_t length = 8) {
    std::string text = "'";
    for (const char c : value) text += c == '\'' ? std::string("''") : std::string(1, c);
    text.resize(std::max(text.size(), length + 1), ' ');
    add(keyword, text + "'");
  }
  // KEYWORD = 'FIELD: value' (WCS Paper IV, draft of 2004).
  void put_record(std::string_view keyword, const std::string& field, double value) {
    put(keyword, field + ": " + number(std::string(keyword) + " '" + field + "'", value));
  }
  void put_record(std::string_view keyword, const std::string& field, int value) {
    put(keyword, field + ": " + std::to_string(value));
  }
  std::string take() { return std::move(text_); }

 private:
  static std::string number(std::string_view name, double value) {
    if (!std::isfinite(value)) {
      throw std::invalid_argument(std::string(name) + " would not be finite, which a header cannot hold");
    }
    std::array<char, 40> text{};
    char* const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    std::string digits(text.data(), end);
    const std::size_t e = digits.find('e');
    if (e != std::string::npos) digits[e] = 'E';
    if (digits.find('.') == std::string::npos) digits.insert(e == std::string::npos ? digits.size() : e, ".0");
    return digits;
  }
  void put_right(std::string_view keyword, const std::string& value) {
    add(keyword, std::string(value.size() < 20 ? 20 - value.size() : 0, ' ') + value);
  }
  void add(std::string_view keyword, const std::string& value) {
    std::string card(keyword);
    card.resize(8, ' ');
    card += "= " + value;
    card.resize(kCardSize, ' ');
    text_ += card;
  }
  std::string text_;
};

}  // namespace fits::wcs
