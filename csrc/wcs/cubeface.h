// A CUBEFACE axis: the six faces of a quadrilateralized spherical cube as planes 0 to 5 of a third pixel axis (Paper
// II, section 5.6.1). They are laid out in the plane of the projection, and stacked again. Stages (see chain.h).
#pragma once

#include "wcs/packed.h"

namespace fits::wcs {

inline constexpr double kFaceSize = 90.0;  // degrees

// Faces 1 to 4 follow each other along x, face 0 lies above face 1, face 5 below it. Only whole faces exist: others
// have no celestial coordinates.
struct CubefaceToPlane {
  Packed wcs;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    const Real number = point.get(wcs.cubeface);
    const Real face = round(number);
    const MaskOf<Real> valid = (abs(number - face) <= Real(1e-10)) & (face >= Real(0.0)) & (face <= Real(5.0));
    const Real up = select(face == Real(0.0), Real(kFaceSize), select(face == Real(5.0), Real(-kFaceSize), Real(0.0)));
    const Real along = select(up == Real(0.0), (face - Real(1.0)) * Real(kFaceSize), Real(0.0));
    point.set(wcs.lng, select(valid, point.get(wcs.lng) + along, not_a_number<Real>()));
    point.set(wcs.lat, select(valid, point.get(wcs.lat) + up, not_a_number<Real>()));
  }
};

// The face follows from the position alone: whatever the CUBEFACE coordinate says, the pixel is one that has this
// position. Where there is none there is no face either.
struct PlaneToCubeface {
  Packed wcs;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    const Real x = point.get(wcs.lng), y = point.get(wcs.lat);
    const MaskOf<Real> below = y<Real(-0.5 * kFaceSize), above = y> Real(0.5 * kFaceSize);
    const auto beyond = [&](double faces) { return select(x > Real(faces * kFaceSize), Real(1.0), Real(0.0)); };
    const Real along = select(below | above, Real(0.0), beyond(0.5) + beyond(1.5) + beyond(2.5));
    const Real up = select(above, Real(1.0), select(below, Real(-1.0), Real(0.0)));
    const Real face = select(above, Real(0.0), select(below, Real(5.0), along + Real(1.0)));
    point.set(wcs.lng, x - along * Real(kFaceSize));
    point.set(wcs.lat, y - up * Real(kFaceSize));
    point.set(wcs.cubeface, select((x == x) & (y == y), face, not_a_number<Real>()));
  }
};

}  // namespace fits::wcs
