#include "ops/text.h"

namespace fits::ops {

Tensor text_tensor(std::string_view text) {
  Tensor out = empty({static_cast<std::int64_t>(text.size())}, ScalarType::Byte);
  text.copy(static_cast<char*>(out.mutable_data_ptr()), text.size());
  return out;
}

TextAndOffsets end_to_end(const std::vector<std::string>& texts) {
  const auto count = static_cast<std::int64_t>(texts.size());
  Tensor offsets = empty({count + 1}, ScalarType::Long);
  auto* const starts = static_cast<std::int64_t*>(offsets.mutable_data_ptr());
  starts[0] = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) starts[i + 1] = starts[i] + static_cast<std::int64_t>(texts[i].size());
  Tensor all = empty({starts[count]}, ScalarType::Byte);
  auto* const start = static_cast<char*>(all.mutable_data_ptr());
  for (std::size_t i = 0; i < texts.size(); ++i) texts[i].copy(start + starts[i], texts[i].size());
  return {all, offsets};
}

}  // namespace fits::ops
