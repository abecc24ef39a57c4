// Functions of reals: of one, with a domain outside of which the value is NULL, and the geometry of CFITSIO's filters.
#include <array>
#include <cmath>
#include <numbers>

#include "filter/kernels.h"

namespace fits::filter {
namespace {

template <class F>
void function(Call& call, F f) {
  map<double, double>(call, f);
  call.join_nulls();
}

// NULL where `inside` does not hold.
template <class F, class Inside>
void function_within(Call& call, F f, Inside inside) {
  map<double, double>(call, [f, inside](double x) { return inside(x) ? f(x) : 0; });
  call.join_nulls();
  const double* const values = call.operands[0].as<double>();
  const std::int64_t n = call.elements();
  std::int64_t outside = 0;
  for (std::int64_t i = 0; i < n; ++i) outside += !inside(values[i]);
  if (outside == 0) return;
  std::uint8_t* const nulls = call.clear_nulls();
  for (std::int64_t i = 0; i < n; ++i) nulls[i] |= !inside(values[i]);
}

template <double (*f)(double)>
void plain(Call& call) {
  function(call, [](double x) { return f(x); });
}

// What is not a number is outside of no domain, as in CFITSIO.
constexpr auto kUnit = [](double x) { return !(x < -1 || x > 1); };
constexpr auto kPositive = [](double x) { return !(x <= 0); };
constexpr auto kNotNegative = [](double x) { return !(x < 0); };

void arc_sine(Call& call) {
  function_within(call, [](double x) { return std::asin(x); }, kUnit);
}
void arc_cosine(Call& call) {
  function_within(call, [](double x) { return std::acos(x); }, kUnit);
}
void logarithm(Call& call) {
  function_within(call, [](double x) { return std::log(x); }, kPositive);
}
void logarithm10(Call& call) {
  function_within(call, [](double x) { return std::log10(x); }, kPositive);
}
void square_root(Call& call) {
  function_within(call, [](double x) { return std::sqrt(x); }, kNotNegative);
}
void ceiling(Call& call) {
  function(call, [](double x) { return std::ceil(x); });
}
void floor(Call& call) {
  function(call, [](double x) { return std::floor(x); });
}
void round(Call& call) {
  function(call, [](double x) { return std::floor(x + 0.5); });
}

struct Named {
  std::string_view name;
  Kernel kernel;
};

constexpr std::array kFunctions = {
    Named{"SIN", plain<std::sin>},   Named{"COS", plain<std::cos>},
    Named{"TAN", plain<std::tan>},   Named{"ARCSIN", arc_sine},
    Named{"ASIN", arc_sine},         Named{"ARCCOS", arc_cosine},
    Named{"ACOS", arc_cosine},       Named{"ARCTAN", plain<std::atan>},
    Named{"ATAN", plain<std::atan>}, Named{"SINH", plain<std::sinh>},
    Named{"COSH", plain<std::cosh>}, Named{"TANH", plain<std::tanh>},
    Named{"EXP", plain<std::exp>},   Named{"LOG", logarithm},
    Named{"LOG10", logarithm10},     Named{"SQRT", square_root},
    Named{"ROUND", round},           Named{"FLOOR", floor},
    Named{"CEIL", ceiling},          Named{"ERF", plain<std::erf>},
    Named{"ERFC", plain<std::erfc>}, Named{"GAMMA", plain<std::tgamma>},
};

void absolute_reals(Call& call) {
  function(call, [](double x) { return x > 0 ? x : -x; });
}

void absolute_integers(Call& call) {
  map<std::int64_t, std::int64_t>(
      call, [](std::int64_t x) { return x > 0 ? x : static_cast<std::int64_t>(-static_cast<std::uint64_t>(x)); });
  call.join_nulls();
}

// NULL only where both are.
template <class T, bool kLargest>
void extreme(Call& call) {
  map<T, T, T>(call, [](T a, T b) { return kLargest ? (a > b ? a : b) : (a < b ? a : b); });
  const Operand &a = call.operands[0], &b = call.operands[1];
  if (a.nulls == nullptr && b.nulls == nullptr) return;
  std::uint8_t* const nulls = call.clear_nulls();
  T* const out = call.out<T>();
  for (std::int64_t i = 0, n = call.elements(); i < n; ++i) {
    const bool a_null = null_at(a, i), b_null = null_at(b, i);
    nulls[i] = a_null && b_null;
    if (a_null) out[i] = value_at<T>(b, i);
    if (b_null && !a_null) out[i] = value_at<T>(a, i);
  }
}

template <std::size_t kOperands, class Out, class F>
void geometry(Call& call, F f) {
  Out* const out = call.out<Out>();
  std::array<double, kOperands> x;
  for (std::int64_t i = 0, n = call.elements(); i < n; ++i) {
    for (std::size_t k = 0; k < kOperands; ++k) x[k] = value_at<double>(call.operands[k], i);
    out[i] = f(x);
  }
  call.join_nulls();
}

void near(Call& call) {
  geometry<3, std::uint8_t>(call, [](const auto& x) { return std::fabs(x[0] - x[1]) < x[2]; });
}

// Centre, radius, point.
void circle(Call& call) {
  geometry<5, std::uint8_t>(call, [](const auto& x) {
    const double dx = x[3] - x[0], dy = x[4] - x[1];
    return dx * dx + dy * dy <= x[2] * x[2];
  });
}

struct Turned {
  double x, y;
};

// A point relative to (x[0], x[1]), turned by x[4] degrees. In the order of CFITSIO's arithmetic.
Turned turned(const std::array<double, 7>& x) {
  const double theta = x[4] / 180.0 * std::numbers::pi;
  const double dx = x[5] - x[0], dy = x[6] - x[1];
  return {dx * std::cos(theta) + dy * std::sin(theta), -dx * std::sin(theta) + dy * std::cos(theta)};
}

// Centre, full widths, rotation, point.
void box(Call& call) {
  geometry<7, std::uint8_t>(call, [](const auto& x) {
    const Turned p = turned(x);
    return p.x >= -0.5 * x[2] && p.x <= 0.5 * x[2] && p.y >= -0.5 * x[3] && p.y <= 0.5 * x[3];
  });
}

// Centre, half widths, rotation, point.
void ellipse(Call& call) {
  geometry<7, std::uint8_t>(call, [](const auto& x) {
    const Turned p = turned(x);
    const double dx = p.x / x[2], dy = p.y / x[3];
    return dx * dx + dy * dy <= 1.0;
  });
}

void arc_tangent2(Call& call) {
  geometry<2, double>(call, [](const auto& x) { return std::atan2(x[0], x[1]); });
}

// Haversines: good for small angles too.
void separation(Call& call) {
  constexpr double kDegree = std::numbers::pi / 180;
  geometry<4, double>(call, [](const auto& x) {
    const double ra = std::sin((x[2] - x[0]) * kDegree / 2), dec = std::sin((x[3] - x[1]) * kDegree / 2);
    const double a = dec * dec + std::cos(x[1] * kDegree) * std::cos(x[3] * kDegree) * ra * ra;
    const double within = a < 0 ? 0 : a > 1 ? 1 : a;
    return 2.0 * std::atan2(std::sqrt(within), std::sqrt(1.0 - within)) / kDegree;
  });
}

struct Geometry {
  std::string_view name;
  std::size_t operands;
  Kernel kernel;
  bool predicate;
};

constexpr std::array kGeometry = {
    Geometry{"ARCTAN2", 2, arc_tangent2, false}, Geometry{"ATAN2", 2, arc_tangent2, false},
    Geometry{"ANGSEP", 4, separation, false},    Geometry{"NEAR", 3, near, true},
    Geometry{"CIRCLE", 5, circle, true},         Geometry{"BOX", 7, box, true},
    Geometry{"ELLIPSE", 7, ellipse, true},
};

}  // namespace

Kernel function_kernel(std::string_view name) noexcept {
  for (const Named& function : kFunctions) {
    if (function.name == name) return function.kernel;
  }
  return nullptr;
}

Kernel absolute_kernel(Type type) noexcept { return type == Type::real ? absolute_reals : absolute_integers; }

Kernel extreme_kernel(bool largest, Type type) noexcept {
  if (type == Type::real) return largest ? extreme<double, true> : extreme<double, false>;
  return largest ? extreme<std::int64_t, true> : extreme<std::int64_t, false>;
}

Kernel geometry_kernel(std::string_view name, std::size_t operands) noexcept {
  for (const Geometry& function : kGeometry) {
    if (function.name == name && (operands == 0 || function.operands == operands)) return function.kernel;
  }
  return nullptr;
}

bool is_predicate(std::string_view name) noexcept {
  for (const Geometry& function : kGeometry) {
    if (function.name == name) return function.predicate;
  }
  return false;
}

}  // namespace fits::filter
