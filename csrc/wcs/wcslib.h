// A header's world coordinate system, parsed, repaired and completed by wcslib, as a packed WCS (layout.h).
//
// This file and wcslib.cpp alone include wcslib, and only to read headers: coordinates are computed by evaluate.h. Each
// call has a wcsprm of its own. SIP is parsed here, as astropy does: some versions of wcslib refuse it.
#pragma once

#include <string_view>
#include <vector>

namespace fits::wcs {

// The WCS with version `alt` (' ' or 'A' to 'Z') of a header: n cards of 80 characters. Throws FileError with wcslib's
// reason where the header is wrong, and where it asks for what cannot be evaluated.
std::vector<double> packed_from_header(std::string_view cards, char alt);

}  // namespace fits::wcs
