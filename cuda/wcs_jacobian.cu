// wcs_jacobian: a CUDA kernel around wcs.cuh. A file of its own, for it takes as long to compile as the transforms.
#include "wcs_call.cuh"

namespace fits::ops {
namespace {

template <int kAxes>
__global__ void __launch_bounds__(kThreads)
    jacobian_kernel(Share share, const double* slots, const double* pixel, double* matrix) {
  __shared__ double kept[kKept];
  const std::int64_t item = blockIdx.x / share.blocks;
  const double* const mine = near(slots + item * share.length, share.length, kept);
  const std::int64_t i = blockIdx.x % share.blocks * blockDim.x + threadIdx.x;
  if (i >= share.points) return;
  const std::int64_t point = item * share.points + i;
  double* const to = matrix + point * share.naxis * share.naxis;
  for (int column = 0; column < share.naxis; column += 2) {
    wcs::jacobian_columns<kAxes>(mine, share.length, share.naxis, pixel + point * share.naxis, column, to);
  }
}

Tensor wcs_jacobian(const Tensor& pixel, const Tensor& wcs) {
  const Call call(pixel, wcs, "wcs_jacobian");
  Shape shape = shape_of(pixel);
  shape.push_back(shape.back());
  Tensor out = torch::stable::new_empty(call.in, shape, ScalarType::Double);
  const Launch launch(pixel, "wcs_jacobian");
  const auto kernel = call.shapes.naxis == 2 ? &jacobian_kernel<2> : &jacobian_kernel<wcs::kMaxAxes>;
  launch.blocks(kernel, call.shapes.count * call.share.blocks, kThreads, call.share, call.numbers(call.slots),
                call.numbers(call.in), static_cast<double*>(out.mutable_data_ptr()));
  return out;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { m.impl("wcs_jacobian", TORCH_BOX(&wcs_jacobian)); }

}  // namespace fits::ops
