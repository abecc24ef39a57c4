// The loops of one SIMD level. Included once per level with FITS_LEVEL (a namespace) and FITS_TARGET (the attribute
// that names the instruction set) defined, and FITS_X86 for the loops of convert_x86.inl; the rest is left to the
// compiler's vectoriser.
#include <array>
#include <cstddef>
#include <utility>

#include "format/convert_loops.h"

namespace fits::FITS_LEVEL {
namespace {

template <class From, class To, bool kSwap, bool kLinear, bool kBlank>
FITS_TARGET void loop(const std::byte* __restrict in, std::int64_t count, const Operands& shared,
                      std::byte* __restrict out) noexcept {
  const Operands operands = shared;
  for (std::int64_t i = 0; i < count; ++i) {
    const From value = load<From, kSwap>(in + i * static_cast<std::int64_t>(sizeof(From)), operands.flip);
    const To result = converted<To, kLinear, kBlank>(value, operands);
    __builtin_memcpy(out + i * static_cast<std::int64_t>(sizeof(To)), &result, sizeof(To));
  }
}

template <class To>
FITS_TARGET void inverse(const std::byte* __restrict in, std::int64_t count, const Operands& shared,
                         std::byte* __restrict out) noexcept {
  const Operands operands = shared;
  for (std::int64_t i = 0; i < count; ++i) {
    const To result = unconverted<To>(load<double, false>(in + i * 8), operands);
    __builtin_memcpy(out + i * static_cast<std::int64_t>(sizeof(To)), &result, sizeof(To));
  }
}

#if defined(FITS_X86)
#include "format/convert_x86.inl"
#endif

template <std::size_t kIndex>
constexpr Loop loop_at() noexcept {
  constexpr Step step = step_at(kIndex);
  if constexpr (has_loop(step)) {
    using From = PixelType<static_cast<std::size_t>(step.from)>;
    using To = PixelType<static_cast<std::size_t>(step.to)>;
#if defined(FITS_X86)
    if constexpr (step.to == Pixel::f16) {
      return &float_to_float16;
    } else if constexpr (step.from == Pixel::i16 && step.to == Pixel::f32 && step.linear) {
      return &int16_to_float<step.swap, step.blank>;
    } else
#endif
      return &loop<From, To, step.swap, step.linear, step.blank>;
  } else {
    return nullptr;
  }
}

template <std::size_t kIndex>
constexpr Loop inverse_at() noexcept {
  using To = PixelType<kIndex>;
  if constexpr (std::is_integral_v<To> || std::is_same_v<To, double>) {
    return &inverse<To>;
  } else {
    return nullptr;
  }
}

template <std::size_t... kIndices>
constexpr std::array<Loop, kPixelTypes> all_inverses(std::index_sequence<kIndices...>) noexcept {
  return {inverse_at<kIndices>()...};
}

template <std::size_t... kIndices>
constexpr std::array<Loop, kSteps> all_loops(std::index_sequence<kIndices...>) noexcept {
  return {loop_at<kIndices>()...};
}

constexpr auto kLoops = all_loops(std::make_index_sequence<kSteps>());
constexpr auto kInverses = all_inverses(std::make_index_sequence<kPixelTypes>());

}  // namespace

Loop find_loop(Step step) noexcept { return kLoops[step_index(step)]; }
Loop find_inverse(Pixel to) noexcept { return kInverses[static_cast<std::size_t>(to)]; }

Loop find_past_cache(std::size_t size, bool swap) noexcept {
#if defined(FITS_X86)
  switch (size) {
    case 1: return &past_cache<std::uint8_t, false>;
    case 2: return swap ? &past_cache<std::uint16_t, true> : &past_cache<std::uint16_t, false>;
    case 4: return swap ? &past_cache<std::uint32_t, true> : &past_cache<std::uint32_t, false>;
    default: return swap ? &past_cache<std::uint64_t, true> : &past_cache<std::uint64_t, false>;
  }
#else
  (void)size, (void)swap;
  return nullptr;
#endif
}

}  // namespace fits::FITS_LEVEL
