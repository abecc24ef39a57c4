// The WCS of a cutout: pixel q of it is pixel start + step q of the image.
#pragma once

#include <cstdint>
#include <string>

#include "wcs/packed.h"

namespace fits::wcs {

// Why this WCS cannot be cropped so, as the end of a sentence; empty where it can. `start` and `step` are of the pixel
// axes, NAXIS1 first, 0-based; a negative step turns the axis round.
std::string what_forbids_crop(const Packed& wcs, const std::int64_t* start, const std::int64_t* step);

// Changes `slots`, a copy of the vector that `wcs` is a view of: CRPIX and the matrix become those of the cutout (Paper
// I, equation 1, with the pixels substituted), and the grid of distortions is cut (pixel_grid.h).
void crop(const Packed& wcs, const std::int64_t* start, const std::int64_t* step, double* slots);

}  // namespace fits::wcs
