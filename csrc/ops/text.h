// Text going into and out of operators.
//
// torch leaks strings both ways (2.10 to 2.13). Arguments: ToImpl<std::string> allocates a string with new and returns
// a copy; `Text` does it soundly. Results: libtorch copies each returned string with new and never frees it, which
// cannot be mended from outside; what Python reads often is a uint8 tensor instead. tests/test_header.py:
// test_operator_does_not_leak_its_text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "ops/tensor.h"

namespace fits::ops {

struct Text : std::string {
  using std::string::string;
};
using Texts = std::vector<Text>;

// A text as uint8 [n].
Tensor text_tensor(std::string_view text);

// Texts laid end to end, uint8 [n], and where each starts, int64 [B + 1].
using TextAndOffsets = std::tuple<Tensor, Tensor>;
TextAndOffsets end_to_end(const std::vector<std::string>& texts);

}  // namespace fits::ops

template <>
struct torch::stable::detail::ToImpl<fits::ops::Text> {
  static fits::ops::Text call(StableIValue value, std::uint64_t, bool) {
    const auto handle = torch::stable::detail::to<StringHandle>(value);
    std::size_t length = 0;
    const char* data = nullptr;
    STABLE_TORCH_ERROR_CODE_CHECK(torch_string_length(handle, &length));
    STABLE_TORCH_ERROR_CODE_CHECK(torch_string_c_str(handle, &data));
    fits::ops::Text text(data, length);
    STABLE_TORCH_ERROR_CODE_CHECK(torch_delete_string(handle));
    return text;
  }
};
