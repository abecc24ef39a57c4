// CYP: cylindrical perspective. Paper II, section 5.2.1, equations 75 to 78; PVi_1 = mu, PVi_2 = lambda.
#pragma once

#include "wcs/projection.h"

namespace fits::wcs {

struct Cyp {
  static constexpr int kNumber = projection_number("CYP");
  static constexpr int kFirst = 1;
  FITS_HOST_DEVICE static int parameters(Constants) { return 2; }

  template <class Number>
  FITS_HOST_DEVICE static void complete(Parameters<Number> p) {
    p.w(0) = p.pv(2);
    p.w(1) = 1.0 / p.w(0);
    p.w(2) = p.r0() * (p.pv(1) + p.pv(2));
    p.w(3) = 1.0 / p.w(2);
  }

  // With eta = y / (r0 (mu + lambda)): theta = atan2(eta, 1) + asin(eta mu / sqrt(eta^2 + 1)).
  template <class Real>
  FITS_HOST_DEVICE static NativeAngles<Real> x2s(AnyConstants auto c, Real x, Real y) {
    const Real eta = y * Real(c.w(3));
    const Real sine = eta * Real(c.pv(1)) / sqrt(fma(eta, eta, Real(1.0)));
    return on_sphere(x * Real(c.w(1)), atan2d(eta, Real(1.0)) + asind(sine), always<Real>());
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(AnyConstants auto c, NativeAngles<Real> native) {
    const auto s = sincosd(native.at.lat);
    const Real distance = Real(c.pv(1)) + s.cosine;
    return {native.at.lng * Real(c.w(0)), Real(c.w(2)) * s.sine / distance, distance != Real(0.0)};
  }
};

}  // namespace fits::wcs
