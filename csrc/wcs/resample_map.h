// Pixels of one WCS to those of another, as resampling asks for them.
#pragma once

#include <string>

#include "wcs/packed.h"
#include "wcs/resample.h"

namespace fits::wcs {

// Why pixels of one cannot be pixels of the other, as the end of a sentence; empty where they can.
std::string why_apart(const Packed& one, const Packed& other);

// Places on the output to places on the input; NaN where there is none.
void output_to_input(const Packed& output, const Packed& input, Place* places, std::int64_t count) noexcept;

}  // namespace fits::wcs
