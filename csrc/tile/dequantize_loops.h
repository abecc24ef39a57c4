// The loops behind dequantize.h, and where each SIMD level keeps its copies (as format/convert_loops.h). Internal to
// quantize*.cpp.
#pragma once

#include <cstdint>

#include "tile/dequantize.h"

namespace fits {

// `randoms` are those of these very values; unused by no_dither.
template <class Out>
using DequantizeLoop = void (*)(const std::int32_t* values, const double* randoms, std::int64_t count,
                                const TileScaling& tile, Out* out) noexcept;

struct DequantizeLoops {
  DequantizeLoop<float> to_float;
  DequantizeLoop<double> to_double;
};

namespace plain {
DequantizeLoops find_dequantize(Quantization method, bool blank) noexcept;
}  // namespace plain
namespace avx2 {
DequantizeLoops find_dequantize(Quantization method, bool blank) noexcept;
}  // namespace avx2
namespace avx512 {
DequantizeLoops find_dequantize(Quantization method, bool blank) noexcept;
}  // namespace avx512

}  // namespace fits
