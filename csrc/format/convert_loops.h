// The loops behind convert.h: which exist, and where each SIMD level keeps its copies. Internal to convert*.cpp.
//
// One source (convert_loops.inl) is compiled once per level into the same binary; the machine decides at run time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "format/cast.h"
#include "format/convert.h"

namespace fits {

// One pass over memory. Steps are chained through a buffer that stays in the L1 cache where no single loop exists.
struct Step {
  Pixel from = Pixel::u8;  // of the exact value, its convention undone
  Pixel to = Pixel::u8;
  bool swap = false;    // the input's bytes are in the other order
  bool linear = false;  // BSCALE and BZERO
  bool blank = false;   // BLANK -> NaN
};

inline constexpr std::size_t kSteps = kPixelTypes * kPixelTypes * 8;

constexpr std::size_t step_index(Step s) noexcept {
  return (static_cast<std::size_t>(s.from) * kPixelTypes + static_cast<std::size_t>(s.to)) * 8 + (s.swap ? 4 : 0) +
         (s.linear ? 2 : 0) + (s.blank ? 1 : 0);
}

constexpr Step step_at(std::size_t index) noexcept {
  return {static_cast<Pixel>(index / 8 / kPixelTypes), static_cast<Pixel>(index / 8 % kPixelTypes), (index & 4) != 0,
          (index & 2) != 0, (index & 1) != 0};
}

using Loop = void (*)(const std::byte* in, std::int64_t count, const Operands& operands, std::byte* out) noexcept;

// Whether one loop does this step: everything to float32 and float64, integers among themselves, double to integers and
// float32 to the 16-bit floats. The rest goes through those: fewer loops by a factor of four, and none of them hot.
constexpr bool has_loop(Step s) noexcept {
  const bool from_short_float = s.from == Pixel::f16 || s.from == Pixel::bf16;
  if (s.swap && pixel_size(s.from) == 1) return false;
  if (s.blank && is_floating(s.from)) return false;
  if (s.to == Pixel::f16 || s.to == Pixel::bf16) return s.from == Pixel::f32 && !s.swap && !s.linear;
  if (from_short_float) return s.to == Pixel::f32 && !s.swap && !s.linear;
  if (s.to == Pixel::f32 || s.to == Pixel::f64) return true;
  if (s.linear || s.blank) return false;
  return is_floating(s.from) ? s.from == Pixel::f64 && !s.swap : true;
}

// find_loop is null where has_loop is false. find_inverse: from double to what `to` stores, for integers and double.
// find_past_cache: values of `size` bytes that are only swapped or flipped; null where a level has no such stores.
namespace plain {
Loop find_loop(Step step) noexcept;
Loop find_inverse(Pixel to) noexcept;
Loop find_past_cache(std::size_t size, bool swap) noexcept;
}  // namespace plain
namespace avx2 {
Loop find_loop(Step step) noexcept;
Loop find_inverse(Pixel to) noexcept;
Loop find_past_cache(std::size_t size, bool swap) noexcept;
}  // namespace avx2
namespace avx512 {
Loop find_loop(Step step) noexcept;
Loop find_inverse(Pixel to) noexcept;
Loop find_past_cache(std::size_t size, bool swap) noexcept;
}  // namespace avx512

}  // namespace fits
