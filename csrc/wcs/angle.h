// Trigonometry in degrees, as the WCS papers count angles: exact at multiples of 90, the same bits on every machine.
//
// Only + - * / sqrt and fma on lanes. The polynomials are Chebyshev fits to forty digits, rounded. Errors are at most
// 1.6 ulp (sine, cosine) and 2.3 ulp (arc tangent), measured in tests/cpp/test_wcs_angle.cpp.
// Infinite arguments give NaN.
#pragma once

#include "wcs/pair.h"

namespace fits::wcs {

// A degree in radians and a radian in degrees, as a double and what it leaves.
inline constexpr double kDegree = 0x1.1df46a2529d39p-6, kDegreeRest = 0x1.5c1d8becdd291p-62;
inline constexpr double kRadian = 0x1.ca5dc1a63c1f8p+5, kRadianRest = -0x1.1e7ab456405f9p-49;

template <class Real>
FITS_HOST_DEVICE Real radians(Real degrees) {
  return fma(degrees, Real(kDegree), degrees * Real(kDegreeRest));
}
template <class Real>
FITS_HOST_DEVICE Real degrees(Real radians) {
  return fma(radians, Real(kRadian), radians * Real(kRadianRest));
}

// (atan(q) / q - 1) / q^2 in degrees as a polynomial in z = q^2, |q| <= tan(22.5 degrees): its odd and its even part.
template <class Real>
FITS_HOST_DEVICE Real arc_polynomial(Real z) {
  const Real z2 = z * z;
  Real odd = Real(0x1.ddb5943571ad1p-1), even = Real(-0x1.fb0d929ffd7a1p+0);
  odd = fma(odd, z2, Real(0x1.4dcdccf2bd0fcp+1));
  even = fma(even, z2, Real(-0x1.7f97e9378a292p+1));
  odd = fma(odd, z2, Real(0x1.af26fd58f6440p+1));
  even = fma(even, z2, Real(-0x1.e8e7ff9cf8051p+1));
  odd = fma(odd, z2, Real(0x1.1a123491f907dp+2));
  even = fma(even, z2, Real(-0x1.4d5b74c07211cp+2));
  odd = fma(odd, z2, Real(0x1.976fc89018ebfp+2));
  even = fma(even, z2, Real(-0x1.05ec6ea81e105p+3));
  odd = fma(odd, z2, Real(0x1.6eb167b830154p+3));
  even = fma(even, z2, Real(-0x1.3193d66ed2bfap+4));
  return fma(odd, z, even);
}

// (sin(t) / t - 1) / t^2 and ((cos(t) - 1) / t^2 + 1/2) / t^2 as polynomials in t^2, |t| <= 45 degrees.
template <class Real>
FITS_HOST_DEVICE Real sine_polynomial(Real z) {
  Real p = Real(-0x1.ab17a792c9453p-41);
  p = fma(p, z, Real(0x1.61217ec01840fp-33));
  p = fma(p, z, Real(-0x1.ae6454126638cp-26));
  p = fma(p, z, Real(0x1.71de3a54605eep-19));
  p = fma(p, z, Real(-0x1.a01a01a019936p-13));
  p = fma(p, z, Real(0x1.1111111111110p-7));
  return fma(p, z, Real(-0x1.5555555555555p-3));
}
template <class Real>
FITS_HOST_DEVICE Real cosine_polynomial(Real z) {
  Real p = Real(0x1.ab78337717bb5p-45);
  p = fma(p, z, Real(-0x1.9394b9c9c2e61p-37));
  p = fma(p, z, Real(0x1.1eed8deb6d56ap-29));
  p = fma(p, z, Real(-0x1.27e4fb7712bdfp-22));
  p = fma(p, z, Real(0x1.a01a01a019d0ap-16));
  p = fma(p, z, Real(-0x1.6c16c16c16c16p-10));
  return fma(p, z, Real(0x1.5555555555555p-5));
}

template <class Real>
struct SineCosine {
  Real sine, cosine;
};

template <class Real>
FITS_HOST_DEVICE SineCosine<Real> sincosd(Real angle) {
  // angle = 90 k + rest, |rest| <= 45, exactly; the quarter turn k mod 4 says which function has which sign.
  const Real quarter = held_product(angle, Real(1.0 / 90));
  const Real t = radians(fma(integer_of(quarter), Real(-90.0), angle));
  const Real z = t * t;
  const Real sine = fma(t * z, sine_polynomial(z), t);
  const Real cosine = fma(z * z, cosine_polynomial(z), fma(z, Real(-0.5), Real(1.0)));
  const Real odd = sign_of_bit<0>(quarter), second_half = sign_of_bit<1>(quarter);
  return {flip(select_negative(odd, cosine, sine), second_half),
          flip(select_negative(odd, sine, cosine), flip(odd, second_half))};
}

// An angle in [0, 90] as `nearest`, which is 0, 45 or 90, and what is beyond it: the angle of (along, up), at most 22.5
// degrees. So the sum alone rounds.
template <class Real>
struct SplitAngle {
  Real nearest, up, along;
};

// Of (x, y), neither negative. NaN in one is NaN in `up`.
template <class Real>
FITS_HOST_DEVICE SplitAngle<Real> split_angle(Real y, Real x) {
  const Real tangent = Real(0.41421356237309503);  // of 22.5 degrees
  const auto low = y <= tangent * x, high = x < tangent * y;
  return {unless(low, Real(45.0)) + only(high, Real(45.0)), unless(high, y) - unless(low, x),
          unless(low, y) + unless(high, x)};
}

// The angle of (along, up), |up| <= tan(22.5 degrees) along; 0 for the origin.
template <class Real>
FITS_HOST_DEVICE Real small_angle(Real up, Real along) {
  const Real q = up / max(Real(0x1p-1022), along);
  const Real z = q * q;
  return fma(q, Real(kRadian), q * fma(z, arc_polynomial(z), Real(kRadianRest)));
}

// The angle of (x, y) in [-180, 180]; 0 for the origin.
template <class Real>
FITS_HOST_DEVICE Real atan2d(Real y, Real x) {
  const auto split = split_angle(abs(y), abs(x));
  const Real nearest = select(x < Real(0.0), Real(180.0) - split.nearest, split.nearest);
  return with_sign_of(nearest + small_angle(flip(split.up, sign_of(x)), split.along), y);
}

// The same where x is not negative (a radius): in [-90, 90].
template <class Real>
FITS_HOST_DEVICE Real elevation(Real y, Real x) {
  const auto split = split_angle(abs(y), x);
  return with_sign_of(split.nearest + small_angle(split.up, split.along), y);
}

// atan2d(y, x) and elevation(n, r), the same bits, in step with each other.
template <class Real>
FITS_HOST_DEVICE Pair<Real> two_angles(Real y, Real x, Real n, Real r) {
  const auto split = split_angle(Pair<Real>(abs(y), abs(n)), Pair<Real>(abs(x), r));
  const Pair<Real> up = {flip(split.up.a, sign_of(x)), split.up.b};
  const Pair<Real> rest = small_angle(up, split.along);
  const Real nearest = select(x < Real(0.0), Real(180.0) - split.nearest.a, split.nearest.a);
  return {with_sign_of(nearest + rest.a, y), with_sign_of(split.nearest.b + rest.b, n)};
}

// Of arguments beyond 1 NaN.
template <class Real>
FITS_HOST_DEVICE Real asind(Real sine) {
  return elevation(sine, sqrt((Real(1.0) - sine) * (Real(1.0) + sine)));
}
template <class Real>
FITS_HOST_DEVICE Real acosd(Real cosine) {
  return atan2d(sqrt((Real(1.0) - cosine) * (Real(1.0) + cosine)), cosine);
}

}  // namespace fits::wcs
