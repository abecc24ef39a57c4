// AIT: Hammer-Aitoff. Paper II, section 5.3.4, equations 103 to 106. The angle in it is phi / 2, whose sine and cosine
// are algebraic in those of phi: on unit vectors it needs no trigonometry.
#pragma once

#include "wcs/projection.h"

namespace fits::wcs {

struct Ait {
  static constexpr int kNumber = projection_number("AIT");

  // With Z^2 = 1 - (x / 4 r0)^2 - (y / 2 r0)^2: sin theta = y Z / r0, a = cos theta cos(phi / 2) = 2 Z^2 - 1 and
  // b = cos theta sin(phi / 2) = x Z / 2 r0.
  template <class Real>
  FITS_HOST_DEVICE static NativeDirection<Real> x2s(Constants c, Real x, Real y) {
    const Real z2 = fma(-(x * x), Real(c.w(2)), fma(-(y * y), Real(c.w(1)), Real(1.0)));
    const Real bounded = max(z2, Real(0.5));  // wcslib: the edge is 1e-13 wide
    const Real z = sqrt(bounded);
    const Real a = fma(Real(2.0), bounded, Real(-1.0));
    const Real b = x * Real(c.w(3)) * z;
    const Real h = sqrt(fma(a, a, b * b));
    const Real scale = Real(1.0) / select(h > Real(0.0), h, Real(1.0));
    const Real n = y * z / Real(c.r0());
    return {{(a - b) * (a + b) * scale, Real(2.0) * a * b * scale, n}, z2 >= Real(0.5 - 1e-13)};
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeDirection<Real> native) {
    return s2x(c, native, Real(1.0));
  }

  // Of a direction of any length. With a^2 = h (h + l) / 2, b^2 = h (h - l) / 2 and 2 a b = h m the larger of a and |b|
  // comes by its square, the other by the product: a is above / below; and all quotients by one division.
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeDirection<Real> native, Real length) {
    const auto v = native.at;
    const Real h = sqrt(cosine2(v)), half = Real(0.5) * h;
    const Real root = sqrt(half * (h + abs(v.l)));
    const Real large = select(root > Real(0.0), root, Real(1.0)), product = half * abs(v.m);
    const MaskOf<Real> front = v.l >= Real(0.0);
    const Real above = select(front, root, product), below = select(front, Real(1.0), large);
    const Real sum = length * fma(length, below, above);  // (length + a) length below
    const Real one_over = Real(1.0) / (large * sum);
    const Real w = Real(c.r0()) * sqrt(Real(2.0) * below * large * one_over);  // r0 sqrt(2 / (1 + a)) of length 1
    const Real b = select(front, product * sum * one_over, root);
    return {Real(2.0) * w * copysign(b, v.m), w * v.n, always<Real>()};
  }
};

}  // namespace fits::wcs
