// fits::cards: header texts -> their records as JSON (format/card.h).
#include <algorithm>
#include <tuple>

#include "format/card.h"
#include "ops/tensor.h"
#include "ops/text.h"

namespace fits::ops {
namespace {

// The JSON of all headers end to end, and where each starts. Not str[]: torch leaks every string that a stable operator
// returns (2.10 to 2.13; see ops/text.h).
std::tuple<Tensor, Tensor> cards(std::vector<Text> headers) {
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
  Tensor offsets = empty({static_cast<std::int64_t>(headers.size()) + 1}, ScalarType::Long);
  auto* offset = static_cast<std::int64_t*>(offsets.mutable_data_ptr());
  *offset = 0;
  for (const auto& text : json) {
    offset[1] = *offset + static_cast<std::int64_t>(text.size());
    ++offset;
  }
  Tensor data = empty({*offset}, ScalarType::Byte);
  auto* place = static_cast<char*>(data.mutable_data_ptr());
  for (const auto& text : json) place = std::copy(text.begin(), text.end(), place);
  return {data, offsets};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(fits, CompositeExplicitAutograd, m) { m.impl("cards", TORCH_BOX(&cards)); }

}  // namespace fits::ops
