// SIP: Simple Imaging Polynomial (Shupe et al. 2005). Pixel axes 1 and 2: (u, v) + (f(u, v), g(u, v)), u and v counted
// from CRPIX. Its inverse is found by Newton's method; AP and BP only say where to begin. Stages (see chain.h).
#pragma once

#include "wcs/packed.h"
#include "wcs/shift.h"
#include "wcs/triangle.h"

namespace fits::wcs {

// Polynomial 0 to 3 of the block: A, B, AP, BP.
struct SipPolynomial : Triangle {
  FITS_HOST_DEVICE SipPolynomial(const double* block, int which)
      : Triangle{block + sip::kA + which * sip::kTriangle, static_cast<int>(block[sip::kOrders + which])} {}
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
    Real f, g;
    TwoTriangles(SipPolynomial(block, 0), SipPolynomial(block, 1))(u, v, u, v, f, g);
    point.set(0, x + f);
    point.set(1, y + g);
  }
};

// What SIP adds (shift.h).
struct SipShift {
  const double* block;
  SipPolynomial f, g, f_back, g_back;

  FITS_HOST_DEVICE explicit SipShift(const double* sip_block)
      : block(sip_block), f(block, 0), g(block, 1), f_back(block, 2), g_back(block, 3) {}

  static constexpr int kSteps = 20;
  FITS_HOST_DEVICE double origin(int axis) const { return block[axis] - 1; }
  template <class Real>
  FITS_HOST_DEVICE ShiftJets<Real> at(Real u, Real v) const {
    return {f.with_derivatives(u, v), g.with_derivatives(u, v)};
  }
  static constexpr bool kSmooth = true;
  template <class Real>
  FITS_HOST_DEVICE void at(Real u, Real v, Real& to_f, Real& to_g) const {
    TwoTriangles(f, g)(u, v, u, v, to_f, to_g);
  }
  template <class Real>
  FITS_HOST_DEVICE void begin(Real U, Real V, Real& u, Real& v) const {
    const bool inverse = f_back.order > 0;
    const double sign = inverse ? 1.0 : -1.0;  // without an inverse: one step of the fixed point
    Real du, dv;
    TwoTriangles(inverse ? f_back : f, inverse ? g_back : g)(U, V, U, V, du, dv);
    u = fma(Real(sign), du, U);
    v = fma(Real(sign), dv, V);
  }
  // Newton's method then leaves its square times half the second derivative, far below 1e-9 pixel for any distortion
  // that is not folded.
  template <class Real>
  FITS_HOST_DEVICE Real close(Real, Real) const {
    return Real(1e-7);
  }
};

// Corrected coordinates to pixel coordinates.
struct SipInverse {
  Packed wcs;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    undo_shift(SipShift(wcs.sip()), point);
  }
};

}  // namespace fits::wcs
