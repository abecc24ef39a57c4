// SFL: Sanson-Flamsteed. Paper II, section 5.3.1, equations 90 to 93: x = phi cos theta, y = theta.
#pragma once

#include "wcs/projection.h"

namespace fits::wcs {

struct Sfl {
  static constexpr int kNumber = projection_number("SFL");

  template <class Real>
  FITS_HOST_DEVICE static NativeSpherical<Real> x2s(Constants c, Real x, Real y) {
    const Real theta = y * Real(c.w(1));
    const Real cosine = sincosd(theta).cosine;
    const MaskOf<Real> pole = cosine == Real(0.0);  // a point: of x = 0 alone
    const Real phi = select(pole, Real(0.0), x * Real(c.w(1)) / cosine);
    return on_sphere(phi, theta, (!pole) | (abs(x) < Real(1e-13)), 1e-12);
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeAngles<Real> native) {
    return {native.at.lng * Real(c.w(0)) * native.at.cosine, native.at.lat * Real(c.w(0)), always<Real>()};
  }
};

}  // namespace fits::wcs
