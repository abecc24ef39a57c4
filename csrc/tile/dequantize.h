// Quantised pixels -> floating pixels: ZSCALE, ZZERO, dithering, ZBLANK and exact zeros in one pass over memory. FITS
// Standard 4.0, sections 10.1.3 and 10.2. The per-pixel formula is shared with CUDA; see dither.h for the randoms.
#pragma once

#include <cstdint>
#include <optional>

#include "format/cast.h"
#include "format/compressed_header.h"
#include "format/convert.h"
#include "format/scaling.h"
#include "tile/dither.h"

namespace fits {

// An undefined pixel as CFITSIO and all who follow it write it, with ZBLANK saying so. A file without any ZBLANK has
// no undefined pixels: CFITSIO then gives this value like any other, and so do we.
inline constexpr std::int32_t kNullPixel = -2147483647;

// A pixel that is exactly 0 under SUBTRACTIVE_DITHER_2. Divergence: section 10.2 prints -2147483647; CFITSIO and
// readers that follow it use this, and -2147483647 for undefined pixels (FITSBITS, June 2023). test_dither.cpp:
// reserved_values.
inline constexpr std::int32_t kZeroPixel = -2147483646;

FITS_HOST_DEVICE constexpr bool is_dithered(Quantization method) noexcept {
  return method >= Quantization::subtractive_dither_1;
}

// What dequantising one tile takes.
struct TileScaling {
  double zscale = 1;
  double zzero = 0;
  std::int32_t zblank = 0;
};

// One pixel. The order of operations is CFITSIO's and decides the last bit: (value - random) loses bits of the random
// when the value is large, so 0.5 - random must not be taken first. `random` is unused without dithering. The loops
// below are this formula over a span; CUDA calls it per thread (compiled without contraction to FMA).
template <Quantization kMethod, bool kBlank, class Out>
FITS_HOST_DEVICE Out dequantized(std::int32_t value, double random, const TileScaling& tile) noexcept {
  static_assert(std::is_floating_point_v<Out>);
  const auto stored = static_cast<double>(value);
  const double level = is_dithered(kMethod) ? stored - random + 0.5 : stored;
  Out result = static_cast<Out>(physical(level, tile.zscale, tile.zzero));
  if constexpr (kMethod == Quantization::subtractive_dither_2) result = select(value == kZeroPixel, Out{0}, result);
  if constexpr (kBlank) result = select(value == tile.zblank, quiet_nan<Out>(), result);
  return result;
}

// One tile, from its first pixel on: call again for the pixels that follow. Holds no memory; every level gives the same
// bits.
//
// `zblank` is the tile's in column ZBLANK, else that of the keyword, else none: in CFITSIO too the column wins. It
// comes before the zero marker. Divergence from CFITSIO: it cuts ZBLANK to the width of 8-bit and 16-bit stored values,
// so that -2147483647 makes every 1 undefined; here a ZBLANK that the stored type cannot hold matches nothing.
// test_dither.cpp: narrow_values. In CFITSIO such values exist only where ZVAL2 (BYTEPIX) of a float image is 1 or 2,
// or a GZIP tile of one has 2 bytes a pixel, which no known writer makes.
class Dequantizer {
 public:
  // `none` is taken as `no_dither`: value * zscale + zzero. tile_number is that of the table's row, from 0.
  Dequantizer(Quantization method, int zdither0, std::int64_t tile_number, double zscale, double zzero,
              std::optional<std::int64_t> zblank, SimdLevel level = simd_level()) noexcept;

  void operator()(const std::int32_t* values, std::int64_t count, float* out) noexcept;
  void operator()(const std::int32_t* values, std::int64_t count, double* out) noexcept;
  void operator()(const std::int16_t* values, std::int64_t count, float* out) noexcept;
  void operator()(const std::int16_t* values, std::int64_t count, double* out) noexcept;
  void operator()(const std::uint8_t* values, std::int64_t count, float* out) noexcept;
  void operator()(const std::uint8_t* values, std::int64_t count, double* out) noexcept;

  // As if `count` pixels had been handed over.
  void skip(std::int64_t count) noexcept;

 private:
  template <class Out>
  using Loop = void (*)(const std::int32_t* values, const double* randoms, std::int64_t count, const TileScaling& tile,
                        Out* out) noexcept;

  template <class Out>
  void run(Loop<Out> loop, const std::int32_t* values, std::int64_t count, Out* out) noexcept;
  template <class In, class Out>
  void widen(const In* values, std::int64_t count, Out* out) noexcept;

  TileScaling tile_;
  bool dithered_;
  DitherRun dither_;
  Loop<float> to_float_;
  Loop<double> to_double_;
};

}  // namespace fits
