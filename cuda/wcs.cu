// pixel_to_world, world_to_pixel, their status: CUDA kernels around wcs.cuh. One thread takes one point.
#include <tuple>

#include "wcs_call.cuh"

namespace fits::ops {
namespace {

template <wcs::Way kWay, int kAxes>
__global__ void __launch_bounds__(kThreads)
    transform_kernel(Share share, const double* slots, const double* in, double* out, std::int32_t* status) {
  __shared__ double kept[kKept];
  const std::int64_t item = blockIdx.x / share.blocks;
  const double* const mine = near(slots + item * share.length, share.length, kept);
  const std::int64_t i = blockIdx.x % share.blocks * blockDim.x + threadIdx.x;
  if (i >= share.points) return;
  const std::int64_t point = item * share.points + i;
  wcs::transform_point<kWay, kAxes>(mine, share.length, share.naxis, in + point * share.naxis,
                                    out + point * share.naxis, status == nullptr ? nullptr : status + point);
}

template <wcs::Way kWay>
Tensor transform(const Tensor& coordinates, const Tensor& wcs, const char* who, Tensor* status = nullptr) {
  const Call call(coordinates, wcs, who);
  Tensor out = torch::stable::new_empty(call.in, shape_of(coordinates), ScalarType::Double);
  std::int32_t* codes = nullptr;
  if (status != nullptr) {
    Shape shape = shape_of(coordinates);
    shape.pop_back();
    *status = torch::stable::new_empty(call.in, shape, ScalarType::Int);
    codes = static_cast<std::int32_t*>(status->mutable_data_ptr());
  }
  const Launch launch(coordinates, who);
  const auto kernel = call.shapes.naxis == 2 ? &transform_kernel<kWay, 2> : &transform_kernel<kWay, wcs::kMaxAxes>;
  launch.blocks(kernel, call.shapes.count * call.share.blocks, kThreads, call.share, call.numbers(call.slots),
                call.numbers(call.in), static_cast<double*>(out.mutable_data_ptr()), codes);
  return out;
}

Tensor pixel_to_world(const Tensor& pixel, const Tensor& wcs) {
  return transform<wcs::Way::to_world>(pixel, wcs, "pixel_to_world");
}
Tensor world_to_pixel(const Tensor& world, const Tensor& wcs) {
  return transform<wcs::Way::to_pixel>(world, wcs, "world_to_pixel");
}

using WithStatus = std::tuple<Tensor, Tensor>;

WithStatus pixel_to_world_status(const Tensor& pixel, const Tensor& wcs) {
  Tensor status;
  Tensor world = transform<wcs::Way::to_world>(pixel, wcs, "pixel_to_world_status", &status);
  return {world, status};
}
WithStatus world_to_pixel_status(const Tensor& world, const Tensor& wcs) {
  Tensor status;
  Tensor pixel = transform<wcs::Way::to_pixel>(world, wcs, "world_to_pixel_status", &status);
  return {pixel, status};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) {
  m.impl("pixel_to_world", TORCH_BOX(&pixel_to_world));
  m.impl("world_to_pixel", TORCH_BOX(&world_to_pixel));
  m.impl("pixel_to_world_status", TORCH_BOX(&pixel_to_world_status));
  m.impl("world_to_pixel_status", TORCH_BOX(&world_to_pixel_status));
}

}  // namespace fits::ops
