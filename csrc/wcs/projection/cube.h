// What TSC, CSC and QSC share: six faces of a cube around the sphere (Paper II, section 5.6 and figure 3), unfolded to
//
//      0
//      1 2 3 4      each face a square of 90 degrees, or 2 units here; face 1 around (phi, theta) = (0, 0),
//      5            face 0 the northern, 5 the southern. 2 to 4 may also be drawn to the left of 1.
#pragma once

#include "wcs/projection.h"

namespace fits::wcs::cube {

// A direction seen from its face: zeta towards the face's centre, xi to the right and eta up on it, of which zeta is
// the largest in size; and the centre's place in the plane.
template <class Real>
struct Faced {
  Real xi, eta, zeta, x0, y0;
};

// On an edge the face that comes first in this order: 0 to 5, as wcslib's.
template <class Real>
FITS_HOST_DEVICE Faced<Real> faced(Direction<Real> v) {
  Faced<Real> f = {v.m, -v.l, v.n, Real(0.0), Real(2.0)};
  const auto take = [&f](Real zeta, Real xi, Real eta, double x0, double y0) {
    const MaskOf<Real> nearer = zeta > f.zeta;
    f.xi = select(nearer, xi, f.xi);
    f.eta = select(nearer, eta, f.eta);
    f.zeta = select(nearer, zeta, f.zeta);
    f.x0 = select(nearer, Real(x0), f.x0);
    f.y0 = select(nearer, Real(y0), f.y0);
  };
  take(v.l, v.m, v.n, 0, 0);
  take(v.m, -v.l, v.n, 2, 0);
  take(-v.l, -v.m, v.n, 4, 0);
  take(-v.m, v.l, v.n, 6, 0);
  take(-v.n, v.m, v.l, 0, -2);
  return f;
}

// False for NaN.
template <class Real>
FITS_HOST_DEVICE MaskOf<Real> is_direction(Direction<Real> v) {
  return abs(v.l) + abs(v.m) + abs(v.n) > Real(0.0);
}

// How sums are rounded: as they are, or to what CSC calculates in.
struct AsIs {
  template <class Real>
  FITS_HOST_DEVICE Real operator()(Real a) const {
    return a;
  }
};

// A point of the plane, in units of half a face: its place on its face (-1 to 1), and which face that is.
template <class Real>
struct OnFace {
  Real x, y;
  MaskOf<Real> face4, face3, face2, face0, face5;  // at most one; none: face 1
  MaskOf<Real> valid;
};

template <class Real, class Rounded = AsIs>
FITS_HOST_DEVICE OnFace<Real> on_face(Real x, Real y, Rounded rounded = {}) {
  const MaskOf<Real> column = (abs(x) <= Real(1.0)) & (abs(y) <= Real(3.0));
  const MaskOf<Real> row = (abs(x) <= Real(7.0)) & (abs(y) <= Real(1.0));
  x = select(x < Real(-1.0), rounded(x + Real(8.0)), x);
  const MaskOf<Real> beyond1 = x > Real(1.0), beyond3 = x > Real(3.0), face4 = x > Real(5.0);
  const MaskOf<Real> face0 = (!beyond1) & (y > Real(1.0)), face5 = (!beyond1) & (y < Real(-1.0));
  const Real x0 = select(face4, Real(6.0), select(beyond3, Real(4.0), select(beyond1, Real(2.0), Real(0.0))));
  const Real y0 = select(face0, Real(2.0), select(face5, Real(-2.0), Real(0.0)));
  const MaskOf<Real> face3 = beyond3 & !face4, face2 = beyond1 & !beyond3, valid = column | row;
  return {x - x0, y - y0, face4, face3, face2, face0, face5, valid};
}

// The direction of (xi, eta, zeta) on that face: what faced() does, undone.
template <class Real>
FITS_HOST_DEVICE NativeDirection<Real> direction_from(const OnFace<Real>& at, Real xi, Real eta, Real zeta) {
  Direction<Real> v = {zeta, xi, eta};
  const auto take = [&v](MaskOf<Real> face, Real l, Real m, Real n) {
    v.l = select(face, l, v.l);
    v.m = select(face, m, v.m);
    v.n = select(face, n, v.n);
  };
  take(at.face0, -eta, xi, zeta);
  take(at.face2, -xi, zeta, eta);
  take(at.face3, -zeta, -xi, eta);
  take(at.face4, xi, -zeta, eta);
  take(at.face5, eta, xi, -zeta);
  return {v, at.valid};
}

// A place on a face in the plane; beyond the face's edge by more than `tolerance` is invalid, by less is the edge.
template <class Real, class Rounded = AsIs>
FITS_HOST_DEVICE Plane<Real> plane_from(Constants c, const Faced<Real>& face, Real x, Real y, MaskOf<Real> valid,
                                        double tolerance, Rounded rounded = {}) {
  const MaskOf<Real> inside = valid & (abs(x) <= Real(1.0 + tolerance)) & (abs(y) <= Real(1.0 + tolerance));
  const Real edge_x = max(Real(-1.0), min(Real(1.0), x)), edge_y = max(Real(-1.0), min(Real(1.0), y));
  return {Real(c.w(0)) * rounded(edge_x + face.x0), Real(c.w(0)) * rounded(edge_y + face.y0), inside};
}

}  // namespace fits::wcs::cube
