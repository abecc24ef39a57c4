// COD: conic equidistant. Paper II, section 5.4.3, equations 123 to 126: R = sigma - theta + Y0; PVi_1 = sigma
// (theta_a), PVi_2 = delta (eta).
#pragma once

#include "wcs/projection/conic.h"

namespace fits::wcs {

struct Cod {
  static constexpr int kNumber = projection_number("COD");

  template <class Real>
  FITS_HOST_DEVICE static NativeAngles<Real> x2s(Constants c, Real x, Real y) {
    const auto at = conic_polar(c, x, y);
    return on_sphere(at.phi, Real(c.w(3)) - at.r, always<Real>());
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeAngles<Real> native) {
    return conic_plane(c, Real(c.w(3)) - native.at.lat, native.at.lng, always<Real>());
  }
};

}  // namespace fits::wcs
