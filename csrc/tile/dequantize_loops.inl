// The loops of one SIMD level. Included once per level with FITS_LEVEL (a namespace) and FITS_TARGET (the attribute
// that names the instruction set) defined, and FITS_X86 for the loops of dequantize_x86.inl; else all is left to the
// compiler's vectoriser, which for AVX-512 finds the masks by itself.
#include <cstdint>

#include "tile/dequantize_loops.h"

namespace fits::FITS_LEVEL {
namespace {

template <Quantization kMethod, bool kBlank, class Out>
FITS_TARGET void loop(const std::int32_t* __restrict values, const double* __restrict randoms, std::int64_t count,
                      const TileScaling& shared, Out* __restrict out) noexcept {
  const TileScaling tile = shared;
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = dequantized<kMethod, kBlank, Out>(values[i], is_dithered(kMethod) ? randoms[i] : 0.0, tile);
  }
}

#if defined(FITS_X86)
#include "tile/dequantize_x86.inl"
#endif

template <Quantization kMethod>
DequantizeLoops loops(bool blank) noexcept {
#if defined(FITS_X86)
  if (blank) return {&vector_loop<kMethod, true>, &vector_loop<kMethod, true>};
  return {&vector_loop<kMethod, false>, &vector_loop<kMethod, false>};
#endif
  if (blank) return {&loop<kMethod, true, float>, &loop<kMethod, true, double>};
  return {&loop<kMethod, false, float>, &loop<kMethod, false, double>};
}

}  // namespace

DequantizeLoops find_dequantize(Quantization method, bool blank) noexcept {
  switch (method) {
    case Quantization::subtractive_dither_1: return loops<Quantization::subtractive_dither_1>(blank);
    case Quantization::subtractive_dither_2: return loops<Quantization::subtractive_dither_2>(blank);
    default: return loops<Quantization::no_dither>(blank);
  }
}

}  // namespace fits::FITS_LEVEL
