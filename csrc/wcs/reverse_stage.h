// The chain of stages (chain.h) backwards: from the gradient of a sum in world coordinates to its gradient in pixel
// coordinates and in the slots of the WCS.
//
// undo(stage, point) takes the gradient in what the stage returned to that in what it got, and adds to the sums of the
// slots that it read. Each stage with free slots has an undo() of its own (reverse.h), written for any Real; of other
// stages the derivatives are found by dual numbers, and their slots have none. Numbers of slots are `Slot`: double, or
// dual numbers where derivatives of derivatives are wanted. A Point has, beside what chain.h says,
//   const Packed& wcs()
//   Real adjoint(axis), set_adjoint(axis, Real)     the gradient
//   const Slot* slots()                             of the WCS, for those stages that have free ones
//   void add(int slot, Real)                        to the sum of a slot
//   bool wants_slots()                              whether these sums are wanted
//   const Seeds<Slot>& seeds()                      see there
//   void put_world(lng, lat, direction, pole, valid)   celestial coordinates found on the way
//
// advance(stage, point) is what comes before: the stage itself, with slots that are `Slot`. The celestial stage is the
// last that reads its axes: it waits for its undo().
//
// Points without a solution have no derivatives: NaN, or 0 where the gradient given is 0.
#pragma once

#include "wcs/celestial.h"
#include "wcs/dual.h"

namespace fits::wcs {

// What is stored of each lane.
template <class Real>
struct CellsOf {
  using Cell = double;
  FITS_HOST_DEVICE static Real read(const double* from) { return load<Real>(from); }
  FITS_HOST_DEVICE static void write(double* to, Real a) { store(to, a); }
};
template <class Inner>
struct CellsOf<Dual<Inner>> {  // of one lane
  using Cell = Dual<Inner>;
  FITS_HOST_DEVICE static Cell read(const Cell* from) { return *from; }
  FITS_HOST_DEVICE static void write(Cell* to, Cell a) { *to = a; }
};

// Sums of slots are kept for every fourth point, as the lanes of AVX2 have them, and added up by total().
inline constexpr int kPartial = 4;
template <class Cell>
FITS_HOST_DEVICE Cell total(const Cell* partial) {
  return (partial[0] + partial[1]) + (partial[2] + partial[3]);
}

// Points with derivatives in two of the axes, for a stage that is differentiated by dual numbers.
template <class Number>
struct DualPoint {
  using Real = Number;
  Number* at;

  FITS_HOST_DEVICE Number get(int axis) const { return at[axis]; }
  FITS_HOST_DEVICE void set(int axis, Number a) { at[axis] = a; }
  template <class Mask>
  FITS_HOST_DEVICE void flag(Mask, int) {}
};

template <class Stage, class Point>
FITS_HOST_DEVICE void advance(const Stage& stage, Point& point) {
  stage(point);
}
template <class Projection, class Point>
FITS_HOST_DEVICE void advance(const IntermediateToCelestial<Projection>&, Point&) {}

template <class Stage, class Point>
FITS_HOST_DEVICE void undo_by_duals(const Stage& stage, Point& point) {
  using Real = typename Point::Real;
  const int n = point.wcs().naxis;
  Real sum[kMaxAxes];
  for (int column = 0; column < n; column += 2) {
    Dual<Real> at[kMaxAxes];
    for (int i = 0; i < n; ++i) {
      at[i] = {point.get(i), Real(i == column ? 1.0 : 0.0), Real(i == column + 1 ? 1.0 : 0.0)};
    }
    DualPoint<Dual<Real>> dual{at};
    stage(dual);
    Real first = Real(0.0), second = Real(0.0);
    for (int i = 0; i < n; ++i) {
      const Real a = point.adjoint(i);
      const MaskOf<Real> used = a != Real(0.0);
      const MaskOf<Real> bad = at[i].value != at[i].value;
      first = first + select(used, a * select(bad, at[i].value, at[i].d0), Real(0.0));
      second = second + select(used, a * select(bad, at[i].value, at[i].d1), Real(0.0));
    }
    sum[column] = first;
    if (column + 1 < n) sum[column + 1] = second;
  }
  for (int i = 0; i < n; ++i) point.set_adjoint(i, sum[i]);
}
template <class Stage, class Point>
FITS_HOST_DEVICE void undo(const Stage& stage, Point& point) {
  undo_by_duals(stage, point);
}

}  // namespace fits::wcs
