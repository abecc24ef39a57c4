// COE: conic equal area. Paper II, section 5.4.2, equations 119 to 122; PVi_1 = sigma (theta_a), PVi_2 = delta (eta).
// R = chi sqrt(psi - 2 C sin theta), chi = r0 / C, psi = 1 + sin theta_1 sin theta_2.
#pragma once

#include "wcs/projection/conic.h"

namespace fits::wcs {

struct Coe {
  static constexpr int kNumber = projection_number("COE");
  static constexpr int kFirst = 1;
  FITS_HOST_DEVICE static int parameters(Constants) { return 2; }

  template <class Number>
  FITS_HOST_DEVICE static void complete(Parameters<Number> p) {
    const Number sine1 = sincosd(p.pv(1) - p.pv(2)).sine, sine2 = sincosd(p.pv(1) + p.pv(2)).sine;
    p.w(0) = (sine1 + sine2) * 0.5;
    p.w(1) = 1.0 / p.w(0);
    p.w(3) = p.r0() / p.w(0);
    p.w(4) = 1.0 + sine1 * sine2;
    p.w(5) = 2.0 * p.w(0);
    p.w(6) = p.w(3) * p.w(3) * p.w(4);
    p.w(7) = 1.0 / (2.0 * p.r0() * p.w(3));
    p.w(8) = p.w(3) * sqrt(p.w(4) + p.w(5));
    p.w(2) = p.w(3) * sqrt(p.w(4) - p.w(5) * sincosd(p.pv(1)).sine);
  }

  template <class Real>
  FITS_HOST_DEVICE static NativeParallel<Real> x2s(AnyConstants auto c, Real x, Real y) {
    const auto at = conic_polar(c, x, y);
    const Real sine = fma(-at.r, at.r, Real(c.w(6))) * Real(c.w(7));
    // wcslib: the edges are 1e-12 wide, in sin theta and, at the south pole, in R.
    const MaskOf<Real> south = abs(at.r - Real(c.w(8))) < Real(1e-12);
    const Real bounded = select(south, Real(-1.0), max(Real(-1.0), min(Real(1.0), sine)));
    const Real cosine = sqrt((Real(1.0) - bounded) * (Real(1.0) + bounded));
    return on_parallel(at.phi, bounded, cosine, south | (abs(sine) < Real(1.0 + 1e-12)));
  }

  // psi - 2 C sin theta = (psi - 2 |C|) + 2 |C| (1 -+ sin theta), a sum of positive terms.
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(AnyConstants auto c, NativeAngles<Real> native) {
    const auto twice = abs(c.w(5));
    const Real cosine = native.at.cosine, towards = c.w(5) < 0.0 ? -native.at.sine : native.at.sine;
    const Real away = select(towards > Real(0.0), cosine * cosine / (Real(1.0) + towards), Real(1.0) - towards);
    const Real square = fma(Real(twice), away, Real(max(c.w(4) - twice, decltype(twice)(0.0))));
    return conic_plane(c, Real(c.w(3)) * sqrt(square), native.at.lng, always<Real>());
  }
};

}  // namespace fits::wcs
