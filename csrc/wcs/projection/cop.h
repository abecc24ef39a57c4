// COP: conic perspective. Paper II, section 5.4.1, equations 115 to 118; PVi_1 = sigma (theta_a), PVi_2 = delta (eta).
#pragma once

#include "wcs/projection/conic.h"

namespace fits::wcs {

struct Cop {
  static constexpr int kNumber = projection_number("COP");
  static constexpr int kFirst = 1;
  FITS_HOST_DEVICE static int parameters(Constants) { return 2; }

  template <class Number>
  FITS_HOST_DEVICE static void complete(Parameters<Number> p) {
    const auto sigma = sincosd(p.pv(1));
    p.w(0) = sigma.sine;
    p.w(1) = 1.0 / sigma.sine;
    p.w(3) = p.r0() * sincosd(p.pv(2)).cosine;
    p.w(4) = 1.0 / p.w(3);
    p.w(5) = sigma.cosine / sigma.sine;
    p.w(2) = p.w(3) * p.w(5);
  }

  template <class Real>
  FITS_HOST_DEVICE static NativeAngles<Real> x2s(AnyConstants auto c, Real x, Real y) {
    const auto at = conic_polar(c, x, y);
    const Real tangent = fma(at.r, Real(-c.w(4)), Real(c.w(5)));  // cot sigma - r / (r0 cos delta)
    return on_sphere(at.phi, Real(c.pv(1)) + atan2d(tangent, Real(1.0)), always<Real>());
  }

  // R = r0 cos delta (cot sigma - tan(theta - sigma)) = r0 cos delta cos theta / (sin sigma cos(theta - sigma)): exact
  // at the pole. Where cos(theta - sigma) is negative the line of sight meets the other nappe of the cone.
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(AnyConstants auto c, NativeAngles<Real> native) {
    const Real theta = native.at.lat;
    const Real cosine = sincosd(theta - Real(c.pv(1))).cosine;
    const Real r = Real(c.w(3) * c.w(1)) * sincosd(theta).cosine / cosine;
    return conic_plane(c, r, native.at.lng, cosine > Real(0.0));
  }
};

}  // namespace fits::wcs
