// Slots of a packed WCS (layout.h) that hold integers.
#pragma once

#include "format/pixel.h"

namespace fits::wcs {

// An integer slot; `otherwise` where it is none in [low, high].
FITS_HOST_DEVICE int slot_integer(double value, int low, int high, int otherwise) {
  return value >= low && value <= high && static_cast<double>(static_cast<int>(value)) == value
             ? static_cast<int>(value)
             : otherwise;
}

}  // namespace fits::wcs
