// QSC: quadrilateralized spherical cube, equal area (O'Neill & Laubscher 1976). Paper II, section 5.6.3.
#pragma once

#include "wcs/projection/cube.h"

namespace fits::wcs {

struct Qsc {
  static constexpr int kNumber = projection_number("QSC");

  // With u the larger of a face's two coordinates and v the other, likewise p and q of the direction's (xi, eta):
  //   omega = q / p = sin w / (cos w - sqrt(1/2)), w = 15 degrees v / u;
  //   1 - zeta = u^2 (1 - 1 / s), s = sqrt(2 + omega^2).
  template <class Real>
  FITS_HOST_DEVICE static NativeDirection<Real> x2s(Constants c, Real x, Real y) {
    const auto at = cube::on_face(x * Real(c.w(1)), y * Real(c.w(1)));
    const MaskOf<Real> along_x = abs(at.x) > abs(at.y);
    const Real u = select(along_x, at.x, at.y), v = select(along_x, at.y, at.x);
    const auto angle = sincosd(Real(15.0) * v / select(u == Real(0.0), Real(1.0), u));
    const Real omega = angle.sine / (angle.cosine - Real(0.70710678118654752));
    const Real omega2 = omega * omega;
    const Real zeco = u * u * (Real(1.0) - Real(1.0) / sqrt(Real(2.0) + omega2));
    // p^2 + q^2 = 1 - zeta^2 = zeco (2 - zeco)
    const Real p = copysign(sqrt(zeco * (Real(2.0) - zeco) / (Real(1.0) + omega2)), u), q = p * omega;
    return cube::direction_from(at, select(along_x, p, q), select(along_x, q, p), Real(1.0) - zeco);
  }

  // v / u = (atan omega - asin(omega / sqrt(2 + 2 omega^2))) / 15 degrees; the arc sine is atan(omega / s), and the
  // difference of the two one arc tangent. 1 - zeta = (p^2 + q^2) / (1 + zeta), exact at the centre of the face too.
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeDirection<Real> native) {
    const auto face = cube::faced(native.at);
    const MaskOf<Real> along_x = abs(face.xi) > abs(face.eta);
    const Real p = select(along_x, face.xi, face.eta), q = select(along_x, face.eta, face.xi);
    const Real omega = q / select(p == Real(0.0), Real(1.0), p);
    const Real omega2 = omega * omega;
    const Real s = sqrt(Real(2.0) + omega2), less = s - Real(1.0);
    const Real zeco = fma(p, p, q * q) / (Real(1.0) + face.zeta);
    const Real u = copysign(sqrt(zeco * s / less), p);
    const Real v = u * Real(1.0 / 15) * atan2d(omega * less, s + omega2);
    return cube::plane_from(c, face, select(along_x, u, v), select(along_x, v, u), cube::is_direction(native.at),
                            1e-12);
  }
};

}  // namespace fits::wcs
