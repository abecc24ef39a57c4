// unpack, scale, unscale: stored and physical values of tensors (FITS Standard 4.0, section 4.4.2.5). CUDA
// kernels around scaling.cuh.
#include "launch.cuh"
#include "ops/scaling.h"
#include "scaling.cuh"

namespace fits::ops {
namespace {

template <class From, class To, class Function>
__global__ void map_kernel(const std::byte* in, std::int64_t count, bool aligned, Function function, To* out) {
  const std::int64_t thread = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  map_values<From>(in, thread * kTogether<From, To>, count, aligned, function, out);
}

__global__ void scale_any_kernel(const std::byte* in, std::int64_t count, Recipe recipe, Pixel to, std::byte* out) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) scale_any(in, i, recipe, to, out);
}

__global__ void unscale_any_kernel(const std::byte* in, std::int64_t count, Pixel from, Recipe recipe, std::byte* out) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) unscale_any(in, i, from, recipe, out);
}

template <class From, class To, class Function>
void launch_map(const Launch& launch, const Tensor& in, const Function& function, Tensor& out) {
  const auto* from = static_cast<const std::byte*>(in.const_data_ptr());
  auto* to = static_cast<To*>(out.mutable_data_ptr());
  const std::int64_t count = out.numel();
  const std::int64_t threads = (count + kTogether<From, To> - 1) / kTogether<From, To>;
  launch(map_kernel<From, To, Function>, threads, from, count, packs_fit<From, To>(from, to), function, to);
}

const std::byte* bytes_of(const Tensor& tensor) { return static_cast<const std::byte*>(tensor.const_data_ptr()); }

Tensor unpack(const Tensor& data, std::int64_t bitpix, const Shape& shape) {
  checked_unpack(data, bitpix, shape);
  const Tensor bytes = torch::stable::contiguous(data);
  Tensor out = torch::stable::new_empty(data, shape, scalar_type(stored_pixel(static_cast<int>(bitpix))));
  const Launch launch(data, "unpack");
  switch (out.element_size()) {
    case 1: launch_map<std::uint8_t, std::uint8_t>(launch, bytes, Swap<std::uint8_t>{}, out); break;
    case 2: launch_map<std::uint16_t, std::uint16_t>(launch, bytes, Swap<std::uint16_t>{}, out); break;
    case 4: launch_map<std::uint32_t, std::uint32_t>(launch, bytes, Swap<std::uint32_t>{}, out); break;
    default: launch_map<std::uint64_t, std::uint64_t>(launch, bytes, Swap<std::uint64_t>{}, out); break;
  }
  return out;
}

Tensor scale(const Tensor& raw, double bscale, double bzero, std::optional<std::int64_t> blank,
             std::optional<ScalarType> asked) {
  const ScalarType dtype = scaled_dtype(asked);
  const Pixel from = pixel_type(raw.scalar_type(), "scale");
  const Pixel to = pixel_type(dtype, "scale");
  const Recipe recipe = to_pixels(from, {bscale, bzero, blank}, to);
  Tensor out = torch::stable::new_empty(raw, shape_of(raw), dtype);
  if (is_copy(recipe, from, to)) return torch::stable::copy_(out, raw);
  const Tensor values = torch::stable::contiguous(raw);
  const Launch launch(raw, "scale");
  visit_pixel(recipe.exact, [&](auto exact) {
    visit_pixel(to, [&](auto pixel) {
      using Exact = decltype(exact);
      using To = decltype(pixel);
      if constexpr (often_stored<Exact>() && kIsFloating<To>) {
        const ToPixel<Exact, To> function{recipe.operands, recipe.arithmetic, recipe.blank};
        launch_map<BitsOf<Exact>, To>(launch, values, function, out);
      } else {
        auto* result = static_cast<std::byte*>(out.mutable_data_ptr());
        launch(scale_any_kernel, out.numel(), bytes_of(values), out.numel(), recipe, to, result);
      }
    });
  });
  return out;
}

Tensor unscale(const Tensor& value, double bscale, double bzero, std::optional<std::int64_t> blank,
               std::int64_t bitpix) {
  const Pixel from = pixel_type(value.scalar_type(), "unscale");
  const Scaling scaling = checked_unscale(bscale, bzero, blank, bitpix);
  const Pixel stored = stored_pixel(static_cast<int>(bitpix));
  const Recipe recipe = to_stored(from, static_cast<int>(bitpix), scaling);
  Tensor out = torch::stable::new_empty(value, shape_of(value), scalar_type(stored));
  if (is_copy(recipe, from, stored)) return torch::stable::copy_(out, value);
  const Tensor values = torch::stable::contiguous(value);
  const Launch launch(value, "unscale");
  visit_pixel(from, [&](auto pixel) {
    visit_pixel(recipe.exact, [&](auto exact) {
      using From = decltype(pixel);
      using Exact = decltype(exact);
      if constexpr (std::is_floating_point_v<From> && often_stored<Exact>()) {
        const ToStored<From, Exact> function{recipe.operands, recipe.arithmetic};
        launch_map<From, BitsOf<Exact>>(launch, values, function, out);
      } else {
        auto* result = static_cast<std::byte*>(out.mutable_data_ptr());
        launch(unscale_any_kernel, out.numel(), bytes_of(values), out.numel(), from, recipe, result);
      }
    });
  });
  return out;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) {
  m.impl("unpack", TORCH_BOX(&unpack));
  m.impl("scale", TORCH_BOX(&scale));
  m.impl("unscale", TORCH_BOX(&unscale));
}

}  // namespace fits::ops
