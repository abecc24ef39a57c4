// Pixel coordinates of one WCS to those of another, many points on the host (evaluate.h has the other transforms).
#pragma once

#include <cstdint>
#include <string>

#include "wcs/bridge.h"
#include "wcs/evaluate.h"

namespace fits::wcs {

// Why world coordinates of one are not those of the other, as a sentence with both in it; empty where they are: the
// same celestial frame and equinox, and other axes, in their order, of the same CTYPE and unit.
std::string what_separates(const Packed& in, const Packed& out);

// Of two WCS that nothing separates.
Bridge bridge_between(const Packed& in, const Packed& out);

// `count` points of N coordinates each, row by row. In and out may be the same.
void pixel_to_pixel(const Packed& in, const Packed& out, const Bridge& bridge, const double* pixel, std::int64_t count,
                    double* result, Level level = best_level()) noexcept;

namespace plain {
void pixel_to_pixel(const Packed& in, const Packed& out, const Bridge& bridge, const double* pixel, std::int64_t count,
                    double* result) noexcept;
}
namespace avx2 {
void pixel_to_pixel(const Packed& in, const Packed& out, const Bridge& bridge, const double* pixel, std::int64_t count,
                    double* result) noexcept;
}

}  // namespace fits::wcs
