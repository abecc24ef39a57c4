// XPH: HEALPix polar, the "butterfly". Calabretta & Lowe (2013), PASA 30, e050: the four columns of HPX (H = 4, K = 3)
// turned by 45 degrees, their northern corners at the centre.
#pragma once

#include "wcs/projection/hpx.h"

namespace fits::wcs {

struct Xph {
  static constexpr int kNumber = projection_number("XPH");

  // (xi, eta): HPX coordinates of a column from its middle and from its northern corner, eta <= 0; turned into the
  // plane by the column's quarter.
  template <class Real>
  FITS_HOST_DEVICE static NativeParallel<Real> x2s(Constants c, Real x, Real y) {
    const Real a = x * Real(c.w(1)), b = y * Real(c.w(1)), zero = Real(0.0);
    const MaskOf<Real> first = (a <= zero) & (b > zero);                        // phi from -180
    const MaskOf<Real> second = (!first) & (a < zero) & (b <= zero);            // -90
    const MaskOf<Real> third = (!(first | second)) & (a >= zero) & (b < zero);  // 0; the others 90
    const Real xi = select(first, -a - b, select(second, a - b, select(third, a + b, b - a)));
    const Real eta = select(first, a - b, select(second, a + b, select(third, b - a, -a - b)));
    const Real middle =
        select(first, Real(-135.0), select(second, Real(-45.0), select(third, Real(45.0), Real(135.0))));

    const Real height = eta + Real(90.0);  // HPX's y
    const MaskOf<Real> equatorial = abs(height) <= Real(45.0);
    const Real sigma = select(height > zero, -eta, eta + Real(180.0)) * Real(1.0 / 45);
    const auto theta = healpix::latitude(equatorial, height * Real(1.0 / 67.5), sigma * sigma * Real(1.0 / 3), height);
    const Real wide = max(Real(-45.0), min(Real(45.0), xi * healpix::inverse_width(sigma)));
    // The half axes are the edges of columns.
    const Real on_x = select(a < zero, Real(-90.0), Real(90.0));
    const Real on_y = select(b <= zero, zero, Real(180.0));
    const Real spread = select(a == zero, on_y, select(b == zero, on_x, middle + wide));
    const Real phi = select(equatorial, middle + xi, spread);

    const Real tolerance = Real(1e-12);
    const MaskOf<Real> on_belt = equatorial & (abs(xi) <= Real(45.0) + tolerance);
    const MaskOf<Real> on_cap = (!equatorial) & ((height > zero) | (abs(xi) <= height + Real(90.0) + tolerance));
    return on_parallel(phi, theta.sine, theta.cosine, (abs(height) <= Real(90.0)) & (on_belt | on_cap), 1e-12);
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeAngles<Real> native) {
    const Real turned = native.at.lng + Real(180.0);
    const Real from = turned - Real(360.0) * floor(turned * Real(1.0 / 360));  // phi = 180 is -180
    const Real quarter = floor(from * Real(1.0 / 90));
    const Real sine = native.at.sine;
    const MaskOf<Real> equatorial = abs(sine) <= Real(c.w(2));
    const Real sigma = sqrt(Real(3.0) * healpix::versine(native.at));
    const Real offset = fma(quarter, Real(-90.0), from) - Real(45.0);
    const Real xi = select(equatorial, offset, offset * sigma);
    const Real polar = select(sine > Real(0.0), Real(-45.0) * sigma, fma(Real(45.0), sigma, Real(-180.0)));
    const Real eta = select(equatorial, fma(Real(67.5), sine, Real(-90.0)), polar);
    const Real sum = xi + eta, difference = xi - eta;
    const MaskOf<Real> first = quarter == Real(0.0), second = quarter == Real(1.0), third = quarter == Real(2.0);
    const Real x = select(first, -difference, select(second, sum, select(third, difference, -sum)));
    const Real y = select(first, -sum, select(second, -difference, select(third, sum, difference)));
    return {Real(c.w(0)) * x, Real(c.w(0)) * y, always<Real>()};
  }
};

}  // namespace fits::wcs
