// One point from the pixels of one packed WCS to those of another, as a thread of wcs_bridge.cu does it: the stages of
// wcs/bridge.h on one double, so that the CPU gives the same bits. Compiles for the host too, where
// tests/cpp/test_cuda_wcs_bridge.cpp runs all of it without a GPU. Never yet run on a GPU.
#pragma once

#include "wcs.cuh"
#include "wcs/bridge_between.h"

namespace fits::wcs {

// A point between two WCS: a direction has a third number.
template <int kAxes>
struct BridgedPoint : OnePoint<double, kAxes> {
  double third = 0;

  FITS_HOST_DEVICE double get(int axis) const { return axis == kThird ? third : OnePoint<double, kAxes>::get(axis); }
  FITS_HOST_DEVICE void set(int axis, double value) {
    if (axis == kThird) {
      third = value;
    } else {
      OnePoint<double, kAxes>::set(axis, value);
    }
  }
};

// A stage as a function of its own, which a kernel calls: with the projections of both sides inlined into one function
// ptxas takes minutes over it, a third of what the whole library takes.
template <class Point>
struct CallOnPoint {
  Point& point;
  template <class Stage>
#if defined(__CUDACC__)
  __host__ __device__ __noinline__
#endif
      void
      operator()(const Stage& stage) const {
    stage(point);
  }
};

// What lies between two WCS of `naxis` axes. False where either is none, or something separates them: a kernel cannot
// raise, and every coordinate is NaN then.
FITS_HOST_DEVICE bool put_bridge(const double* in, std::int64_t in_length, const double* out, std::int64_t out_length,
                                 int naxis, Bridge& bridge) {
  const Packed from = unpack(in, in_length), to = unpack(out, out_length);
  if (from.naxis != naxis || to.naxis != naxis || are_separated(from, to)) return false;
  put_bridge(from, to, bridge);
  return true;
}

// kAxes is 2 for two axes, else kMaxAxes.
template <int kAxes>
FITS_HOST_DEVICE void bridge_point(const double* in, std::int64_t in_length, const double* out, std::int64_t out_length,
                                   const Bridge* bridge, int naxis, const double* pixel, double* result) {
  BridgedPoint<kAxes> point;
  for (int i = 0; i < naxis; ++i) point.coordinates[i] = pixel[i];
  pixel_to_pixel_chain(unpack(in, in_length), unpack(out, out_length), bridge, CallOnPoint<BridgedPoint<kAxes>>{point});
  for (int i = 0; i < naxis; ++i) result[i] = point.coordinates[i];
}

}  // namespace fits::wcs
