// Lookup tables: shifts of the first two pixel axes, interpolated between the pixels of an image (WCS Paper IV, draft
// of 2004, `Lookup`; as astropy reads it). Detector to image (D2IM) comes first, alone; CPDIS is added together with
// SIP, both evaluated at the same pixel. Stages (see chain.h).
#pragma once

#include "wcs/packed.h"
#include "wcs/pair.h"
#include "wcs/shift.h"
#include "wcs/sip.h"

namespace fits::wcs {

// One table, of two axes.
struct LookupTable {
  const double* at;      // its descriptor (layout.h: lookup)
  const double* values;  // null: there is none, and nothing is shifted

  FITS_HOST_DEVICE LookupTable(const double* block, int axis)
      : at(block + axis * lookup::kDescriptor),
        values(at[lookup::kColumns] == 0 ? nullptr : block + static_cast<int>(at[lookup::kTable])) {}

  // Where a pixel coordinate lies along one axis of the table: between which two of its pixels, counted from 0, and how
  // much the second weighs. Beyond the ends the last pixel holds; NaN weighs NaN.
  template <class Real>
  struct Place {
    Real first, second, weight, slope;  // slope: of the weight in the pixel coordinate
  };
  template <class Real>
  FITS_HOST_DEVICE Place<Real> place(int axis, Real pixel) const {
    const double increment = at[lookup::kIncrement + axis];
    const Real low = Real(0.0), high = Real(at[lookup::kColumns + axis] - 1);
    const Real free = (pixel + Real(1.0) - Real(at[lookup::kValue + axis])) / Real(increment) +
                      Real(at[lookup::kReference + axis]) - Real(1.0);
    const Real inside = select(free < low, low, select(free > high, high, free));
    const Real whole = floor(inside);
    const Real first = min(max(whole, low), high);  // NaN becomes 0
    return {first, min(first + Real(1.0), high), inside - whole,
            select(inside == free, Real(1.0 / increment), Real(0.0))};
  }

  // The cell of the table around a point, and where in it.
  template <class Real>
  struct Cell {
    Place<Real> x, y;
    Real row, next;  // where its two rows begin
  };
  template <class Real>
  FITS_HOST_DEVICE Cell<Real> cell(Real x, Real y) const {
    const Place<Real> px = place(0, x), py = place(1, y);
    const Real columns = Real(at[lookup::kColumns]);
    return {px, py, py.first * columns, py.second * columns};
  }

  // Bilinear interpolation. The order of these sums is astropy's, to the bit. kSlopes: with derivatives, else 0.
  template <bool kSlopes, class Real>
  FITS_HOST_DEVICE Jet<Real> interpolate(const Cell<Real>& c) const {
    const Real v00 = gather(values, c.row + c.x.first), v01 = gather(values, c.next + c.x.first);
    const Real v10 = gather(values, c.row + c.x.second), v11 = gather(values, c.next + c.x.second);
    const Real x1 = c.x.weight, y1 = c.y.weight, x0 = Real(1.0) - x1, y0 = Real(1.0) - y1;
    const Real value = v00 * x0 * y0 + v01 * x0 * y1 + v10 * x1 * y0 + v11 * x1 * y1;
    if (!kSlopes) return {value, Real(0.0), Real(0.0)};
    const Real twist = v11 - v01 - (v10 - v00);
    return {value, fma(y1, twist, v10 - v00) * c.x.slope, fma(x1, twist, v01 - v00) * c.y.slope};
  }
};

// The two tables of a block.
struct LookupTables {
  LookupTable first, second;
  bool same_grid = true;  // their pixels lie at the same places

  FITS_HOST_DEVICE explicit LookupTables(const double* block) : first(block, 0), second(block, 1) {
    for (int i = 0; i < lookup::kTable; ++i) same_grid = same_grid && first.at[i] == second.at[i];
  }

