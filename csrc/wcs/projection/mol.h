// MOL: Mollweide's projection. Paper II, section 5.3.3, equations 98 to 102: x = (sqrt(2) r0 / 90) phi cos gamma,
// y = sqrt(2) r0 sin gamma with 2 gamma + sin 2 gamma = pi sin theta.
#pragma once

#include "wcs/dual.h"
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

  // The same two equations, solved for half their angle h (gamma, or delta).
  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeAngles<Real> native) {
    const Real sine = abs(native.at.sine), cosine = native.at.cosine;
    const MaskOf<Real> polar = sine > Real(0.818309886183791);     // 1 / 2 + 1 / pi: gamma = 45 degrees
    const Real complement = cosine * cosine / (Real(1.0) + sine);  // 1 - sin theta
    const Real target = select(polar, complement, sine) * Real(kPi / 2);
    const auto h = solve(polar, target);
    const Real cosine_gamma = select(polar, h.sine, h.cosine), sine_gamma = select(polar, h.cosine, h.sine);
    return {native.at.lng * Real(c.w(1)) * cosine_gamma, copysign(sine_gamma * Real(c.w(0)), native.at.sine),
            target == target};
  }

 private:
  static constexpr double kPi = 0x1.921fb54442d18p+1;

  template <class Real>
  struct HalfAngle {
    Real sine, cosine, excess;  // excess: h - sin h cos h = (2 h - sin 2 h) / 2
  };

  template <class Real>
  struct Solved {
    Real h, sine, cosine;
  };

  // h - sin h cos h = target where `polar`, else h + sin h cos h = target: h in [0, 45 degrees]. The starts are within
  // 4.5e-6 of h (polar) and 7e-6, so that one step of Halley's method, whose error is of third order, leaves nothing.
  template <class Real>
  FITS_HOST_DEVICE static Solved<Real> solve(MaskOf<Real> polar, Real target) {
    if constexpr (kIsDual<Real>) {  // what a step of Newton's method from there adds are the derivatives
      const Real h = Real(solve(polar, value_of(target)).h);
      const auto a = half_angle(h);
      const Real rest = select(polar, a.excess, fma(a.sine, a.cosine, h)) - target;
      const Real root = select(polar, a.sine, a.cosine), slope = Real(2.0) * root * root;
      const MaskOf<Real> regular = slope > Real(0.0);  // not so at the pole
      return moved(h, a, select(regular, rest, Real(0.0)) / select(regular, slope, Real(1.0)));
    } else {
      const Real h = select(polar, polar_start(target), equatorial_start(target));
      const auto a = half_angle(h);
      const Real product = a.sine * a.cosine;
      const Real rest = select(polar, a.excess, h + product) - target;
      const Real root = select(polar, a.sine, a.cosine), square = root * root;
      const Real bend = rest * select(polar, product, -product);
      const Real denominator = fma(Real(2.0) * square, square, -bend);
      return moved(h, a, rest * square / max(Real(0x1p-1000), denominator));
    }
  }

  // h - d and its sine and cosine: terms in d^3 are below the rounding.
  template <class Real>
  FITS_HOST_DEVICE static Solved<Real> moved(Real h, HalfAngle<Real> a, Real d) {
    const Real half = Real(-0.5) * d;
    return {h - d, fma(d, fma(half, a.sine, -a.cosine), a.sine), fma(d, fma(half, a.cosine, a.sine), a.cosine)};
  }

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

  // h / q as a polynomial in q^2, q^3 = 1.5 target; 0 of what is smaller than any distance from a pole.
  template <class Real>
  FITS_HOST_DEVICE static Real polar_start(Real target) {
    const Real q = cube_root(max(Real(0x1p-900), target * Real(1.5))), z = q * q;
    Real p = Real(0x1.c4a3615b5c318p-9);
    p = fma(p, z, Real(0x1.6b1e39a3acb91p-7));
    p = fma(p, z, Real(0x1.113b895dfd1dfp-4));
    p = fma(p, z, Real(0x1.ffffe7c0ded7ep-1));
    return select(target > Real(0x1p-900), p * q, Real(0.0));
  }

  // h / target as a polynomial in target^2.
  template <class Real>
  FITS_HOST_DEVICE static Real equatorial_start(Real target) {
    const Real z = target * target, z2 = z * z;
    Real even = Real(0x1.d7b87a2837e56p-11), odd = Real(-0x1.595499810d7aap-9);
    even = fma(even, z2, Real(0x1.248a686e9aaecp-8));
    odd = fma(odd, z2, Real(-0x1.6d0975e8c5103p-12));
    even = fma(even, z2, Real(0x1.28e8d0f6c62f7p-7));
    odd = fma(odd, z2, Real(0x1.54b2a99e255c3p-5));
    even = fma(even, z2, Real(0x1.00002c289316bp-1));
    return fma(odd, z, even) * target;
  }

  // Of a positive normal number, within 3.5e-6: one step of third order from a polynomial for m^(-1/3), m in [1, 8).
  template <class Real>
  FITS_HOST_DEVICE static Real cube_root(Real a) {
    const Real third = floor(fma(exponent(a), Real(1.0 / 3), Real(1.0 / 6)));
    const Real m = a * power_of_two(Real(-3.0) * third);
    Real y = Real(0x1.e1bcfbc5f69bbp-12);
    y = fma(y, m, Real(-0x1.5caa157b93053p-7));
    y = fma(y, m, Real(0x1.7f673b1a688f6p-4));
    y = fma(y, m, Real(-0x1.9dc57e9e2049ap-2));
    y = fma(y, m, Real(0x1.4f4ccbe40d8a8p+0));
    const Real r = fma(-(m * y), y * y, Real(1.0));
    y = fma(y * r, fma(r, Real(2.0 / 9), Real(1.0 / 3)), y);
    return m * (y * y) * power_of_two(third);
  }
};

}  // namespace fits::wcs
