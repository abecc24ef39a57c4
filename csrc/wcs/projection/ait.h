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
    const auto v = native.at;
    const Real h = sqrt(cosine2(v));
    // a^2 = h (h + l) / 2, b^2 = h (h - l) / 2, 2 a b = h m: the larger by its square, the other by the product.
    const Real large = sqrt(Real(0.5) * h * (h + abs(v.l)));
    const Real small = Real(0.5) * h * abs(v.m) / select(large > Real(0.0), large, Real(1.0));
    const MaskOf<Real> front = v.l >= Real(0.0);
    const Real a = select(front, large, small);
    const Real b = copysign(select(front, small, large), v.m);
    const Real w = Real(c.r0()) * sqrt(Real(2.0) / (Real(1.0) + a));
    return {Real(2.0) * w * b, w * v.n, always<Real>()};
  }
};

}  // namespace fits::wcs
