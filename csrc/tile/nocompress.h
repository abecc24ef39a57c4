// NOCOMPRESS: tiles as they are, big-endian (FITS Standard 4.0, section 10.4).
#pragma once

#include "format/cast.h"

namespace fits {

// CFITSIO writes NaN pixels of such tiles (fpack -d) as these numbers, its marks for undefined pixels. Asked for
// undefined pixels it reads them as such, and so do we: NaN comes back as NaN. Not asked it shows the numbers, as
// funpack and astropy do. test_tile_matrix.py: fpack -d.
inline constexpr float kFloatMark = -9.11912E-36F;
inline constexpr double kDoubleMark = -9.1191291391491E-36;

FITS_HOST_DEVICE float unmarked(float value) noexcept { return select(value == kFloatMark, quiet_nan<float>(), value); }
FITS_HOST_DEVICE double unmarked(double value) noexcept {
  return select(value == kDoubleMark, quiet_nan<double>(), value);
}

}  // namespace fits
