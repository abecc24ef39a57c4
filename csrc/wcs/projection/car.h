// CAR: plate carree. Paper II, section 5.2.3, equations 83 to 86: x = phi, y = theta.
#pragma once

#include "wcs/projection.h"

namespace fits::wcs {

struct Car {
  static constexpr int kNumber = projection_number("CAR");

  template <class Real>
  FITS_HOST_DEVICE static NativeSpherical<Real> x2s(Constants c, Real x, Real y) {
    return on_sphere(x * Real(c.w(1)), y * Real(c.w(1)), always<Real>());
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeAngles<Real> native) {
    return {native.at.lng * Real(c.w(0)), native.at.lat * Real(c.w(0)), always<Real>()};
  }
};

}  // namespace fits::wcs
