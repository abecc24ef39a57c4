// The celestial step: intermediate world coordinates to longitude and latitude through one projection, and back
// (Paper II, figure 1). Stages (see chain.h).
#pragma once

#include "wcs/packed.h"
#include "wcs/projections.h"

namespace fits::wcs {

// Status bits of a celestial failure: both its axes.
FITS_HOST_DEVICE int celestial_bits(const Packed& wcs) { return (1 << wcs.lng) | (1 << wcs.lat); }

// Writes both coordinates, or NaN and the status where the point has no solution.
template <class Point, class Real>
FITS_HOST_DEVICE void put(Point& point, const Packed& wcs, Real lng, Real lat, MaskOf<Real> valid) {
  const MaskOf<Real> bad = !(valid & are_numbers(lng, lat));
  point.set(wcs.lng, nan_where(bad, lng));
  point.set(wcs.lat, nan_where(bad, lat));
  point.flag(bad, celestial_bits(wcs));
}

template <class Projection>
struct IntermediateToCelestial {
  Packed wcs;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    const double* const block = wcs.celestial();
    const auto native = Projection::x2s(Constants{block}, point.get(wcs.lng) + Real(block[celestial::kX0]),
                                        point.get(wcs.lat) + Real(block[celestial::kY0]));
    const auto sky = to_celestial(Rotation{block}, native.at);
    put(point, wcs, sky.lng, sky.lat, native.valid);
  }
};

template <class Projection>
struct CelestialToIntermediate {
  Packed wcs;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    const double* const block = wcs.celestial();
    const Spherical<Real> sky = {point.get(wcs.lng), point.get(wcs.lat)};
    TakenBy<Projection, Real> native;
    native.valid = always<Real>();
    set_native(Rotation{block}, sky, native.at);
    const auto plane = Projection::s2x(Constants{block}, native);
    put(point, wcs, plane.x - Real(block[celestial::kX0]), plane.y - Real(block[celestial::kY0]), plane.valid);
  }

 private:
  template <class Real>
  FITS_HOST_DEVICE static void set_native(Rotation r, Spherical<Real> sky, Direction<Real>& native) {
    native = to_native(r, sky);
  }
  template <class Real>
  FITS_HOST_DEVICE static void set_native(Rotation r, Spherical<Real> sky, Angles<Real>& native) {
    native = to_native_angles(r, sky);
  }
};

}  // namespace fits::wcs
