#include "wcs/wcslib_cards.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <vector>

#include "format/error.h"
#include "wcs/layout.h"
#include "wcs/sip_header.h"

namespace fits::wcs {
namespace {

[[noreturn]] void fail(const std::string& what) { throw FileError(Status::bad_header, what); }

// The axis that a keyword speaks of (CRPIX3A, PC1_12, PC001012, NAXIS17: the larger number), or 0.
int axis_of(std::string_view keyword) {
  constexpr std::string_view kRoots[] = {"CTYPE", "CRPIX", "CRVAL", "CDELT", "CUNIT", "CROTA", "CNAME", "CRDER",
                                         "CSYER", "CZPHS", "CPERI", "NAXIS", "PC",    "CD",    "PV",    "PS"};
  const auto* const root = std::ranges::find_if(kRoots, [&](std::string_view r) { return keyword.starts_with(r); });
  if (root == std::end(kRoots)) return 0;
  std::string_view rest = keyword.substr(root->size());
  const auto number = [&rest](std::size_t digits) {
    int value = 0;
    for (; digits > 0 && !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; --digits, rest.remove_prefix(1)) {
      value = value * 10 + (rest[0] - '0');
    }
    return value;
  };
  const bool old_form = *root == "PC" && rest.size() >= 6 && rest.find('_') == rest.npos;  // PCiiijjj
  int most = number(old_form ? 3 : 6);
  const bool is_parameter = *root == "PV" || *root == "PS";  // its own number follows
  const bool has_second = old_form || rest.starts_with('_');
  if (!old_form && has_second) rest.remove_prefix(1);
  const int second = has_second ? number(6) : 0;
  if (!is_parameter) most = std::max(most, second);
  if (rest.size() == 1 && rest[0] >= 'A' && rest[0] <= 'Z') rest.remove_prefix(1);
  return rest.empty() ? most : 0;  // CD21RFND is a keyword of its own
}

}  // namespace

void refuse_many_axes(const HeaderView& header) {
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::string_view name = header.card_text(i).substr(0, 8);
    const std::string_view keyword = name.substr(0, name.find(' '));
    const bool counts = keyword == "NAXIS" || keyword.starts_with("WCSAXES");
    const double axes = counts ? real_value(header.card(i)).value_or(0) : axis_of(keyword);
    if (!(axes >= 0 && axes <= kMaxAxes)) {
      fail(std::string(keyword) + ": world coordinates of at most 16 axes are supported");
    }
  }
}

std::string cards_for_wcslib(const HeaderView& header, const Surfaces& surfaces) {
  std::string kept;
  kept.reserve(header.text().size());
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::string_view card = header.card_text(i);
    const std::string_view name = card.substr(0, 8);
    const std::string_view keyword = name.substr(0, name.find(' '));
    if (keyword.empty() || keyword == "COMMENT" || keyword == "HISTORY" || keyword == "HIERARCH") continue;
    if (is_sip_keyword(keyword) || is_distortion_keyword(keyword)) continue;
    // wcslib (7.12) reads a string without its closing quote on into the next cards, and past the end of its buffer.
    if (card.find('\'') != card.npos && header.card(i).kind == ValueKind::malformed) continue;
    kept += card;
  }
  const bool is_zpx = header.string("CTYPE2").value_or("").ends_with("-ZPX");
  for (const Parameter& parameter : is_zpx ? surfaces.parameters : std::vector<Parameter>{}) {
    char card[kCardSize + 1];
    std::snprintf(card, sizeof card, "PV2_%-4d= %30.17E", parameter.m, parameter.value);
    kept.append(card).append(kCardSize - std::strlen(card), ' ');
  }
  return kept;
}

std::string without_tab(std::string cards) {
  for (std::size_t card = 0; card < cards.size(); card += kCardSize) {
    if (std::string_view(cards).substr(card, 8).find("CTYP") == std::string_view::npos) continue;
    for (std::size_t at = cards.find(kTabCode, card); at < card + kCardSize; at = cards.find(kTabCode, at)) {
      cards.replace(at, kTabCode.size(), kHiddenTabCode);
    }
  }
  return cards;
}

}  // namespace fits::wcs
