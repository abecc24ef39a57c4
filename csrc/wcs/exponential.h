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
  // a = k ln 2 + r, |r| <= 0.35; exp(r) - 1 by its Taylor series.
  const Real k = max(Real(-1021.0), min(Real(1023.0), round(a * Real(0x1.71547652b82fep+0))));
  const Real high = fma(k, Real(-kLn2), a);
  const Real r = fma(k, Real(-kLn2Rest), high);
  // Even and odd terms apart: two short chains instead of a long one.
  const Real r2 = r * r;
  Real odd = Real(1.0 / 87178291200), even = Real(1.0 / 6227020800);
  odd = fma(odd, r2, Real(1.0 / 479001600));
  even = fma(even, r2, Real(1.0 / 39916800));
  odd = fma(odd, r2, Real(1.0 / 3628800));
  even = fma(even, r2, Real(1.0 / 362880));
  odd = fma(odd, r2, Real(1.0 / 40320));
  even = fma(even, r2, Real(1.0 / 5040));
  odd = fma(odd, r2, Real(1.0 / 720));
  even = fma(even, r2, Real(1.0 / 120));
  odd = fma(odd, r2, Real(1.0 / 24));
  even = fma(even, r2, Real(1.0 / 6));
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
  const Real z2 = z * z;
  Real odd = Real(2.0 / 25), even = Real(2.0 / 23);
  odd = fma(odd, z2, Real(2.0 / 21));
  even = fma(even, z2, Real(2.0 / 19));
  odd = fma(odd, z2, Real(2.0 / 17));
  even = fma(even, z2, Real(2.0 / 15));
  odd = fma(odd, z2, Real(2.0 / 13));
  even = fma(even, z2, Real(2.0 / 11));
  odd = fma(odd, z2, Real(2.0 / 9));
  even = fma(even, z2, Real(2.0 / 7));
  odd = fma(odd, z2, Real(2.0 / 5));
  even = fma(even, z2, Real(2.0 / 3));
  const Real p = fma(odd, z, even);
  // 2 s = f - s f; so log m = f - s (f - z p)
  const Real log_m = f - s * (f - z * p);
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
