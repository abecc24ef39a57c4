// Vectors: sums and other reductions of a row's elements, single elements, vectors made of others; and what runs
// through the elements of all rows. Elements are added from the last to the first, as CFITSIO does.
#include <cmath>
#include <vector>

#include "filter/kernels.h"

namespace fits::filter {
namespace {

// Runs f(row, add) for every row, where add(g) runs g(value) for each element that is not NULL, from the last.
template <class T, class F>
void each_row(Call& call, F f) {
  const Operand& operand = call.operands[0];
  const std::int64_t count = call.operand(0).elements();
  for (std::int64_t row = 0; row < call.rows; ++row) {
    const T* const values = operand.as<T>() + row * count;
    const std::uint8_t* const nulls = operand.nulls == nullptr ? nullptr : operand.nulls + row * count;
    f(row, [values, nulls, count](auto g) {
      for (std::int64_t i = count - 1; i >= 0; --i) {
        if (nulls == nullptr || nulls[i] == 0) g(values[i]);
      }
    });
  }
}

void set(Call& call, std::int64_t row, bool null) {
  if (null) call.clear_nulls()[row] = 1;
}

template <class T, class Sum>
void sum(Call& call) {
  each_row<T>(call, [&call](std::int64_t row, auto add) {
    Sum total = 0;
    bool none = true;
    add([&](T value) {
      if constexpr (std::is_same_v<Sum, double>) {
        total += value;
      } else {
        total = static_cast<Sum>(static_cast<std::uint64_t>(total) + static_cast<std::uint64_t>(value));
      }
      none = false;
    });
    call.out<Sum>()[row] = total;
    set(call, row, none);
  });
}

template <class T>
double mean(const auto& add, std::int64_t& count) {
  double total = 0;
  count = 0;
  add([&](T value) {
    total += static_cast<double>(value);
    ++count;
  });
  return count > 0 ? total / static_cast<double>(count) : 0;
}

template <class T>
void average(Call& call) {
  each_row<T>(call, [&call](std::int64_t row, auto add) {
    std::int64_t count = 0;
    call.out<double>()[row] = mean<T>(add, count);
    set(call, row, count == 0);
  });
}

// Of the sample; 0 of fewer than two values.
template <class T>
void deviation(Call& call) {
  each_row<T>(call, [&call](std::int64_t row, auto add) {
    std::int64_t count = 0;
    const double middle = mean<T>(add, count);
    double squares = 0;
    add([&](T value) {
      const double d = static_cast<double>(value) - middle;
      squares += d * d;
    });
    call.out<double>()[row] = count > 1 ? std::sqrt(squares / (static_cast<double>(count) - 1)) : 0;
  });
}

// Of an even number of values the lower of the two in the middle.
template <class T>
void median(Call& call) {
  std::vector<T> sorted;
  sorted.reserve(static_cast<std::size_t>(call.operand(0).elements()));
  each_row<T>(call, [&](std::int64_t row, auto add) {
    sorted.clear();
    add([&](T value) {
      // A number that is none has no place in an order.
      if (!std::isnan(static_cast<double>(value))) sorted.push_back(value);
    });
    T result = 0;
    if (!sorted.empty()) {
      const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) / 2);
      std::nth_element(sorted.begin(), middle, sorted.end());
      result = *middle;
    }
    call.out<T>()[row] = result;
    set(call, row, sorted.empty());
  });
}

template <class T, bool kLargest>
void extreme(Call& call) {
  each_row<T>(call, [&call](std::int64_t row, auto add) {
    T best = 0;
    bool none = true;
    add([&](T value) {
      best = none ? value : kLargest ? (best > value ? best : value) : (best < value ? best : value);
      none = false;
    });
    call.out<T>()[row] = best;
    set(call, row, none);
  });
}

void count_valid(Call& call) {
  const std::int64_t count = call.operand(0).elements();
  const std::uint8_t* nulls = call.operands[0].nulls;
  for (std::int64_t row = 0; row < call.rows; ++row) {
    std::int64_t valid = count;
    for (std::int64_t i = 0; nulls != nullptr && i < count; ++i) valid -= nulls[row * count + i] != 0;
    call.out<std::int64_t>()[row] = valid;
  }
}

template <class T>
void broadcast(Call& call) {
  const Operand& operand = call.operands[0];
  const std::int64_t count = call.node.elements();
  T* out = call.out<T>();
  for (std::int64_t row = 0; row < call.rows; ++row, out += count) {
    std::fill_n(out, count, value_at<T>(operand, row));
  }
  if (operand.nulls == nullptr) return;
  std::uint8_t* const nulls = call.clear_nulls();
  for (std::int64_t row = 0; row < call.rows; ++row) {
    std::memset(nulls + row * count, operand.nulls[row], static_cast<std::size_t>(count));
  }
}

template <class T>
void join(Call& call) {
  const std::int64_t count = call.node.elements();
  std::int64_t first = 0;
  for (std::size_t k = 0; k < call.operand_count(); ++k) {
    const Operand& part = call.operands[k];
    const std::int64_t size = call.operand(k).elements();
    for (std::int64_t row = 0; row < call.rows; ++row) {
      const T* const values = part.as<T>() + (part.constant ? 0 : row * size);
      std::copy_n(values, size, call.out<T>() + row * count + first);
    }
    if (part.nulls != nullptr) {
      std::uint8_t* const nulls = call.clear_nulls();
      for (std::int64_t row = 0; row < call.rows; ++row) {
        std::memcpy(nulls + row * count + first, part.nulls + row * size, static_cast<std::size_t>(size));
      }
    }
    first += size;
  }
}

