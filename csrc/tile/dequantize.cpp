#include "tile/dequantize.h"

#include <algorithm>

#include "tile/dequantize_loops.h"

namespace fits {
namespace {

DequantizeLoops find_loops(Quantization method, bool blank, SimdLevel level) noexcept {
#if defined(__x86_64__)
  if (level == SimdLevel::avx512) return avx512::find_dequantize(method, blank);
  if (level == SimdLevel::avx2) return avx2::find_dequantize(method, blank);
#endif
  static_cast<void>(level);
  return plain::find_dequantize(method, blank);
}

}  // namespace

Dequantizer::Dequantizer(Quantization method, int zdither0, std::int64_t tile_number, double zscale, double zzero,
                         std::optional<std::int64_t> zblank, SimdLevel level) noexcept
    : tile_{zscale, zzero, 0}, dithered_(is_dithered(method)) {
  const bool blank = zblank && holds(Pixel::i32, *zblank);
  if (blank) tile_.zblank = static_cast<std::int32_t>(*zblank);
  if (dithered_) dither_ = DitherRun(zdither0, tile_number);
  const DequantizeLoops loops = find_loops(method, blank, level);
  to_float_ = loops.to_float;
  to_double_ = loops.to_double;
}

template <class Out>
void Dequantizer::run(Loop<Out> loop, const std::int32_t* values, std::int64_t count, Out* out) noexcept {
  if (!dithered_) return loop(values, nullptr, count, tile_, out);
  dither_(count, [&](std::int64_t first, std::int64_t piece, const double* randoms) {
    loop(values + first, randoms, piece, tile_, out + first);
  });
}

// Through pieces that stay in the L1 cache: such tiles are rare, and loops of their own would triple the code.
template <class In, class Out>
void Dequantizer::widen(const In* values, std::int64_t count, Out* out) noexcept {
  constexpr std::int64_t kPiece = 512;
  std::int32_t wide[kPiece];
  for (std::int64_t first = 0; first < count; first += kPiece) {
    const std::int64_t piece = std::min(kPiece, count - first);
    std::copy_n(values + first, piece, wide);
    (*this)(wide, piece, out + first);
  }
}

void Dequantizer::operator()(const std::int32_t* values, std::int64_t count, float* out) noexcept {
  run(to_float_, values, count, out);
}
void Dequantizer::operator()(const std::int32_t* values, std::int64_t count, double* out) noexcept {
  run(to_double_, values, count, out);
}
void Dequantizer::operator()(const std::int16_t* values, std::int64_t count, float* out) noexcept {
  widen(values, count, out);
}
void Dequantizer::operator()(const std::int16_t* values, std::int64_t count, double* out) noexcept {
  widen(values, count, out);
}
void Dequantizer::operator()(const std::uint8_t* values, std::int64_t count, float* out) noexcept {
  widen(values, count, out);
}
void Dequantizer::operator()(const std::uint8_t* values, std::int64_t count, double* out) noexcept {
  widen(values, count, out);
}

void Dequantizer::skip(std::int64_t count) noexcept {
  if (dithered_) dither_.skip(count);
}

}  // namespace fits
