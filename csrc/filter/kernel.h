// What kernels get, and the loops that they share.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "filter/node.h"
#include "format/error.h"

namespace fits::filter {

// Values of a block, or the one value of a constant, for all rows.
struct Operand {
  const void* values = nullptr;
  const std::uint8_t* nulls = nullptr;  // none: no value is NULL
  bool constant = false;

  template <class T>
  const T* as() const noexcept {
    return static_cast<const T*>(values);
  }
};

struct Call {
  const Node& node;
  const std::vector<Node>& nodes;
  std::int64_t rows;
  std::int64_t first_row;  // 1-based
  const Operand* operands;
  void* values;         // of the result
  std::uint8_t* nulls;  // room for them; they count where has_nulls
  char* text;           // of nodes that keep it: rows * shape.count characters
  Carry* carry;
  bool has_nulls = false;

  const Node& operand(std::size_t i) const noexcept { return nodes[static_cast<std::size_t>(node.operands[i])]; }
  std::size_t operand_count() const noexcept { return node.operands.size(); }
  std::int64_t elements() const noexcept { return rows * node.elements(); }
  template <class T>
  T* out() const noexcept {
    return static_cast<T*>(values);
  }
  // NULL marks of the result, all clear at first.
  std::uint8_t* clear_nulls() noexcept {
    if (!has_nulls) std::memset(nulls, 0, static_cast<std::size_t>(null_count()));
    has_nulls = true;
    return nulls;
  }
  std::int64_t null_count() const noexcept { return node.type == Type::bits ? 0 : elements(); }
  // The result is NULL where any operand is.
  void join_nulls() noexcept {
    for (std::size_t i = 0; i < operand_count(); ++i) join_nulls_of(operands[i]);
  }
  void join_nulls_of(const Operand& operand) noexcept {
    if (operand.nulls == nullptr) return;
    const std::int64_t count = null_count();
    if (!has_nulls) {
      std::memcpy(nulls, operand.nulls, static_cast<std::size_t>(count));
      has_nulls = true;
      return;
    }
    for (std::int64_t i = 0; i < count; ++i) nulls[i] |= operand.nulls[i];
  }
};

// out[i] = f(a[i]).
template <class Out, class A, class F>
void map(Call& call, F f) {
  Out* const out = call.out<Out>();
  const A* const a = call.operands[0].as<A>();
  for (std::int64_t i = 0, n = call.elements(); i < n; ++i) out[i] = f(a[i]);
}

// out[i] = f(a[i], b[i]), each a constant or of the result's shape.
template <class Out, class A, class B, class F>
void map(Call& call, F f) {
  Out* const out = call.out<Out>();
  const A* const a = call.operands[0].as<A>();
  const B* const b = call.operands[1].as<B>();
  const std::int64_t n = call.elements();
  if (call.operands[0].constant) {
    const A x = *a;
    if (call.operands[1].constant) {
      out[0] = f(x, *b);
    } else {
      for (std::int64_t i = 0; i < n; ++i) out[i] = f(x, b[i]);
    }
  } else if (call.operands[1].constant) {
    const B y = *b;
    for (std::int64_t i = 0; i < n; ++i) out[i] = f(a[i], y);
  } else {
    for (std::int64_t i = 0; i < n; ++i) out[i] = f(a[i], b[i]);
  }
}

// Operand k's value for element i, and whether it is NULL.
template <class T>
T value_at(const Operand& operand, std::int64_t i) noexcept {
  return operand.as<T>()[operand.constant ? 0 : i];
}
inline bool null_at(const Operand& operand, std::int64_t i) noexcept {
  return operand.nulls != nullptr && operand.nulls[i] != 0;
}

// Throws NoSuchCell: what a row's own values ask for is not there.
[[noreturn]] inline void fail_row(const Call& call, std::int64_t row, const std::string& what) {
  throw NoSuchCell("row " + std::to_string(call.first_row + row) + ", filter, character " +
                   std::to_string(call.node.at + 1) + ": " + what);
}

// Operand k's value as the index of one of `size` elements, from 0.
inline std::int64_t index_at(const Call& call, std::size_t k, std::int64_t row, std::int64_t size) {
  const Operand& operand = call.operands[k];
  if (null_at(operand, row)) fail_row(call, row, "the index of a vector is NULL");
  const std::int64_t index = value_at<std::int64_t>(operand, row);
  if (index >= 1 && index <= size) return index - 1;
  fail_row(call, row, "the index " + std::to_string(index) + " lies outside of 1 to " + std::to_string(size));
}

// As x86 converts: what does not fit is the lowest integer.
inline std::int64_t to_integer(double x) noexcept {
  return x >= -0x1p63 && x < 0x1p63 ? static_cast<std::int64_t>(x) : INT64_MIN;
}

}  // namespace fits::filter
