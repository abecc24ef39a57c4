// A header's world coordinate system as a packed vector (layout.h).
#pragma once

#include <string_view>
#include <vector>

#include "wcs/companions.h"
#include "wcs/description.h"

namespace fits::wcs {

// The WCS with version `alt` (' ' or 'A' to 'Z') of a header: n cards of 80 characters. `companions` finds what the
// header refers to in other HDUs; null where there is the header alone. Throws FileError with wcslib's reason where
// the header is wrong, and where it asks for what cannot be evaluated or is not there.
std::vector<double> packed_from_header(std::string_view cards, char alt, const Companions* companions = nullptr);

// The celestial block (layout.h) of what a header says.
std::vector<double> celestial_block(const Celestial& from);

}  // namespace fits::wcs
