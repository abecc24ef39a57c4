// A block of polynomial distortions (layout.h, namespace distortion) from what a header says.
#pragma once

#include <vector>

#include "wcs/description.h"
#include "wcs/distortion_header.h"

namespace fits::wcs {

// Empty where there are none. `inverse` is the inverse of the matrix.
std::vector<double> distortion_block(const Description& wcs, Position position, const double* inverse);

}  // namespace fits::wcs
