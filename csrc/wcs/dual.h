// Dual numbers: a value with its derivatives in two variables. A formula evaluated with Dual<Real> for Real gives its
// exact first derivatives beside its value, so no formula is differentiated by hand.
//
// Where a function has no derivative the ones that are finite are kept: sqrt at 0 and the angle at the origin have
// derivative 0 (the longitude at a pole: no direction is favoured). Iterations should find the value with PlainOf<Real>
// and value_of(), then make one more Newton step in Real: that step carries the derivatives.
#pragma once

#include <type_traits>

#include "wcs/angle.h"
#include "wcs/exponential.h"

namespace fits::wcs {

template <class Real>
struct Dual {
  Real value, d0, d1;

  Dual() = default;
  FITS_HOST_DEVICE Dual(Real v, Real first, Real second) : value(v), d0(first), d1(second) {}
  FITS_HOST_DEVICE Dual(double v) : value(v), d0(0.0), d1(0.0) {}  // NOLINT: a number is a constant
  FITS_HOST_DEVICE explicit Dual(Real v)
    requires(!std::is_same_v<Real, double>)
      : value(v), d0(0.0), d1(0.0) {}
  // One number with its derivatives for all lanes.
  template <class Other>
    requires(!std::is_same_v<Other, Real> && !std::is_same_v<Dual<Other>, Real>)
  FITS_HOST_DEVICE explicit Dual(Dual<Other> other) : value(other.value), d0(other.d0), d1(other.d1) {}
  // An integer slot of a packed WCS.
  FITS_HOST_DEVICE explicit operator int() const { return static_cast<int>(value); }

  // Friends, so that a number on either side is taken for a constant.
  FITS_HOST_DEVICE friend Dual operator+(Dual a, Dual b) { return {a.value + b.value, a.d0 + b.d0, a.d1 + b.d1}; }
  FITS_HOST_DEVICE friend Dual operator-(Dual a, Dual b) { return {a.value - b.value, a.d0 - b.d0, a.d1 - b.d1}; }
  FITS_HOST_DEVICE friend Dual operator-(Dual a) { return {-a.value, -a.d0, -a.d1}; }
  FITS_HOST_DEVICE friend Dual operator*(Dual a, Dual b) {
    return {a.value * b.value, fma(a.value, b.d0, a.d0 * b.value), fma(a.value, b.d1, a.d1 * b.value)};
  }
  FITS_HOST_DEVICE friend Dual operator/(Dual a, Dual b) {
    const Real q = a.value / b.value;
    return {q, (a.d0 - q * b.d0) / b.value, (a.d1 - q * b.d1) / b.value};
  }
  FITS_HOST_DEVICE friend MaskOf<Real> operator<(Dual a, Dual b) { return a.value < b.value; }
  FITS_HOST_DEVICE friend MaskOf<Real> operator<=(Dual a, Dual b) { return a.value <= b.value; }
  FITS_HOST_DEVICE friend MaskOf<Real> operator>(Dual a, Dual b) { return a.value > b.value; }
  FITS_HOST_DEVICE friend MaskOf<Real> operator>=(Dual a, Dual b) { return a.value >= b.value; }
  FITS_HOST_DEVICE friend MaskOf<Real> operator==(Dual a, Dual b) { return a.value == b.value; }
  FITS_HOST_DEVICE friend MaskOf<Real> operator!=(Dual a, Dual b) { return a.value != b.value; }
};

template <class Real>
inline constexpr bool kIsDual = false;
template <class Real>
inline constexpr bool kIsDual<Dual<Real>> = true;

// The float32 of a dual number: its value is rounded, its derivatives are not.
template <class Real>
struct DualSingle {
  SingleOf<Real> value;
  Real d0, d1;

