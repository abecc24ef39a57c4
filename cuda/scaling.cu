// unpack, scale, unscale: stored and physical values of tensors (FITS Standard 4.0, section 4.4.2.5). CUDA kernels; the
// arithmetic on one value is format/cast.h's, so that the CPU gives the same bits.
#include "any_value.cuh"
#include "format/recipe.h"
#include "launch.cuh"
#include "ops/scaling.h"

namespace fits::ops {
namespace {

// Neighbouring values that one thread loads and stores at once: 16 bytes of the wider type.
template <class From, class To>
inline constexpr int kTogether = 16 / (sizeof(From) > sizeof(To) ? sizeof(From) : sizeof(To));

template <class T, int kCount>
struct alignas(sizeof(T) * kCount) Pack {
  T values[kCount];
};

// out[i] = function(in[i]). Where both addresses are aligned all but the last few values travel in packs, else they are
// loaded byte by byte: the bytes that unpack is given may lie at any address.
template <class From, class To, class Function>
__global__ void map_values(const std::byte* __restrict__ in, std::int64_t count, bool aligned, Function function,
                           To* __restrict__ out) {
  constexpr int kCount = kTogether<From, To>;
  const std::int64_t first = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) * kCount;
  if (first >= count) return;
  if (aligned && first + kCount <= count) {
    const auto input = *reinterpret_cast<const Pack<From, kCount>*>(in + first * sizeof(From));
    Pack<To, kCount> output;
#pragma unroll
    for (int i = 0; i < kCount; ++i) output.values[i] = function(input.values[i]);
    *reinterpret_cast<Pack<To, kCount>*>(out + first) = output;
  } else {
    const std::int64_t last = first + kCount < count ? first + kCount : count;
    for (std::int64_t i = first; i < last; ++i) out[i] = function(load<From, false>(in + i * sizeof(From)));
  }
}

template <class From, class To, class Function>
void launch_map(const Launch& launch, const Tensor& in, const Function& function, Tensor& out) {
  constexpr int kCount = kTogether<From, To>;
  const auto* from = static_cast<const std::byte*>(in.const_data_ptr());
  auto* to = static_cast<To*>(out.mutable_data_ptr());
  const bool aligned = reinterpret_cast<std::uintptr_t>(from) % alignof(Pack<From, kCount>) == 0 &&
                       reinterpret_cast<std::uintptr_t>(to) % alignof(Pack<To, kCount>) == 0;
  const std::int64_t count = out.numel();
  launch(map_values<From, To, Function>, (count + kCount - 1) / kCount, from, count, aligned, function, to);
}

template <class Bits>
struct Swap {
  __device__ Bits operator()(Bits bits) const { return swap_bytes(bits); }
};

// Stored value, as its bits, to a pixel.
template <class Exact, class To>
struct ToPixel {
  Operands operands;
  bool arithmetic;
  bool blank;
  __device__ To operator()(BitsOf<Exact> bits) const {
    using Bits = BitsOf<Exact>;
    const auto value = bit_cast<Exact>(static_cast<Bits>(bits ^ static_cast<Bits>(operands.flip)));
    if constexpr (std::is_integral_v<Exact> && kIsFloating<To>) {
      if (blank && value == static_cast<Exact>(operands.blank)) return quiet_nan<To>();
    }
    return arithmetic ? converted<To, true, false>(value, operands) : converted<To, false, false>(value, operands);
  }
};

// Pixel to a stored value, as its bits.
template <class From, class Exact>
struct ToStored {
  Operands operands;
  bool arithmetic;
  __device__ BitsOf<Exact> operator()(From value) const {
    using Bits = BitsOf<Exact>;
    const Exact result = arithmetic ? unconverted<Exact>(cast<double>(value), operands) : cast<Exact>(value);
    return static_cast<Bits>(bit_cast<Bits>(result) ^ static_cast<Bits>(operands.flip));
  }
};

// The same two for any types, one value a thread.
__global__ void scale_any(const std::byte* __restrict__ in, std::int64_t count, Recipe recipe, Pixel to,
                          std::byte* __restrict__ out) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  AnyValue value{};
  bool undefined = false;
  visit_pixel(recipe.exact, [&](auto exact) {
    using Exact = decltype(exact);
    const auto loaded = load<Exact, false>(in + i * sizeof(Exact), recipe.operands.flip);
    if constexpr (std::is_integral_v<Exact>) {
      undefined = recipe.blank && loaded == static_cast<Exact>(recipe.operands.blank);
    }
    value = any_value(loaded);
  });
  if (recipe.arithmetic) value = any_value(physical(value.real, recipe.operands.bscale, recipe.operands.bzero));
  visit_pixel(to, [&](auto pixel) {
    using To = decltype(pixel);
    To result = cast_any<To>(value);
    if constexpr (kIsFloating<To>) {
      if (undefined) result = quiet_nan<To>();
    }
    reinterpret_cast<To*>(out)[i] = result;
  });
}

__global__ void unscale_any(const std::byte* __restrict__ in, std::int64_t count, Pixel from, Recipe recipe,
                            std::byte* __restrict__ out) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  AnyValue value{};
  visit_pixel(from, [&](auto pixel) {
    using From = decltype(pixel);
    value = any_value(load<From, false>(in + i * sizeof(From)));
  });
  visit_pixel(recipe.exact, [&](auto exact) {
    using Exact = decltype(exact);
    using Bits = BitsOf<Exact>;
    if constexpr (!kIsFloat16<Exact>) {  // no BITPIX stores those
      const Exact result = recipe.arithmetic ? unconverted<Exact>(value.real, recipe.operands) : cast_any<Exact>(value);
      reinterpret_cast<Bits*>(out)[i] =
          static_cast<Bits>(bit_cast<Bits>(result) ^ static_cast<Bits>(recipe.operands.flip));
    }
  });
}

// The pairs that are worth a kernel of their own: what images store, and what models compute in.
template <class Exact>
constexpr bool often_stored() {
  return !kIsFloat16<Exact> && !std::is_same_v<Exact, std::int8_t> && !std::is_same_v<Exact, std::uint32_t> &&
         (sizeof(Exact) < 8 || std::is_same_v<Exact, double>);
}

const std::byte* bytes_of(const Tensor& tensor) { return static_cast<const std::byte*>(tensor.const_data_ptr()); }

// Whether a recipe leaves values as they are.
bool is_copy(const Recipe& recipe, Pixel from, Pixel to) {
  return from == to && recipe.exact == from && !recipe.arithmetic && !recipe.blank;
}

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

Tensor scale(const Tensor& raw, double bscale, double bzero, std::optional<std::int64_t> blank, ScalarType dtype) {
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
        launch(scale_any, out.numel(), bytes_of(values), out.numel(), recipe, to, result);
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
        launch(unscale_any, out.numel(), bytes_of(values), out.numel(), from, recipe, result);
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
