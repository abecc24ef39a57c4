// SIP: Simple Imaging Polynomial (Shupe et al. 2005). Pixel axes 1 and 2: (u, v) + (f(u, v), g(u, v)), u and v counted
// from CRPIX. Its inverse is found by Newton's method; AP and BP only say where to begin. Stages (see chain.h).
#pragma once

#include "wcs/packed.h"

namespace fits::wcs {

// One polynomial: sum of c_p_q u^p v^q, p + q <= order; sip::row(p) holds c_p_0 ...
struct SipPolynomial {
  const double* c;
  int order;

  FITS_HOST_DEVICE SipPolynomial(const double* block, int which)
      : c(block + sip::kA + which * sip::kTriangle), order(static_cast<int>(block[sip::kOrders + which])) {}

  template <class Real>
  FITS_HOST_DEVICE Real operator()(Real u, Real v) const {
    Real sum = Real(0.0);
    for (int p = order; p >= 0; --p) {
      const double* const row = c + sip::row(p);
      Real inner = Real(row[order - p]);
      for (int q = order - p - 1; q >= 0; --q) inner = fma(inner, v, Real(row[q]));
      sum = fma(sum, u, inner);
    }
    return sum;
  }

  template <class Real>
  struct Derivatives {
    Real value, du, dv;
  };
  template <class Real>
  FITS_HOST_DEVICE Derivatives<Real> with_derivatives(Real u, Real v) const {
    Derivatives<Real> sum = {Real(0.0), Real(0.0), Real(0.0)};
    for (int p = order; p >= 0; --p) {
      const double* const row = c + sip::row(p);
      Real inner = Real(row[order - p]), inner_dv = Real(0.0);
      for (int q = order - p - 1; q >= 0; --q) {
        inner_dv = fma(inner_dv, v, inner);
        inner = fma(inner, v, Real(row[q]));
      }
      sum.du = fma(sum.du, u, sum.value);
      sum.value = fma(sum.value, u, inner);
      sum.dv = fma(sum.dv, u, inner_dv);
    }
    return sum;
  }
};

// Pixel coordinates to corrected ones.
struct SipForward {
  Packed wcs;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    const double* const block = wcs.sip();
    const Real x = point.get(0), y = point.get(1);
    const Real u = x - Real(block[0] - 1), v = y - Real(block[1] - 1);
    point.set(0, x + SipPolynomial(block, 0)(u, v));
    point.set(1, y + SipPolynomial(block, 1)(u, v));
  }
};

// Corrected coordinates to pixel coordinates.
struct SipInverse {
  Packed wcs;

  static constexpr int kSteps = 20;
  // A residual below it, in pixels, is followed by one last step: Newton's method then leaves its square times half the
  // second derivative, far below 1e-9 pixel for any distortion that is not folded.
  static constexpr double kClose = 1e-7;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    const double* const block = wcs.sip();
    const Real x0 = Real(block[0] - 1), y0 = Real(block[1] - 1);
    const Real U = point.get(0) - x0, V = point.get(1) - y0;
    const SipPolynomial f(block, 0), g(block, 1), f_back(block, 2), g_back(block, 3);
    Real u = U, v = V;
    if (f_back.order > 0) {
      u = U + f_back(U, V);
      v = V + g_back(U, V);
    }
    // The last accepted point and its residual; a step that makes the residual larger is halved.
    Real base_u = u, base_v = v, step_u = Real(0.0), step_v = Real(0.0);
    Real least = Real(__builtin_inf()), determinant = Real(1.0);
    MaskOf<Real> done = !always<Real>();
    for (int step = 0; step < kSteps; ++step) {
      const auto F = f.with_derivatives(u, v);
      const auto G = g.with_derivatives(u, v);
      const Real rest_u = U - u - F.value, rest_v = V - v - G.value;
      const Real fu = Real(1.0) + F.du, gv = Real(1.0) + G.dv;
      const Real det = fma(fu, gv, -(F.dv * G.du));
      const Real residual = max(abs(rest_u), abs(rest_v));
      const MaskOf<Real> better = (residual < least) | (residual <= Real(kClose));
      const MaskOf<Real> moves = better & !done;
      base_u = select(moves, u, base_u);
      base_v = select(moves, v, base_v);
      least = select(moves, residual, least);
      determinant = select(moves, det, determinant);
      step_u = select(better, fma(gv, rest_u, -(F.dv * rest_v)) / det, step_u * Real(0.5));
      step_v = select(better, fma(fu, rest_v, -(G.du * rest_u)) / det, step_v * Real(0.5));
      u = select(done, u, base_u + step_u);
      v = select(done, v, base_v + step_v);
      done = done | (residual <= Real(kClose));
      if (all(done)) break;
      if (!any((residual == residual) & !done)) break;  // the rest is NaN
    }
    const MaskOf<Real> open = determinant > Real(0.0);
    const MaskOf<Real> good = done & open;
    point.set(0, select(good, u + x0, not_a_number<Real>()));
    point.set(1, select(good, v + y0, not_a_number<Real>()));
    point.flag(!done, kNotConverged);
    point.flag(done & !open, kFolded);
  }
};

}  // namespace fits::wcs
