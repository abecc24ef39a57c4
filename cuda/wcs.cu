// pixel_to_world, world_to_pixel, their status, wcs_jacobian: CUDA kernels around wcs.cuh. One thread takes one point;
// a block's points share one WCS, whose slots it keeps near where there are few enough of them.
#include <tuple>

#include "launch.cuh"
#include "ops/wcs_shapes.h"
#include "wcs.cuh"

namespace fits::ops {
namespace {

constexpr int kThreads = 128;
constexpr int kKept = 1024;  // slots in shared memory: all of a WCS but its tables

// The points of one block: `first` to `end` of those of WCS `item`.
struct Share {
  std::int64_t blocks;  // of each WCS
  std::int64_t points;  // of each WCS
  std::int64_t length;
  int naxis;
};

__device__ const double* near(const double* slots, std::int64_t length, double* kept) {
  if (length > kKept) return slots;
  for (int i = threadIdx.x; i < length; i += blockDim.x) kept[i] = slots[i];
  __syncthreads();
  return kept;
}

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

STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) {
  m.impl("pixel_to_world", TORCH_BOX(&pixel_to_world));
  m.impl("world_to_pixel", TORCH_BOX(&world_to_pixel));
  m.impl("pixel_to_world_status", TORCH_BOX(&pixel_to_world_status));
  m.impl("world_to_pixel_status", TORCH_BOX(&world_to_pixel_status));
  m.impl("wcs_jacobian", TORCH_BOX(&wcs_jacobian));
}

}  // namespace fits::ops
