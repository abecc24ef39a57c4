// SIN: orthographic, and its slant form for synthesis telescopes (NCP is xi = 0, eta = cot delta0).
// Paper II, section 5.1.5, equations 59 to 67; PVi_1 = xi, PVi_2 = eta.
#pragma once

#include "wcs/projection.h"

namespace fits::wcs {

struct Sin {
  static constexpr int kNumber = projection_number("SIN");
  static constexpr int kFirst = 1;
  FITS_HOST_DEVICE static int parameters(Constants) { return 2; }

  template <class Number>
  FITS_HOST_DEVICE static void complete(Parameters<Number> p) {
    p.w(1) = p.pv(1) * p.pv(1) + p.pv(2) * p.pv(2);
    p.w(2) = p.w(1) + 1.0;
    p.w(3) = p.w(1) - 1.0;
  }

  // With z = 1 - sin theta: X = cos theta sin phi + xi z, Y = -cos theta cos phi + eta z (equations 62, 63; in units
  // of r0). The unit length of the direction gives (1 + xi^2 + eta^2) z^2 - 2 (1 + xi X + eta Y) z + X^2 + Y^2 = 0; the
  // smaller root, nearer to the pole, written so that it loses no digits there.
  template <class Real>
  FITS_HOST_DEVICE static NativeDirection<Real> x2s(AnyConstants auto c, Real x, Real y) {
    const Real xi = Real(c.pv(1)), eta = Real(c.pv(2));
    const Real X = x / Real(c.r0()), Y = y / Real(c.r0());
    const Real r2 = fma(X, X, Y * Y);
    const Real half = fma(xi, X, fma(eta, Y, Real(1.0)));
    const Real discriminant = fma(half, half, -(Real(c.w(2)) * r2));
    const Real z = r2 / (half + sqrt(discriminant));
    const MaskOf<Real> valid = (discriminant >= Real(0.0)) & (z >= Real(0.0)) & (z <= Real(2.0));
    return {{fma(eta, z, -Y), fma(-xi, z, X), Real(1.0) - z}, valid};
  }

  // Points whose line of sight meets the sphere first elsewhere are hidden: theta < -atan(xi sin phi - eta cos phi).
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(AnyConstants auto c, NativeDirection<Real> native) {
    const Real xi = Real(c.pv(1)), eta = Real(c.pv(2)), r0 = Real(c.r0());
    const auto v = native.at;
    const Real one_n = Real(1.0) + v.n;
    const Real z = select(v.n > Real(0.0), cosine2(v) / one_n, Real(1.0) - v.n);
    const auto seen = fma(xi, v.m, fma(-eta, v.l, v.n)) >= Real(0.0);
    return {r0 * fma(xi, z, v.m), r0 * fma(eta, z, -v.l), seen};
  }
};

}  // namespace fits::wcs
