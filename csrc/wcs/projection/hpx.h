// HPX: HEALPix, of H facets around the equator and K rows of them. Calabretta & Roukema (2007), MNRAS 381, 865;
// PVi_1 = H (4), PVi_2 = K (3).
#pragma once

#include "wcs/projection.h"

namespace fits::wcs {

namespace healpix {

// sin theta and cos theta: outside of the polar caps from the sine; in them from 1 - sin|theta| = `less` and the sign
// of `y`, exact at the poles.
template <class Real>
FITS_HOST_DEVICE SineCosine<Real> latitude(MaskOf<Real> equatorial, Real sine, Real less, Real y) {
  const Real square = select(equatorial, (Real(1.0) - sine) * (Real(1.0) + sine), less * (Real(2.0) - less));
  return {select(equatorial, sine, copysign(Real(1.0) - less, y)), sqrt(square)};
}

// 1 - sin|theta|, exact at the pole.
template <class Real>
FITS_HOST_DEVICE Real versine(Angles<Real> native) {
  return native.cosine * native.cosine / (Real(1.0) + abs(native.sine));
}

// 1 / sigma, bounded: at a pole, where a facet has no width, roundings of x do not count.
template <class Real>
FITS_HOST_DEVICE Real inverse_width(Real sigma) {
  return Real(1.0) / max(sigma, Real(1e-12));
}

}  // namespace healpix

struct Hpx {
  static constexpr int kNumber = projection_number("HPX");

  // Equatorial: x = phi, y = (90 K / H) sin theta. Polar, |sin theta| > (K - 1) / K, with sigma = sqrt(K (1 - |sin|)):
  //   x = phi_c + (phi - phi_c) sigma, |y| = (180 / H) ((K + 1) / 2 - sigma),
  // phi_c the middle of the facet.
  template <class Real>
  FITS_HOST_DEVICE static NativeParallel<Real> x2s(Constants c, Real x, Real y) {
    const Real xd = x * Real(c.w(1)), yd = y * Real(c.w(1)), height = abs(yd);
    const MaskOf<Real> equatorial = height <= Real(c.w(5));
    const Real sigma = Real(c.w(4)) - height / Real(c.w(6));
    const Real less = sigma * sigma / Real(c.pv(2));
    const auto theta = healpix::latitude(equatorial, yd / Real(c.w(3)), less, yd);

    const Real offset = from_middle(c, xd, yd > Real(0.0));
    // A facet is held against its own width, not against that of the equator: roundings of x count more and more.
    const MaskOf<Real> on_facet = (abs(offset) <= fma(Real(c.w(6)), sigma, Real(1e-12))) & (less <= Real(2.0));
    const Real wide = max(Real(-c.w(6)), min(Real(c.w(6)), offset * healpix::inverse_width(sigma)));
    const Real phi = select(equatorial, xd, xd + (wide - offset));
    return on_parallel(phi, theta.sine, theta.cosine, equatorial | on_facet, 1e-12);
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeAngles<Real> native) {
    const Real phi = native.at.lng;
    const Real sine = native.at.sine;
    const MaskOf<Real> equatorial = abs(sine) <= Real(c.w(2));
    const Real sigma = sqrt(Real(c.pv(2)) * healpix::versine(native.at));
    const Real offset = from_middle(c, phi, sine > Real(0.0));
    const Real x = phi + offset * (sigma - Real(1.0));
    const Real y = copysign(Real(c.w(9)) * (Real(c.w(4)) - sigma), sine);
    // phi = 180 belongs to a facet that would begin there: drawn at the end of the last.
    const Real folded = select(x > Real(180.0), Real(360.0) - x, x);
    return {Real(c.w(0)) * select(equatorial, phi, folded), select(equatorial, Real(c.w(8)) * sine, y), always<Real>()};
  }

 private:
  // phi - phi_c. Facets are 2 w6 = 360 / H wide, the first from -180 on; the southern ones of even K begin half a facet
  // earlier.
  template <class Real>
  FITS_HOST_DEVICE static Real from_middle(Constants c, Real phi, MaskOf<Real> north) {
    const Real earlier = c.n() != 0 ? Real(0.0) : select(north, Real(0.0), Real(0.5));
    const Real facet = floor(fma(phi + Real(180.0), Real(c.w(7)), earlier));
    const Real middle = facet - earlier + Real(0.5);
    return phi - fma(Real(2.0) * middle, Real(c.w(6)), Real(-180.0));
  }
};

}  // namespace fits::wcs
