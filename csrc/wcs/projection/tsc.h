// TSC: tangential spherical cube. Paper II, section 5.6.1: each face is a gnomonic projection.
#pragma once

#include "wcs/projection/cube.h"

namespace fits::wcs {

struct Tsc {
  static constexpr int kNumber = projection_number("TSC");

  template <class Real>
  FITS_HOST_DEVICE static NativeDirection<Real> x2s(Constants c, Real x, Real y) {
    const auto at = cube::on_face(x * Real(c.w(1)), y * Real(c.w(1)));
    return cube::direction_from(at, at.x, at.y, Real(1.0));
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeDirection<Real> native) {
    const auto face = cube::faced(native.at);
    return cube::plane_from(c, face, face.xi / face.zeta, face.eta / face.zeta, cube::is_direction(native.at), 1e-12);
  }
};

}  // namespace fits::wcs
