// MER: Mercator. Paper II, section 5.2.4, equations 87 to 89: y = r0 ln tan((90 degrees + theta) / 2).
#pragma once

#include "wcs/exponential.h"
#include "wcs/projection.h"

namespace fits::wcs {

struct Mer {
  static constexpr int kNumber = projection_number("MER");

  // tan theta = sinh(y / r0), exact at the equator too.
  template <class Real>
  FITS_HOST_DEVICE static NativeAngles<Real> x2s(Constants c, Real x, Real y) {
    const Real u = abs(y) / Real(c.r0());
    const Real e = expm1(u);  // 2 sinh u = e + e / (1 + e)
    const Real sinh2 = e + select(e < Real(0x1p200), e / (Real(1.0) + e), Real(1.0));
    const Real theta = copysign(atan2d(sinh2, Real(2.0)), y);
    return on_sphere(x * Real(c.w(1)), select(u < Real(700.0), theta, copysign(Real(90.0), y)), y == y);
  }

  // ln tan((90 + theta) / 2) = ln((1 + sin theta) / cos theta); the poles lie at infinity.
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeAngles<Real> native) {
    const auto s = sincosd(abs(native.at.lat));
    // (1 + s) / c - 1 = (s + (1 - c)) / c, 1 - c = s^2 / (1 + c)
    const Real u = log1p((s.sine + s.sine * s.sine / (Real(1.0) + s.cosine)) / s.cosine);
    const Real y = copysign(u * Real(c.r0()), native.at.lat);
    return {native.at.lng * Real(c.w(0)), y, abs(native.at.lat) < Real(90.0)};
  }
};

}  // namespace fits::wcs
