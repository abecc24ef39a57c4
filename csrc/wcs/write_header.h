// A packed WCS as header cards, which wcs_from_header() reads back as the same vector.
//
// Each block has a writer (write_header.cpp: kWriters); a block without one, whose keywords lie in other HDUs or are
// not known here, is refused by a sentence. The header is that of the primary WCS: CDi_j with CRPIX, CTYPE, CUNIT as
// wcslib repaired them, all of LONPOLE, LATPOLE and PVi_m. Numbers are the shortest decimals that are read back
// exactly.
#pragma once

#include <string>

#include "wcs/packed.h"

namespace fits::wcs {

// Cards of 80 characters end to end. Throws std::invalid_argument for a WCS that a header alone cannot describe.
std::string header_cards(const Packed& wcs);

}  // namespace fits::wcs
