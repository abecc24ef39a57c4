// ZEA: zenithal equal area. Paper II, section 5.1.8, equations 69 and 70: R_theta = 2 r0 sin((90 degrees - theta) / 2).
#pragma once

#include "wcs/projection.h"

namespace fits::wcs {

struct Zea {
  static constexpr int kNumber = projection_number("ZEA");

  // With s = sin((90 - theta) / 2): sin theta = 1 - 2 s^2, cos theta = 2 s sqrt(1 - s^2).
  template <class Real>
  FITS_HOST_DEVICE static NativeDirection<Real> x2s(Constants c, Real x, Real y) {
    const Real X = x * Real(c.w(1)), Y = y * Real(c.w(1));  // 1 / (2 r0)
    const Real s2 = fma(X, X, Y * Y);
    const Real scale = Real(2.0) * sqrt(max(Real(1.0) - s2, Real(0.0)));
    // wcslib: up to 1e-12 degree beyond the edge is the antipode.
    const double edge = 1 + 1e-12 * c.w(1);
    return {{-Y * scale, X * scale, fma(Real(-2.0), s2, Real(1.0))}, s2 <= Real(edge * edge)};
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeDirection<Real> native) {
    const auto v = native.at;
    const Real h = sqrt(cosine2(v));
    const Real r0 = Real(c.r0());
    // R_theta = r0 sqrt(2 (1 - sin theta)); in the north 1 - sin theta = cos^2 theta / (1 + sin theta).
    const auto north = v.n > Real(0.0);
    const MaskOf<Real> antipode = (v.n <= Real(0.0)) & (h == Real(0.0));  // there phi is 0
    const Real root = sqrt(Real(2.0) / select(north, Real(1.0) + v.n, Real(1.0) / (Real(1.0) - v.n)));
    const Real scale = select(north, r0 * root, r0 * root / select(h == Real(0.0), Real(1.0), h));
    return {scale * v.m, select(antipode, -(r0 * root), -(scale * v.l)), always<Real>()};
  }
};

}  // namespace fits::wcs
