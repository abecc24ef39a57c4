// Text: the type of `str` arguments of operators. Torch's own conversion of an argument to std::string leaks the string
// (2.10 to 2.13: ToImpl<std::string> makes a copy with new and returns a copy of that; pytorch/pytorch#191340), which a
// reader of headers cannot afford. libtorch does the same with each string that an operator returns, and that cannot be
// mended here: what returns much text to Python returns a uint8 tensor (cards.cpp).
// tests/test_header.py: test_operator_does_not_leak_its_text.
#pragma once

#include <torch/csrc/stable/library.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fits::ops {

struct Text : std::string {
  using std::string::string;
};
using Texts = std::vector<Text>;

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
