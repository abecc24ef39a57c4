// Bits: as numbers of any length, so that a shorter one has zeros before it. Those that match anything (x) are known
// before any row is read: Node::wild.
#include <bit>
#include <string>

#include "filter/kernels.h"

namespace fits::filter {
namespace {

struct Words {
  const std::uint64_t* words;
  std::int64_t count;
  std::uint64_t operator[](std::int64_t i) const noexcept { return i < count ? words[i] : 0; }
};

Words words_at(const Call& call, std::size_t k, std::int64_t row) noexcept {
  const std::int64_t count = call.operand(k).elements();
  return {call.operands[k].as<std::uint64_t>() + (call.operands[k].constant ? 0 : row * count), count};
}

std::uint64_t word_of(const Bits& bits, std::int64_t i) noexcept {
  return i < static_cast<std::int64_t>(bits.size()) ? bits[static_cast<std::size_t>(i)] : 0;
}

std::uint64_t wild_at(const Call& call, std::size_t k, std::int64_t word) noexcept {
  return word_of(call.operand(k).wild, word);
}

// -1, 0 or 1 of the bits that are wild in neither. With kAnyOrder: 0 where they are equal, else 1.
int compare_row(const Call& call, std::int64_t row) noexcept {
  const Words a = words_at(call, 0, row), b = words_at(call, 1, row);
  for (std::int64_t i = std::max(a.count, b.count); i-- > 0;) {
    const std::uint64_t compared = ~(wild_at(call, 0, i) | wild_at(call, 1, i));
    const std::uint64_t left = a[i] & compared, right = b[i] & compared;
    if (left != right) return left < right ? -1 : 1;
  }
  return 0;
}

template <class F>
void compare(Call& call, F f) {
  for (std::int64_t row = 0; row < call.rows; ++row) call.out<std::uint8_t>()[row] = f(compare_row(call, row));
}

void equal(Call& call) {
  compare(call, [](int order) { return order == 0; });
}
void not_equal(Call& call) {
  compare(call, [](int order) { return order != 0; });
}
void less(Call& call) {
  compare(call, [](int order) { return order < 0; });
}
void less_equal(Call& call) {
  compare(call, [](int order) { return order <= 0; });
}
void greater(Call& call) {
  compare(call, [](int order) { return order > 0; });
}
void greater_equal(Call& call) {
  compare(call, [](int order) { return order >= 0; });
}

template <bool kAnd>
void combine(Call& call) {
  const std::int64_t words = call.node.elements();
  for (std::int64_t row = 0; row < call.rows; ++row) {
    const Words a = words_at(call, 0, row), b = words_at(call, 1, row);
    std::uint64_t* const out = call.out<std::uint64_t>() + row * words;
    for (std::int64_t i = 0; i < words; ++i) out[i] = (kAnd ? a[i] & b[i] : a[i] | b[i]) & ~word_of(call.node.wild, i);
  }
}

void complement(Call& call) {
  const std::int64_t words = call.node.elements(), rest = call.node.shape.count % 64;
  const std::uint64_t last = rest == 0 ? ~std::uint64_t{0} : (std::uint64_t{1} << rest) - 1;
  for (std::int64_t row = 0; row < call.rows; ++row) {
    const Words a = words_at(call, 0, row);
    std::uint64_t* const out = call.out<std::uint64_t>() + row * words;
    for (std::int64_t i = 0; i < words; ++i)
      out[i] = ~(a[i] | word_of(call.node.wild, i)) & (i + 1 == words ? last : ~std::uint64_t{0});
  }
}

// Operands: bits, which of them from the first, 1-based.
void take_bit(Call& call) {
  const std::int64_t count = call.operand(0).shape.count;
  for (std::int64_t row = 0; row < call.rows; ++row) {
    const std::int64_t place = count - 1 - index_at(call, 1, row, count);
    call.out<std::uint64_t>()[row] = words_at(call, 0, row)[place / 64] >> (place % 64) & 1;
  }
}

std::int64_t ones(const Call& call, std::int64_t row) noexcept {
  const Words a = words_at(call, 0, row);
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < a.count; ++i) total += std::popcount(a[i]);
  return total;
}

void count_ones(Call& call) {
  for (std::int64_t row = 0; row < call.rows; ++row) call.out<std::int64_t>()[row] = ones(call, row);
}

void sum_ones(Call& call) {
  for (std::int64_t row = 0; row < call.rows; ++row) {
    call.carry->integer += ones(call, row);
    call.out<std::int64_t>()[row] = call.carry->integer;
  }
}

// 0 where a bit is 0; wild ones are not.
void all_ones(Call& call) {
  std::int64_t wild = 0;
  for (const std::uint64_t word : call.operand(0).wild) wild += std::popcount(word);
  const std::int64_t all = call.operand(0).shape.count - wild;
  for (std::int64_t row = 0; row < call.rows; ++row) call.out<std::uint64_t>()[row] = ones(call, row) == all;
}

void any_ones(Call& call) {
  for (std::int64_t row = 0; row < call.rows; ++row) call.out<std::uint64_t>()[row] = ones(call, row) > 0;
}

}  // namespace

Kernel compare_bits_kernel(Word word) noexcept {
  switch (word) {
    case Word::equal: return equal;
    case Word::not_equal: return not_equal;
    case Word::less: return less;
    case Word::less_equal: return less_equal;
    case Word::greater: return greater;
    case Word::greater_equal: return greater_equal;
    default: return nullptr;
  }
}

Kernel bitwise_kernel(Word word) noexcept { return word == Word::bit_and ? combine<true> : combine<false>; }
Kernel complement_kernel() noexcept { return complement; }
Kernel bit_kernel() noexcept { return take_bit; }

Kernel bit_reduction_kernel(std::string_view name) noexcept {
  return name == "SUM" ? count_ones : name == "ACCUM" ? sum_ones : name == "MIN" ? all_ones : any_ones;
}

}  // namespace fits::filter
