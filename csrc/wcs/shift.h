// A shift of the first two pixel axes that depends on where they are: (u, v) + (f(u, v), g(u, v)). SIP is one, lookup
// tables another, and both together are one (sip.h, lookup.h). Here it is undone, by Newton's method.
//
// A shift has, u and v counted from its origin:
//   double origin(int axis) const                        0-based pixel
//   static constexpr int kSteps                          how many steps may be made
//   at(Real u, Real v) const -> ShiftJets<Real>          f and g with their derivatives
//   begin(Real U, Real V, Real& u, Real& v) const        where to begin
//   close(Real U, Real V) const -> Real                  the residual, in pixels, after which one step is the last
#pragma once

#include "wcs/lanes.h"
#include "wcs/layout.h"
#include "wcs/triangle.h"

namespace fits::wcs {

template <class Real>
struct ShiftJets {
  Jet<Real> f, g;
};

// The first two axes of `point`, shifted coordinates, become those that the shift takes there.
template <class Shift, class Point>
FITS_HOST_DEVICE void undo_shift(const Shift& shift, Point& point) {
  using Real = typename Point::Real;
  const Real x0 = Real(shift.origin(0)), y0 = Real(shift.origin(1));
  const Real U = point.get(0) - x0, V = point.get(1) - y0;
  const Real close = shift.close(U, V);
  Real u = U, v = V;
  shift.begin(U, V, u, v);
  // The last accepted point and its residual; a step that makes the residual larger is halved.
  Real base_u = u, base_v = v, step_u = Real(0.0), step_v = Real(0.0);
  Real least = Real(__builtin_inf()), determinant = Real(1.0);
  MaskOf<Real> done = !always<Real>();
  for (int step = 0; step < Shift::kSteps; ++step) {
    const auto [F, G] = shift.at(u, v);
    const Real rest_u = U - u - F.value, rest_v = V - v - G.value;
    const Real fu = Real(1.0) + F.du, gv = Real(1.0) + G.dv;
    const Real det = fma(fu, gv, -(F.dv * G.du));
    const Real residual = max(abs(rest_u), abs(rest_v));
    const MaskOf<Real> found = (abs(rest_u) <= close) & (abs(rest_v) <= close);  // NaN in either is none
    const MaskOf<Real> better = (residual < least) | found;
    const MaskOf<Real> moves = better & !done;
    base_u = select(moves, u, base_u);
    base_v = select(moves, v, base_v);
    least = select(moves, residual, least);
    determinant = select(moves, det, determinant);
    step_u = select(better, fma(gv, rest_u, -(F.dv * rest_v)) / det, step_u * Real(0.5));
    step_v = select(better, fma(fu, rest_v, -(G.du * rest_u)) / det, step_v * Real(0.5));
    u = select(done, u, base_u + step_u);
    v = select(done, v, base_v + step_v);
    done = done | found;
    if (all(done)) break;
    if (!any((residual == residual) & !done)) break;  // the rest is NaN
  }
  const MaskOf<Real> open = determinant > Real(0.0);
  const MaskOf<Real> good = done & open;
  point.set(0, select(good, u + x0, not_a_number<Real>()));
  point.set(1, select(good, v + y0, not_a_number<Real>()));
  const MaskOf<Real> given = (U == U) & (V == V);  // what was NaN before it came here did not fail here
  point.flag(given & !done, kNotConverged);
  point.flag(done & !open, kFolded);
}

}  // namespace fits::wcs
