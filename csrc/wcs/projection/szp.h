// SZP: slant zenithal perspective. Paper II, section 5.1.2, equations 34 to 53; PVi_1 = mu, PVi_2 = phi_c,
// PVi_3 = theta_c. The point of projection is (x_P, y_P, z_P) = r0 (w1, w2, w3).
#pragma once

#include "wcs/projection.h"

namespace fits::wcs {

struct Szp {
  static constexpr int kNumber = projection_number("SZP");
  static constexpr int kFirst = 1;
  FITS_HOST_DEVICE static int parameters(Constants) { return 3; }

  template <class Number>
  FITS_HOST_DEVICE static void complete(Parameters<Number> p) {
    const auto phi = sincosd(p.pv(2)), theta = sincosd(p.pv(3));
    p.w(1) = -(p.pv(1) * theta.cosine * phi.sine);
    p.w(2) = p.pv(1) * theta.cosine * phi.cosine;
    p.w(3) = p.pv(1) * theta.sine + 1.0;
    for (int i = 1; i < 4; ++i) p.w(i + 3) = p.r0() * p.w(i);
    p.w(7) = (p.w(3) - 1.0) * p.w(3) - 1.0;
    p.w(8) = abs(p.w(3) - 1.0) < 1.0 ? asind(1.0 - p.w(3)) : Number(-90.0);
  }

  // With z = 1 - sin theta, X1 = (X - x_P) / z_P and Y1 alike: (cos theta sin phi, -cos theta cos phi) =
  // (X - X1 z, Y - Y1 z) (equations 46 to 49; in units of r0). The unit length of the direction gives
  // (1 + X1^2 + Y1^2) z^2 - 2 (1 + X X1 + Y Y1) z + X^2 + Y^2 = 0: the smaller root, written so that it loses no
  // digits.
  template <class Real>
  FITS_HOST_DEVICE static NativeDirection<Real> x2s(AnyConstants auto c, Real x, Real y) {
    const Real X = x * Real(c.w(0)), Y = y * Real(c.w(0));
    const Real X1 = (X - Real(c.w(1))) / Real(c.w(3)), Y1 = (Y - Real(c.w(2))) / Real(c.w(3));
    const Real r2 = fma(X, X, Y * Y);
    const Real dot = fma(X, X1, Y * Y1);
    const Real cross = fma(Y, Real(c.w(1)), -(X * Real(c.w(2)))) / Real(c.w(3));  // X Y1 - Y X1
    const Real half = Real(1.0) + dot;
    const Real discriminant = fma(-cross, cross, fma(Real(2.0), dot, Real(1.0)) - r2);
    const Real z = r2 / (half + sqrt(discriminant));
    const MaskOf<Real> valid = (discriminant >= Real(0.0)) & (z >= Real(0.0)) & (z <= Real(2.0));
    return {{fma(Y1, z, -Y), fma(-X1, z, X), Real(1.0) - z}, valid};
  }

  // Equations 42 and 43.
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(AnyConstants auto c, NativeDirection<Real> native) {
    const auto v = native.at;
    const Real z = select(v.n > Real(0.0), cosine2(v) / (Real(1.0) + v.n), Real(1.0) - v.n);
    const auto k = c.w(3) - 1.0;  // mu sin theta_c
    const Real t = Real(k) + v.n;
    // Beyond the parallel sin theta = -k the projection diverges.
    MaskOf<Real> valid = k > -1.0 && k < 1.0 ? t > Real(0.0) : t != Real(0.0);
    if (abs(c.pv(1)) > 1.0) valid = valid & seen(c, v);
    return {fma(Real(c.w(6)), v.m, -(Real(c.w(4)) * z)) / t, -fma(Real(c.w(6)), v.l, Real(c.w(5)) * z) / t, valid};
  }

 private:
  // The limb of a sphere that is seen from outside, equations 50 to 53: theta_X = max(psi - omega, psi + omega + 180).
  // Instead of the square (z_P - 1)^2 in omega wcslib has (z_P - 1) z_P - 1, its w7, which also hides points that are
  // seen (2 % of the sphere for mu = 2, theta_c = 60 degrees); here as there.
  template <class Real>
  FITS_HOST_DEVICE static MaskOf<Real> seen(AnyConstants auto c, Direction<Real> v) {
    const Real h = sqrt(cosine2(v));
    const MaskOf<Real> pole = h == Real(0.0);  // there phi is 0
    const Real sigma = select(pole, Real(-c.w(2)), fma(Real(c.w(1)), v.m, -(Real(c.w(2)) * v.l)) / h);
    const Real sine = Real(1.0) / sqrt(fma(sigma, sigma, Real(c.w(7))));
    const Real psi = atan2d(sigma, Real(c.w(3) - 1.0)), omega = asind(sine);
    const auto latitude = [](Real angle) { return select(angle > Real(90.0), angle - Real(360.0), angle); };
    const Real limb = max(latitude(psi - omega), latitude(psi + omega + Real(180.0)));
    const MaskOf<Real> bounded = sine <= Real(1.0);  // not so where no line of sight is a tangent
    return (!bounded) | (atan2d(v.n, h) >= limb);
  }
};

}  // namespace fits::wcs
