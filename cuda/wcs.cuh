// One point through a packed WCS, as a thread of wcs.cu does it: the stages of wcs/chain.h on one double, so that the
// CPU gives the same bits. Compiles for the host too, where tests/cpp/test_cuda_wcs.cpp runs all of it without a GPU.
#pragma once

#include <cstdint>

#include "wcs/chain.h"
#include "wcs/dual.h"

namespace fits::wcs {

// A point that chain.h's stages work on. Two coordinates are told apart without an address, so that they can stay in
// registers.
template <class Number, int kAxes>
struct OnePoint {
  using Real = Number;
  Number coordinates[kAxes];
  std::int32_t status = 0;

  FITS_HOST_DEVICE Number get(int axis) const {
    if constexpr (kAxes == 2) return axis == 0 ? coordinates[0] : coordinates[1];
    return coordinates[axis];
  }
  FITS_HOST_DEVICE void set(int axis, Number value) {
    if constexpr (kAxes == 2) {
      coordinates[0] = axis == 0 ? value : coordinates[0];
      coordinates[1] = axis == 1 ? value : coordinates[1];
    } else {
      coordinates[axis] = value;
    }
  }
  FITS_HOST_DEVICE void flag(bool mask, int bits) {
    if (mask) status |= bits;
  }
};

template <class Point>
struct RunOnPoint {
  Point& point;
  template <class Stage>
  FITS_HOST_DEVICE void operator()(const Stage& stage) const {
    stage(point);
  }
};

enum class Way { to_world, to_pixel };

// `slots` [length] are a packed WCS; where they are not, or not of `naxis` axes, every coordinate is NaN and all axes
// are flagged: a kernel cannot raise, and asking the device before would wait for it. kAxes is 2 for two axes, else
// kMaxAxes. `status` may be null.
template <Way kWay, int kAxes>
FITS_HOST_DEVICE void transform_point(const double* slots, std::int64_t length, int naxis, const double* in,
                                      double* out, std::int32_t* status) {
  const Packed wcs = unpack(slots, length);
  OnePoint<double, kAxes> point;
  for (int i = 0; i < naxis; ++i) point.coordinates[i] = in[i];
  const bool usable = wcs.naxis == naxis;
  if (usable) {
    const RunOnPoint<OnePoint<double, kAxes>> run{point};
    if constexpr (kWay == Way::to_world) {
      pixel_to_world_short(wcs, run);
    } else {
      world_to_pixel_chain(wcs, run);
    }
  }
  std::int32_t bits = point.status;
  for (int i = 0; i < naxis; ++i) {
    const double value = usable ? point.coordinates[i] : not_a_number<double>();
    out[i] = value;
    if (value != value) bits |= 1 << i;
  }
  if (status != nullptr) *status = bits;
}

// Columns `column` and `column` + 1 of d world_i / d pixel_j, row by row: [naxis, naxis].
template <int kAxes>
FITS_HOST_DEVICE void jacobian_columns(const double* slots, std::int64_t length, int naxis, const double* pixel,
                                       int column, double* matrix) {
  using Number = Dual<double>;
  const Packed wcs = unpack(slots, length);
  OnePoint<Number, kAxes> point;
  for (int i = 0; i < naxis; ++i) {
    point.coordinates[i] = Number(pixel[i], i == column ? 1.0 : 0.0, i == column + 1 ? 1.0 : 0.0);
  }
  const bool usable = wcs.naxis == naxis;
  if (usable) pixel_to_world_chain(wcs, RunOnPoint<OnePoint<Number, kAxes>>{point});
  for (int i = 0; i < naxis; ++i) {
    const Number world = point.coordinates[i];
    const bool bad = !usable || world.value != world.value;
    matrix[i * naxis + column] = bad ? not_a_number<double>() : world.d0;
    if (column + 1 < naxis) matrix[i * naxis + column + 1] = bad ? not_a_number<double>() : world.d1;
  }
}

}  // namespace fits::wcs
