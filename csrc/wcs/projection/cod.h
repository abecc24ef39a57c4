// COD: conic equidistant. Paper II, section 5.4.3, equations 123 to 126: R = sigma - theta + Y0; PVi_1 = sigma
// (theta_a), PVi_2 = delta (eta).
#pragma once

#include "wcs/projection/conic.h"

namespace fits::wcs {

struct Cod {
  static constexpr int kNumber = projection_number("COD");
  static constexpr int kFirst = 1;
  FITS_HOST_DEVICE static int parameters(Constants) { return 2; }

  template <class Number>
  FITS_HOST_DEVICE static void complete(Parameters<Number> p) {
    // sin delta / delta, delta in radians.
    const auto sigma = sincosd(p.pv(1)), delta = sincosd(p.pv(2));
    const Number angle = radians(p.pv(2));
    const Number ratio = abs(angle) > 1e-4 ? delta.sine / angle : 1.0 - angle * angle * (1.0 / 6);
    p.w(0) = sigma.sine * ratio;
    p.w(1) = 1.0 / p.w(0);
    p.w(2) = p.r0() * delta.cosine * sigma.cosine / p.w(0);
    p.w(3) = p.w(2) + p.pv(1);
  }

  template <class Real>
  FITS_HOST_DEVICE static NativeSpherical<Real> x2s(AnyConstants auto c, Real x, Real y) {
    const auto at = conic_polar(c, x, y);
    return on_sphere(at.phi, Real(c.w(3)) - at.r, always<Real>());
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(AnyConstants auto c, NativeAngles<Real> native) {
    return conic_plane(c, Real(c.w(3)) - native.at.lat, native.at.lng, always<Real>());
  }
};

}  // namespace fits::wcs
