// Exponential and logarithm on lanes, the same bits on every machine: within 1 ulp (exp), 1.5 (logarithms), 2 (expm1;
// tests/cpp/test_wcs_angle.cpp).
#pragma once

#include "wcs/lanes.h"

namespace fits::wcs {

inline constexpr double kLn2 = 0x1.62e42fefa3800p-1;  // ln 2 to 42 bits: k * kLn2 is exact for |k| < 2^11
inline constexpr double kLn2Rest = 0x1.ef35793c76730p-45;

// exp(a) = scale * (1 + series), |a| <= 709.
template <class Real>
struct Exponential {
  Real scale, series;
};

template <class Real>
FITS_HOST_DEVICE Exponential<Real> exponential(Real a) {
  // a = k ln 2 + r, |r| <= 0.35; exp(r) - 1 = r + r^2 / 2 + r^3 p(r), p a Chebyshev fit to sixty digits, rounded.
  const Real k = max(Real(-1021.0), min(Real(1023.0), round(a * Real(0x1.71547652b82fep+0))));
  const Real high = fma(k, Real(-kLn2), a);
  const Real r = fma(k, Real(-kLn2Rest), high);
  // Even and odd terms apart: two short chains instead of a long one.
  const Real r2 = r * r;
  Real odd = Real(0x1.1f66f85dfa20ap-29), even = Real(0x1.af38d53857513p-26);
  odd = fma(odd, r2, Real(0x1.27e4e1ea0f53ap-22));
  even = fma(even, r2, Real(0x1.71de0d9c145d0p-19));
  odd = fma(odd, r2, Real(0x1.a01a01a47db6fp-16));
  even = fma(even, r2, Real(0x1.a01a01a7c8d47p-13));
  odd = fma(odd, r2, Real(0x1.6c16c16c167dep-10));
  even = fma(even, r2, Real(0x1.11111111109adp-7));
  odd = fma(odd, r2, Real(0x1.5555555555555p-5));
  even = fma(even, r2, Real(0x1.5555555555556p-3));
  const Real p = fma(odd, r, even);
  const Real series = fma(r2, fma(p, r, Real(0.5)), r);
  return {power_of_two(k), series};
}

// exp(a) - 1, exact to its last bits near 0 too; infinite for a > 709.5.
template <class Real>
FITS_HOST_DEVICE Real expm1(Real a) {
  const auto e = exponential(a);
  const Real result = fma(e.scale, e.series, e.scale - Real(1.0));
  const Real bounded = select(a > Real(709.5), Real(__builtin_inf()), select(a < Real(-60.0), Real(-1.0), result));
  return select(a != a, a, bounded);
}

// Infinite for a > 709.5; 0 for a < -708.
template <class Real>
FITS_HOST_DEVICE Real exp(Real a) {
  const auto e = exponential(a);
  const Real result = fma(e.scale, e.series, e.scale);
  const Real bounded = select(a > Real(709.5), Real(__builtin_inf()), select(a < Real(-708.0), Real(0.0), result));
  return select(a != a, a, bounded);
}

// (2 atanh(s) / s - 2) / s^2 as a polynomial in s^2, |s| <= (sqrt(2) - 1) / (sqrt(2) + 1).
template <class Real>
FITS_HOST_DEVICE Real atanh_polynomial(Real z) {
  const Real z2 = z * z;
  Real even = Real(0x1.2b5bd9a316a24p-3), odd = Real(0x1.39fe16ad885a7p-3);
  even = fma(even, z2, Real(0x1.7462b6e311a89p-3));
  odd = fma(odd, z2, Real(0x1.c71c62ddb431bp-3));
  even = fma(even, z2, Real(0x1.2492492df7663p-2));
  odd = fma(odd, z2, Real(0x1.99999999952abp-2));
  even = fma(even, z2, Real(0x1.5555555555558p-1));
  return fma(odd, z, even);
}

// log(sum (1 + rest)), rest no more than the rounding of sum; sum positive, normal and finite.
template <class Real>
FITS_HOST_DEVICE Real logarithm(Real sum, Real rest) {
  // sum = 2^k m with m in [sqrt(1/2), sqrt(2)); log m = 2 atanh(s), s = (m - 1) / (m + 1).
  Real k = exponent(sum);
  Real m = sum * power_of_two(-k);
  const auto high = m > Real(1.4142135623730951);
  m = select(high, m * Real(0.5), m);
  k = select(high, k + Real(1.0), k);
  const Real f = m - Real(1.0);
  const Real s = f / (Real(2.0) + f);
  const Real z = s * s;
  // 2 s = f - s f; so log m = f - s (f - z p)
  const Real log_m = f - s * (f - z * atanh_polynomial(z));
  return fma(k, Real(kLn2), log_m + fma(k, Real(kLn2Rest), rest));
}

// log(1 + a), exact near 0 too; -infinity at -1, NaN below.
template <class Real>
FITS_HOST_DEVICE Real log1p(Real a) {
  const Real sum = Real(1.0) + a;
  // What the sum lost, the smaller term first brought to the same grid.
  const Real lost = select(a < Real(1.0), a - (sum - Real(1.0)), Real(1.0) - (sum - a));
  const Real result = logarithm(max(sum, Real(0x1p-1022)), lost / sum);
  const Real edge = select(a == Real(-1.0), Real(-__builtin_inf()), not_a_number<Real>());
  return select(a != a, a, select(a > Real(-1.0), select(a < Real(0x1p1023), result, a), edge));
}

// -infinity at 0 (and for subnormal numbers), NaN below.
template <class Real>
FITS_HOST_DEVICE Real log(Real a) {
  const Real result = logarithm(max(a, Real(0x1p-1022)), Real(0.0));
  const Real edge = select(a >= Real(0.0), Real(-__builtin_inf()), not_a_number<Real>());
  return select(a >= Real(0x1p-1022), select(a < Real(__builtin_inf()), result, a), edge);
}

}  // namespace fits::wcs