  DualSingle() = default;
  FITS_HOST_DEVICE DualSingle(SingleOf<Real> v, Real first, Real second) : value(v), d0(first), d1(second) {}
  FITS_HOST_DEVICE DualSingle(float v) : value(v), d0(0.0), d1(0.0) {}  // NOLINT: a number is a constant
};

template <class Real>
struct LaneTraits<Dual<Real>> {
  using Mask = MaskOf<Real>;
  using Single = DualSingle<Real>;
  static constexpr int kCount = kLanes<Real>;
  FITS_HOST_DEVICE static Mask always() { return LaneTraits<Real>::always(); }
};

// Without derivatives.
template <class Real>
FITS_HOST_DEVICE Real value_of(Real a) {
  return a;
}
template <class Real>
FITS_HOST_DEVICE Real value_of(Dual<Real> a) {
  return a.value;
}
template <class Real>
using PlainOf = decltype(value_of(Real(0.0)));

// The number (or the lanes of numbers) of a dual number, of a dual number of dual numbers and so on.
template <class Real>
FITS_HOST_DEVICE Real innermost(Real a) {
  return a;
}
template <class Real>
FITS_HOST_DEVICE auto innermost(Dual<Real> a) {
  return innermost(a.value);
}

template <class Real>
FITS_HOST_DEVICE DualSingle<Real> narrow(Dual<Real> a) {
  return {narrow(a.value), a.d0, a.d1};
}
template <class Real>
FITS_HOST_DEVICE Dual<Real> widen(DualSingle<Real> a) {
  return {widen(a.value), a.d0, a.d1};
}
template <class Real>
FITS_HOST_DEVICE DualSingle<Real> operator+(DualSingle<Real> a, DualSingle<Real> b) {
  return {a.value + b.value, a.d0 + b.d0, a.d1 + b.d1};
}
template <class Real>
FITS_HOST_DEVICE DualSingle<Real> operator-(DualSingle<Real> a, DualSingle<Real> b) {
  return {a.value - b.value, a.d0 - b.d0, a.d1 - b.d1};
}
template <class Real>
FITS_HOST_DEVICE DualSingle<Real> operator*(DualSingle<Real> a, DualSingle<Real> b) {
  const Real x = widen(a.value), y = widen(b.value);
  return {a.value * b.value, fma(a.d0, y, x * b.d0), fma(a.d1, y, x * b.d1)};
}

// A function of one variable: its value, and its derivative times those of the argument.
template <class Real>
FITS_HOST_DEVICE Dual<Real> chained(Real value, Real derivative, Dual<Real> a) {
  return {value, derivative * a.d0, derivative * a.d1};
}

template <class Real>
FITS_HOST_DEVICE Dual<Real> fma(Dual<Real> a, Dual<Real> b, Dual<Real> c) {
  return {fma(a.value, b.value, c.value), fma(a.value, b.d0, fma(a.d0, b.value, c.d0)),
          fma(a.value, b.d1, fma(a.d1, b.value, c.d1))};
}

template <class Real>
FITS_HOST_DEVICE Dual<Real> select(MaskOf<Real> mask, Dual<Real> a, Dual<Real> b) {
  return {select(mask, a.value, b.value), select(mask, a.d0, b.d0), select(mask, a.d1, b.d1)};
}
template <class Real>
FITS_HOST_DEVICE Dual<Real> only(MaskOf<Real> mask, Dual<Real> a) {
  return {only(mask, a.value), only(mask, a.d0), only(mask, a.d1)};
}
template <class Real>
FITS_HOST_DEVICE Dual<Real> nan_where(MaskOf<Real> mask, Dual<Real> a) {
  return {nan_where(mask, a.value), unless(mask, a.d0), unless(mask, a.d1)};
}
template <class Real>
FITS_HOST_DEVICE Dual<Real> unless(MaskOf<Real> mask, Dual<Real> a) {
  return {unless(mask, a.value), unless(mask, a.d0), unless(mask, a.d1)};
}
template <class Real>
FITS_HOST_DEVICE MaskOf<Real> are_numbers(Dual<Real> a, Dual<Real> b) {
  return are_numbers(a.value, b.value);
}
template <class Real>
FITS_HOST_DEVICE Dual<Real> min(Dual<Real> a, Dual<Real> b) {
  return select<Real>(a.value < b.value, a, b);
}
template <class Real>
FITS_HOST_DEVICE Dual<Real> max(Dual<Real> a, Dual<Real> b) {
  return select<Real>(a.value > b.value, a, b);
}
template <class Real>
FITS_HOST_DEVICE Dual<Real> abs(Dual<Real> a) {
  return chained(abs(a.value), copysign(Real(1.0), a.value), a);
}
template <class Real>
FITS_HOST_DEVICE Dual<Real> copysign(Dual<Real> a, Dual<Real> b) {
  return chained(copysign(a.value, b.value), copysign(Real(1.0), a.value) * copysign(Real(1.0), b.value), a);
}
template <class Real>
FITS_HOST_DEVICE Dual<Real> with_sign_of(Dual<Real> a, Dual<Real> b) {
  return chained(with_sign_of(a.value, b.value), copysign(Real(1.0), b.value), a);
}
// A table's elements are constants.
template <class Real>
FITS_HOST_DEVICE Dual<Real> gather(const double* table, Dual<Real> index) {
  return {gather(table, index.value), Real(0.0), Real(0.0)};
}
template <class Real>
FITS_HOST_DEVICE Dual<Real> floor(Dual<Real> a) {
  return {floor(a.value), Real(0.0), Real(0.0)};
}
template <class Real>
FITS_HOST_DEVICE Dual<Real> round(Dual<Real> a) {
  return {round(a.value), Real(0.0), Real(0.0)};
}
template <class Real>
FITS_HOST_DEVICE Dual<Real> sqrt(Dual<Real> a) {
  const Real root = sqrt(a.value);
  return chained(root, select(root > Real(0.0), Real(0.5) / root, Real(0.0)), a);
}

template <class Real>
FITS_HOST_DEVICE SineCosine<Dual<Real>> sincosd(Dual<Real> a) {
  const auto s = sincosd(a.value);
  return {chained(s.sine, s.cosine * Real(kDegree), a), chained(s.cosine, -(s.sine * Real(kDegree)), a)};
}

template <class Real>
FITS_HOST_DEVICE SineCosine<Pair<Dual<Real>>> sincosd(Pair<Dual<Real>> angles) {
  const auto a = sincosd(angles.a), b = sincosd(angles.b);
  return {{a.sine, b.sine}, {a.cosine, b.cosine}};
}

// The derivatives of the angle of (x, y): (x dy - y dx) / (x^2 + y^2), in degrees.
template <class Real>
FITS_HOST_DEVICE Dual<Real> angle_of(Real angle, Dual<Real> y, Dual<Real> x) {
  const Real r2 = fma(x.value, x.value, y.value * y.value);
  const Real factor = select(r2 > Real(0.0), Real(kRadian) / r2, Real(0.0));
  return {angle, factor * fma(x.value, y.d0, -(y.value * x.d0)), factor * fma(x.value, y.d1, -(y.value * x.d1))};
}
template <class Real>
FITS_HOST_DEVICE Dual<Real> atan2d(Dual<Real> y, Dual<Real> x) {
  return angle_of(atan2d(y.value, x.value), y, x);
}
template <class Real>
FITS_HOST_DEVICE Dual<Real> elevation(Dual<Real> y, Dual<Real> x) {
  return angle_of(elevation(y.value, x.value), y, x);
}
template <class Real>
FITS_HOST_DEVICE Pair<Dual<Real>> two_angles(Dual<Real> y, Dual<Real> x, Dual<Real> n, Dual<Real> r) {
  const auto angles = two_angles(y.value, x.value, n.value, r.value);
  return {angle_of(angles.a, y, x), angle_of(angles.b, n, r)};
}

template <class Real>
FITS_HOST_DEVICE Dual<Real> exp(Dual<Real> a) {
  const Real value = exp(a.value);
  return chained(value, value, a);
}
template <class Real>
FITS_HOST_DEVICE Dual<Real> expm1(Dual<Real> a) {
  const Real value = expm1(a.value);
  return chained(value, value + Real(1.0), a);
}
template <class Real>
FITS_HOST_DEVICE Dual<Real> log(Dual<Real> a) {
  return chained(log(a.value), Real(1.0) / a.value, a);
}
template <class Real>
FITS_HOST_DEVICE Dual<Real> log1p(Dual<Real> a) {
  return chained(log1p(a.value), Real(1.0) / (Real(1.0) + a.value), a);
}

}  // namespace fits::wcs