template <class T>
void copy_slice(Call& call, std::int64_t row, std::int64_t first) {
  const Operand& vector = call.operands[0];
  const std::int64_t count = call.node.elements(), size = call.operand(0).elements();
  std::copy_n(vector.as<T>() + row * size + first, count, call.out<T>() + row * count);
  if (vector.nulls != nullptr) {
    std::memcpy(call.clear_nulls() + row * count, vector.nulls + row * size + first, static_cast<std::size_t>(count));
  }
}

template <class T>
void slice(Call& call) {
  for (std::int64_t row = 0; row < call.rows; ++row) copy_slice<T>(call, row, call.node.integers[0]);
}

// One index of all, or the last of them, which leaves a vector with one axis less.
template <class T>
void pick(Call& call) {
  const auto& axes = call.node.integers;
  const std::size_t indices = call.operand_count() - 1;
  for (std::int64_t row = 0; row < call.rows; ++row) {
    std::int64_t element = 0;
    if (indices == axes.size()) {
      for (std::size_t k = indices; k-- > 0;) {
        element = element * axes[k] + index_at(call, k + 1, row, axes[k]);
      }
    } else {
      element = index_at(call, 1, row, axes.back()) * call.node.elements();
    }
    copy_slice<T>(call, row, element);
  }
}

void positions(Call& call) {
  const std::int64_t period = call.node.integers[0], run = call.node.integers[1], count = call.node.elements();
  std::int64_t* const out = call.out<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) out[i] = i / run % period + 1;
  for (std::int64_t row = 1; row < call.rows; ++row) std::copy_n(out, count, out + row * count);
}

void row_numbers(Call& call) {
  for (std::int64_t row = 0; row < call.rows; ++row) call.out<std::int64_t>()[row] = call.first_row + row;
}

// NULL counts as 0.
template <class T>
void accumulate(Call& call) {
  const T* const values = call.operands[0].as<T>();
  for (std::int64_t i = 0, n = call.elements(); i < n; ++i) {
    const bool null = null_at(call.operands[0], i);
    if constexpr (std::is_same_v<T, double>) {
      if (!null) call.carry->real += values[i];
      call.out<double>()[i] = call.carry->real;
    } else {
      std::int64_t& total = call.carry->integer;
      if (!null)
        total = static_cast<std::int64_t>(static_cast<std::uint64_t>(total) + static_cast<std::uint64_t>(values[i]));
      call.out<std::int64_t>()[i] = total;
    }
  }
}

// NULL where this value or the one before it is; the first value is its own difference.
template <class T>
void difference(Call& call) {
  const T* const values = call.operands[0].as<T>();
  T* const out = call.out<T>();
  T previous = 0;
  if constexpr (std::is_same_v<T, double>) {
    previous = call.carry->real;
  } else {
    previous = call.carry->integer;
  }
  for (std::int64_t i = 0, n = call.elements(); i < n; ++i) {
    const bool null = null_at(call.operands[0], i);
    if (null || call.carry->null) call.clear_nulls()[i] = 1;
    if constexpr (std::is_same_v<T, double>) {
      out[i] = values[i] - previous;
    } else {
      out[i] = static_cast<T>(static_cast<std::uint64_t>(values[i]) - static_cast<std::uint64_t>(previous));
    }
    previous = values[i];
    call.carry->null = null;
  }
  if constexpr (std::is_same_v<T, double>) {
    call.carry->real = previous;
  } else {
    call.carry->integer = previous;
  }
}

}  // namespace

Kernel reduction_kernel(std::string_view name, Type type) noexcept {
  const bool real = type == Type::real;
  if (name == "NVALID") return count_valid;
  if (name == "SUM") {
    return real                    ? sum<double, double>
           : type == Type::boolean ? sum<std::uint8_t, std::int64_t>
                                   : sum<std::int64_t, std::int64_t>;
  }
  if (type != Type::integer && !real) return nullptr;
  if (name == "AVERAGE") return real ? average<double> : average<std::int64_t>;
  if (name == "STDDEV") return real ? deviation<double> : deviation<std::int64_t>;
  if (name == "MEDIAN") return real ? median<double> : median<std::int64_t>;
  if (name == "MIN") return real ? extreme<double, false> : extreme<std::int64_t, false>;
  if (name == "MAX") return real ? extreme<double, true> : extreme<std::int64_t, true>;
  return nullptr;
}

Kernel broadcast_kernel(std::size_t element_size) noexcept {
  return element_size == 1 ? broadcast<std::uint8_t> : broadcast<std::uint64_t>;
}
Kernel join_kernel(std::size_t element_size) noexcept {
  return element_size == 1 ? join<std::uint8_t> : join<std::uint64_t>;
}
Kernel slice_kernel(std::size_t element_size) noexcept {
  return element_size == 1 ? slice<std::uint8_t> : slice<std::uint64_t>;
}
Kernel pick_kernel(std::size_t element_size) noexcept {
  return element_size == 1 ? pick<std::uint8_t> : pick<std::uint64_t>;
}
Kernel position_kernel() noexcept { return positions; }
Kernel row_kernel() noexcept { return row_numbers; }

Kernel sum_kernel(Type type) noexcept {
  return type == Type::real      ? accumulate<double>
         : type == Type::boolean ? accumulate<std::uint8_t>
                                 : accumulate<std::int64_t>;
}
Kernel difference_kernel(Type type) noexcept {
  return type == Type::real ? difference<double> : difference<std::int64_t>;
}

}  // namespace fits::filter
