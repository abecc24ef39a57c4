// MOL: Mollweide's projection. Paper II, section 5.3.3, equations 98 to 102: x = (sqrt(2) r0 / 90) phi cos gamma,
// y = sqrt(2) r0 sin gamma with 2 gamma + sin 2 gamma = pi sin theta.
#pragma once

#include "wcs/exponential.h"
#include "wcs/projection.h"

namespace fits::wcs {

struct Mol {
  static constexpr int kNumber = projection_number("MOL");

  // Near the equator sin theta = (2 gamma + sin 2 gamma) / pi; elsewhere, with delta = 90 degrees - gamma,
  // 1 - sin theta = (2 delta - sin 2 delta) / pi, which keeps the digits of the distance from the pole.
  template <class Real>
  FITS_HOST_DEVICE static NativeParallel<Real> x2s(Constants c, Real x, Real y) {
    const Real z = abs(y) * Real(c.w(2));
    const Real sine = min(z, Real(1.0));
    const Real room = Real(2.0) * (Real(1.0) - z) * (Real(1.0) + z);  // 2 cos^2 gamma
    const Real cosine = sqrt((Real(1.0) - sine) * (Real(1.0) + sine));
    const MaskOf<Real> equatorial = z < Real(0.5);
    const Real angle = radians(atan2d(select(equatorial, sine, cosine), select(equatorial, cosine, sine)));
    const Real north = (angle + sine * cosine) * Real(2.0 / kPi);  // sin theta
    const Real u = half_excess(angle, sine * cosine) * Real(2.0 / kPi);
    const Real along = select(equatorial, north, Real(1.0) - u);
    const Real away = sqrt(select(equatorial, (Real(1.0) - north) * (Real(1.0) + north), u * (Real(2.0) - u)));
    // wcslib: the pole is a point of 1e-12.
    const MaskOf<Real> pole = room <= Real(1e-12);
    const Real phi = select(pole, Real(0.0), x / (Real(c.w(1)) * cosine));
    const MaskOf<Real> valid = (!pole) | ((room >= Real(-1e-12)) & (abs(x) < Real(1e-12)));
    return on_parallel(phi, copysign(along, y), away, valid & (y == y), 1e-11);
  }

  // Newton's method on the same two equations for half their angle h (gamma, or delta), in [0, 45 degrees]: both are
  // monotone and curved one way, so that it converges from the starts below without being held.
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeAngles<Real> native) {
    const SineCosine<Real> latitude = {abs(native.at.sine), native.at.cosine};
    const MaskOf<Real> polar = latitude.sine > Real(0.818309886183791);  // 1 / 2 + 1 / pi: gamma = 45 degrees
    const Real complement = latitude.cosine * latitude.cosine / (Real(1.0) + latitude.sine);  // 1 - sin theta
    const Real target = select(polar, complement, latitude.sine) * Real(kPi / 2);
    Real h = select(polar, polar_start(target), equatorial_start(target));
    MaskOf<Real> unfinished = h > Real(0.0);
    for (int step = 0; step < kMaxSteps && any(unfinished); ++step) {
      const auto a = half_angle(h);
      const Real value = select(polar, a.excess, fma(a.sine, a.cosine, h));
      const Real root = select(polar, a.sine, a.cosine);
      const Real change = (value - target) / (Real(2.0) * root * root);
      const Real next = min(max(h - change, Real(0.25) * h), Real(0.8));
      const MaskOf<Real> more = abs(next - h) > Real(1e-9) * next;  // its square is below the rounding
      h = select(unfinished, next, h);
      unfinished = unfinished & more;
    }
    const auto a = half_angle(h);
    const Real cosine = select(polar, a.sine, a.cosine), sine = select(polar, a.cosine, a.sine);
    const MaskOf<Real> valid = (!unfinished) & (target == target);
    return {native.at.lng * Real(c.w(1)) * cosine, copysign(sine * Real(c.w(0)), native.at.sine), valid};
  }

 private:
  static constexpr double kPi = 0x1.921fb54442d18p+1;
  static constexpr int kMaxSteps = 12;

  template <class Real>
  struct HalfAngle {
    Real sine, cosine, excess;  // excess: h - sin h cos h = (2 h - sin 2 h) / 2
  };

  // Of h in [0, 45 degrees], in radians. h - sin h cos h = (h - sin h) + sin h (1 - cos h): nothing cancels.
  template <class Real>
  FITS_HOST_DEVICE static HalfAngle<Real> half_angle(Real h) {
    const Real z = h * h;
    const Real tail = h * z * sine_polynomial(z);                           // sin h - h
    const Real versine = fma(z * z, -cosine_polynomial(z), z * Real(0.5));  // 1 - cos h
    const Real sine = h + tail;
    return {sine, Real(1.0) - versine, fma(sine, versine, -tail)};
  }

  // (2 h - sin 2 h) / 2 of h in [0, 90 degrees], sin h cos h given.
  template <class Real>
  FITS_HOST_DEVICE static Real half_excess(Real h, Real product) {
    return select(h < Real(0.78), half_angle(h).excess, h - product);
  }

  // 2 h^3 / 3 - 2 h^5 / 15 = target
  template <class Real>
  FITS_HOST_DEVICE static Real polar_start(Real target) {
    const Real h = exp(log(max(target * Real(1.5), Real(0x1p-900))) * Real(1.0 / 3));
    return select(target > Real(0x1p-900), fma(h * h, h * Real(1.0 / 15), h), Real(0.0));
  }

  // 2 h - 2 h^3 / 3 = target
  template <class Real>
  FITS_HOST_DEVICE static Real equatorial_start(Real target) {
    const Real h = target * Real(0.5);
    return fma(h * h, h * Real(1.0 / 3), h);
  }
};

}  // namespace fits::wcs
