// COO: conic orthomorphic. Paper II, section 5.4.4, equations 127 to 131: R = psi tan((90 degrees - theta) / 2)^C;
// PVi_1 = sigma (theta_a), PVi_2 = delta (eta).
#pragma once

#include "wcs/exponential.h"
#include "wcs/projection/conic.h"

namespace fits::wcs {

struct Coo {
  static constexpr int kNumber = projection_number("COO");
  static constexpr int kFirst = 1;
  FITS_HOST_DEVICE static int parameters(Constants) { return 2; }

  template <class Number>
  FITS_HOST_DEVICE static void complete(Parameters<Number> p) {
    // tan((90 degrees - theta) / 2) = cos theta / (1 + sin theta).
    const auto one = sincosd(p.pv(1) - p.pv(2)), other = sincosd(p.pv(1) + p.pv(2)), sigma = sincosd(p.pv(1));
    const Number tangent = one.cosine / (1.0 + one.sine);
    const Number ratio = log(other.cosine / one.cosine) / log(other.cosine / (1.0 + other.sine) / tangent);
    p.w(0) = p.pv(2) == 0.0 ? sigma.sine : ratio;  // delta = 0 is the limit
    p.w(1) = 1.0 / p.w(0);
    p.w(3) = p.r0() * (one.cosine / p.w(0)) / exp(p.w(0) * log(tangent));
    p.w(4) = 1.0 / p.w(3);
    p.w(2) = p.w(3) * exp(p.w(0) * log(sigma.cosine / (1.0 + sigma.sine)));
  }

  // R = 0 is the pole that the cone stands over.
  template <class Real>
  FITS_HOST_DEVICE static NativeAngles<Real> x2s(AnyConstants auto c, Real x, Real y) {
    const auto at = conic_polar(c, x, y);
    const Real tangent = exp(log(at.r * Real(c.w(4))) * Real(c.w(1)));
    return on_sphere(at.phi, fma(Real(-2.0), atan2d(tangent, Real(1.0)), Real(90.0)), always<Real>());
  }

  // tan((90 degrees - theta) / 2) = cos theta / (1 + sin theta), and its inverse at -theta. The other pole lies at
  // infinity.
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(AnyConstants auto c, NativeAngles<Real> native) {
    const Real theta = native.at.lat;
    const auto s = sincosd(abs(theta));
    const Real power = copysign(log(s.cosine / (Real(1.0) + s.sine)), -theta);
    const Real r = Real(c.w(3)) * exp(power * Real(c.w(0)));
    const MaskOf<Real> valid = c.w(0) < 0.0 ? theta < Real(90.0) : theta > Real(-90.0);
    return conic_plane(c, r, native.at.lng, valid);
  }
};

}  // namespace fits::wcs
