// The shapes of a call of pixel_to_world and its kin, for the CPU and CUDA kernels alike.
#pragma once

#include "ops/tensor.h"

namespace fits::ops {

// Coordinates [..., N] through one WCS [P], or [B, ..., N] through B of them [B, P].
struct WcsShapes {
  std::int64_t count = 0;   // of WCS
  std::int64_t length = 0;  // P
  std::int64_t points = 0;  // for each
  std::int64_t naxis = 0;
  bool many = false;  // wcs is [B, P]
};

// `wcs` is contiguous. Says what is wrong with the shapes and dtypes; what the slots hold is not looked at.
inline WcsShapes wcs_shapes(const Tensor& coordinates, const Tensor& wcs, std::string_view who) {
  require(wcs.scalar_type() == ScalarType::Double, who, ": wcs must be float64, not ",
          torch::headeronly::toString(wcs.scalar_type()), "; its slots do not survive rounding");
  require(wcs.dim() == 1 || wcs.dim() == 2, who, ": wcs must be [P] or [B, P], not of ", wcs.dim(), " dimensions");
  const bool many = wcs.dim() == 2;
  require(coordinates.dim() >= (many ? 2 : 1), who, ": coordinates must be ", many ? "[B, ..., N]" : "[..., N]",
          ", not of ", coordinates.dim(), " dimensions");
  const std::int64_t count = many ? wcs.size(0) : 1;
  require(!many || coordinates.size(0) == count, who, ": coordinates are for ", coordinates.size(0),
          " WCS and wcs holds ", count);
  const std::int64_t naxis = coordinates.size(coordinates.dim() - 1);
  const std::int64_t points = naxis == 0 || count == 0 ? 0 : coordinates.numel() / naxis / count;
  return {count, wcs.size(wcs.dim() - 1), points, naxis, many};
}

}  // namespace fits::ops
