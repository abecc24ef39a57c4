// Lanes give double's bits: every function of angle.h and exponential.h, four and eight at a time.
#include <algorithm>
#include <cmath>
#include <random>

#include "check.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define FITS_LANES4
#include "wcs/angle.h"
#include "wcs/exponential.h"
#include "wcs/pair.h"

namespace {

using namespace fits::wcs;

constexpr int kFunctions = 16;

template <class Real>
__attribute__((always_inline)) inline void evaluate(const double* x, const double* y, double (*out)[8]) {
  const Real X = load<Real>(x), Y = load<Real>(y);
  const auto s = sincosd(X);
  const auto both = two_angles(Y, X, X, fits::wcs::abs(Y));
  const auto pair = sincosd(Pair<Real>(Y, X));
  const Real all[kFunctions] = {s.sine,
                                s.cosine,
                                atan2d(Y, X),
                                asind(Y),
                                acosd(Y),
                                fits::wcs::exp(X),
                                fits::wcs::expm1(Y),
                                fits::wcs::log(Y),
                                fits::wcs::log1p(Y),
                                fits::wcs::copysign(X, Y),
                                fits::wcs::min(X, Y),
                                fits::wcs::floor(X) + fits::wcs::round(Y),
                                both.a,
                                both.b,
                                pair.sine.b,
                                pair.cosine.a};
  for (int f = 0; f < kFunctions; ++f) store(out[f], all[f]);
}

__attribute__((noinline)) int differences() {
  std::mt19937_64 random(4);
  std::uniform_real_distribution<double> any(-1, 1);
  const double special[] = {0.0, -0.0, 90.0, -180.0, 1.0, -1.0, INFINITY, -INFINITY, std::nan(""), 5e-324, 1e308};
  int wrong = 0;
  for (int i = 0; i < 40000; ++i) {
    double x[8], y[8], one[8][kFunctions][8], four[2][kFunctions][8], eight[kFunctions][8];
    for (int k = 0; k < 8; ++k) {
      x[k] = i % 5 == 0 ? special[random() % 11] : 500 * any(random);
      y[k] = i % 7 == 0 ? special[random() % 11] : any(random) * std::pow(10, 3 * any(random));
    }
    for (int k = 0; k < 8; ++k) evaluate<double>(x + k, y + k, one[k]);
    for (int k = 0; k < 2; ++k) evaluate<Lanes4>(x + 4 * k, y + 4 * k, four[k]);
    evaluate<Pair<Lanes4>>(x, y, eight);
    for (int f = 0; f < kFunctions; ++f) {
      for (int k = 0; k < 8; ++k) {
        const double expected = one[k][f][0];
        for (const double found : {four[k / 4][f][k % 4], eight[f][k]}) {
          const bool same = found == expected ? std::signbit(found) == std::signbit(expected)
                                              : found != found && expected != expected;
          wrong += same ? 0 : 1;
        }
      }
    }
  }
  return wrong;
}

}  // namespace

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

TEST(lanes_have_the_bits_of_double) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return;
  CHECK_EQUAL(differences(), 0);
}
#else
TEST(there_are_no_lanes_here) {}
#endif
