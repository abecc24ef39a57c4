// Strings: without the blanks at their end and up to the first NUL, as they come from a table. Comparisons are in
// logic.cpp.
#include "filter/kernels.h"

namespace fits::filter {
namespace {

void concatenate(Call& call) {
  char* text = call.text;
  for (std::int64_t row = 0; row < call.rows; ++row) {
    char* const start = text;
    for (const std::size_t k : {0, 1}) {
      const auto part = value_at<std::string_view>(call.operands[k], row);
      if (null_at(call.operands[k], row)) continue;
      text = std::copy(part.begin(), part.end(), text);
    }
    call.out<std::string_view>()[row] = {start, static_cast<std::size_t>(text - start)};
  }
  call.join_nulls();
}

// Operands: string, first character (1-based; 0 is NULL), length.
void take_substring(Call& call) {
  for (std::int64_t row = 0; row < call.rows; ++row) {
    const auto text = value_at<std::string_view>(call.operands[0], row);
    const auto first = value_at<std::int64_t>(call.operands[1], row);
    const auto length = value_at<std::int64_t>(call.operands[2], row);
    bool null = false;
    for (const std::size_t k : {0, 1, 2}) null |= null_at(call.operands[k], row);
    std::string_view part;
    if (!null && first < 0) {
      fail_row(call, row, "STRMID begins at character " + std::to_string(first) + "; the first is 1");
    }
    if (!null && first > 0 && length > 0 && first <= static_cast<std::int64_t>(text.size())) {
      part = text.substr(static_cast<std::size_t>(first - 1), static_cast<std::size_t>(length));
    }
    call.out<std::string_view>()[row] = part;
    if (null || first == 0) call.clear_nulls()[row] = 1;
  }
}

// Where the second string begins in the first, 1-based; NULL where it is not in it.
void search(Call& call) {
  for (std::int64_t row = 0; row < call.rows; ++row) {
    const auto text = value_at<std::string_view>(call.operands[0], row);
    const std::size_t found = text.find(value_at<std::string_view>(call.operands[1], row));
    const bool null = null_at(call.operands[0], row) || null_at(call.operands[1], row);
    const bool hit = !null && found != std::string_view::npos;
    call.out<std::int64_t>()[row] = hit ? static_cast<std::int64_t>(found) + 1 : 0;
    if (!hit) call.clear_nulls()[row] = 1;
  }
}

// The first operand's bits, then the second's.
void concatenate_bits(Call& call) {
  const Node &left = call.operand(0), &right = call.operand(1);
  const std::int64_t left_words = left.elements(), right_words = right.elements(), words = call.node.elements();
  const std::int64_t skip = right.shape.count / 64, shift = right.shape.count % 64;
  for (std::int64_t row = 0; row < call.rows; ++row) {
    const auto* const a = call.operands[0].as<std::uint64_t>() + (call.operands[0].constant ? 0 : row * left_words);
    const auto* const b = call.operands[1].as<std::uint64_t>() + (call.operands[1].constant ? 0 : row * right_words);
    auto* const out = call.out<std::uint64_t>() + row * words;
    std::fill_n(out, words, 0);
    std::copy_n(b, right_words, out);
    for (std::int64_t i = 0; i < left_words; ++i) {
      out[skip + i] |= a[i] << shift;
      if (shift > 0 && skip + i + 1 < words) out[skip + i + 1] |= a[i] >> (64 - shift);
    }
  }
}

}  // namespace

Kernel concatenation_kernel(Type type) noexcept { return type == Type::bits ? concatenate_bits : concatenate; }
Kernel substring_kernel() noexcept { return take_substring; }
Kernel search_kernel() noexcept { return search; }

}  // namespace fits::filter
