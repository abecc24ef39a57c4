// The isometric latitude q, of which conformal projections are made: q = ln tan((90 degrees + theta) / 2), so that
// tanh q = sin theta and 1 / cosh q = cos theta.
#pragma once

#include "wcs/dual.h"
#include "wcs/exponential.h"

namespace fits::wcs {

// From sin theta and cos theta, with all digits at the equator and at the poles; of no meaning at the poles themselves.
template <class Real>
FITS_HOST_DEVICE Real isometric_latitude(Real sine, Real cosine) {
  const Real s = abs(sine);
  // ln((1 + s) / c) = k ln 2 + 2 atanh((a - b) / (a + b)), a / b = 2^-k (1 + s) / c in [sqrt(1/2), sqrt(2)].
  const Real c = max(Real(0x1p-1022), cosine);
  Real k = -exponent(c);
  Real a = Real(1.0) + s, b = c * power_of_two(k);
  const auto low = a<Real(0.70710678118654752) * b, high = a> Real(1.4142135623730951) * b;
  k = select(low, k - Real(1.0), select(high, k + Real(1.0), k));
  a = select(low, Real(2.0) * a, a);
  b = select(high, Real(2.0) * b, b);
  // Near the equator 2 atanh(tan(theta / 2)), tan(theta / 2) = s / (1 + c), where nothing cancels.
  const auto near = s < Real(0.3);
  k = select(near, Real(0.0), k);
  const Real t = select(near, s, a - b) / select(near, Real(1.0) + cosine, a + b);
  const Real z = t * t;
  const Real twice = fma(t * z, atanh_polynomial(z), Real(2.0) * t);
  const Real q = fma(k, Real(kLn2), fma(k, Real(kLn2Rest), twice));
  return copysign(q, sine);
}

// dq = dtheta / cos theta, with dtheta = cos theta dsin theta - sin theta dcos theta.
template <class Real>
FITS_HOST_DEVICE Dual<Real> isometric_latitude(Dual<Real> sine, Dual<Real> cosine) {
  const Real tangent = sine.value / cosine.value;
  return {isometric_latitude(sine.value, cosine.value), fma(-tangent, cosine.d0, sine.d0),
          fma(-tangent, cosine.d1, sine.d1)};
}

}  // namespace fits::wcs
