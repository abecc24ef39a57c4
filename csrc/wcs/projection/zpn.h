// ZPN: zenithal polynomial. Paper II, section 5.1.7, equation 69: R_theta = r0 sum P_m zeta^m with zeta = 90 degrees -
// theta in radians; PVi_m = P_m. Only up to zeta = w0, where the polynomial first stops rising, w1 its value there.
#pragma once

#include "wcs/dual.h"
#include "wcs/projection.h"
#include "wcs/projection/solve.h"

namespace fits::wcs {

struct Zpn {
  static constexpr int kNumber = projection_number("ZPN");
  static constexpr int kFirst = 0;
  static constexpr double kPi = 0x1.921fb54442d18p+1;
  FITS_HOST_DEVICE static int parameters(Constants c) { return c.n() + 1; }

  template <class Number>
  FITS_HOST_DEVICE static void complete(Parameters<Number> p) {
    // The edge of the map, which has no derivatives: where the polynomial stops rising, by halving the first whole
    // degree in which it does. PV up to 2 have closed forms, and this edge but for a parabola.
    const int n = static_cast<int>(p.w(11));
    const auto slope = [&](double zeta) {
      double sum = 0;
      for (int m = n; m > 0; --m) sum = sum * zeta + m * innermost(p.pv(m));
      return sum;
    };
    double low = 0, high = kPi;
    for (int degree = 0; n >= 2 && degree < 180; ++degree) {
      high = degree * kDegree;
      if (slope(high) <= 0) break;
      low = high;
      if (degree == 179) low = high = kPi;
    }
    for (int step = 0; n >= 2 && step < 60 && low < high; ++step) {
      const double middle = 0.5 * (low + high);
      (slope(middle) > 0 ? low : high) = middle;
    }
    p.w(0) = n < 2 ? kPi : low;
    if (n < 2) return;
    double value = 0;
    for (int m = n; m >= 0; --m) value = value * low + innermost(p.pv(m));
    p.w(1) = value;
  }

  template <class Real>
  FITS_HOST_DEVICE static NativeDirection<Real> x2s(AnyConstants auto c, Real x, Real y) {
    const Real radius = sqrt(fma(x, x, y * y));
    const auto zeta = inverse(c, radius / Real(c.r0()));
    const auto s = sincosd(degrees(zeta.value));
    const MaskOf<Real> centre = radius == Real(0.0);  // there phi is 0
    const Real scale = s.sine / select(centre, Real(1.0), radius);
    NativeDirection<Real> native = {
        {select(centre, s.sine, -y * scale), select(centre, Real(0.0), x * scale), s.cosine}, zeta.valid};
    if constexpr (kIsDual<Real>) {  // where P_0 is 0 the map is smooth at the pole: zeta = radius / (r0 P_1)
      if (c.pv(0) == 0.0 && c.pv(1) != 0.0) {
        const Real slope = Real(kDegree / c.pv(1)), square = fma(x, x, y * y) * slope * slope;
        native.at.l = select(centre, -(y * slope), native.at.l);
        native.at.m = select(centre, x * slope, native.at.m);
        native.at.n = select(centre, fma(square, Real(-0.5), Real(1.0)), native.at.n);
      }
    }
    return native;
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(AnyConstants auto c, NativeDirection<Real> native) {
    const auto v = native.at;
    const Real h = sqrt(cosine2(v));
    const Real zeta = radians(atan2d(h, v.n));
    const Real r = polynomial(c, zeta).value * Real(c.r0());
    const MaskOf<Real> pole = h == Real(0.0);  // there phi is 0
    const Real scale = r / select(pole, Real(1.0), h);
    return {scale * v.m, select(pole, -r, -(scale * v.l)), zeta <= Real(c.w(0))};
  }

 private:
  template <class Real>
  FITS_HOST_DEVICE static ValueAndSlope<Real> polynomial(AnyConstants auto c, Real zeta) {
    Real value = Real(c.pv(c.n())), slope = Real(0.0);
    for (int m = c.n() - 1; m >= 0; --m) {
      slope = fma(slope, zeta, value);
      value = fma(value, zeta, Real(c.pv(m)));
    }
    return {value, slope};
  }

  // zeta of R_theta / r0. As wcslib: up to 1e-13 beyond an end is that end; a parabola's other half serves radii that
  // its rising one does not reach; a constant has no inverse.
  template <class Real>
  FITS_HOST_DEVICE static Solution<Real> inverse(AnyConstants auto c, Real r) {
    const Real tolerance = Real(1e-13);
    if (c.n() < 1) return {r, r != r};
    if (c.n() <= 2) {
      using Number = decltype(c.pv(0));
      const Number a = c.n() == 2 ? c.pv(2) : Number(0.0), b = c.pv(1);
      const Real above = r - Real(c.pv(0));
      const Real discriminant = fma(Real(4.0 * a), above, Real(b * b));
      // With b > 0, which a parabola has, this root loses no digits.
      const Real root = Real(b) + (c.n() == 2 ? sqrt(discriminant) : Real(b));
      Real zeta = Real(2.0) * above / root;
      if (a != 0.0) zeta = select(zeta < -tolerance, root / Real(-2.0 * a), zeta);
      const MaskOf<Real> valid = (zeta >= -tolerance) & (zeta <= Real(kPi) + tolerance);
      return {min(max(zeta, Real(0.0)), Real(kPi)), valid};
    }
    const Real low = Real(c.pv(0)), high = Real(c.w(1)), end = Real(c.w(0));
    const MaskOf<Real> inside = (r >= low - tolerance) & (r <= high + tolerance);
    const Real target = min(max(r, low), high);
    const Real first = end * (target - low) / (high - low);
    const auto zeta = solve_rising(target, Real(0.0), end, first, [&](Real z) { return polynomial(c, z); });
    const MaskOf<Real> valid = zeta.valid & inside;
    return {zeta.value, valid};
  }
};

}  // namespace fits::wcs
