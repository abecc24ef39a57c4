// AZP: zenithal perspective, with a tilted plane. Paper II, section 5.1.1, equations 16 to 33; PVi_1 = mu, PVi_2 =
// gamma.
#pragma once

#include "wcs/projection.h"

namespace fits::wcs {

struct Azp {
  static constexpr int kNumber = projection_number("AZP");
  static constexpr int kFirst = 1;
  FITS_HOST_DEVICE static int parameters(Constants) { return 2; }

  template <class Number>
  FITS_HOST_DEVICE static void complete(Parameters<Number> p) {
    const auto gamma = sincosd(p.pv(2));
    p.w(0) = p.r0() * (p.pv(1) + 1.0);
    p.w(1) = gamma.sine / gamma.cosine;
    p.w(2) = 1.0 / gamma.cosine;
    p.w(3) = gamma.cosine;
    p.w(4) = gamma.sine;
    p.w(5) = abs(p.pv(1)) > 1.0 ? asind(-1.0 / p.pv(1)) : Number(-90.0);
    p.w(6) = p.pv(1) * gamma.cosine;
    p.w(7) = abs(p.w(6)) < 1.0 ? 1.0 : 0.0;
  }

  // Equations 24 to 28 with rho = r / q, r^2 = x^2 + (y cos gamma)^2 and q = r0 (mu + 1) + y sin gamma: the sines and
  // cosines of psi = atan(1 / rho) and omega = asin(mu rho / sqrt(1 + rho^2)) are algebraic, and with
  // E^2 = q^2 + r^2 (1 - mu^2) both solutions, theta = psi - omega and psi + omega + 180 degrees, are
  //   sin theta ~ +-E |q| - mu r^2,  cos theta ~ r sign(q) (mu |q| +- E).
  // The upper sign lies nearer to the pole; a solution whose cosine is negative is none.
  template <class Real>
  FITS_HOST_DEVICE static NativeDirection<Real> x2s(AnyConstants auto c, Real x, Real y) {
    const Real mu = Real(c.pv(1));
    const Real yc = y * Real(c.w(3));  // cos gamma
    const Real q = fma(y, Real(c.w(4)), Real(c.w(0)));
    const Real r2 = fma(x, x, yc * yc), q2 = q * q, aq = abs(q);
    const Real E2 = fma(r2, Real((1.0 - c.pv(1)) * (1.0 + c.pv(1))), q2);
    const Real E = sqrt(max(E2, Real(0.0)));
    const Real near = copysign(Real(1.0), q) * fma(mu, aq, E), far = copysign(Real(1.0), q) * fma(mu, aq, -E);
    const MaskOf<Real> nearer = near >= Real(0.0);
    const Real scale = select(nearer, near, far);
    const Real n = fma(select(nearer, E, -E), aq, -(mu * r2));
    // wcslib: |sin omega| may exceed 1 by 1e-13.
    const MaskOf<Real> valid = (E2 >= Real(-2e-13) * (q2 + r2)) & (scale >= Real(0.0));
    return {{-yc * scale, x * scale, n}, valid};
  }

  // Equations 20 to 22. Beyond the line where the plane is parallel to the line of sight (the denominator changes its
  // sign) there is nothing; and of two points on one line of sight that beyond sin theta = -1 / mu is hidden.
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(AnyConstants auto c, NativeDirection<Real> native) {
    const auto v = native.at;
    const auto mu = c.pv(1);
    const Real t = fma(Real(c.w(1)), v.l, Real(mu) + v.n);  // tan gamma
    const Real scale = Real(c.w(0)) / t;
    const auto limb = mu > 1.0 || mu < -1.0 ? -1.0 / mu : decltype(c.pv(1))(-2.0);
    const MaskOf<Real> valid = (Real(c.w(0)) * t > Real(0.0)) & (v.n >= Real(limb));
    return {scale * v.m, -(scale * Real(c.w(2)) * v.l), valid};
  }
};

}  // namespace fits::wcs
