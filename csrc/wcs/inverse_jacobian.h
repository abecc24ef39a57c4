// Steps towards the solution of two equations in two unknowns, by Newton's method and with a Jacobian kept (chords).
#pragma once

#include "wcs/lanes.h"

namespace fits::wcs {

template <class Real>
struct InverseJacobian {
  Real determinant, a, b, c, d;

  // Of the matrix (f_p f_q; g_p g_q).
  FITS_HOST_DEVICE InverseJacobian(Real f_p, Real f_q, Real g_p, Real g_q) : determinant(fma(f_p, g_q, -(f_q * g_p))) {
    const Real one_over = Real(1.0) / determinant;
    a = g_q * one_over;
    b = -(f_q * one_over);
    c = -(g_p * one_over);
    d = f_p * one_over;
  }
  FITS_HOST_DEVICE Real first(Real rest_f, Real rest_g) const { return fma(a, rest_f, b * rest_g); }
  FITS_HOST_DEVICE Real second(Real rest_f, Real rest_g) const { return fma(c, rest_f, d * rest_g); }
};

inline constexpr int kChords = 3;

// Whether another step along the same chord leaves less than 1e-11 pixel, of the residuals (in pixels) that one step
// took from `before` to `rest`: a step of Newton's method takes r to K r^2, and a chord laid there takes that 2 K r
// times nearer; chords go on by the same factor. Or `rest` is nothing as it is. False for NaN.
template <class Real>
FITS_HOST_DEVICE MaskOf<Real> one_more_chord_will_do(Real rest, Real before, Real nothing) {
  return ((rest * rest <= Real(5e-12) * before) & (rest <= Real(1e-3) * before)) | (rest <= nothing);
}

}  // namespace fits::wcs
