// Derivatives of world coordinates in pixel coordinates, by dual numbers through the same chain of steps.
#pragma once

#include <cstdint>

#include "wcs/evaluate.h"
#include "wcs/packed.h"

namespace fits::wcs {

// `count` points of N pixel coordinates each to matrices [N, N], row i column j: d world_i / d pixel_j. NaN in the rows
// of axes that have no solution.
void jacobian(const Packed& wcs, const double* pixel, std::int64_t count, double* matrix,
              Level level = best_level()) noexcept;

namespace plain {
void jacobian(const Packed& wcs, const double* pixel, std::int64_t count, double* matrix) noexcept;
}
namespace avx2 {
void jacobian(const Packed& wcs, const double* pixel, std::int64_t count, double* matrix) noexcept;
}

}  // namespace fits::wcs
