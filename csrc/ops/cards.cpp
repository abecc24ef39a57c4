// cards: header texts -> their records as pickles (format/card.h).
#include "format/bytes.h"
#include "format/card.h"
#include "ops/tensor.h"
#include "ops/text.h"

namespace fits::ops {
namespace {

// `text_of(i)`: the i-th of `count` header texts.
template <class TextOf>
TextAndOffsets pickles_of(std::int64_t count, const TextOf& text_of) {
  std::vector<std::string> pickles(static_cast<std::size_t>(count));
  parallel_for(count, [&](std::int64_t i) {
    try {
      const std::string cards = cards_from_text(text_of(i));
      pickles[static_cast<std::size_t>(i)] = header_pickle(HeaderView(cards));
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument(sentence("cards: header ", i, ": ", error.what()));
    }
  });
  return end_to_end(pickles);
}

TextAndOffsets cards(const Texts& headers) {
  return pickles_of(static_cast<std::int64_t>(headers.size()),
                    [&](std::int64_t i) -> std::string_view { return headers[static_cast<std::size_t>(i)]; });
}

TextAndOffsets cards_packed(const Tensor& text, const Tensor& offsets) {
  const std::string_view all = as_text(byte_source(text, "cards", "text"));
  const auto starts = packed_offsets(offsets, all.size(), "cards");
  return pickles_of(static_cast<std::int64_t>(starts.size()) - 1, [&](std::int64_t i) {
    const auto first = static_cast<std::size_t>(starts[static_cast<std::size_t>(i)]);
    return all.substr(first, static_cast<std::size_t>(starts[static_cast<std::size_t>(i) + 1]) - first);
  });
}

}  // namespace
}  // namespace fits::ops

STABLE_TORCH_LIBRARY_IMPL(fits, CompositeExplicitAutograd, m) { m.impl("cards", TORCH_BOX(&fits::ops::cards)); }
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { m.impl("cards.packed", TORCH_BOX(&fits::ops::cards_packed)); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { m.impl("cards.packed", TORCH_BOX(&fits::ops::cards_packed)); }
