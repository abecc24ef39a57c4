// The loops behind quantize.h and noise.h, and where each SIMD level keeps its copies (as dequantize_loops.h). Internal
// to quantize*.cpp and noise.cpp.
#pragma once

#include <cstdint>

#include "format/compressed_header.h"
#include "format/convert.h"
#include "tile/noise.h"

namespace fits {

template <class T>
struct QuantizeLoops {
  PixelRange<T> (*range)(const T* pixels, std::int64_t count) noexcept;
  std::int64_t (*count_below)(const T* values, std::int64_t count, T limit) noexcept;
  // Differences as noise.h has them, of `count` places, if no three pixels in a row are equal; else false,
  // with nothing written.
  bool (*differences)(const T* pixels, std::int64_t count, T* second, T* third, T* fifth) noexcept;
  // By method (Quantization), `none` as `no_dither`; see quantized() in quantize.h.
  void (*quantize[4])(const T* pixels, const double* randoms, std::int64_t count, double zscale, double zzero,
                      std::int32_t* out) noexcept;
};

namespace plain {
template <class T>
const QuantizeLoops<T>& quantize_loops() noexcept;
}  // namespace plain
namespace avx2 {
template <class T>
const QuantizeLoops<T>& quantize_loops() noexcept;
}  // namespace avx2
namespace avx512 {
template <class T>
const QuantizeLoops<T>& quantize_loops() noexcept;
}  // namespace avx512

template <class T>
const QuantizeLoops<T>& quantize_loops(SimdLevel level) noexcept {
#if defined(__x86_64__)
  if (level == SimdLevel::avx512) return avx512::quantize_loops<T>();
  if (level == SimdLevel::avx2) return avx2::quantize_loops<T>();
#endif
  static_cast<void>(level);
  return plain::quantize_loops<T>();
}

}  // namespace fits
