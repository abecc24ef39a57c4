// The linear step: pixel to intermediate world coordinates and back (Paper I, equation 1), and CRVAL on linear axes.
//
// A stage (see chain.h). Matrix elements that are zero are skipped, so that NaN in one axis stays out of the others.
#pragma once

#include "wcs/packed.h"

namespace fits::wcs {

// out = matrix * in, for N x N matrices row by row.
template <class Real>
FITS_HOST_DEVICE void multiply(const double* matrix, int naxis, const Real* in, Real* out) {
  for (int i = 0; i < naxis; ++i) {
    Real sum = Real(0.0);
    for (int j = 0; j < naxis; ++j) {
      const double element = matrix[i * naxis + j];
      if (element != 0) sum = fma(Real(element), in[j], sum);
    }
    out[i] = sum;
  }
}

// 0-based pixel coordinates to intermediate world coordinates.
struct PixelToIntermediate {
  Packed wcs;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    const LinearLayout at{wcs.naxis};
    const double* const linear = wcs.linear();
    if (wcs.naxis == 2) {
      run<Real, 2>(point, linear, at, 2);
    } else if (wcs.naxis == 1) {
      run<Real, 1>(point, linear, at, 1);
    } else {
      run<Real, kMaxAxes>(point, linear, at, wcs.naxis);
    }
  }

 private:
  template <class Real, int kMost, class Point>
  FITS_HOST_DEVICE static void run(Point& point, const double* linear, LinearLayout at, int naxis) {
    Real offset[kMost], image[kMost];
    for (int j = 0; j < naxis; ++j) offset[j] = point.get(j) - Real(linear[at.crpix() + j] - 1);
    multiply(linear + at.matrix(), naxis, offset, image);
    for (int i = 0; i < naxis; ++i) point.set(i, image[i]);
  }
};

struct IntermediateToPixel {
  Packed wcs;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    const LinearLayout at{wcs.naxis};
    const double* const linear = wcs.linear();
    if (wcs.naxis == 2) {
      run<Real, 2>(point, linear, at, 2);
    } else if (wcs.naxis == 1) {
      run<Real, 1>(point, linear, at, 1);
    } else {
      run<Real, kMaxAxes>(point, linear, at, wcs.naxis);
    }
  }

 private:
  template <class Real, int kMost, class Point>
  FITS_HOST_DEVICE static void run(Point& point, const double* linear, LinearLayout at, int naxis) {
    Real image[kMost], offset[kMost];
    for (int i = 0; i < naxis; ++i) image[i] = point.get(i);
    multiply(linear + at.inverse(), naxis, image, offset);
    for (int j = 0; j < naxis; ++j) point.set(j, offset[j] + Real(linear[at.crpix() + j] - 1));
  }
};

// Adds CRVAL to the axes that are linear, or takes it off (`sign` -1).
struct AddReference {
  Packed wcs;
  double sign;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    const LinearLayout at{wcs.naxis};
    const double* const linear = wcs.linear();
    for (int i = 0; i < wcs.naxis; ++i) {
      if (linear[at.kind() + i] == static_cast<double>(AxisKind::linear)) {
        point.set(i, point.get(i) + Real(sign * linear[at.crval() + i]));
      }
    }
  }
};

}  // namespace fits::wcs
