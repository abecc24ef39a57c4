// The -TAB block of a packed WCS (layout.h).
#pragma once

#include <vector>

#include "wcs/tab_description.h"

namespace fits::wcs {

// Empty where there are no tables.
std::vector<double> tab_block(const std::vector<TabTable>& tables);

}  // namespace fits::wcs