  template <bool kSlopes, class Real>
  FITS_HOST_DEVICE ShiftJets<Real> at(Real x, Real y) const {
    const Jet<Real> none = {Real(0.0), Real(0.0), Real(0.0)};
    ShiftJets<Real> shifts = {none, none};
    if (first.values != nullptr) {
      const auto cell = first.cell(x, y);
      shifts.f = first.interpolate<kSlopes>(cell);
      if (same_grid) shifts.g = second.interpolate<kSlopes>(cell);
    }
    if (second.values != nullptr && !same_grid) shifts.g = second.interpolate<kSlopes>(second.cell(x, y));
    return shifts;
  }
  // One after the other: the numbers of both do not fit into the registers (CPDIS undone: 68 ns a point, and 46).
  template <bool kSlopes, class Lanes>
  FITS_HOST_DEVICE ShiftJets<Pair<Lanes>> at(Pair<Lanes> x, Pair<Lanes> y) const {
    const auto a = at<kSlopes>(x.a, y.a), b = at<kSlopes>(x.b, y.b);
    return {{{a.f.value, b.f.value}, {a.f.du, b.f.du}, {a.f.dv, b.f.dv}},
            {{a.g.value, b.g.value}, {a.g.du, b.g.du}, {a.g.dv, b.g.dv}}};
  }
};

// What the tables of one block add, and SIP with those of CPDIS (shift.h).
struct LookupShift {
  LookupTables tables;
  const double* sip;  // null: tables alone
  double enough;      // see close()

  // Of the block in `head_slot`: kD2im, or kCpdis.
  FITS_HOST_DEVICE LookupShift(const Packed& wcs, int head_slot)
      : tables(wcs.block(head_slot)),
        sip(head_slot == head::kCpdis && (wcs.distortion & kDistortionSip) != 0 ? wcs.sip() : nullptr) {
    const double steepest = tables.first.at[lookup::kSteepest] + tables.second.at[lookup::kSteepest];
    enough = min(1e-7, max(1e-10, 1e-10 / 8 / steepest));
  }

  // Slopes change from cell to cell, so that the first steps may lead into the wrong one.
  static constexpr int kSteps = 40;
  static constexpr bool kSmooth = false;
  FITS_HOST_DEVICE double origin(int) const { return 0; }
  template <class Real>
  FITS_HOST_DEVICE ShiftJets<Real> at(Real x, Real y) const {
    const ShiftJets<Real> table = tables.at<true>(x, y);
    if (sip == nullptr) return table;
    const SipShift polynomials(sip);
    const auto [f, g] = polynomials.at(x - Real(polynomials.origin(0)), y - Real(polynomials.origin(1)));
    return {{f.value + table.f.value, f.du + table.f.du, f.dv + table.f.dv},
            {g.value + table.g.value, g.du + table.g.du, g.dv + table.g.dv}};
  }
  template <class Real>
  FITS_HOST_DEVICE void begin(Real X, Real Y, Real& x, Real& y) const {
    if (sip == nullptr) return;
    const SipShift polynomials(sip);
    const Real x0 = Real(polynomials.origin(0)), y0 = Real(polynomials.origin(1));
    Real u = X - x0, v = Y - y0;
    polynomials.begin(X - x0, Y - y0, u, v);
    x = u + x0;
    y = v + y0;
  }
  // The last step may cross into another cell. What is left then is the residual times the change of a table's two
  // slopes, twice the steepest each, and that twice where the inverse of the Jacobian is 2: 1e-10 pixel. The last term:
  // no residual is below the digits of the coordinates.
  template <class Real>
  FITS_HOST_DEVICE Real close(Real X, Real Y) const {
    return fma(max(abs(X), abs(Y)), Real(0x1p-50), Real(enough));
  }
};

// Pixel coordinates to corrected ones.
struct LookupForward {
  LookupShift shift;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    const Real x = point.get(0), y = point.get(1);
    Real to_x = x, to_y = y;
    if (shift.sip != nullptr) {
      const SipShift polynomials(shift.sip);
      const Real u = x - Real(polynomials.origin(0)), v = y - Real(polynomials.origin(1));
      to_x = to_x + polynomials.f(u, v);
      to_y = to_y + polynomials.g(u, v);
    }
    const auto [f, g] = shift.tables.at<false>(x, y);
    point.set(0, to_x + f.value);
    point.set(1, to_y + g.value);
  }
};

// Corrected coordinates to pixel coordinates.
struct LookupInverse {
  LookupShift shift;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    undo_shift(shift, point);
  }
};

}  // namespace fits::wcs
