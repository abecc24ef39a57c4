// Comparisons, three-valued logic, and what is done about NULL.
#include <cmath>

#include "filter/kernels.h"

namespace fits::filter {
namespace {

template <class T, class F>
void compare(Call& call, F f) {
  map<std::uint8_t, T, T>(call, [f](const T& a, const T& b) { return static_cast<std::uint8_t>(f(a, b)); });
  call.join_nulls();
}

template <class T>
void equal(Call& call) {
  compare<T>(call, [](const T& a, const T& b) { return a == b; });
}
template <class T>
void not_equal(Call& call) {
  compare<T>(call, [](const T& a, const T& b) { return a != b; });
}
template <class T>
void less(Call& call) {
  compare<T>(call, [](const T& a, const T& b) { return a < b; });
}
template <class T>
void less_equal(Call& call) {
  compare<T>(call, [](const T& a, const T& b) { return a <= b; });
}
template <class T>
void greater(Call& call) {
  compare<T>(call, [](const T& a, const T& b) { return a > b; });
}
template <class T>
void greater_equal(Call& call) {
  compare<T>(call, [](const T& a, const T& b) { return a >= b; });
}

template <class T>
Kernel comparison_of(Word word) noexcept {
  switch (word) {
    case Word::equal: return equal<T>;
    case Word::not_equal: return not_equal<T>;
    case Word::less: return less<T>;
    case Word::less_equal: return less_equal<T>;
    case Word::greater: return greater<T>;
    case Word::greater_equal: return greater_equal<T>;
    default: return nullptr;
  }
}

void approximate(Call& call) {
  compare<double>(call, [](double a, double b) { return std::fabs(a - b) < 1e-7; });
}

// FALSE .AND. NULL is FALSE, TRUE .OR. NULL is TRUE: `decides` is the value that needs no other.
template <bool kDecides>
void junction(Call& call) {
  using Byte = std::uint8_t;
  map<Byte, Byte, Byte>(call, [](Byte a, Byte b) -> Byte { return kDecides ? (a | b) : (a & b); });
  const Operand &a = call.operands[0], &b = call.operands[1];
  if (a.nulls == nullptr && b.nulls == nullptr) return;
  std::uint8_t* const nulls = call.clear_nulls();
  Byte* const out = call.out<Byte>();
  for (std::int64_t i = 0, n = call.elements(); i < n; ++i) {
    const bool a_null = null_at(a, i), b_null = null_at(b, i);
    const bool decided =
        (!a_null && (value_at<Byte>(a, i) != 0) == kDecides) || (!b_null && (value_at<Byte>(b, i) != 0) == kDecides);
    nulls[i] = (a_null || b_null) && !decided;
    out[i] = decided ? kDecides : out[i];
  }
}

void negate(Call& call) {
  map<std::uint8_t, std::uint8_t>(call, [](std::uint8_t a) -> std::uint8_t { return a == 0; });
  call.join_nulls();
}

template <class T>
void select(Call& call) {
  T* const out = call.out<T>();
  const Operand &yes = call.operands[0], &no = call.operands[1], &condition = call.operands[2];
  const std::int64_t n = call.elements();
  for (std::int64_t i = 0; i < n; ++i) {
    out[i] = value_at<std::uint8_t>(condition, i) != 0 ? value_at<T>(yes, i) : value_at<T>(no, i);
  }
  if (yes.nulls == nullptr && no.nulls == nullptr && condition.nulls == nullptr) return;
  std::uint8_t* const nulls = call.clear_nulls();
  for (std::int64_t i = 0; i < n; ++i) {
    const bool chosen = value_at<std::uint8_t>(condition, i) != 0 ? null_at(yes, i) : null_at(no, i);
    nulls[i] = null_at(condition, i) || chosen;
  }
}

void is_null(Call& call) {
  const std::uint8_t* const nulls = call.operands[0].nulls;
  const auto n = static_cast<std::size_t>(call.elements());
  if (nulls == nullptr) {
    std::memset(call.values, 0, n);
  } else {
    std::memcpy(call.values, nulls, n);
  }
}

template <class T>
void take_default(Call& call) {
  T* const out = call.out<T>();
  const Operand &value = call.operands[0], &other = call.operands[1];
  const std::int64_t n = call.elements();
  for (std::int64_t i = 0; i < n; ++i) out[i] = null_at(value, i) ? value_at<T>(other, i) : value_at<T>(value, i);
  if (value.nulls == nullptr || other.nulls == nullptr) return;
  std::uint8_t* const nulls = call.clear_nulls();
  for (std::int64_t i = 0; i < n; ++i) nulls[i] = null_at(value, i) && null_at(other, i);
}

template <class T>
void set_null(Call& call) {
  map<T, T, T>(call, [](const T& value, const T&) { return value; });
  call.join_nulls();
  if (call.operands[0].constant) return;  // a constant is never NULL
  std::uint8_t* const nulls = call.clear_nulls();
  const T* const values = call.operands[0].as<T>();
  const T wanted = *call.operands[1].as<T>();
  for (std::int64_t i = 0, n = call.elements(); i < n; ++i) nulls[i] |= values[i] == wanted;
}

void all_null(Call& call) {
  std::memset(call.values, 0, static_cast<std::size_t>(call.elements()) * call.node.element_size());
  std::memset(call.clear_nulls(), 1, static_cast<std::size_t>(call.elements()));
}

}  // namespace

Kernel comparison_kernel(Word word, Type type) noexcept {
  if (word == Word::approximate) {
    return type == Type::real ? approximate : type == Type::integer ? equal<std::int64_t> : nullptr;
  }
  switch (type) {
    case Type::boolean:
      return word == Word::equal || word == Word::not_equal ? comparison_of<std::uint8_t>(word) : nullptr;
    case Type::integer: return comparison_of<std::int64_t>(word);
    case Type::real: return comparison_of<double>(word);
    case Type::string: return comparison_of<std::string_view>(word);
    case Type::bits: return compare_bits_kernel(word);
  }
  return nullptr;
}

Kernel logic_kernel(Word word) noexcept {
  return word == Word::logical_and ? junction<false> : word == Word::logical_or ? junction<true> : negate;
}

Kernel select_kernel(Type type) noexcept {
  switch (type) {
    case Type::boolean: return select<std::uint8_t>;
    case Type::integer: return select<std::int64_t>;
    case Type::real: return select<double>;
    case Type::string: return select<std::string_view>;
    case Type::bits: return nullptr;
  }
  return nullptr;
}

Kernel is_null_kernel() noexcept { return is_null; }

Kernel default_kernel(Type type) noexcept {
  switch (type) {
    case Type::boolean: return take_default<std::uint8_t>;
    case Type::integer: return take_default<std::int64_t>;
    case Type::real: return take_default<double>;
    case Type::string: return take_default<std::string_view>;
    case Type::bits: return nullptr;
  }
  return nullptr;
}

Kernel set_null_kernel(Type type) noexcept { return type == Type::real ? set_null<double> : set_null<std::int64_t>; }

Kernel null_kernel() noexcept { return all_null; }

}  // namespace fits::filter
