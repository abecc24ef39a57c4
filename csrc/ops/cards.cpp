// fits::cards: header texts -> their records as JSON (format/card.h).
#include "format/card.h"
#include "ops/tensor.h"
#include "ops/text.h"

namespace fits::ops {
namespace {

std::vector<std::string> cards(std::vector<Text> headers) {
  std::vector<std::string> json(headers.size());
  parallel_for(static_cast<std::int64_t>(headers.size()), [&](std::int64_t item) {
    const auto i = static_cast<std::size_t>(item);
    try {
      const std::string cards = cards_from_text(headers[i]);
      json[i] = header_json(HeaderView(cards));
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument(sentence("cards: header ", i, ": ", error.what()));
    }
  });
  return json;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(fits, CompositeExplicitAutograd, m) { m.impl("cards", TORCH_BOX(&cards)); }

}  // namespace fits::ops
