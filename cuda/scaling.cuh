// What the CUDA kernels of scaling.cu do to each value; the arithmetic is format/cast.h's, so that the CPU gives the
// same bits. Compiles for the host too, where tests/cpp/test_cuda_scaling.cpp runs all of it without a GPU.
#pragma once

#include "any_value.cuh"
#include "format/recipe.h"

namespace fits {

// Neighbouring values that one thread loads and stores at once: 16 bytes of the wider type.
template <class From, class To>
inline constexpr int kTogether = 16 / (sizeof(From) > sizeof(To) ? sizeof(From) : sizeof(To));

template <class T, int kCount>
struct alignas(sizeof(T) * kCount) Pack {
  T values[kCount];
};

// One thread's share of out[i] = function(in[i]), from `first` on. Where both addresses are aligned all but the last
// few values travel in packs, else they are loaded byte by byte: the bytes that unpack is given may lie at any address.
template <class From, class To, class Function>
FITS_HOST_DEVICE void map_values(const std::byte* __restrict__ in, std::int64_t first, std::int64_t count, bool aligned,
                                 const Function& function, To* __restrict__ out) {
  constexpr int kCount = kTogether<From, To>;
  if (aligned && first + kCount <= count) {
    const auto input = *reinterpret_cast<const Pack<From, kCount>*>(in + first * sizeof(From));
    Pack<To, kCount> output;
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
    for (int i = 0; i < kCount; ++i) output.values[i] = function(input.values[i]);
    *reinterpret_cast<Pack<To, kCount>*>(out + first) = output;
  } else {
    for (std::int64_t i = first; i < first + kCount && i < count; ++i) {
      out[i] = function(load<From, false>(in + i * sizeof(From)));
    }
  }
}

// Whether map_values may use packs.
template <class From, class To>
bool packs_fit(const void* in, const void* out) {
  constexpr int kCount = kTogether<From, To>;
  return reinterpret_cast<std::uintptr_t>(in) % alignof(Pack<From, kCount>) == 0 &&
         reinterpret_cast<std::uintptr_t>(out) % alignof(Pack<To, kCount>) == 0;
}

template <class Bits>
struct Swap {
  FITS_HOST_DEVICE Bits operator()(Bits bits) const { return swap_bytes(bits); }
};

// Stored value, as its bits, to a pixel.
template <class Exact, class To>
struct ToPixel {
  Operands operands;
  bool arithmetic;
  bool blank;
  FITS_HOST_DEVICE To operator()(BitsOf<Exact> bits) const {
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
  FITS_HOST_DEVICE BitsOf<Exact> operator()(From value) const {
    using Bits = BitsOf<Exact>;
    const Exact result = arithmetic ? unconverted<Exact>(cast<double>(value), operands) : cast<Exact>(value);
    return static_cast<Bits>(bit_cast<Bits>(result) ^ static_cast<Bits>(operands.flip));
  }
};

// The same two for value i of any types.
FITS_HOST_DEVICE void scale_any(const std::byte* in, std::int64_t i, const Recipe& recipe, Pixel to, std::byte* out) {
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

FITS_HOST_DEVICE void unscale_any(const std::byte* in, std::int64_t i, Pixel from, const Recipe& recipe,
                                  std::byte* out) {
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

// The types that are worth a kernel of their own for each pair: what images store.
template <class Exact>
constexpr bool often_stored() {
  return !kIsFloat16<Exact> && !std::is_same_v<Exact, std::int8_t> && !std::is_same_v<Exact, std::uint32_t> &&
         (sizeof(Exact) < 8 || std::is_same_v<Exact, double>);
}

// Whether a recipe leaves values as they are.
constexpr bool is_copy(const Recipe& recipe, Pixel from, Pixel to) {
  return from == to && recipe.exact == from && !recipe.arithmetic && !recipe.blank && recipe.operands.flip == 0;
}

}  // namespace fits
