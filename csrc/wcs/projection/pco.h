// PCO: polyconic. Paper II, section 5.5.2.
#pragma once

#include "wcs/dual.h"
#include "wcs/projection.h"

namespace fits::wcs {

struct Pco {
  static constexpr int kNumber = projection_number("PCO");
  static constexpr int kMaxSteps = 64;  // 3 are usual; near the poles each thirds the distance at first

  // In units of r0, with A = phi sin theta: X = cot theta sin A, Y = theta + cot theta (1 - cos A). Without A, and with
  // d = Y - theta, that is h(theta) = (X^2 + d^2) sin theta - 2 d cos theta = 0. For Y > 0, h(0) < 0 <= h(min(Y, 90)),
  // and between h' = (X^2 + d^2 + 2) cos theta > 0: one root. By Halley's method, as h'' costs nothing, in brackets.
  template <class Real>
  FITS_HOST_DEVICE static NativeAngles<Real> x2s(Constants c, Real x, Real y) {
    const Real xd = x * Real(c.w(1)), yd = abs(y) * Real(c.w(1));  // degrees
    const Real X = radians(xd), X2 = X * X;
    Real low = Real(0.0), high = min(Real(90.0), yd);
    Real theta = min(high, yd / fma(X2, Real(0.5), Real(1.0)));  // exact near the equator
    // A lane is done when what its step leaves, of third order, is lost in theta; or when its brackets meet.
    MaskOf<Real> going = yd > Real(1e-100);
    for (int step = 0; step < kMaxSteps && any(going); ++step) {
      const auto s = sincosd(theta);
      const Real d = radians(yd - theta), q2 = fma(d, d, X2 + Real(2.0)), two_d = Real(2.0) * d;
      const Real h = fma(fma(d, d, X2), s.sine, -(two_d * s.cosine));
      const Real slope = q2 * s.cosine, square = slope * slope;
      const Real bend = Real(0.5) * h * fma(q2, s.sine, two_d * s.cosine);  // - h h'' / 2; too much of it misleads
      const Real change = degrees(h * slope / (square + select(abs(bend) > Real(0.5) * square, Real(0.0), bend)));
      const MaskOf<Real> below = h < Real(0.0);
      low = select(going & below, theta, low);
      high = select(going & !below, theta, high);
      const Real found = theta - change;
      const Real small = max(Real(4e-6) * min(theta, Real(90.0) - theta), Real(1e-15) * theta);
      const MaskOf<Real> settled = degrees(abs(h)) <= small * slope, inside = (found >= low) & (found <= high);
      const Real other = select(settled, theta, Real(0.5) * (low + high));
      theta = select(going & (h != Real(0.0)), select(inside, found, other), theta);
      going = going & (h != Real(0.0)) & !settled & (high - low > Real(4e-16) * high);
    }
    if constexpr (kIsDual<Real>) {  // the derivatives of theta have been behind its value
      const auto at = sincosd(theta);
      const Real rest = radians(yd - theta);
      const Real h = fma(fma(rest, rest, X2), at.sine, -(Real(2.0) * rest * at.cosine));
      theta = theta - degrees(h / (fma(rest, rest, X2 + Real(2.0)) * at.cosine));
    }
    // tan A = X sin theta / (cos theta - d sin theta)
    const auto s = sincosd(theta);
    const Real d = radians(yd - theta);
    const Real a = atan2d(X * s.sine, fma(-d, s.sine, s.cosine));
    const MaskOf<Real> equator = yd <= Real(1e-100);
    const Real phi = select(equator, xd, a / select(equator, Real(1.0), s.sine));
    Real latitude = select(equator, Real(0.0), copysign(theta, y));
    SineCosine<Real> of_latitude = {copysign(s.sine, y), s.cosine};
    if constexpr (kIsDual<Real>) {  // Y = theta (1 + X^2 / 2) near the equator
      latitude = select(equator, y * Real(c.w(1)) / fma(X2, Real(0.5), Real(1.0)), latitude);
      of_latitude = sincosd(latitude);
    }
    return on_sphere(phi, latitude, of_latitude, (!going) & (x == x) & (y == y), 1e-12);
  }

  // 1 - cos A and sin A from half the angle: exact towards the equator too.
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeAngles<Real> native) {
    const Real phi = native.at.lng, theta = native.at.lat;
    const Real sine = native.at.sine;
    const MaskOf<Real> equator = abs(theta) < Real(1e-100);
    const auto half = sincosd(Real(0.5) * phi * sine);
    const Real twice = Real(2.0 * c.r0()) * native.at.cosine / select(equator, Real(1.0), sine) * half.sine;
    return {select(equator, Real(c.w(0)) * phi, twice * half.cosine), fma(twice, half.sine, Real(c.w(0)) * theta),
            always<Real>()};
  }
};

}  // namespace fits::wcs
