// PAR: parabolic. Paper II, section 5.3.2, equations 94 to 97: x = phi (1 - 4 sin^2(theta / 3)),
// y = pi r0 sin(theta / 3).
#pragma once

#include "wcs/projection.h"

namespace fits::wcs {

struct Par {
  static constexpr int kNumber = projection_number("PAR");

  template <class Real>
  FITS_HOST_DEVICE static NativeParallel<Real> x2s(Constants c, Real x, Real y) {
    const Real s = y * Real(c.w(3));
    const Real width = width_at(s);
    const MaskOf<Real> pole = width == Real(0.0);  // a point: of x = 0 alone
    const Real phi = select(pole, Real(0.0), x * Real(c.w(1)) / width);
    // theta = 3 asin(s): sin theta = s (3 - 4 s^2), cos theta = sqrt(1 - s^2) (1 - 4 s^2); 1e-12 degree of |theta|
    // beyond 90 is 1e-14 of the width.
    const Real cosine = sqrt((Real(1.0) - s) * (Real(1.0) + s)) * max(Real(0.0), width);
    const MaskOf<Real> valid = ((!pole) | (abs(x) < Real(1e-13))) & (width >= Real(-2e-14));
    return on_parallel(phi, s * (Real(2.0) + width), cosine, valid, 1e-12);
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeAngles<Real> native) {
    const Real s = sincosd(native.at.lat * Real(1.0 / 3)).sine;
    return {native.at.lng * Real(c.w(0)) * width_at(s), s * Real(c.w(2)), always<Real>()};
  }

 private:
  template <class Real>
  FITS_HOST_DEVICE static Real width_at(Real s) {  // 1 - 4 s^2
    return fma(Real(-2.0), s, Real(1.0)) * fma(Real(2.0), s, Real(1.0));
  }
};

}  // namespace fits::wcs
