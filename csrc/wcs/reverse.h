// The chain of stages (chain.h) backwards: from the gradient of a sum in world coordinates to its gradient in pixel
// coordinates and in the slots of the WCS.
//
// undo(stage, point) takes the gradient in what the stage returned to that in what it got, and adds to the sums of the
// slots that it read. Each stage with free slots has an undo() here, written for any Real; of other stages the
// derivatives are found by dual numbers, and their slots have none. Numbers of slots are `Slot`: double, or dual
// numbers where derivatives of derivatives are wanted. A Point has, beside what chain.h says,
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

#include "wcs/chain.h"
#include "wcs/dual.h"
#include "wcs/seeds.h"
#include "wcs/triangle.h"

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
FITS_HOST_DEVICE void undo(const Stage& stage, Point& point) {
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

// World coordinate = intermediate one + CRVAL.
template <class Point>
FITS_HOST_DEVICE void advance(const AddReference& stage, Point& point) {
  using Real = typename Point::Real;
  const LinearLayout at{stage.wcs.naxis};
  const auto* const linear = point.slots() + static_cast<int>(stage.wcs.slots[head::kLinear]);
  for (int i = 0; i < stage.wcs.naxis; ++i) {
    if (stage.wcs.linear()[at.kind() + i] == static_cast<double>(AxisKind::linear)) {
      point.set(i, point.get(i) + Real(linear[at.crval() + i]));
    }
  }
}
template <class Point>
FITS_HOST_DEVICE void undo(const AddReference& stage, Point& point) {
  if (!point.wants_slots()) return;
  const LinearLayout at{stage.wcs.naxis};
  const int block = static_cast<int>(stage.wcs.slots[head::kLinear]);
  for (int i = 0; i < stage.wcs.naxis; ++i) {
    if (stage.wcs.linear()[at.kind() + i] == static_cast<double>(AxisKind::linear)) {
      point.add(block + at.crval() + i, point.adjoint(i));
    }
  }
}

// Intermediate world coordinates = matrix (pixel - CRPIX).
template <class Point>
FITS_HOST_DEVICE void advance(const PixelToIntermediate& stage, Point& point) {
  using Real = typename Point::Real;
  const int n = stage.wcs.naxis;
  const LinearLayout at{n};
  const auto* const linear = point.slots() + static_cast<int>(stage.wcs.slots[head::kLinear]);
  const double* const plain = stage.wcs.linear() + at.matrix();
  Real offset[kMaxAxes];
  for (int j = 0; j < n; ++j) offset[j] = point.get(j) - Real(linear[at.crpix() + j] - 1.0);
  for (int i = 0; i < n; ++i) {
    Real sum = Real(0.0);
    for (int j = 0; j < n; ++j) {
      if (plain[i * n + j] != 0 || kIsDual<Real>) sum = fma(Real(linear[at.matrix() + i * n + j]), offset[j], sum);
    }
    point.set(i, sum);
  }
}
template <class Point>
FITS_HOST_DEVICE void undo(const PixelToIntermediate& stage, Point& point) {
  using Real = typename Point::Real;
  const int n = stage.wcs.naxis;
  const LinearLayout at{n};
  const int block = static_cast<int>(stage.wcs.slots[head::kLinear]);
  const auto* const linear = point.slots() + block;
  const double* const plain = stage.wcs.linear() + at.matrix();
  Real a[kMaxAxes];
  for (int i = 0; i < n; ++i) a[i] = point.adjoint(i);
  for (int j = 0; j < n; ++j) {
    Real sum = Real(0.0);
    for (int i = 0; i < n; ++i) {
      // Zeros are skipped, as in multiply(), unless they vary.
      if (plain[i * n + j] != 0 || kIsDual<Real>) sum = fma(Real(linear[at.matrix() + i * n + j]), a[i], sum);
    }
    if (point.wants_slots()) {
      const Real offset = point.get(j) - Real(linear[at.crpix() + j] - 1.0);
      for (int i = 0; i < n; ++i) point.add(block + at.matrix() + i * n + j, a[i] * offset);
      point.add(block + at.crpix() + j, -sum);
    }
    point.set_adjoint(j, sum);
  }
}

// A nonlinear spectral axis is a function of X = reference + scale w. The stage has its own numbers for both: it is
// given the w' that makes the same X of them.
template <class Point>
FITS_HOST_DEVICE auto spectral_argument(const SpectralAxis& axis, const Point& point) {
  using Real = typename Point::Real;
  const auto* const block = point.slots() + static_cast<int>(point.wcs().slots[head::kSpectral]);
  const Real more = Real(block[spectral::kReference] - axis.at(spectral::kReference));
  return fma(point.get(axis.axis), Real(block[spectral::kScale]), more) / Real(axis.at(spectral::kScale));
}
template <class Point>
FITS_HOST_DEVICE void advance(const IntermediateToSpectral& stage, Point& point) {
  if constexpr (kIsDual<typename Point::Real>) {
    point.set(stage.spectrum.axis, spectral_argument(stage.spectrum, point));
  }
  stage(point);
}
template <class Point>
FITS_HOST_DEVICE void undo(const IntermediateToSpectral& stage, Point& point) {
  using Real = typename Point::Real;
  const SpectralAxis& axis = stage.spectrum;
  Dual<Real> at[kMaxAxes];
  at[axis.axis] = {spectral_argument(axis, point), Real(1.0), Real(0.0)};
  DualPoint<Dual<Real>> dual{at};
  stage(dual);
  const Dual<Real> world = at[axis.axis];
  const Real a = point.adjoint(axis.axis), w = point.get(axis.axis);
  const MaskOf<Real> used = a != Real(0.0);
  const Real slope = select(world.value == world.value, world.d0, not_a_number<Real>());
  const Real of_x = select(used, a * slope, Real(0.0)) / Real(axis.at(spectral::kScale));
  const int block = static_cast<int>(point.wcs().slots[head::kSpectral]);
  if (point.wants_slots() && has_free_spectral(point.wcs())) {
    point.add(block + spectral::kReference, of_x);
    point.add(block + spectral::kScale, select(used, of_x * w, Real(0.0)));
  }
  point.set_adjoint(axis.axis, of_x * Real(point.slots()[block + spectral::kScale]));
}

// S = CRVAL exp(w / CRVAL).
template <class Point>
FITS_HOST_DEVICE void advance(const IntermediateToLogarithmic& stage, Point& point) {
  using Real = typename Point::Real;
  const int crval = static_cast<int>(stage.wcs.slots[head::kLinear]) + LinearLayout{stage.wcs.naxis}.crval();
  for (int i = 0; i < stage.wcs.naxis; ++i) {
    if (!stage.wcs.is(i, AxisKind::logarithmic)) continue;
    const Real reference = Real(point.slots()[crval + i]);
    point.set(i, reference * exp(point.get(i) / reference));
  }
}
template <class Point>
FITS_HOST_DEVICE void undo(const IntermediateToLogarithmic& stage, Point& point) {
  using Real = typename Point::Real;
  const int crval = static_cast<int>(stage.wcs.slots[head::kLinear]) + LinearLayout{stage.wcs.naxis}.crval();
  for (int i = 0; i < stage.wcs.naxis; ++i) {
    if (!stage.wcs.is(i, AxisKind::logarithmic)) continue;
    const Real a = point.adjoint(i), ratio = point.get(i) / Real(point.slots()[crval + i]);
    const Real growth = select(a != Real(0.0), a * exp(ratio), Real(0.0));
    if (point.wants_slots()) {
      point.add(crval + i, select(a != Real(0.0), growth * (Real(1.0) - ratio), Real(0.0)));
    }
    point.set_adjoint(i, growth);
  }
}

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

// Polynomials before or after the matrix: the coefficients of template polynomials are free, those of general ones not.
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
    if (record[distortion::record::kTable] != 0) {
      point.set(all.axis(k), all.distorted(k, z));
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
    if (record[at::kTable] != 0) {
      for (int column = 0; column < n; column += 2) {
        Dual<Real> seeded[kMaxAxes];
        for (int i = 0; i < n; ++i) {
          seeded[i] = {z[i], Real(i == column ? 1.0 : 0.0), Real(i == column + 1 ? 1.0 : 0.0)};
        }
        const auto value = all.distorted(k, seeded) - Dual<Real>(all.corrects(k)) * seeded[all.axis(k)];
        sum[column] = fma(a, value.d0, sum[column]);
        if (column + 1 < n) sum[column + 1] = fma(a, value.d1, sum[column + 1]);
      }
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

template <class Real>
FITS_HOST_DEVICE Direction<Real> direction(Direction<Real> v) {
  return v;
}

// The rows of the rotation times a direction.
template <class Slot, class Real>
FITS_HOST_DEVICE Direction<Real> rotated(const Slot* r, Direction<Real> v) {
  const auto row = [&](int i) {
    return fma(v.l, Real(r[3 * i]), fma(v.m, Real(r[3 * i + 1]), v.n * Real(r[3 * i + 2])));
  };
  return {row(0), row(1), row(2)};
}

// Of the direction w, longitude and latitude: (-w1, w0, 0) / h^2 and (-w2 w0 / h, -w2 w1 / h, h) / |w|^2 with h^2 =
// w0^2 + w1^2. At the poles those of longitude are 0 (dual.h). Returns a_lng dlng/dw + a_lat dlat/dw.
template <class Real>
FITS_HOST_DEVICE Direction<Real> undo_spherical(Direction<Real> w, Real a_lng, Real a_lat) {
  const Real h2 = fma(w.l, w.l, w.m * w.m), h = sqrt(h2);
  const MaskOf<Real> off_pole = h2 > Real(0.0);
  const Real safe = select(off_pole, h2, Real(1.0));
  const Real lng = select(off_pole, a_lng * Real(kRadian) / safe, Real(0.0));
  const Real lat = a_lat * Real(kRadian) / fma(w.n, w.n, h2);
  const Real across = select(off_pole, lat * w.n * h / safe, Real(0.0));
  return {-fma(lng, w.m, across * w.l), fma(lng, w.l, -(across * w.m)), lat * h};
}

template <class Projection, class Point>
FITS_HOST_DEVICE void undo(const IntermediateToCelestial<Projection>& stage, Point& point) {
  using Real = typename Point::Real;
  const Packed& wcs = stage.wcs;
  const int at = static_cast<int>(wcs.slots[head::kCelestial]);
  const auto* const block = point.slots() + at;
  const Real x = point.get(wcs.lng) + Real(block[celestial::kX0]), y = point.get(wcs.lat) + Real(block[celestial::kY0]);
  const Real given_lng = point.adjoint(wcs.lng), given_lat = point.adjoint(wcs.lat);
  Direction<Real> c = {Real(0.0), Real(0.0), Real(0.0)};  // the gradient in the native direction
  MaskOf<Real> silent = !always<Real>();                  // neither a solution nor a gradient
  const auto along = [&](Real l, Real m, Real n) {
    return select(silent, Real(0.0), fma(c.l, l, fma(c.m, m, c.n * n)));
  };
  int sets = 0;
  if constexpr (Parametrised<Projection>) sets = point.wants_slots() ? point.seeds().pairs() : 0;
  for (int set = 0; set <= sets; ++set) {
    const Real one = Real(set == 0 ? 1.0 : 0.0), zero = Real(0.0);
    Dual<Real> dual_x = {x, one, zero}, dual_y = {y, zero, one};
    const auto native = [&] {
      if constexpr (Parametrised<Projection>) {
        const auto* const seeded = point.seeds().blocks[set];
        if (set != 0) {  // where (0, 0) lies may depend on PVi_m
          dual_x = Dual<Real>(point.get(wcs.lng), zero, zero) + Dual<Real>(seeded[celestial::kX0]);
          dual_y = Dual<Real>(point.get(wcs.lat), zero, zero) + Dual<Real>(seeded[celestial::kY0]);
        }
        return Projection::x2s(ConstantsOf<std::decay_t<decltype(*seeded)>>{seeded}, dual_x, dual_y);
      } else {
        return Projection::x2s(Constants{wcs.celestial()}, dual_x, dual_y);
      }
    }();
    const Direction<Dual<Real>> v = direction(native.at);
    if (set == 0) {
      const Direction<Real> plain = {v.l.value, v.m.value, v.n.value};
      const Direction<Real> w = rotated(block + celestial::kRotation, plain);
      const Real size = fma(w.l, w.l, fma(w.m, w.m, w.n * w.n));
      const MaskOf<Real> good = native.valid & (size > zero) & (size < Real(__builtin_inf()));
      point.put_world(wcs.lng, wcs.lat, w, block[celestial::kEuler], good);
      const MaskOf<Real> used = (given_lng != zero) | (given_lat != zero);
      silent = (!good) & (!used);
      const Real bad = select(used, not_a_number<Real>(), zero);
      const Real a_lng = select(good, given_lng, bad), a_lat = select(good, given_lat, bad);
      const Direction<Real> safe = {select(good, w.l, zero), select(good, w.m, zero), select(good, w.n, Real(1.0))};
      const Direction<Real> b = undo_spherical(safe, a_lng, a_lat);
      if (point.wants_slots()) {
        const Real in[3] = {select(good, plain.l, zero), select(good, plain.m, zero), select(good, plain.n, zero)};
        const Real out[3] = {b.l, b.m, b.n};
        for (int i = 0; i < 9; ++i) point.add(at + celestial::kRotation + i, out[i / 3] * in[i % 3]);
        point.add(at + celestial::kEuler, a_lng);
      }
      const auto* const r = block + celestial::kRotation;
      const auto column = [&](int i) { return fma(b.l, Real(r[i]), fma(b.m, Real(r[3 + i]), b.n * Real(r[6 + i]))); };
      c = {column(0), column(1), column(2)};
      point.set_adjoint(wcs.lng, along(v.l.d0, v.m.d0, v.n.d0));
      point.set_adjoint(wcs.lat, along(v.l.d1, v.m.d1, v.n.d1));
    } else if constexpr (Parametrised<Projection>) {
      const int slot = at + celestial::kPv + point.seeds().slot(set);
      point.add(slot, along(v.l.d0, v.m.d0, v.n.d0));
      if (2 * set <= point.seeds().pv.count) point.add(slot + 1, along(v.l.d1, v.m.d1, v.n.d1));
    }
  }
}

}  // namespace fits::wcs
