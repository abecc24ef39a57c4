// All stages of the chain backwards (reverse_stage.h says how).
#pragma once

#include "wcs/chain.h"
#include "wcs/reverse_distortion.h"
#include "wcs/reverse_stage.h"
#include "wcs/seeds.h"

namespace fits::wcs {

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

// A nonlinear spectral axis is a function of X, which is reference + scale w, or of a grism follows from that number g:
// X = ((g cos(tilt) + sin(tilt)) / sqrt(g^2 + 1) + incidence) dispersion.
template <class Real>
struct SpectralX {
  Real g, root, x;
};
template <class Point>
FITS_HOST_DEVICE auto spectral_x(const SpectralAxis& axis, const Point& point) {
  using Real = typename Point::Real;
  using namespace spectral;
  const auto* const block = point.slots() + static_cast<int>(point.wcs().slots[head::kSpectral]);
  const auto slot = [block](int i) { return Real(block[i]); };
  SpectralX<Real> to;
  to.g = to.x = fma(point.get(axis.axis), slot(kScale), slot(kReference));
  to.root = sqrt(fma(to.g, to.g, Real(1.0)));
  if (!axis.is_grism()) return to;
  const Real sine = fma(to.g, slot(kTiltCosine), slot(kTiltSine)) / to.root;
  to.x = (sine + slot(kIncidence)) * Real(axis.at(kDispersion));
  return to;
}
template <class Point>
FITS_HOST_DEVICE void advance(const IntermediateToSpectral& stage, Point& point) {
  stage.put_world(point, spectral_x(stage.spectrum, point).x);
}
template <class Point>
FITS_HOST_DEVICE void undo(const IntermediateToSpectral& stage, Point& point) {
  using Real = typename Point::Real;
  using namespace spectral;
  const SpectralAxis& axis = stage.spectrum;
  const int block = static_cast<int>(point.wcs().slots[head::kSpectral]);
  const auto slot = [&](int i) { return Real(point.slots()[block + i]); };
  const auto [g, root, x] = spectral_x(axis, point);
  Dual<Real> at[kMaxAxes];
  DualPoint<Dual<Real>> dual{at};
  stage.put_world(dual, Dual<Real>(x, Real(1.0), Real(0.0)));
  const Dual<Real> world = at[axis.axis];
  const Real a = point.adjoint(axis.axis), w = point.get(axis.axis);
  const MaskOf<Real> used = a != Real(0.0);
  const auto if_used = [&](Real sum) { return select(used, sum, Real(0.0)); };
  Real of_g = a * select(world.value == world.value, world.d0, not_a_number<Real>());
  if (axis.is_grism()) {
    const Real of_sine = of_g * Real(axis.at(kDispersion));
    if (point.wants_slots()) {
      point.add(block + kTiltCosine, if_used(of_sine * g / root));
      point.add(block + kTiltSine, if_used(of_sine / root));
      point.add(block + kIncidence, if_used(of_sine));
    }
    of_g = of_sine * fma(-g, slot(kTiltSine), slot(kTiltCosine)) / (root * root * root);
  }
  if (point.wants_slots()) {
    point.add(block + kReference, if_used(of_g));
    point.add(block + kScale, if_used(of_g * w));
  }
  point.set_adjoint(axis.axis, if_used(of_g * slot(kScale)));
}

// Tables have their CRVAL in numbers of their own (update.h): where it is a dual number, the derivatives come with the
// intermediate coordinate. Their coordinates and index vectors are not free.
template <class Point>
FITS_HOST_DEVICE void add_index_derivatives(const TabForward& stage, Point& point) {
  if constexpr (kIsDual<typename Point::Real>) {
    const auto* const slots = point.slots() + static_cast<int>(point.wcs().slots[head::kLinear]);
    const auto* const crval = slots + LinearLayout{point.wcs().naxis}.crval();
    for (int m = 0; m < stage.table.axes; ++m) {
      const int axis = stage.table.map[m];
      point.set(axis, point.get(axis) + (crval[axis] - stage.table.crval[m]));
    }
  }
}
template <class Point>
FITS_HOST_DEVICE void advance(const TabForward& stage, Point& point) {
  add_index_derivatives(stage, point);
  stage(point);
}
template <class Point>
FITS_HOST_DEVICE void undo(const TabForward& stage, Point& point) {
  add_index_derivatives(stage, point);
  undo_by_duals(stage, point);
  if (!point.wants_slots()) return;
  const int crval = static_cast<int>(point.wcs().slots[head::kLinear]) + LinearLayout{point.wcs().naxis}.crval();
  for (int m = 0; m < stage.table.axes; ++m) {
    const int axis = stage.table.map[m];
    point.add(crval + axis, point.adjoint(axis));
  }
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
