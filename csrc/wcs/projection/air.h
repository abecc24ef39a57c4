// AIR: Airy's projection. Paper II, section 5.1.9, equations 71 to 74; PVi_1 = theta_b. With T = tan xi,
// xi = (90 degrees - theta) / 2: R_theta = r0 (ln(1 + T^2) / T - 2 w1 T), w1 = ln(cos xi_b) / tan^2 xi_b.
#pragma once

#include "wcs/dual.h"
#include "wcs/exponential.h"
#include "wcs/projection.h"
#include "wcs/projection/solve.h"

namespace fits::wcs {

struct Air {
  static constexpr int kNumber = projection_number("AIR");
  static constexpr int kFirst = 1;
  FITS_HOST_DEVICE static int parameters(Constants) { return 1; }

  template <class Number>
  FITS_HOST_DEVICE static void complete(Parameters<Number> p) {
    // ln(cos xi) / tan^2 xi with xi = (90 degrees - theta_b) / 2, and z = sin^2 xi; -1 / 2 at xi = 0.
    const Number sine = sincosd((90.0 - p.pv(1)) * 0.5).sine, z = sine * sine;
    const Number ratio = z > 1e-8 ? log1p(-z) / z : -(z * 0.5 + 1.0);
    p.w(1) = 0.5 * (1.0 - z) * ratio;
    p.w(2) = 0.5 - p.w(1);
    p.w(3) = p.w(0) * p.w(2);
    p.w(5) = p.w(2) * p.w(4);
    p.w(6) = p.r0() / p.w(2);
  }

  // The logarithmic term is less than T and than 0.805, and the other one less than the whole: that brackets T.
  template <class Real>
  FITS_HOST_DEVICE static NativeDirection<Real> x2s(AnyConstants auto c, Real x, Real y) {
    const Real radius = sqrt(fma(x, x, y * y));
    const Real rho = radius / Real(c.r0());
    const Real b = Real(-2.0 * c.w(1));
    const Real high = rho / b;
    const Real low = max(rho / (Real(1.0) + b), (rho - Real(0.805)) / b);
    const auto T = solve_rising(rho, low, high, low, [&](Real t) {
      const Real t2 = t * t;
      const Real log_t2 = log_ratio(t2);
      return ValueAndSlope<Real>{t * (log_t2 + b), Real(2.0) / (Real(1.0) + t2) - log_t2 + b};
    });
    const Real scale = select(radius > Real(0.0), Real(2.0) * T.value / radius, Real(0.0));
    const MaskOf<Real> valid = T.valid & (T.value < Real(0x1p30));  // wcslib: cos xi > 2^-30
    NativeDirection<Real> native = {{-y * scale, x * scale, Real(1.0) - T.value * T.value}, valid};
    if constexpr (kIsDual<Real>) {  // at the pole T = rho / (1 + b)
      const MaskOf<Real> centre = radius == Real(0.0);
      const Real slope = Real(2.0 * kDegree) / (Real(1.0) + b), half = Real(0.5) * slope;
      native.at.l = select(centre, -(y * slope), native.at.l);
      native.at.m = select(centre, x * slope, native.at.m);
      native.at.n = select(centre, fma(fma(x, x, y * y) * half, -half, Real(1.0)), native.at.n);
    }
    return native;
  }

  // T = cos theta / (1 + sin theta) = (1 - sin theta) / cos theta; the antipode lies at infinity.
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(AnyConstants auto c, NativeDirection<Real> native) {
    const auto v = native.at;
    const Real h2 = cosine2(v);
    const MaskOf<Real> north = v.n > Real(0.0);
    const Real ratio = select(north, Real(1.0), Real(1.0) - v.n) / select(north, Real(1.0) + v.n, h2);  // T / cos theta
    const Real t2 = ratio * ratio * h2;
    const Real scale = Real(c.r0()) * (log_ratio(t2) + Real(-2.0 * c.w(1))) * ratio;
    return zenithal(v, scale, north | (h2 > Real(0.0)));
  }

 private:
  // ln(1 + t2) / t2
  template <class Real>
  FITS_HOST_DEVICE static Real log_ratio(Real t2) {
    return select(t2 > Real(1e-20), log1p(t2) / max(t2, Real(1e-20)), select(t2 == t2, Real(1.0), t2));
  }
};

}  // namespace fits::wcs
