// Keywords that come once for each column of a table (TFORM1 to TFORMn, TTYPE1 ...), found in one look at the header,
// however many columns there are: FITS Standard 4.0, section 7.2 and 7.3.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/card.h"

namespace fits {

inline constexpr std::int64_t kMostFields = 999;  // TFIELDS: section 7.3.1

template <std::size_t kStems>
class ColumnKeywords {
 public:
  using Stems = std::array<std::string_view, kStems>;

  // The first card of each keyword counts. 0 <= tfields <= kMostFields.
  ColumnKeywords(HeaderView header, const Stems& stems, std::int64_t tfields) : header_(header) {
    for (auto& cards : cards_) cards.resize(static_cast<std::size_t>(tfields));
    for (std::size_t i = 0; i < header.size(); ++i) take(stems, i);
  }

  // Column n's card of a stem, counted from 0 and 1.
  std::optional<Card> card(std::size_t stem, std::int64_t n) const {
    const std::size_t index = at(stem, n);
    return index > 0 ? std::optional(header_.card(index - 1)) : std::nullopt;
  }
  // Its value where that is a string, CONTINUE cards joined.
  std::optional<std::string> string(std::size_t stem, std::int64_t n) const {
    const std::size_t index = at(stem, n);
    if (index == 0) return std::nullopt;
    if (header_.is_continued(index - 1)) return header_.join(index - 1).value;
    return string_value(header_.card(index - 1));
  }

 private:
  std::size_t at(std::size_t stem, std::int64_t n) const { return cards_[stem][static_cast<std::size_t>(n - 1)]; }

  void take(const Stems& stems, std::size_t i) {
    const std::string_view keyword = header_.card_text(i).substr(0, 8);
    if ((keyword[0] & 0xdf) != 'T' && (keyword[0] & 0xdf) != 'Z') return;
    for (std::size_t k = 0; k < kStems; ++k) {
      const std::size_t length = stems[k].size();
      bool same = true;
      for (std::size_t c = 0; c < length; ++c) same &= (keyword[c] & 0xdf) == stems[k][c];  // letters of either case
      if (!same) continue;
      std::size_t n = 0;
      const char *const digits = keyword.data() + length, *const last = keyword.data() + 8;
      const auto [end, error] = std::from_chars(digits, last, n);
      if (error != std::errc() || n == 0 || n > cards_[k].size() || (end != last && *end != ' ' && *end != '='))
        continue;
      if (cards_[k][n - 1] == 0) cards_[k][n - 1] = static_cast<std::uint32_t>(i + 1);
      return;
    }
  }

  HeaderView header_;
  std::array<std::vector<std::uint32_t>, kStems> cards_;  // index of the card, counted from 1; 0 where there is none
};

}  // namespace fits
