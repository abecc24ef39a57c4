// PCO: polyconic. Paper II, section 5.5.2.
#pragma once

#include "wcs/dual.h"
#include "wcs/projection.h"

namespace fits::wcs {

struct Pco {
  static constexpr int kNumber = projection_number("PCO");
  static constexpr int kMaxSteps = 64;  // 3 are usual; near the poles each thirds the distance at first
  static constexpr double kEquator = 1e-100;

  // In units of r0, with A = phi sin theta: X = cot theta sin A, Y = theta + cot theta (1 - cos A). Without A, and with
  // d = Y - theta, that is h(theta) = X^2 sin theta + d (d sin theta - 2 cos theta) = 0.
  template <class Real>
  FITS_HOST_DEVICE static NativeAngles<Real> x2s(Constants c, Real x, Real y) {
    const Real xd = x * Real(c.w(1)), yd = abs(y) * Real(c.w(1));  // degrees
    const Real X = radians(xd), X2 = X * X;
    const auto root = solve(X2, yd);
    // tan A = X sin theta / (cos theta - d sin theta)
    const Real a = atan2d(X * root.sine, fma(-root.d, root.sine, root.cosine));
    const MaskOf<Real> equator = yd <= Real(kEquator);
    const Real phi = select(equator, xd, a / select(equator, Real(1.0), root.sine));
    Real latitude = select(equator, Real(0.0), copysign(root.theta, y));
    SineCosine<Real> of_latitude = {copysign(root.sine, y), root.cosine};
    if constexpr (kIsDual<Real>) {  // Y = theta (1 + X^2 / 2) near the equator
      latitude = select(equator, y * Real(c.w(1)) / fma(X2, Real(0.5), Real(1.0)), latitude);
      of_latitude = sincosd(latitude);
    }
    return on_sphere(phi, latitude, of_latitude, root.found & (x == x) & (y == y), 1e-12);
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

 private:
  static constexpr double kQuarter = 0x1.921fb54442d18p+0;  // pi / 2

  // theta in degrees, d = Y - theta in radians.
  template <class Real>
  struct Root {
    Real theta, d, sine, cosine;
    MaskOf<Real> found;
  };

  template <class Real>
  FITS_HOST_DEVICE static Root<Real> solve(Real X2, Real yd) {
    if constexpr (kIsDual<Real>) {  // what a step of Newton's method from there adds are the derivatives
      const auto plain = solve(value_of(X2), value_of(yd));
      const Real theta = Real(plain.theta), s = Real(plain.sine), c = Real(plain.cosine);
      const Real d = radians(yd - theta);
      const Real h = fma(fma(d, d, X2), s, -(Real(2.0) * d * c));
      const Real change = h / (fma(d, d, X2 + Real(2.0)) * c), half = Real(-0.5) * change;
      return {theta - degrees(change), d + change, fma(change, fma(half, s, -c), s), fma(change, fma(half, c, s), c),
              plain.found};
    } else {
      Root<Real> root = in_two_steps(X2, yd);
      const MaskOf<Real> going = (!root.found) & (yd > Real(kEquator));
      if (any(going)) bracket(X2, yd, going, root);
      root.found = root.found | (yd <= Real(kEquator));
      return root;
    }
  }

  // Two steps of Halley's method, as h'' costs nothing, from a start that is within 0.015 inside the map. Distances
  // from the pole and from the equator, theta and 90 degrees - theta, are kept apart so that both have all their
  // digits.
  template <class Real>
  FITS_HOST_DEVICE static Root<Real> in_two_steps(Real X2, Real yd) {
    const Real Y = radians(yd), D = radians(yd - Real(90.0));
    Real p = fma(X2, Real(-0.0001045175172), fma(D, Real(-0.01000730655), Real(-0.01017832607)));
    p = fma(X2, p, fma(D, fma(D, Real(0.02499815632), Real(0.1435516984)), Real(0.533279094)));
    const Real row = fma(D, fma(D, Real(0.1772090879), Real(0.4656323924)), Real(0.2900888632));
    p = fma(X2, p, fma(D, row, Real(1.0)));
    const MaskOf<Real> low = Y < Real(0.05);  // theta = Y / (1 + X^2 / 2) near the equator
    const Real near = Y / fma(X2, Real(0.5), Real(1.0)), away = sqrt(fma(D, D, X2) / p);
    Real theta = select(low, near, Real(kQuarter) - away), rest = select(low, Real(kQuarter) - near, away);
    Real d = select(low, Y - near, D + away);
    const MaskOf<Real> small = theta < Real(0.5 * kQuarter);
    const Real t = select(small, theta, rest), z = t * t;
    const Real sine_t = fma(t * z, sine_polynomial(z), t);
    const Real cosine_t = fma(z * z, cosine_polynomial(z), fma(z, Real(-0.5), Real(1.0)));
    Real s = select(small, sine_t, cosine_t), c = select(small, cosine_t, sine_t);
    Real change = halley(X2, d, s, c);
    // The sine and cosine of the first change, which is below 0.02, by their series; of the second one 1e-17 is left.
    const Real w = change * change;
    const Real first = change * fma(w, fma(w, Real(1.0 / 120), Real(-1.0 / 6)), Real(1.0));
    const Real versine = w * fma(w, fma(w, Real(1.0 / 720), Real(-1.0 / 24)), Real(0.5));
    turn(first, versine, s, c);
    theta = theta - change;
    rest = rest + change;
    d = d + change;
    change = halley(X2, d, s, c);
    turn(change, Real(0.5) * change * change, s, c);
    theta = theta - change;
    rest = rest + change;
    d = d + change;
    // What is left is of third order in the change, over the square of the distance from the pole.
    const MaskOf<Real> found = (abs(change) <= Real(6e-6) * rest) & (theta >= Real(0.0)) & (abs(first) < Real(0.02));
    return {select(small, degrees(theta), Real(90.0) - degrees(rest)), d, s, c, found};
  }

  // theta becomes theta - a of this sine and versine (1 - cosine).
  template <class Real>
  FITS_HOST_DEVICE static void turn(Real sine, Real versine, Real& s, Real& c) {
    const Real before = s;
    s = s - fma(c, sine, s * versine);
    c = c + fma(before, sine, -(c * versine));
  }

  template <class Real>
  FITS_HOST_DEVICE static Real halley(Real X2, Real d, Real s, Real c) {
    const Real h = fma(X2, s, d * fma(d, s, Real(-2.0) * c));
    const Real q2 = fma(d, d, X2 + Real(2.0));
    const Real slope = q2 * c, bend = Real(0.5) * h * fma(q2, s, Real(2.0) * d * c);  // h', and - h h'' / 2
    return h * slope / fma(slope, slope, bend);
  }

  // Any point: for Y > 0, h(0) < 0 <= h(min(Y, 90)), and between h' = (X^2 + d^2 + 2) cos theta > 0: one root.
  template <class Real>
  FITS_HOST_DEVICE static void bracket(Real X2, Real yd, MaskOf<Real> going, Root<Real>& root) {
    const MaskOf<Real> wanted = going;
    Real low = Real(0.0), high = min(Real(90.0), yd);
    Real theta = min(high, yd / fma(X2, Real(0.5), Real(1.0)));
    // A lane is done when what its step leaves, of third order, is lost in theta; or when its brackets meet.
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
    const auto s = sincosd(theta);
    root.theta = select(wanted, theta, root.theta);
    root.d = select(wanted, radians(yd - theta), root.d);
    root.sine = select(wanted, s.sine, root.sine);
    root.cosine = select(wanted, s.cosine, root.cosine);
    root.found = root.found | (wanted & !going);
  }
};

}  // namespace fits::wcs
