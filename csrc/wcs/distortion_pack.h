// A block of polynomial distortions (layout.h, namespace distortion) from what a header says.
#pragma once

#include <vector>

#include "wcs/description.h"
#include "wcs/distortion_header.h"
#include "wcs/packed.h"

namespace fits::wcs {

// Empty where there are none. `inverse` is the inverse of the matrix.
std::vector<double> distortion_block(const Description& wcs, Position position, const double* inverse);

// What of the blocks of a packed WCS follows from its linear part (record::kWeight, record::kOrientation), made again
// in `slots`: those of `wcs`, of which others may have changed.
void complete_distortions(const Packed& wcs, double* slots);

}  // namespace fits::wcs
