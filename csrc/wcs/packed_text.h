// Short text in a packed WCS: four characters a slot, the first in the highest of the 32 bits; zeros pad. Text that is
// too long ends in '~'.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fits::wcs {

inline void put_text(std::string_view text, int slots, double* to) {
  const std::size_t room = static_cast<std::size_t>(slots) * 4;
  for (int slot = 0; slot < slots; ++slot) {
    double number = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t at = static_cast<std::size_t>(slot) * 4 + i;
      const char c = at >= text.size() ? '\0' : at + 1 == room && text.size() > room ? '~' : text[at];
      number = number * 256 + static_cast<unsigned char>(c);
    }
    to[slot] = number;
  }
}

inline std::string text_of(const double* slots, int count) {
  std::string text;
  for (int slot = 0; slot < count; ++slot) {
    const double value = slots[slot];
    if (!(value >= 0 && value < 4294967296.0)) break;
    const auto number = static_cast<std::uint32_t>(value);
    for (int shift = 24; shift >= 0; shift -= 8) {
      const char c = static_cast<char>(number >> shift & 255);
      if (c == '\0') return text;
      text += c;
    }
  }
  return text;
}

}  // namespace fits::wcs
