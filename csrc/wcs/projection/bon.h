// BON: Bonne's equal area projection. Paper II, section 5.5.1; PVi_1 = theta1 (0: wcslib makes it SFL).
#pragma once

#include "wcs/projection.h"

namespace fits::wcs {

struct Bon {
  static constexpr int kNumber = projection_number("BON");
  static constexpr int kFirst = 1;
  FITS_HOST_DEVICE static int parameters(Constants) { return 1; }

  template <class Number>
  FITS_HOST_DEVICE static void complete(Parameters<Number> p) {
    const auto s = sincosd(p.pv(1));
    p.w(2) = p.r0() * (s.cosine / s.sine + radians(p.pv(1)));
  }

  // Parallels are arcs of radius R = Y0 - theta (in units of r0 pi / 180) around (0, Y0), Y0 = r0 (cot theta1 +
  // theta1); phi cos theta = R A with A the angle along the arc. Y0 and R have the sign of theta1.
  //   Y0 - R = (Y0^2 - R^2) / (Y0 + R), which keeps its digits where the centre is far away.
  template <class Real>
  FITS_HOST_DEVICE static NativeSpherical<Real> x2s(AnyConstants auto c, Real x, Real y) {
    const Real sign = Real(c.w(2) < 0 ? -1.0 : 1.0), centre = Real(c.w(2));
    const Real dy = centre - y;
    const Real r = sign * sqrt(fma(x, x, dy * dy));
    const Real theta = fma(-x, x, y * (centre + dy)) / (Real(c.w(1)) * (centre + r));
    const Real arc = atan2d(sign * x, sign * dy) * (r / Real(c.r0()));
    const Real cosine = sincosd(theta).cosine;
    // Held against the width of the map there, not against 180 degrees: towards the poles roundings count more and
    // more.
    const MaskOf<Real> valid = abs(arc) <= fma(Real(180.0), abs(cosine), Real(1e-11));
    const Real phi = arc / select(cosine == Real(0.0), Real(1.0), cosine);
    return on_sphere(max(Real(-180.0), min(Real(180.0), phi)), theta, valid, 1e-11);
  }

  // y = Y0 - R cos A = theta + R (1 - cos A), with the sine of half the angle for 1 - cos A.
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(AnyConstants auto c, NativeAngles<Real> native) {
    const Real height = Real(c.w(1)) * native.at.lat;
    const Real r = Real(c.w(2)) - height;
    const Real arc = Real(c.r0()) * native.at.lng * native.at.cosine;
    const auto half =
        sincosd(Real(0.5) * arc / select(r == Real(0.0), Real(1.0), r));  // theta1 = 90: the pole is R = 0
    const Real twice = Real(2.0) * r * half.sine;
    return {twice * half.cosine, fma(twice, half.sine, height), always<Real>()};
  }
};

}  // namespace fits::wcs
