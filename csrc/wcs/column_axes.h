// World coordinates of columns of a binary table: pixel lists and arrays in cells (Paper I, section 3). Python makes an
// image's keywords of them (torchfits/column_axes.py); this finds out whether a header has some.
#pragma once

#include <algorithm>
#include <string_view>

#include "format/card.h"

namespace fits::wcs {

// The first keyword that gives a column axis a type: TCTYPn or TCTYna of a pixel list, iCTYPn or iCTYna of arrays; "".
inline std::string_view column_axis_keyword(const HeaderView& header) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::string_view name = header.card_text(i).substr(0, 8);
    const std::string_view keyword = name.substr(0, name.find(' '));
    if (keyword.size() < 5 || keyword.substr(1, 3) != "CTY") continue;
    if (keyword[0] != 'T' && !is_digit(keyword[0])) continue;
    std::string_view rest = keyword.substr(keyword[4] == 'P' ? 5 : 4);
    if (!rest.empty() && rest.size() > 1 && rest.back() >= 'A' && rest.back() <= 'Z') rest.remove_suffix(1);
    if (!rest.empty() && std::all_of(rest.begin(), rest.end(), is_digit)) return keyword;
  }
  return {};
}

}  // namespace fits::wcs
