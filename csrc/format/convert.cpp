#include "format/convert.h"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <emmintrin.h>
#endif

#include "format/convert_loops.h"

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

// Copies past the caches. Ends with a fence, so that what follows on other threads sees the bytes.
void stream_copy(const std::byte* in, std::size_t size, std::byte* out) noexcept {
#if defined(__x86_64__)
  constexpr std::size_t kLine = 64;
  const std::size_t head = std::min(size, (kLine - reinterpret_cast<std::uintptr_t>(out) % kLine) % kLine);
  std::memcpy(out, in, head);
  std::size_t at = head;
  for (; at + kLine <= size; at += kLine) {
    for (std::size_t part = 0; part < kLine; part += sizeof(__m128i)) {
      _mm_stream_si128(reinterpret_cast<__m128i*>(out + at + part),
                       _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + at + part)));
    }
  }
  std::memcpy(out + at, in + at, size - at);
#else
  std::memcpy(out, in, size);
#endif
}

void end_stream() noexcept {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

// Whether an integer type can hold this value. A floating type has no BLANK.
bool holds(Pixel pixel, std::int64_t value) noexcept {
  switch (pixel) {
    case Pixel::u8: return value >= 0 && value <= UINT8_MAX;
    case Pixel::i8: return value >= INT8_MIN && value <= INT8_MAX;
    case Pixel::i16: return value >= INT16_MIN && value <= INT16_MAX;
    case Pixel::u16: return value >= 0 && value <= UINT16_MAX;
    case Pixel::i32: return value >= INT32_MIN && value <= INT32_MAX;
    case Pixel::u32: return value >= 0 && value <= UINT32_MAX;
    case Pixel::i64: return true;
    case Pixel::u64: return value >= 0;
    default: return false;
  }
}

constexpr bool is_short_float(Pixel pixel) noexcept { return pixel == Pixel::f16 || pixel == Pixel::bf16; }

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

Converter::Converter(const Conversion& conversion, ByteOrder order, SimdLevel level) noexcept {
  const Pixel stored = stored_pixel(conversion.bitpix);
  const Scaling scaling = conversion.scaled ? conversion.scaling : Scaling{};
  const auto convention = integer_convention(conversion.bitpix, scaling.bscale, scaling.bzero);
  const std::size_t size = pixel_size(stored);
  if (convention) operands_.flip = std::uint64_t{1} << (8 * size - 1);
  operands_.bscale = scaling.bscale;
  operands_.bzero = scaling.bzero;
  const bool blank = scaling.blank && holds(stored, *scaling.blank) && is_floating(conversion.to);
  if (blank) operands_.blank = static_cast<std::int64_t>(static_cast<std::uint64_t>(*scaling.blank) ^ operands_.flip);
  const bool swap = order == ByteOrder::big_endian && std::endian::native == std::endian::little && size > 1;
  plan(convention.value_or(stored), conversion.to, swap, !convention && scaling.linear(), blank, level);
}

Converter::Converter(Pixel from, const Scaling& scaling, Pixel to, SimdLevel level) noexcept {
  operands_.bscale = scaling.bscale;
  operands_.bzero = scaling.bzero;
  const bool blank = scaling.blank && holds(from, *scaling.blank) && is_floating(to);
  operands_.blank = scaling.blank.value_or(0);
  plan(from, to, false, scaling.linear(), blank, level);
}

void Converter::plan(Pixel from, Pixel to, bool swap, bool linear, bool blank, SimdLevel level) noexcept {
  in_size_ = pixel_size(from);
  out_size_ = pixel_size(to);
  if (from == to && !swap && !linear && !blank && operands_.flip == 0) return;
  Step step{from, to, swap, linear, blank};
  do {
    const Step loop = first_loop(step);
    stages_[stage_count_++] = find_loop(loop, level);
    step = {loop.to, to, false, step.linear && !loop.linear, false};
  } while (step.from != to || step.linear);
}

void Converter::operator()(const void* in, std::int64_t count, void* out, bool stream) const noexcept {
  const auto* from = static_cast<const std::byte*>(in);
  auto* to = static_cast<std::byte*>(out);
  const auto size = static_cast<std::size_t>(count);
  if (count <= 0) return;
  if (stage_count_ == 0) {
    if (!stream) {
      std::memcpy(to, from, size * out_size_);
      return;
    }
    stream_copy(from, size * out_size_, to);
    end_stream();
    return;
  }
  if (stage_count_ == 1 && !stream) {
    stages_[0](from, count, operands_, to);
    return;
  }
  Operands operands = operands_;
  alignas(64) std::byte buffers[2][kPieceBytes];
  for (std::int64_t start = 0; start < count; start += kPiece) {
    const std::int64_t piece = std::min(kPiece, count - start);
    const std::byte* source = from + static_cast<std::size_t>(start) * in_size_;
    std::byte* destination = to + static_cast<std::size_t>(start) * out_size_;
    operands.flip = operands_.flip;
    for (int stage = 0; stage < stage_count_; ++stage) {
      const bool last = stage + 1 == stage_count_;
      std::byte* target = last && !stream ? destination : buffers[stage % 2];
      stages_[stage](source, piece, operands, target);
      source = target;
      operands.flip = 0;  // undone by the first
    }
    if (stream) stream_copy(source, static_cast<std::size_t>(piece) * out_size_, destination);
  }
  if (stream) end_stream();
}

void convert(const std::byte* stored, std::int64_t count, const Conversion& conversion, void* out,
             bool stream) noexcept {
  Converter(conversion, ByteOrder::big_endian)(stored, count, out, stream);
}

void convert_native(const void* stored, std::int64_t count, const Conversion& conversion, void* out,
                    bool stream) noexcept {
  Converter(conversion, ByteOrder::native)(stored, count, out, stream);
}

}  // namespace fits
