// CEA: cylindrical equal area. Paper II, section 5.2.2, equations 79 to 82; PVi_1 = lambda.
#pragma once

#include "wcs/projection.h"

namespace fits::wcs {

struct Cea {
  static constexpr int kNumber = projection_number("CEA");

  template <class Real>
  FITS_HOST_DEVICE static NativeAngles<Real> x2s(Constants c, Real x, Real y) {
    const Real s = y * Real(c.w(3));  // lambda / r0
    const Real bounded = max(Real(-1.0), min(Real(1.0), s));
    return on_sphere(x * Real(c.w(1)), asind(bounded), abs(s) <= Real(1.0 + 1e-13));
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeAngles<Real> native) {
    return {native.at.lng * Real(c.w(0)), sincosd(native.at.lat).sine * Real(c.w(2)), always<Real>()};
  }
};

}  // namespace fits::wcs
