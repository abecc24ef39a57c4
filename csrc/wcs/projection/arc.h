// ARC: zenithal equidistant. Paper II, section 5.1.6, equation 68: R_theta = 90 degrees - theta.
#pragma once

#include "wcs/dual.h"
#include "wcs/projection.h"

namespace fits::wcs {

struct Arc {
  static constexpr int kNumber = projection_number("ARC");

  template <class Real>
  FITS_HOST_DEVICE static NativeDirection<Real> x2s(Constants c, Real x, Real y) {
    const Real r = sqrt(fma(x, x, y * y)) * Real(c.w(1));  // degrees from the pole
    const auto s = sincosd(r);
    const Real scale = select(r > Real(0.0), s.sine / r, Real(kDegree)) * Real(c.w(1));
    Real cosine = s.cosine;
    if constexpr (kIsDual<Real>) {  // r has no derivatives at the pole, its square has second ones
      const Real angle2 = fma(x, x, y * y) * (Real(c.w(1)) * Real(c.w(1)) * Real(kDegree * kDegree));
      cosine = select(r > Real(0.0), cosine, fma(angle2, Real(-0.5), Real(1.0)));
    }
    return {{-y * scale, x * scale, cosine}, r <= Real(180.0 + 1e-13)};
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeDirection<Real> native) {
    const auto v = native.at;
    const Real h = sqrt(cosine2(v));
    const Real r = atan2d(h, v.n) * Real(c.w(0));
    const auto pole = h == Real(0.0);  // there phi is 0
    const Real scale = r / select(pole, Real(1.0), h);
    return {scale * v.m, select(pole, -r, -(scale * v.l)), always<Real>()};
  }
};

}  // namespace fits::wcs
