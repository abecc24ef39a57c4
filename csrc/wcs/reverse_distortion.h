// Distortions backwards (reverse_stage.h): SIP, lookup tables, polynomials before and after the matrix. Their
// coefficients are free, elements of tables are not.
#pragma once

#include "wcs/lookup.h"
#include "wcs/polynomial.h"
#include "wcs/reverse_stage.h"
#include "wcs/sip.h"

namespace fits::wcs {

// (x, y) + (f(u, v), g(u, v)) with u and v counted from the origin.
template <class Real>
struct Planar {
  Real u, v;
};

// What SIP adds to pixel coordinates.
template <class Point>
FITS_HOST_DEVICE auto sip_shift(const Point& point) {
  using Real = typename Point::Real;
  const auto* const block = point.slots() + static_cast<int>(point.wcs().slots[head::kSip]);
  const Real u = point.get(0) - Real(block[0] - 1.0), v = point.get(1) - Real(block[1] - 1.0);
  const auto order = [&](int which) { return static_cast<int>(point.wcs().sip()[sip::kOrders + which]); };
  return Planar<Real>{TriangleOf{block + sip::kA, order(0)}(u, v),
                      TriangleOf{block + sip::kA + sip::kTriangle, order(1)}(u, v)};
}

// Sums of the terms of one polynomial of two variables: a u^p v^q.
template <class Point, class Real>
FITS_HOST_DEVICE void add_terms(Point& point, int first, int order, Real a, Real u, Real v) {
  Real power = a;
  for (int p = 0; p <= order; ++p) {
    Real term = power;
    for (int q = 0; q <= order - p; ++q) {
      point.add(first + sip::row(p) + q, term);
      term = term * v;
    }
    power = power * u;
  }
}

// The gradient in pixel coordinates through what SIP adds, from that in the sum.
template <class Point>
FITS_HOST_DEVICE auto undo_sip_shift(Point& point) {
  using Real = typename Point::Real;
  const int at = static_cast<int>(point.wcs().slots[head::kSip]);
  const auto* const block = point.slots() + at;
  const Real u = point.get(0) - Real(block[0] - 1.0), v = point.get(1) - Real(block[1] - 1.0);
  Planar<Real> more = {Real(0.0), Real(0.0)};
  for (int which = 0; which < 2; ++which) {
    const Real a = point.adjoint(which);
    const int first = sip::kA + which * sip::kTriangle;
    const int order = static_cast<int>(point.wcs().sip()[sip::kOrders + which]);
    const auto jet = TriangleOf{block + first, order}.with_derivatives(u, v);
    more.u = fma(a, jet.du, more.u);
    more.v = fma(a, jet.dv, more.v);
    if (point.wants_slots()) add_terms(point, at + first, order, a, u, v);
  }
  if (point.wants_slots()) {
    point.add(at + sip::kOrigin, -more.u);
    point.add(at + sip::kOrigin + 1, -more.v);
  }
  return more;
}

template <class Point>
FITS_HOST_DEVICE void advance(const SipForward&, Point& point) {
  const auto more = sip_shift(point);
  point.set(0, point.get(0) + more.u);
  point.set(1, point.get(1) + more.v);
}
template <class Point>
FITS_HOST_DEVICE void undo(const SipForward&, Point& point) {
  const auto more = undo_sip_shift(point);
  point.set_adjoint(0, point.adjoint(0) + more.u);
  point.set_adjoint(1, point.adjoint(1) + more.v);
}

// Lookup tables, whose elements are not free, and SIP with those of CPDIS.
template <class Point>
FITS_HOST_DEVICE void advance(const LookupForward& stage, Point& point) {
  using Real = typename Point::Real;
  const auto [f, g] = stage.shift.tables.template at<false>(point.get(0), point.get(1));
  Planar<Real> more = {Real(0.0), Real(0.0)};
  if (stage.shift.sip != nullptr) more = sip_shift(point);
  point.set(0, point.get(0) + more.u + f.value);
  point.set(1, point.get(1) + more.v + g.value);
}
template <class Point>
FITS_HOST_DEVICE void undo(const LookupForward& stage, Point& point) {
  using Real = typename Point::Real;
  const auto [f, g] = stage.shift.tables.template at<true>(point.get(0), point.get(1));
  Planar<Real> more = {Real(0.0), Real(0.0)};
  if (stage.shift.sip != nullptr) more = undo_sip_shift(point);
  const Real a = point.adjoint(0), b = point.adjoint(1);
  point.set_adjoint(0, a + fma(a, f.du, fma(b, g.du, more.u)));
  point.set_adjoint(1, b + fma(a, f.dv, fma(b, g.dv, more.v)));
}

// A template polynomial (layout.h, distortion::record) with slots that are `Slot`: its variables after the map, value
// and derivatives in these.
template <class Real>
struct TemplateJet {
  Real x, y, r;
  Jet<Real> sum;
};
template <class Real, class Slot>
FITS_HOST_DEVICE TemplateJet<Real> template_polynomial(const double* record, const Slot* slots, Real p, Real q) {
  namespace at = distortion::record;
  TemplateJet<Real> jet;
  TemplatePolynomial{record}.map(p, q, jet.x, jet.y);
  jet.sum = TriangleOf{slots + at::kTerms, static_cast<int>(record[at::kDegree])}.with_derivatives(jet.x, jet.y);
  const Real s = fma(jet.x, jet.x, jet.y * jet.y);
  jet.r = sqrt(s);
  Real g = Real(0.0), slope = Real(0.0);  // g(r^2) r is the sum of the odd powers
  for (int k = static_cast<int>(record[at::kRadial]) - 1; k >= 0; --k) {
    slope = fma(slope, s, g);
    g = fma(g, s, Real(slots[at::kOdd + k]));
  }
  const Real rate = select(jet.r > Real(0.0), fma(jet.r + jet.r, slope, g / jet.r), Real(0.0));
  jet.sum.value = fma(g, jet.r, jet.sum.value);
  jet.sum.du = fma(rate, jet.x, jet.sum.du);
  jet.sum.dv = fma(rate, jet.y, jet.sum.dv);
  return jet;
}

// The gradient in a general polynomial to that in coordinates, added to `sum`, and in its coefficients. `first` is the
// slot that the table begins with.
template <class Point, class Real>
FITS_HOST_DEVICE void undo_general(Point& point, const double* table, int first, const Real* z, Real a, Real* sum) {
  using distortion::TableLayout;
  const int n = point.wcs().naxis;
  const MaskOf<Real> used = a != Real(0.0);  // else it need not be a number
  const auto* const slots = point.slots() + first;
  const auto coefficient = [slots](int i) { return Dual<Real>(Real(slots[i])); };
  for (int column = 0; column < n; column += 2) {
    Dual<Real> seeded[kMaxAxes];
    for (int i = 0; i < n; ++i) {
      seeded[i] = {z[i], Real(i == column ? 1.0 : 0.0), Real(i == column + 1 ? 1.0 : 0.0)};
    }
    const auto value = general_polynomial(table, seeded, coefficient);
    sum[column] = sum[column] + select(used, a * value.d0, Real(0.0));
    if (column + 1 < n) sum[column + 1] = sum[column + 1] + select(used, a * value.d1, Real(0.0));
  }
  if (!point.wants_slots()) return;
  Real variables[kMaxVariables];
  general_variables(table, z, variables);
  const TableLayout layout{static_cast<int>(table[TableLayout::kVariables]),
                           static_cast<int>(table[TableLayout::kAuxiliaries])};
  const Real of_sum = a * Real(table[TableLayout::kGain]);
  for (int m = 0; m < static_cast<int>(table[TableLayout::kTerms]); ++m) {
    const int at = layout.term(m);
    const Real product = general_term(table + at, layout.variables + layout.auxiliaries, variables, of_sum);
    point.add(first + at, select(used, product, Real(0.0)));
  }
}

// Polynomials before or after the matrix: coefficients are free.
template <class Point>
FITS_HOST_DEVICE void advance(const PolynomialForward& stage, Point& point) {
  using Real = typename Point::Real;
  const double* const block = stage.wcs.block(stage.head_slot);
  const auto* const slots = point.slots() + static_cast<int>(stage.wcs.slots[stage.head_slot]);
  const PolynomialGroup all{block, 0};
  Real z[kMaxAxes];
  for (int i = 0; i < stage.wcs.naxis; ++i) z[i] = point.get(i);
  for (int k = 0; k < distorted_axes(block); ++k) {
    const double* const record = all.at(k);
    if (const int table = static_cast<int>(record[distortion::record::kTable]); table != 0) {
      const auto coefficient = [slots, table](int i) { return Real(slots[table + i]); };
      point.set(all.axis(k),
                Real(all.corrects(k)) * z[all.axis(k)] + general_polynomial(block + table, z, coefficient));
      continue;
    }
    const double* const variables = record + distortion::record::kVariables;
    const auto jet = template_polynomial(record, slots + (record - block), z[static_cast<int>(variables[0])],
                                         z[static_cast<int>(variables[1])]);
    point.set(all.axis(k), fma(Real(all.corrects(k)), z[all.axis(k)], jet.sum.value));
  }
}
template <class Point>
FITS_HOST_DEVICE void undo(const PolynomialForward& stage, Point& point) {
  using Real = typename Point::Real;
  namespace at = distortion::record;
  const double* const block = stage.wcs.block(stage.head_slot);
  const int start = static_cast<int>(stage.wcs.slots[stage.head_slot]), n = stage.wcs.naxis;
  const PolynomialGroup all{block, 0};
  Real z[kMaxAxes], sum[kMaxAxes];
  for (int i = 0; i < n; ++i) {
    z[i] = point.get(i);
    sum[i] = point.adjoint(i);
  }
  for (int k = 0; k < distorted_axes(block); ++k) {  // what comes out of these axes goes in by these alone
    sum[all.axis(k)] = Real(all.corrects(k)) * point.adjoint(all.axis(k));
  }
  for (int k = 0; k < distorted_axes(block); ++k) {
    const double* const record = all.at(k);
    const Real a = point.adjoint(all.axis(k));
    if (const int table = static_cast<int>(record[at::kTable]); table != 0) {
      undo_general(point, block + table, start + table, z, a, sum);
      continue;
    }
    const int first = start + static_cast<int>(record - block);
    const int p = static_cast<int>(record[at::kVariables]), q = static_cast<int>(record[at::kVariables + 1]);
    const auto jet = template_polynomial(record, point.slots() + first, z[p], z[q]);
    const double* const map = record + at::kMap;
    sum[p] = fma(a, fma(Real(map[1]), jet.sum.du, Real(map[4]) * jet.sum.dv), sum[p]);
    sum[q] = fma(a, fma(Real(map[2]), jet.sum.du, Real(map[5]) * jet.sum.dv), sum[q]);
    if (!point.wants_slots()) continue;
    add_terms(point, first + at::kTerms, static_cast<int>(record[at::kDegree]), a, jet.x, jet.y);
    Real power = a * jet.r;
    for (int i = 0; i < static_cast<int>(record[at::kRadial]); ++i) {
      point.add(first + at::kOdd + i, power);
      power = power * (jet.r * jet.r);
    }
  }
  for (int i = 0; i < n; ++i) point.set_adjoint(i, sum[i]);
}

}  // namespace fits::wcs
