// SIP's keywords (Shupe et al. 2005), read and taken out of a header as astropy does.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/card.h"

namespace fits::wcs {

// Whether a keyword is one of SIP's: A_ORDER, AP_1_0, B_DMAX, ...
bool is_sip_keyword(std::string_view keyword) noexcept;

// The SIP block (layout.h) of a header, empty where A and B have no terms of second or higher order (astropy: an order
// of 1 or 0 means none; AP and BP alone correct nothing). Throws FileError for keywords that contradict each other.
std::vector<double> sip_block(const HeaderView& header, char alt);

}  // namespace fits::wcs
