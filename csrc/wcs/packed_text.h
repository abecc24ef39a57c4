// Short text in a packed WCS: four characters a slot, the first in the highest of the 32 bits; zeros pad.
#pragma once

#include <string_view>

namespace fits::wcs {

inline void put_text(std::string_view text, int slots, double* to) {
  for (int slot = 0; slot < slots; ++slot) {
    double number = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t at = static_cast<std::size_t>(slot) * 4 + i;
      number = number * 256 + (at < text.size() ? static_cast<unsigned char>(text[at]) : 0);
    }
    to[slot] = number;
  }
}

}  // namespace fits::wcs
