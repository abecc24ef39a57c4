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

  // With eta = y / (r0 (mu + lambda)): theta = atan(eta) + asin(eta mu / sqrt(eta^2 + 1)), whose sine and cosine are in
  // the ratio of eta (root + mu) to root - mu eta^2, root^2 = 1 + eta^2 (1 - mu^2).
  template <class Real>
  FITS_HOST_DEVICE static NativeParallel<Real> x2s(AnyConstants auto c, Real x, Real y) {
    const Real eta = y * Real(c.w(3)), eta2 = eta * eta;
    const Real square = fma(eta2, Real((1.0 - c.pv(1)) * (1.0 + c.pv(1))), Real(1.0));
    const Real root = sqrt(max(Real(0.0), square));
    const Real sine = eta * (root + Real(c.pv(1))), cosine = fma(eta2, Real(-c.pv(1)), root);
    // wcslib: the poles are 1e-13 degree wide.
    const MaskOf<Real> valid = (square >= Real(0.0)) & (cosine >= Real(-2e-15) * (Real(1.0) + eta2));
    return on_parallel(x * Real(c.w(1)), sine, max(Real(0.0), cosine), valid);
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(AnyConstants auto c, NativeAngles<Real> native) {
    const Real distance = Real(c.pv(1)) + native.at.cosine;
    return {native.at.lng * Real(c.w(0)), Real(c.w(2)) * native.at.sine / distance, distance != Real(0.0)};
  }
};

}  // namespace fits::wcs
