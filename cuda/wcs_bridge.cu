// pixel_to_pixel: a CUDA kernel around wcs_bridge.cuh. One thread takes one point; the first of a block finds what lies
// between the two WCS. Never yet run on a GPU.
#include "wcs_bridge.cuh"
#include "wcs_call.cuh"

namespace fits::ops {
namespace {

// The slots of one side, and from those of one item to the next: 0 where one WCS is for all.
struct Side {
  const double* slots;
  std::int64_t length, step;
};

template <int kAxes>
__global__ void __launch_bounds__(kThreads)
    bridge_kernel(Share share, Side in, Side out, const double* pixel, double* result) {
  __shared__ double kept_in[kKept], kept_out[kKept];
  __shared__ alignas(16) std::byte memory[sizeof(wcs::Bridge)];
  __shared__ bool meet;
  auto* const bridge = reinterpret_cast<wcs::Bridge*>(memory);
  const std::int64_t item = blockIdx.x / share.blocks;
  const double* const from = near(in.slots + item * in.step, in.length, kept_in);
  const double* const to = near(out.slots + item * out.step, out.length, kept_out);
  if (threadIdx.x == 0) meet = wcs::put_bridge(from, in.length, to, out.length, share.naxis, *bridge);
  __syncthreads();
  const std::int64_t i = blockIdx.x % share.blocks * blockDim.x + threadIdx.x;
  if (i >= share.points) return;
  const std::int64_t at = (item * share.points + i) * share.naxis;
  if (meet) {
    wcs::bridge_point<kAxes>(from, in.length, to, out.length, bridge, share.naxis, pixel + at, result + at);
  } else {
    for (int axis = 0; axis < share.naxis; ++axis) result[at + axis] = wcs::not_a_number<double>();
  }
}

Side side(const Tensor& slots) {
  const std::int64_t length = slots.size(slots.dim() - 1);
  return {static_cast<const double*>(slots.const_data_ptr()), length, slots.dim() == 2 ? length : 0};
}

Tensor pixel_to_pixel(const Tensor& pixel, const Tensor& wcs_in, const Tensor& wcs_out) {
  constexpr const char* kWho = "pixel_to_pixel";
  const Call in(pixel, wcs_in, kWho), out(in.in, wcs_out, kWho);
  const bool many = in.shapes.many || out.shapes.many;
  require(pixel.dim() >= (many ? 2 : 1), kWho, ": pixel must be [B, ..., N], not of ", pixel.dim(), " dimensions");
  const std::int64_t count = many ? pixel.size(0) : 1, naxis = in.shapes.naxis;
  Share share = in.share;
  share.points = count == 0 ? 0 : pixel.numel() / naxis / count;
  share.blocks = (share.points + kThreads - 1) / kThreads;
  Tensor result = torch::stable::new_empty(in.in, shape_of(pixel), ScalarType::Double);
  const Launch launch(pixel, kWho);
  const auto kernel = naxis == 2 ? &bridge_kernel<2> : &bridge_kernel<wcs::kMaxAxes>;
  launch.blocks(kernel, count * share.blocks, kThreads, share, side(in.slots), side(out.slots), in.numbers(in.in),
                static_cast<double*>(result.mutable_data_ptr()));
  return result;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { m.impl("pixel_to_pixel", TORCH_BOX(&pixel_to_pixel)); }

}  // namespace fits::ops
