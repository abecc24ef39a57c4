// TAN: gnomonic. Paper II, section 5.1.3, equations 54 and 55: R_theta = r0 cot theta.
#pragma once

#include "wcs/projection.h"

namespace fits::wcs {

struct Tan {
  static constexpr int kNumber = projection_number("TAN");

  template <class Real>
  FITS_HOST_DEVICE static NativeDirection<Real> x2s(Constants c, Real x, Real y) {
    return {{-y, x, Real(c.r0())}, always<Real>()};
  }

  // The half of the sphere behind the plane is not seen.
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeDirection<Real> native) {
    return zenithal(native.at, Real(c.r0()) / native.at.n, native.at.n > Real(0.0));
  }
};

}  // namespace fits::wcs
