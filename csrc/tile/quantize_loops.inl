// The loops of one SIMD level, as dequantize_loops.inl: FITS_LEVEL and FITS_TARGET are defined, all is left to the
// compiler's vectoriser.
#include <algorithm>
#include <cstdint>
#include <limits>

#include "tile/quantize.h"
#include "tile/quantize_loops.h"

namespace fits::FITS_LEVEL {
namespace {

template <class T>
FITS_TARGET PixelRange<T> range(const T* pixels, std::int64_t count) noexcept {
  constexpr int kLanes = 64 / sizeof(T);  // apart: a compiler may not reorder one minimum over floats
  using Count = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  constexpr std::int64_t kBlock = std::int64_t{1} << 24;  // no Count overflows
  T lowest[kLanes], highest[kLanes];
  for (int lane = 0; lane < kLanes; ++lane) {
    lowest[lane] = std::numeric_limits<T>::max();
    highest[lane] = std::numeric_limits<T>::lowest();
  }
  std::int64_t good = 0;
  for (std::int64_t first = 0; first < count; first += kBlock) {
    const std::int64_t last = std::min(first + kBlock, count);
    Count nan[kLanes] = {};
    std::int64_t i = first;
    for (; i + kLanes <= last; i += kLanes) {
      for (int lane = 0; lane < kLanes; ++lane) {
        const T pixel = pixels[i + lane];
        lowest[lane] = pixel < lowest[lane] ? pixel : lowest[lane];
        highest[lane] = pixel > highest[lane] ? pixel : highest[lane];
        nan[lane] += pixel != pixel;
      }
    }
    for (int lane = 0; i < last; ++i, ++lane) {
      lowest[lane] = pixels[i] < lowest[lane] ? pixels[i] : lowest[lane];
      highest[lane] = pixels[i] > highest[lane] ? pixels[i] : highest[lane];
      nan[lane] += pixels[i] != pixels[i];
    }
    good += last - first;
    for (int lane = 0; lane < kLanes; ++lane) good -= nan[lane];
  }
  PixelRange<T> all{good, lowest[0], highest[0]};
  for (int lane = 1; lane < kLanes; ++lane) {
    all.lowest = lowest[lane] < all.lowest ? lowest[lane] : all.lowest;
    all.highest = highest[lane] > all.highest ? highest[lane] : all.highest;
  }
  return all;
}

template <class T>
FITS_TARGET std::int64_t count_below(const T* values, std::int64_t count, T limit) noexcept {
  using Count = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  constexpr std::int64_t kBlock = std::int64_t{1} << 24;
  std::int64_t all = 0;
  for (std::int64_t first = 0; first < count; first += kBlock) {
    const std::int64_t last = std::min(first + kBlock, count);
    Count below = 0;
    for (std::int64_t i = first; i < last; ++i) below += values[i] < limit;
    all += below;
  }
  return all;
}

template <class T>
FITS_TARGET bool differences(const T* __restrict pixels, std::int64_t count, T* __restrict second, T* __restrict third,
                             T* __restrict fifth) noexcept {
  using Flag = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  Flag runs = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    runs |= static_cast<Flag>(pixels[i + 4] == pixels[i + 5]) & static_cast<Flag>(pixels[i + 5] == pixels[i + 6]);
  }
  if (runs != 0) return false;
  for (std::int64_t i = 0; i < count; ++i) {
    const T* const p = pixels + i;
    second[i] = second_difference(p);
    third[i] = third_difference(p);
    fifth[i] = fifth_difference(p);
  }
  return true;
}

template <Quantization kMethod, class T>
FITS_TARGET void quantize(const T* __restrict pixels, const double* __restrict randoms, std::int64_t count,
                          double zscale, double zzero, std::int32_t* __restrict out) noexcept {
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = quantized<kMethod>(pixels[i], is_dithered(kMethod) ? randoms[i] : 0.0, zscale, zzero);
  }
}

template <class T>
constexpr QuantizeLoops<T> kQuantizeLoops = {
    &range<T>,
    &count_below<T>,
    &differences<T>,
    {&quantize<Quantization::no_dither, T>, &quantize<Quantization::no_dither, T>,
     &quantize<Quantization::subtractive_dither_1, T>, &quantize<Quantization::subtractive_dither_2, T>}};

}  // namespace

template <>
const QuantizeLoops<float>& quantize_loops<float>() noexcept {
  return kQuantizeLoops<float>;
}
template <>
const QuantizeLoops<double>& quantize_loops<double>() noexcept {
  return kQuantizeLoops<double>;
}

}  // namespace fits::FITS_LEVEL
