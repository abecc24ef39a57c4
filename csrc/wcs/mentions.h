// Whether a header has keywords of a convention at all. Most have none, and are not searched for each of its keywords.
#pragma once

#include <initializer_list>
#include <string_view>

#include "format/card.h"

namespace fits::wcs {

// Whether a card starts with one of these.
inline bool mentions(const HeaderView& header, std::initializer_list<std::string_view> starts) {
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::string_view card = header.card_text(i);
    for (const std::string_view start : starts) {
      if (card.starts_with(start)) return true;
    }
  }
  return false;
}

}  // namespace fits::wcs
