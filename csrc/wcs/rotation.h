// Native and celestial spherical coordinates (Paper II, equations 2 and 5), as a rotation of direction cosines.
//
// A direction is (l, m, n) = (cos theta cos phi, cos theta sin phi, sin theta) times any positive number, unless said
// otherwise. Celestial longitudes are counted from that of the native pole and brought back at the end: near the pole
// of a zenithal projection, where small fields lie, they keep all their digits.
#pragma once

#include "wcs/angle.h"
#include "wcs/layout.h"

namespace fits::wcs {

template <class Real>
struct Direction {
  Real l, m, n;
};

template <class Real>
struct Spherical {  // degrees: native (phi, theta) or celestial (longitude, latitude)
  Real lng, lat;
};

// A longitude in degrees; sine and cosine of the latitude, times any positive number.
template <class Real>
struct Parallel {
  Real lng, sine, cosine;
};

// Both, the sine and cosine those of `lat`. Where all of it is inlined, what nobody asks for is not computed.
template <class Real>
struct Angles {
  Real lng, lat, sine, cosine;
};

struct Rotation {
  const double* block;  // celestial::Slot
  FITS_HOST_DEVICE double euler(int i) const { return block[celestial::kEuler + i]; }
  FITS_HOST_DEVICE double operator()(int row, int column) const {
    return block[celestial::kRotation + 3 * row + column];
  }
};

template <class Real>
FITS_HOST_DEVICE Direction<Real> direction(Spherical<Real> s) {
  const auto both = sincosd(Pair<Real>(s.lng, s.lat));
  return {both.cosine.b * both.cosine.a, both.cosine.b * both.sine.a, both.sine.b};
}

template <class Real>
FITS_HOST_DEVICE Direction<Real> direction(Parallel<Real> s) {
  const auto lng = sincosd(s.lng);
  return {s.cosine * lng.cosine, s.cosine * lng.sine, s.sine};
}
template <class Real>
FITS_HOST_DEVICE Direction<Real> direction(Angles<Real> s) {
  return direction(Parallel<Real>{s.lng, s.sine, s.cosine});
}

template <class Real>
FITS_HOST_DEVICE Real latitude(Spherical<Real> s) {
  return s.lat;
}
template <class Real>
FITS_HOST_DEVICE Real latitude(Parallel<Real> s) {
  return elevation(s.sine, s.cosine);
}
template <class Real>
FITS_HOST_DEVICE Real latitude(Angles<Real> s) {
  return s.lat;
}

template <class Real>
FITS_HOST_DEVICE Angles<Real> angles(Spherical<Real> s) {
  const auto lat = sincosd(s.lat);
  return {s.lng, s.lat, lat.sine, lat.cosine};
}
// Of a unit vector.
template <class Real>
FITS_HOST_DEVICE Angles<Real> angles(Direction<Real> v) {
  const Real cosine = sqrt(fma(v.l, v.l, v.m * v.m));
  const auto both = two_angles(v.m, v.l, v.n, cosine);
  return {both.a, both.b, v.n, cosine};
}

template <class Real>
FITS_HOST_DEVICE Spherical<Real> spherical(Direction<Real> v) {
  const auto both = two_angles(v.m, v.l, v.n, sqrt(fma(v.l, v.l, v.m * v.m)));
  return {both.a, both.b};
}

// Longitudes as wcslib gives them: in [0, 360] where that of the native pole is not negative, else in [-360, 0].
template <class Real>
FITS_HOST_DEVICE Real wrapped(Real lng, double pole) {
  if (pole >= 0) {
    return lng + (only(lng < Real(0.0), Real(360.0)) + only(lng > Real(360.0), Real(-360.0)));
  }
  return lng + (only(lng > Real(0.0), Real(-360.0)) + only(lng < Real(-360.0), Real(360.0)));
}

template <class Real>
FITS_HOST_DEVICE Spherical<Real> to_celestial(Rotation r, Direction<Real> v) {
  const auto row = [&](int i) { return fma(v.l, Real(r(i, 0)), fma(v.m, Real(r(i, 1)), v.n * Real(r(i, 2)))); };
  const Real m = fma(v.l, Real(r(1, 0)), v.m * Real(r(1, 1)));  // r(1, 2) is 0: euler[0] is taken out
  const auto s = spherical(Direction<Real>{row(0), m, row(2)});
  return {wrapped(s.lng + Real(r.euler(0)), r.euler(0)), s.lat};
}

// The unit vector of celestial coordinates in the native system.
template <class Real>
FITS_HOST_DEVICE Direction<Real> to_native(Rotation r, Spherical<Real> s) {
  const auto v = direction(Spherical<Real>{s.lng - Real(r.euler(0)), s.lat});
  const auto column = [&](int i) { return fma(v.l, Real(r(0, i)), fma(v.m, Real(r(1, i)), v.n * Real(r(2, i)))); };
  return {column(0), column(1), fma(v.l, Real(r(0, 2)), v.n * Real(r(2, 2)))};
}

// Where both poles coincide, or are opposite, the rotation is a shift of longitude: exact, and without trigonometry.
FITS_HOST_DEVICE bool is_shift(Rotation r) { return r.euler(4) == 0; }

// Of native Spherical, Parallel or Angles.
template <class Real, template <class> class Native>
FITS_HOST_DEVICE Spherical<Real> to_celestial(Rotation r, Native<Real> native) {
  if (!is_shift(r)) return to_celestial(r, direction(native));
  if (r.euler(1) == 0) {
    return {wrapped(native.lng + Real(r.euler(0) + 180 - r.euler(2)), r.euler(0)), latitude(native)};
  }
  return {wrapped(Real(r.euler(0) + r.euler(2)) - native.lng, r.euler(0)), -latitude(native)};
}

template <class Real>
FITS_HOST_DEVICE Angles<Real> to_native_angles(Rotation r, Spherical<Real> s) {
  if (!is_shift(r)) return angles(to_native(r, s));
  const bool upright = r.euler(1) == 0;
  const Real lng = upright ? s.lng + Real(r.euler(2) - 180 - r.euler(0)) : Real(r.euler(2) + r.euler(0)) - s.lng;
  return angles(Spherical<Real>{fma(round(lng * Real(1.0 / 360)), Real(-360.0), lng), upright ? s.lat : -s.lat});
}

}  // namespace fits::wcs
