// The tables of -TAB axes, read from the HDUs that the header names and checked (Paper III, section 6).
#pragma once

#include <vector>

#include "wcs/companions.h"
#include "wcs/tab_description.h"

namespace fits::wcs {

// One table for each coordinate array that the axes share, in the order of the axes. `companions` may be null: then
// there is a header alone, and the sentence says where a file is read. Throws FileError.
std::vector<TabTable> tab_tables(const std::vector<TabAxis>& axes, const Companions* companions);

}  // namespace fits::wcs
