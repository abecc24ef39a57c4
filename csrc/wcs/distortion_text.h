// Numbers in the texts that distortions are written in (records of Paper IV, WATi_nnn).
#pragma once

#include <cmath>
#include <optional>
#include <string_view>

#include "format/card.h"

namespace fits::wcs {

// The number that a text holds, blanks around it aside: decimal, with an exponent letter E or D; empty where it is none
// or not finite.
inline std::optional<double> number_in(std::string_view text) {
  const auto blank = [](char c) { return c == ' '; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  if (text.size() > 68) return std::nullopt;
  // The forms of a card's number (FITS Standard, section 4.2.4).
  std::size_t i = 0, digits = 0;
  const auto skip_digits = [&] {
    std::size_t count = 0;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) ++count;
    return count;
  };
  if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
  digits = skip_digits();
  if (i < text.size() && text[i] == '.') {
    ++i;
    digits += skip_digits();
  }
  if (digits == 0) return std::nullopt;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E' || text[i] == 'd' || text[i] == 'D')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (skip_digits() == 0) return std::nullopt;
  }
  if (i != text.size()) return std::nullopt;
  const double value = number_value(text);
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

}  // namespace fits::wcs
