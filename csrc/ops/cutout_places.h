// Where cutouts around positions on the sky begin: what read_cutouts_sky adds to read_cutouts.
#pragma once

#include <span>
#include <string_view>

#include "ops/tensor.h"

namespace fits::ops {

// First pixels [B, naxis] of cutouts of `size` around `sky` [B, N], N <= naxis, in tensor order; axes of the image
// beyond those of the WCS begin at 0. `wcs`: [P], or [files, P] where `item_of` says of which file each cutout is.
// Positions that have no pixel lie outside any image.
Tensor corners_around(const Tensor& sky, const Tensor& wcs, std::span<const std::int64_t> item_of, std::int64_t files,
                      const Shape& size, std::string_view who);

}  // namespace fits::ops
