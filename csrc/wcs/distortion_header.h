// Polynomial distortions as headers say them, read and taken out before wcslib may see them: as a setter of distortions
// it trusts every index in them, and reads WATi_nnn into buffers of fixed length (7.12).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "format/card.h"
#include "wcs/distortion.h"

namespace fits::wcs {

// Whether a keyword is one of Paper IV's (CPDISja, DPja, CQDISia, DQia, ...), of TNX and ZPX (WATi_nnn) or of the plate
// solutions of the Digitized Sky Survey (AMDXm, PLTRAH, ...).
bool is_distortion_keyword(std::string_view keyword) noexcept;

enum class Position { prior, sequent };

// CPDISja with DPja, or CQDISia with DQia. Lookup tables are no polynomials: those axes are left out.
Distortions distortions_from_records(const HeaderView& header, char alt, int naxis, Position position);

// PVi_m of the two axes of TPV: distortions of the same values (Paper II's drafts, TPV convention).
struct Parameter {
  int axis, m;
  double value;
};
Distortions distortions_from_tpv(int first, int second, const std::vector<Parameter>& parameters);

// WAT1_nnn and WAT2_nnn where they hold a surface (wtype=tnx or zpx); empty where there is none. `parameters` are ZPX's
// projpm, which are PV2_m of its ZPN.
struct Surfaces {
  Distortions distortions;
  std::vector<Parameter> parameters;
};
Surfaces surfaces_from_wat(const HeaderView& header);

// The plate solution, where there are AMDXm or AMDYm, with the header's other numbers for it.
struct PlateHeader {
  Plate plate;
  std::array<double, 2> crpix, cdelt, crval;
  std::array<double, 4> pc;
};
std::optional<PlateHeader> plate_from_header(const HeaderView& header);

}  // namespace fits::wcs
