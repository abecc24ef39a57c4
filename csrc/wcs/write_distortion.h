// Keywords of the polynomial distortions of a packed WCS (distortion_header.h reads them).
//
// TPV, and TPU, are written as they were, PVi_m; of the others, TNX, ZPX, plate solutions and the polynomials of Paper
// IV, the packed form is wcslib's template or a general polynomial, and so they become records of Paper IV's draft:
// CPDISj or CQDISi = 'TPD' or 'Polynomial' with DPj or DQi, as wcslib itself writes them. The same functions come back
// bit for bit, those of a cutout in its own pixels. All of this is beside CDi_j, so that CDELTi is 1.
#pragma once

#include <string_view>

#include "wcs/cards.h"
#include "wcs/distortion_header.h"
#include "wcs/packed.h"

namespace fits::wcs {

// "TPV" or "TPU", which take the place of TAN in CTYPE, where PVi_m say what the polynomials are; else empty.
std::string_view code_of_parameters(const Packed& wcs);

// The block at head::kPolynomial (prior) or head::kSequent.
void write_distortion(const Packed& wcs, Position position, Cards& cards);

}  // namespace fits::wcs
