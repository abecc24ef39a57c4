// MER: Mercator. Paper II, section 5.2.4, equations 87 to 89: y = r0 ln tan((90 degrees + theta) / 2).
#pragma once

#include "wcs/exponential.h"
#include "wcs/projection.h"
#include "wcs/projection/isometric.h"

namespace fits::wcs {

struct Mer {
  static constexpr int kNumber = projection_number("MER");

  // tan theta = sinh(u), u = y / r0: sin theta and cos theta are in the ratio of exp(2 u) - 1 to 2 exp(u). Exact at the
  // equator too.
  template <class Real>
  FITS_HOST_DEVICE static NativeParallel<Real> x2s(Constants c, Real x, Real y) {
    const Real u = min(Real(80.0), radians(abs(y) * Real(c.w(1))));  // beyond that theta is 90 degrees
    const Real e = expm1(u);
    return on_parallel(x * Real(c.w(1)), copysign(e * (e + Real(2.0)), y), fma(Real(2.0), e, Real(2.0)), y == y);
  }

  // ln tan((90 + theta) / 2) = ln((1 + sin theta) / cos theta); the poles lie at infinity.
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeAngles<Real> native) {
    const Real y = isometric_latitude(native.at.sine, native.at.cosine) * Real(c.r0());
    return {native.at.lng * Real(c.w(0)), y, native.at.cosine > Real(kPoleCosine)};
  }
};

}  // namespace fits::wcs
