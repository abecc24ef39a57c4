#include "tile/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tile/quantize_loops.h"

namespace fits {
namespace {

// CFITSIO keeps this many values from kNullPixel up to itself, more than have a meaning, since lossy HCOMPRESS may
// overshoot.
constexpr double kReserved = 10;
constexpr double kHighest = 2147483647.0;

// 0 if there is no usable noise.
double step_of(const Noise& noise, double level) noexcept {
  double sigma = noise.third;
  if (noise.second != 0 && noise.second < sigma) sigma = noise.second;
  if (noise.fifth != 0 && noise.fifth < sigma) sigma = noise.fifth;
  const double step = sigma / level;
  return std::isfinite(step) ? step : 0;
}

// ZZERO. Levels are positive where they can be, which some codecs like; next to the reserved values where these occur.
template <class T>
double zero_point(const PixelRange<T>& range, double step, bool reserved) noexcept {
  if (reserved) return range.lowest - step * (kNullPixel + kReserved);
  if ((range.highest - range.lowest) / step >= kHighest - kReserved) return (range.lowest + range.highest) / 2.0;
  // A whole number of steps: compressing again what was compressed gives the same levels.
  const double steps = range.lowest / step + 0.5;
  if (!(std::abs(steps) < 0x1p63)) return std::numeric_limits<double>::infinity();
  return static_cast<double>(static_cast<std::int64_t>(steps)) * step;
}

std::int32_t nearest_level(double level) noexcept {
  return integer_from<std::int32_t>(level >= 0 ? level + 0.5 : level - 0.5);
}

}  // namespace

TileRows tile_rows(std::span<const std::int64_t> size) noexcept {
  TileRows shape;
  for (std::size_t i = size.size(); i-- > 0;) {
    (shape.columns == 1 ? shape.columns : shape.rows) *= size[i];
  }
  return shape;
}

Quantizer::Quantizer(Quantization method, float level, int zdither0, SimdLevel simd) noexcept
    : method_(method), level_(level), zdither0_(zdither0), simd_(simd), float_noise_(simd), double_noise_(simd) {}

template <class T>
std::optional<QuantizedTile> Quantizer::run(NoiseEstimator<T>& noise, const T* pixels, TileRows shape,
                                            std::int64_t tile_number, std::int32_t* out) {
  const std::int64_t count = shape.columns * shape.rows;
  if (count <= 1 || level_ == 0 || method_ == Quantization::none) return std::nullopt;
  PixelRange<T> range = pixel_range(pixels, count, simd_);
  const bool empty = range.good == 0;
  if (!std::isfinite(range.lowest) || !std::isfinite(range.highest)) return std::nullopt;
  double step = -level_;
  if (level_ > 0) {
    if (empty) range.lowest = 0, range.highest = 1;  // as CFITSIO, with a noise of 1
    step = step_of(empty ? Noise{1, 1, 1} : noise(pixels, shape.columns, shape.rows, range), level_);
  }
  if (step == 0 || (range.highest - range.lowest) / step > 2 * kHighest - kReserved) return std::nullopt;

  const bool reserved = range.good < count || method_ == Quantization::subtractive_dither_2;
  const double zzero = zero_point(range, step, reserved);
  const double lowest = (range.lowest - zzero) / step;
  const double highest = (range.highest - zzero) / step;
  // Dithering moves a level by at most one: the reserved values stay free.
  const bool fits = lowest >= (reserved ? kZeroPixel + 2.0 : -kHighest - 1) && highest <= kHighest;
  if (!fits && !empty) return std::nullopt;

  const auto quantize = quantize_loops<T>(simd_).quantize[static_cast<int>(method_)];
  if (method_ == Quantization::no_dither) {
    quantize(pixels, nullptr, count, step, zzero, out);
  } else {
    DitherRun dither(zdither0_, tile_number);
    dither(count, [&](std::int64_t first, std::int64_t piece, const double* randoms) {
      quantize(pixels + first, randoms, piece, step, zzero, out + first);
    });
  }
  return QuantizedTile{step, zzero, nearest_level(lowest), nearest_level(highest)};
}

std::optional<QuantizedTile> Quantizer::operator()(const float* pixels, TileRows shape, std::int64_t tile_number,
                                                   std::int32_t* out) {
  return run(float_noise_, pixels, shape, tile_number, out);
}

std::optional<QuantizedTile> Quantizer::operator()(const double* pixels, TileRows shape, std::int64_t tile_number,
                                                   std::int32_t* out) {
  return run(double_noise_, pixels, shape, tile_number, out);
}

}  // namespace fits
