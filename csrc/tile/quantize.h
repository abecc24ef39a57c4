// Floating pixels -> quantised integers with ZSCALE and ZZERO, as CFITSIO's fits_quantize_float and
// fits_quantize_double make them, to the last bit (fpack's files come out the same). FITS Standard 4.0, section 10.2;
// White & Greenfield, ADASS VIII (1999) 125; Pence et al., PASP 121 (2009) 414 and 122 (2010) 1065. The way back is
// dequantize.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "format/cast.h"
#include "format/compressed_header.h"
#include "tile/dequantize.h"
#include "tile/noise.h"

namespace fits {

// One pixel, in CFITSIO's order of operations. NaN becomes kNullPixel, and under SUBTRACTIVE_DITHER_2 zero (of either
// sign: -0 comes back as +0) kZeroPixel; other levels are in the range of int32 (quantize.cpp sees to it).
template <Quantization kMethod, class T>
FITS_HOST_DEVICE std::int32_t quantized(T pixel, double random, double zscale, double zzero) noexcept {
  const bool null = pixel != pixel;
  double level = unscaled(static_cast<double>(pixel), zscale, zzero);
  if constexpr (is_dithered(kMethod)) level = level + random - 0.5;
  level = select(null, 0.0, level);
  const double half = select(level >= 0, 0.5, -0.5);
  std::int32_t result = static_cast<std::int32_t>(level + half);
  if constexpr (kMethod == Quantization::subtractive_dither_2) result = select(pixel == 0, kZeroPixel, result);
  return select(null, kNullPixel, result);
}

struct QuantizedTile {
  double zscale = 1;
  double zzero = 0;
  std::int32_t lowest = 0;   // levels of the lowest and the highest pixel, undithered; of a tile without good pixels
  std::int32_t highest = 0;  // they mean nothing
};

// How CFITSIO cuts a tile of any rank into rows to measure its noise: the first axis longer than 1 is the row. `size`
// is in tensor order.
struct TileRows {
  std::int64_t columns = 1;
  std::int64_t rows = 1;
};
TileRows tile_rows(std::span<const std::int64_t> size) noexcept;

// One per thread: keeps buffers from tile to tile.
class Quantizer {
 public:
  // level > 0: noise / level is the step; level < 0: -level is the step; 0: nothing is quantised, as fpack -q 0
  // (CFITSIO's functions take 0 for 4). A float, as in CFITSIO: 0.1 gives the step 0.100000001490116.
  Quantizer(Quantization method, float level, int zdither0, SimdLevel simd = simd_level()) noexcept;

  // Nothing if the tile cannot be quantised and has to be stored without loss: one pixel, no noise, infinities, more
  // levels than an int32 has. `out` then means nothing. tile_number is that of the table's row, from 0.
  //
  // Divergence: CFITSIO quantises some tiles whose values it cannot represent (noise that is not finite, levels beyond
  // int32 or equal to the reserved values because ZZERO is too coarse) into integers that mean nothing; here these are
  // not quantised. test_quantize.cpp: huge_values, infinities.
  std::optional<QuantizedTile> operator()(const float* pixels, TileRows shape, std::int64_t tile_number,
                                          std::int32_t* out);
  std::optional<QuantizedTile> operator()(const double* pixels, TileRows shape, std::int64_t tile_number,
                                          std::int32_t* out);

 private:
  template <class T>
  std::optional<QuantizedTile> run(NoiseEstimator<T>& noise, const T* pixels, TileRows shape, std::int64_t tile_number,
                                   std::int32_t* out);

  Quantization method_;
  float level_;
  int zdither0_;
  SimdLevel simd_;
  NoiseEstimator<float> float_noise_;
  NoiseEstimator<double> double_noise_;
};

}  // namespace fits
