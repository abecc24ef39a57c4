// COO: conic orthomorphic. Paper II, section 5.4.4, equations 127 to 131: R = psi tan((90 degrees - theta) / 2)^C;
// PVi_1 = sigma (theta_a), PVi_2 = delta (eta).
#pragma once

#include "wcs/exponential.h"
#include "wcs/projection/conic.h"
#include "wcs/projection/isometric.h"

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

  // R = 0 is the pole that the cone stands over. With T the tangent, sin theta and cos theta are in the ratio of 1 -
  // T^2 to 2 T.
  template <class Real>
  FITS_HOST_DEVICE static NativeParallel<Real> x2s(AnyConstants auto c, Real x, Real y) {
    const auto at = conic_place(c, x, y);
    const Real power = log(at.r2 * Real(c.w(4) * c.w(4))) * Real(c.w(1) * 0.5);
    const Real tangent = exp(max(Real(-kMostPower), min(Real(kMostPower), power)));
    return on_parallel(at.phi, fma(-tangent, tangent, Real(1.0)), Real(2.0) * tangent, always<Real>());
  }

  // ln T = -q. The other pole lies at infinity.
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(AnyConstants auto c, NativeAngles<Real> native) {
    const Real sine = native.at.sine, cosine = native.at.cosine;
    const Real r = Real(c.w(3)) * exp(isometric_latitude(sine, cosine) * Real(-c.w(0)));
    const MaskOf<Real> valid = (cosine > Real(kPoleCosine)) | (c.w(0) < 0.0 ? sine < Real(0.0) : sine > Real(0.0));
    return conic_plane(c, r, native.at.lng, valid);
  }

 private:
  static constexpr double kMostPower = 80;  // theta is 90 degrees then; and nothing overflows
};

}  // namespace fits::wcs
