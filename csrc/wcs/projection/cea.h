// CEA: cylindrical equal area. Paper II, section 5.2.2, equations 79 to 82; PVi_1 = lambda.
#pragma once

#include "wcs/projection.h"

namespace fits::wcs {

struct Cea {
  static constexpr int kNumber = projection_number("CEA");
  static constexpr int kFirst = 1;
  FITS_HOST_DEVICE static int parameters(Constants) { return 1; }

  template <class Number>
  FITS_HOST_DEVICE static void complete(Parameters<Number> p) {
    p.w(2) = p.r0() / p.pv(1);
    p.w(3) = p.pv(1) / p.r0();
  }

  template <class Real>
  FITS_HOST_DEVICE static NativeParallel<Real> x2s(AnyConstants auto c, Real x, Real y) {
    const Real s = y * Real(c.w(3));  // lambda / r0
    const Real bounded = max(Real(-1.0), min(Real(1.0), s));
    const Real cosine = sqrt((Real(1.0) - bounded) * (Real(1.0) + bounded));
    return on_parallel(x * Real(c.w(1)), bounded, cosine, abs(s) <= Real(1.0 + 1e-13));
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(AnyConstants auto c, NativeAngles<Real> native) {
    return {native.at.lng * Real(c.w(0)), native.at.sine * Real(c.w(2)), always<Real>()};
  }
};

}  // namespace fits::wcs
