#include "format/convert.h"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "format/convert_loops.h"
#include "format/recipe.h"

namespace fits {
namespace {

constexpr std::int64_t kPiece =
    512;  // values: with two buffers of 8-byte values and the output a quarter of an L1 cache
constexpr std::size_t kPieceBytes = kPiece * 8;

SimdLevel detect_level() noexcept {
#if defined(__x86_64__)
  __builtin_cpu_init();
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  const bool f16c = __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);  // clang 14 does not know the name
  if (!f16c || !__builtin_cpu_supports("avx2")) return SimdLevel::plain;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return SimdLevel::avx512;
  }
  return SimdLevel::avx2;
#else
  return SimdLevel::plain;
#endif
}

Loop find_loop(Step step, SimdLevel level) noexcept {
#if defined(__x86_64__)
  if (level == SimdLevel::avx512) return avx512::find_loop(step);
  if (level == SimdLevel::avx2) return avx2::find_loop(step);
#endif
  (void)level;
  return plain::find_loop(step);
}

Loop find_past_cache(std::size_t size, bool swap, SimdLevel level) noexcept {
#if defined(__x86_64__)
  if (level == SimdLevel::avx512) return avx512::find_past_cache(size, swap);
  if (level == SimdLevel::avx2) return avx2::find_past_cache(size, swap);
#endif
  (void)level;
  return plain::find_past_cache(size, swap);
}

Loop find_inverse(Pixel to, SimdLevel level) noexcept {
#if defined(__x86_64__)
  if (level == SimdLevel::avx512) return avx512::find_inverse(to);
  if (level == SimdLevel::avx2) return avx2::find_inverse(to);
#endif
  (void)level;
  return plain::find_inverse(to);
}

constexpr bool is_short_float(Pixel pixel) noexcept { return pixel == Pixel::f16 || pixel == Pixel::bf16; }

bool needs_swap(Pixel stored, ByteOrder order) noexcept {
  return order == ByteOrder::big_endian && std::endian::native == std::endian::little && pixel_size(stored) > 1;
}

// The first of the loops that together do `step`.
constexpr Step first_loop(Step step) noexcept {
  if (has_loop(step)) return step;
  if (is_short_float(step.from)) return {step.from, Pixel::f32};
  step.to = is_short_float(step.to) ? Pixel::f32 : Pixel::f64;
  return step;
}

}  // namespace

SimdLevel simd_level() noexcept {
  static const SimdLevel level = detect_level();
  return level;
}

Converter::Converter(const Conversion& conversion, ByteOrder order, SimdLevel level) noexcept
    : Converter(stored_pixel(conversion.bitpix), conversion.scaled ? conversion.scaling : Scaling{}, conversion.to,
                order, level) {}

Converter::Converter(Pixel from, const Scaling& scaling, Pixel to, ByteOrder order, SimdLevel level) noexcept {
  const Recipe recipe = to_pixels(from, scaling, to);
  const bool swap = needs_swap(from, order);
  plan({recipe.exact, to, swap, recipe.arithmetic, recipe.blank}, recipe.operands, level);
  if (recipe.exact == to && !recipe.arithmetic && !recipe.blank) {
    past_cache_ = find_past_cache(pixel_size(to), swap, level);
  }
}

Converter Converter::to_stored(Pixel from, int bitpix, const Scaling& scaling, ByteOrder order,
                               SimdLevel level) noexcept {
  const Recipe recipe = fits::to_stored(from, bitpix, scaling);
  Converter converter;
  if (recipe.arithmetic) {
    const Pixel result = is_floating(recipe.exact) ? Pixel::f64 : recipe.exact;
    Operands operands = recipe.operands;
    operands.flip = 0;
    converter.plan({from, Pixel::f64}, {}, level);
    converter.add(find_inverse(result, level), operands);
    converter.plan({result, recipe.exact}, {}, level);
  } else {
    converter.plan({from, recipe.exact}, {}, level);
  }
  const bool swap = needs_swap(recipe.exact, order);
  // load() flips after it swaps; there the top bit lies in the lowest byte.
  const std::uint64_t flip = swap && recipe.operands.flip != 0 ? 0x80 : recipe.operands.flip;
  converter.plan({recipe.exact, recipe.exact, swap}, {.flip = flip}, level);
  converter.in_size_ = pixel_size(from);
  return converter;
}

void Converter::add(Loop loop, const Operands& operands) noexcept {
  stages_[static_cast<std::size_t>(stage_count_++)] = {loop, operands};
}

// Appends the loops that together do `step`; none where nothing changes.
void Converter::plan(Step step, Operands operands, SimdLevel level) noexcept {
  const Pixel to = step.to;
  in_size_ = pixel_size(step.from);
  out_size_ = pixel_size(to);
  if (step.from == to && !step.swap && !step.linear && !step.blank && operands.flip == 0) return;
  do {
    const Step loop = first_loop(step);
    add(find_loop(loop, level), operands);
    operands.flip = 0;  // undone by the first
    step = {loop.to, to, false, step.linear && !loop.linear, false};
  } while (step.from != to || step.linear);
}

void Converter::operator()(const void* in, std::int64_t count, void* out) const noexcept {
  if (count <= 0) return;
  const auto* from = static_cast<const std::byte*>(in);
  auto* to = static_cast<std::byte*>(out);
  if (stage_count_ == 0) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * out_size_);
  } else if (stage_count_ == 1) {
    stages_[0].loop(from, count, stages_[0].operands, to);
  } else {
    run_pieces(from, count, to);
  }
}

void Converter::past_cache(const void* in, std::int64_t count, void* out) const noexcept {
  if (past_cache_ == nullptr || count <= 0) return (*this)(in, count, out);
  const Operands& operands = stage_count_ == 0 ? Operands{} : stages_[0].operands;
  past_cache_(static_cast<const std::byte*>(in), count, operands, static_cast<std::byte*>(out));
}

void Converter::run_pieces(const std::byte* in, std::int64_t count, std::byte* out) const noexcept {
  alignas(64) std::byte buffers[2][kPieceBytes];
  for (std::int64_t start = 0; start < count; start += kPiece) {
    const std::int64_t piece = std::min(kPiece, count - start);
    const std::byte* source = in + static_cast<std::size_t>(start) * in_size_;
    std::byte* destination = out + static_cast<std::size_t>(start) * out_size_;
    for (int i = 0; i < stage_count_; ++i) {
      const Stage& stage = stages_[static_cast<std::size_t>(i)];
      std::byte* target = i + 1 == stage_count_ ? destination : buffers[i % 2];
      stage.loop(source, piece, stage.operands, target);
      source = target;
    }
  }
}

void convert_native(const void* stored, std::int64_t count, const Conversion& conversion, void* out) noexcept {
  Converter(conversion, ByteOrder::native)(stored, count, out);
}

}  // namespace fits
