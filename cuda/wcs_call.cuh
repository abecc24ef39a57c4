// What the kernels on packed WCS have in common: a call's tensors, and the points of a block, which share one WCS whose
// slots it keeps near where there are few enough of them.
#pragma once

#include "launch.cuh"
#include "ops/wcs_shapes.h"
#include "wcs.cuh"

namespace fits::ops {

inline constexpr int kThreads = 128;
inline constexpr int kKept = 1024;  // slots in shared memory: all of a WCS but its tables

// How the points of a call are shared out: each block has kThreads of one WCS.
struct Share {
  std::int64_t blocks;  // of each WCS
  std::int64_t points;  // of each WCS
  std::int64_t length;
  int naxis;
};

__device__ inline const double* near(const double* slots, std::int64_t length, double* kept) {
  if (length > kKept) return slots;
  for (int i = threadIdx.x; i < length; i += blockDim.x) kept[i] = slots[i];
  __syncthreads();
  return kept;
}

// A call's tensors, checked, on the device of `coordinates`.
struct Call {
  Tensor slots, in;
  WcsShapes shapes;
  Share share;

  Call(const Tensor& coordinates, const Tensor& wcs, const char* who)
      : slots(torch::stable::contiguous(wcs)),
        in(as_float64(coordinates)),
        shapes(wcs_shapes(coordinates, slots, who)) {
    require(wcs.is_cuda() && coordinates.is_cuda() && wcs.get_device_index() == coordinates.get_device_index(), who,
            ": coordinates and wcs must be on one device; move wcs there with .to(device)");
    require(shapes.naxis >= 1 && shapes.naxis <= wcs::kMaxAxes, who, ": the last dimension of coordinates is ",
            shapes.naxis, " and must be the number of axes of the WCS, 1 to 16");
    share = {(shapes.points + kThreads - 1) / kThreads, shapes.points, shapes.length, static_cast<int>(shapes.naxis)};
  }

  static Tensor as_float64(const Tensor& tensor) {
    const Tensor values = torch::stable::contiguous(tensor);
    if (values.scalar_type() == ScalarType::Double) return values;
    Tensor out = torch::stable::new_empty(values, shape_of(values), ScalarType::Double);
    return torch::stable::copy_(out, values);
  }
  const double* numbers(const Tensor& tensor) const { return static_cast<const double*>(tensor.const_data_ptr()); }
};

}  // namespace fits::ops
