// Pixels to the sky by TAN alone, on two axes without distortion, as most headers say: the matrix of the linear step
// and the rotation of the sphere are one matrix, from offsets to direction cosines (Paper I, equation 1; Paper II,
// equations 2, 14 and 54). A stage (see chain.h) in place of two.
#pragma once

#include "wcs/celestial.h"

namespace fits::wcs {

class Gnomonic {
 public:
  // Whether nothing else stands between the pixels and the sky.
  FITS_HOST_DEVICE static bool is_all_of(const Packed& wcs) {
    if (wcs.naxis != 2 || wcs.projection != Tan::kNumber || wcs.distortion != 0 || wcs.cubeface >= 0) return false;
    if (wcs.lng != 0) return false;  // an axis known beforehand is worth 0.2 ns
    if (wcs.has_linear || wcs.has_spectral || wcs.has_logarithmic) return false;
    if (wcs.has(head::kPolynomial) || wcs.has(head::kSequent) || wcs.has(head::kTab)) return false;
    return wcs.celestial()[celestial::kX0] == 0 && wcs.celestial()[celestial::kY0] == 0;
  }

  FITS_HOST_DEVICE explicit Gnomonic(const Packed& wcs) {
    const LinearLayout at{2};
    const double *const linear = wcs.linear(), *const block = wcs.celestial();
    const double *const x = linear + at.matrix(), *const y = x + 2;
    const Rotation r{block};
    for (int i = 0; i < 3; ++i) {  // native (-y, x, r0)
      for (int j = 0; j < 2; ++j) direction[3 * i + j] = fma(x[j], r(i, 1), -(y[j] * r(i, 0)));
      direction[3 * i + 2] = block[celestial::kRadius] * r(i, 2);
    }
    for (int j = 0; j < 2; ++j) origin[j] = linear[at.crpix() + j] - 1;
    pole = r.euler(0);
  }

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    const Real u = point.get(0) - Real(origin[0]), v = point.get(1) - Real(origin[1]);
    const auto row = [&](int i) {
      const double* const d = direction + 3 * i;
      return fma(u, Real(d[0]), fma(v, Real(d[1]), Real(d[2])));
    };
    const Real m = fma(u, Real(direction[3]), v * Real(direction[4]));  // r(1, 2) is 0
    const auto sky = spherical(Direction<Real>{row(0), m, row(2)});
    const Real lng = wrapped(sky.lng + Real(pole), pole);
    const MaskOf<Real> bad = !are_numbers(lng, sky.lat);
    point.set(0, nan_where(bad, lng));
    point.set(1, nan_where(bad, sky.lat));
    point.flag(bad, 3);
  }

 private:
  double direction[9];  // of the offsets from CRPIX, and constants
  double origin[2];     // CRPIX, 0-based
  double pole;          // longitudes are counted from that of the native pole
};

}  // namespace fits::wcs
