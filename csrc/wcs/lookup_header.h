// Lookup tables in headers (WCS Paper IV, draft of 2004, as astropy reads it): CPDISja = 'Lookup' with its
// records DPja, D2IMDISj = 'Lookup' with D2IMj, and D2IM's old form AXISCORR. The tables are images in other HDUs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "format/card.h"
#include "wcs/companions.h"

namespace fits::wcs {

// Blocks of layout.h, empty where there are no such tables.
struct LookupBlocks {
  std::vector<double> cpdis, d2im;
};

// The tables for the WCS with version `alt`. An alternate has CPDIS of its own or none (astropy since #19228, as the
// Paper); D2IM is of the detector, and of all of them. Throws FileError for what is wrong or not there, and where
// `companions` is null and a table is asked for.
LookupBlocks lookup_blocks(const HeaderView& header, char alt, const Companions* companions);

// Whether the value of this keyword (CPDIS1, CQDIS2B, D2IMDIS1 ...) is 'Lookup'.
bool is_lookup(const HeaderView& header, std::string_view keyword);

}  // namespace fits::wcs
