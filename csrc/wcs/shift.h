// A shift of the first two pixel axes that depends on where they are: (u, v) + (f(u, v), g(u, v)). SIP is one, lookup
// tables another, and both together are one (sip.h, lookup.h). Here it is undone, by Newton's method.
//
// A shift has, u and v counted from its origin:
//   double origin(int axis) const                        0-based pixel
//   static constexpr int kSteps                          how many steps may be made
//   at(Real u, Real v) const -> ShiftJets<Real>          f and g with their derivatives
//   static constexpr bool kSmooth                        whether both have a second derivative everywhere; then also
//   at(Real u, Real v, Real& f, Real& g) const           f and g alone
//   begin(Real U, Real V, Real& u, Real& v) const        where to begin
//   close(Real U, Real V) const -> Real                  the residual, in pixels, after which one step is the last
#pragma once

#include "wcs/dual.h"
#include "wcs/inverse_jacobian.h"
#include "wcs/layout.h"
#include "wcs/triangle.h"

namespace fits::wcs {

template <class Real>
using ShiftJets = Jets<Real>;

// Where the search ended: the place, counted from the shift's origin, and the determinant of the Jacobian there.
template <class Real>
struct Unshifted {
  Real u, v, determinant;
  MaskOf<Real> done;
};

// Most points: a step of Newton's method from the start, then some with the same Jacobian, which need no derivatives.
template <class Shift, class Real>
FITS_HOST_DEVICE Unshifted<Real> unshift_by_chords(const Shift& shift, Real U, Real V) {
  Real u = U, v = V;
  shift.begin(U, V, u, v);
  const auto jets = shift.at(u, v);
  const InverseJacobian<Real> inverse(Real(1.0) + jets.f.du, jets.f.dv, jets.g.du, Real(1.0) + jets.g.dv);
  Real rest_u = U - u - jets.f.value, rest_v = V - v - jets.g.value;
  MaskOf<Real> done = !always<Real>();
  Real before = abs(rest_u) + abs(rest_v);
  for (int step = 0; step < kChords; ++step) {
    u = select(done, u, u + inverse.first(rest_u, rest_v));
    v = select(done, v, v + inverse.second(rest_u, rest_v));
    Real f, g;
    shift.at(u, v, f, g);
    rest_u = U - u - f;
    rest_v = V - v - g;
    const Real rest = abs(rest_u) + abs(rest_v);
    const MaskOf<Real> last = (!done) & one_more_chord_will_do(rest, before, Real(1e-10));
    u = select(last, u + inverse.first(rest_u, rest_v), u);
    v = select(last, v + inverse.second(rest_u, rest_v), v);
    done = done | last;
    before = rest;
    if (all(done)) break;
  }
  done = done & (inverse.determinant > Real(0.0));
  return {u, v, inverse.determinant, done};
}

// Newton's method, in which a step that makes the residual larger is halved. Lanes that are done stay as they are.
template <class Shift, class Real>
FITS_HOST_DEVICE void unshift_safely(const Shift& shift, Real U, Real V, Unshifted<Real>& to) {
  const Real close = shift.close(U, V);
  Real u = U, v = V;
  shift.begin(U, V, u, v);
  u = select(to.done, to.u, u);
  v = select(to.done, to.v, v);
  // The last accepted point and its residual.
  Real base_u = u, base_v = v, step_u = Real(0.0), step_v = Real(0.0);
  Real least = Real(__builtin_inf());
  for (int step = 0; step < Shift::kSteps; ++step) {
    const auto jets = shift.at(u, v);
    const Real rest_u = U - u - jets.f.value, rest_v = V - v - jets.g.value;
    const InverseJacobian<Real> newton(Real(1.0) + jets.f.du, jets.f.dv, jets.g.du, Real(1.0) + jets.g.dv);
    const Real residual = max(abs(rest_u), abs(rest_v));
    const MaskOf<Real> found = (abs(rest_u) <= close) & (abs(rest_v) <= close);  // NaN in either is none
    const MaskOf<Real> better = (residual < least) | found;
    const MaskOf<Real> moves = better & !to.done;
    base_u = select(moves, u, base_u);
    base_v = select(moves, v, base_v);
    least = select(moves, residual, least);
    to.determinant = select(moves, newton.determinant, to.determinant);
    step_u = select(better, newton.first(rest_u, rest_v), step_u * Real(0.5));
    step_v = select(better, newton.second(rest_u, rest_v), step_v * Real(0.5));
    u = select(to.done, u, base_u + step_u);
    v = select(to.done, v, base_v + step_v);
    to.done = to.done | found;
    if (all(to.done)) break;
    if (!any((residual == residual) & !to.done)) break;  // the rest is NaN
  }
  to.u = u;
  to.v = v;
}

template <class Shift, class Real>
FITS_HOST_DEVICE Unshifted<Real> unshift(const Shift& shift, Real U, Real V) {
  if constexpr (kIsDual<Real>) {  // what one more step adds are the derivatives
    const auto plain = unshift(shift, value_of(U), value_of(V));
    const Real u = Real(plain.u), v = Real(plain.v);
    const auto jets = shift.at(u, v);
    const InverseJacobian<Real> step(Real(1.0) + jets.f.du, jets.f.dv, jets.g.du, Real(1.0) + jets.g.dv);
    const Real rest_u = U - u - jets.f.value, rest_v = V - v - jets.g.value;
    return {u + step.first(rest_u, rest_v), v + step.second(rest_u, rest_v), Real(plain.determinant), plain.done};
  } else {
    Unshifted<Real> found = {U, V, Real(1.0), !always<Real>()};
    if constexpr (Shift::kSmooth) found = unshift_by_chords(shift, U, V);
    if (any(!found.done)) unshift_safely(shift, U, V, found);
    return found;
  }
}

// The first two axes of `point`, shifted coordinates, become those that the shift takes there.
template <class Shift, class Point>
FITS_HOST_DEVICE void undo_shift(const Shift& shift, Point& point) {
  using Real = typename Point::Real;
  const Real x0 = Real(shift.origin(0)), y0 = Real(shift.origin(1));
  const Real U = point.get(0) - x0, V = point.get(1) - y0;
  const auto found = unshift(shift, U, V);
  const MaskOf<Real> open = found.determinant > Real(0.0);
  const MaskOf<Real> good = found.done & open;
  point.set(0, select(good, found.u + x0, not_a_number<Real>()));
  point.set(1, select(good, found.v + y0, not_a_number<Real>()));
  const MaskOf<Real> given = (U == U) & (V == V);  // what was NaN before it came here did not fail here
  point.flag(given & !found.done, kNotConverged);
  point.flag(found.done & !open, kFolded);
}

}  // namespace fits::wcs
