// What conics share. Paper II, section 5.4, equations 107 to 114: x = R sin(C phi), y = Y0 - R cos(C phi), with R_theta
// of the sign of sigma = PVi_1 (theta_a). C is wcslib's w0 and Y0 its w2.
#pragma once

#include "wcs/projection.h"

namespace fits::wcs {

template <class Real>
struct ConicPlace {
  Real r2, phi;
};
template <class Real>
struct ConicPolar {
  Real r, phi;
};

template <class Real>
FITS_HOST_DEVICE ConicPlace<Real> conic_place(AnyConstants auto c, Real x, Real y) {
  const Real sign = Real(c.pv(1) < 0.0 ? -1.0 : 1.0);
  const Real dy = Real(c.w(2)) - y;
  return {fma(x, x, dy * dy), atan2d(sign * x, sign * dy) * Real(c.w(1))};
}

template <class Real>
FITS_HOST_DEVICE ConicPolar<Real> conic_polar(AnyConstants auto c, Real x, Real y) {
  const auto at = conic_place(c, x, y);
  const Real sign = Real(c.pv(1) < 0.0 ? -1.0 : 1.0);
  return {sign * sqrt(at.r2), at.phi};
}

template <class Real>
FITS_HOST_DEVICE Plane<Real> conic_plane(AnyConstants auto c, Real r, Real phi, MaskOf<Real> valid) {
  const auto alpha = sincosd(phi * Real(c.w(0)));
  return {r * alpha.sine, fma(-r, alpha.cosine, Real(c.w(2))), valid};
}

}  // namespace fits::wcs
