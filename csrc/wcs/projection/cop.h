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

  // theta = sigma + atan(t) with t = cot sigma - R / (r0 cos delta): sin theta and cos theta are in the ratio of
  // sin sigma + t cos sigma to cos sigma - t sin sigma, and over sin sigma of 1 + t cot sigma to R / (r0 cos delta).
  template <class Real>
  FITS_HOST_DEVICE static NativeParallel<Real> x2s(AnyConstants auto c, Real x, Real y) {
    const auto at = conic_polar(c, x, y);
    const Real cosine = at.r * Real(c.w(4));
    const Real sine = fma(Real(c.w(5)) - cosine, Real(c.w(5)), Real(1.0));
    const Real sign = Real(c.pv(1) < 0.0 ? -1.0 : 1.0);
    return on_parallel(at.phi, sign * sine, sign * cosine, always<Real>());
  }

  // R = r0 cos delta (cot sigma - tan(theta - sigma)) = r0 cos delta cos theta / (sin sigma cos(theta - sigma)): exact
  // at the pole. Where cos(theta - sigma) is negative the line of sight meets the other nappe of the cone.
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(AnyConstants auto c, NativeAngles<Real> native) {
    // sigma: its sine w0, its cotangent w5
    const Real cosine = Real(c.w(0)) * fma(native.at.cosine, Real(c.w(5)), native.at.sine);
    const Real r = Real(c.w(3) * c.w(1)) * native.at.cosine / cosine;
    return conic_plane(c, r, native.at.lng, cosine > Real(0.0));
  }
};

}  // namespace fits::wcs
