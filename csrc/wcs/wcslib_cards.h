// What wcslib is given of a header: it trusts what it reads, makes arrays as large as keywords claim, and knows nothing
// of what is read here in its place (SIP, distortions, -TAB). Text alone, nothing of wcslib.
#pragma once

#include <string>
#include <string_view>

#include "format/card.h"
#include "wcs/distortion_header.h"

namespace fits::wcs {

// wcslib makes arrays for as many axes as NAXIS or WCSAXESa claim or any keyword names, and squares of that.
void refuse_many_axes(const HeaderView& header);

// Cards that wcslib may see: comments cost time, and distortions that are ours are taken out.
std::string cards_for_wcslib(const HeaderView& header, const Surfaces& surfaces);

// wcspih() hands -TAB axes to wcstab(), which trusts their keywords (7.12 writes outside its arrays where PVi_3 is 0
// and frees them twice where PSi_0 is missing). It does not meet them: their tables are ours (tab_header.h), and until
// the header is parsed their CTYPE is another one, of the same length.
inline constexpr std::string_view kTabCode = "-TAB", kHiddenTabCode = "-?AB";
std::string without_tab(std::string cards);

}  // namespace fits::wcs
