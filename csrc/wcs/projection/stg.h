// STG: stereographic. Paper II, section 5.1.4, equations 56 and 57: R_theta = 2 r0 tan((90 degrees - theta) / 2).
#pragma once

#include "wcs/projection.h"

namespace fits::wcs {

struct Stg {
  static constexpr int kNumber = projection_number("STG");

  // With t = tan((90 - theta) / 2): (cos theta, sin theta) = (2 t, 1 - t^2) / (1 + t^2).
  template <class Real>
  FITS_HOST_DEVICE static NativeDirection<Real> x2s(Constants c, Real x, Real y) {
    const Real half = Real(0.5) / Real(c.r0());
    const Real X = x * half, Y = y * half;
    return {{Real(-2.0) * Y, Real(2.0) * X, Real(1.0) - fma(X, X, Y * Y)}, always<Real>()};
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeDirection<Real> native) {
    const auto v = native.at;
    const Real h2 = cosine2(v);
    const auto north = v.n > Real(0.0);
    // 1 + sin theta = cos^2 theta / (1 - sin theta), which keeps its digits towards the antipode.
    const Real two_r0 = Real(2.0 * c.r0());
    const Real scale = select(north, two_r0, two_r0 * (Real(1.0) - v.n)) / select(north, Real(1.0) + v.n, h2);
    const MaskOf<Real> valid = north | (h2 > Real(0.0));
    return zenithal(v, scale, valid);
  }
};

}  // namespace fits::wcs
