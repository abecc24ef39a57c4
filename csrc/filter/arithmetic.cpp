// Arithmetic as CFITSIO's: integers of 64 bits that wrap around, doubles; division by zero is NULL.
#include <cmath>

#include "filter/kernels.h"

namespace fits::filter {
namespace {

// Wrapping is an unsigned operation.
template <class F>
void integers(Call& call, F f) {
  map<std::int64_t, std::int64_t, std::int64_t>(call, [f](std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(f(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)));
  });
  call.join_nulls();
}

template <class F>
void reals(Call& call, F f) {
  map<double, double, double>(call, f);
  call.join_nulls();
}

void add_integers(Call& call) {
  integers(call, [](auto a, auto b) { return a + b; });
}
void subtract_integers(Call& call) {
  integers(call, [](auto a, auto b) { return a - b; });
}
void multiply_integers(Call& call) {
  integers(call, [](auto a, auto b) { return a * b; });
}
void and_integers(Call& call) {
  integers(call, [](auto a, auto b) { return a & b; });
}
void or_integers(Call& call) {
  integers(call, [](auto a, auto b) { return a | b; });
}
void xor_integers(Call& call) {
  integers(call, [](auto a, auto b) { return a ^ b; });
}
void add_reals(Call& call) {
  reals(call, [](double a, double b) { return a + b; });
}
void subtract_reals(Call& call) {
  reals(call, [](double a, double b) { return a - b; });
}
void multiply_reals(Call& call) {
  reals(call, [](double a, double b) { return a * b; });
}

// NULL where the divisor is zero.
template <class T>
void join_zeros(Call& call) {
  call.join_nulls();
  const Operand& divisor = call.operands[1];
  if (divisor.constant) {
    if (*divisor.as<T>() == 0) std::memset(call.clear_nulls(), 1, static_cast<std::size_t>(call.elements()));
    return;
  }
  const T* const values = divisor.as<T>();
  const std::int64_t n = call.elements();
  std::int64_t zeros = 0;
  for (std::int64_t i = 0; i < n; ++i) zeros += values[i] == 0;
  if (zeros == 0) return;
  std::uint8_t* const nulls = call.clear_nulls();
  for (std::int64_t i = 0; i < n; ++i) nulls[i] |= values[i] == 0;
}

void divide_reals(Call& call) {
  map<double, double, double>(call, [](double a, double b) { return b == 0 ? 0 : a / b; });
  join_zeros<double>(call);
}

// The remainder has the sign of the dividend, as C's.
void remainder_reals(Call& call) {
  map<double, double, double>(call, [](double a, double b) { return b == 0 ? 0 : a - b * std::trunc(a / b); });
  join_zeros<double>(call);
}

void divide_integers(Call& call) {
  map<std::int64_t, std::int64_t, std::int64_t>(call, [](std::int64_t a, std::int64_t b) -> std::int64_t {
    if (b == 0) return 0;
    return b == -1 ? static_cast<std::int64_t>(-static_cast<std::uint64_t>(a)) : a / b;
  });
  join_zeros<std::int64_t>(call);
}

void remainder_integers(Call& call) {
  map<std::int64_t, std::int64_t, std::int64_t>(
      call, [](std::int64_t a, std::int64_t b) -> std::int64_t { return b == 0 || b == -1 ? 0 : a % b; });
  join_zeros<std::int64_t>(call);
}

void power_reals(Call& call) {
  reals(call, [](double a, double b) { return std::pow(a, b); });
}

void power_integers(Call& call) {
  map<std::int64_t, std::int64_t, std::int64_t>(call, [](std::int64_t a, std::int64_t b) {
    return to_integer(std::pow(static_cast<double>(a), static_cast<double>(b)));
  });
  call.join_nulls();
}

void negate_integers(Call& call) {
  map<std::int64_t, std::int64_t>(
      call, [](std::int64_t a) { return static_cast<std::int64_t>(-static_cast<std::uint64_t>(a)); });
  call.join_nulls();
}

void negate_reals(Call& call) {
  map<double, double>(call, [](double a) { return -a; });
  call.join_nulls();
}

template <class From, class To>
void cast(Call& call) {
  map<To, From>(call, [](From a) {
    if constexpr (std::is_same_v<From, double> && std::is_same_v<To, std::int64_t>)
      return to_integer(a);
    else
      return static_cast<To>(a);
  });
  call.join_nulls();
}

}  // namespace

Kernel arithmetic_kernel(Word word, Type type) noexcept {
  const bool real = type == Type::real;
  switch (word) {
    case Word::plus: return real ? add_reals : add_integers;
    case Word::minus: return real ? subtract_reals : subtract_integers;
    case Word::times: return real ? multiply_reals : multiply_integers;
    case Word::divide: return real ? divide_reals : divide_integers;
    case Word::modulo: return real ? remainder_reals : remainder_integers;
    case Word::power: return real ? power_reals : power_integers;
    case Word::bit_and: return real ? nullptr : and_integers;
    case Word::bit_or: return real ? nullptr : or_integers;
    case Word::bit_xor: return real ? nullptr : xor_integers;
    default: return nullptr;
  }
}

Kernel negation_kernel(Type type) noexcept { return type == Type::real ? negate_reals : negate_integers; }

Kernel cast_kernel(Type from, Type to) noexcept {
  if (to == Type::real) return from == Type::boolean ? cast<std::uint8_t, double> : cast<std::int64_t, double>;
  return from == Type::boolean ? cast<std::uint8_t, std::int64_t> : cast<double, std::int64_t>;
}

}  // namespace fits::filter
