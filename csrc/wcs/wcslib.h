// wcslib as the parser of headers: what a header says of a world coordinate system, repaired and completed.
//
// This file and wcslib.cpp alone include wcslib, and only to read headers: coordinates are computed by evaluate.h. Each
// call has a wcsprm of its own. SIP is parsed apart, as astropy does: some versions of wcslib refuse it.
#pragma once

#include "format/card.h"
#include "wcs/description.h"

namespace fits::wcs {

// The WCS with version `alt` (' ' or 'A' to 'Z'). Throws FileError with wcslib's reason where the header is wrong, and
// where it asks for what cannot be evaluated.
Description describe(const HeaderView& header, char alt);

// Gives a TAN projection another CRVAL, as if its header had had it, without LONPOLE and LATPOLE.
void set_reference(Celestial& tan, double lng, double lat);

}  // namespace fits::wcs
