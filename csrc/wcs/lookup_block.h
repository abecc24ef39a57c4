// Whether a block of lookup tables (layout.h) is what it says: asked once, before any of it is read by a point.
#pragma once

#include "wcs/lanes.h"
#include "wcs/layout.h"

namespace fits::wcs {

// Whether the block, of which `available` slots may be read (lookup::kSize at least), holds the tables it describes.
FITS_HOST_DEVICE bool tables_fit(const double* block, int available) {
  const double most = available;
  const auto is_integer = [](double value, double low, double high) {
    return value >= low && value <= high && floor(value) == value;
  };
  for (int axis = 0; axis < 2; ++axis) {
    const double* const table = block + axis * lookup::kDescriptor;
    const double columns = table[lookup::kColumns], rows = table[lookup::kRows], start = table[lookup::kTable];
    if (columns == 0) continue;
    if (!is_integer(columns, 1, most) || !is_integer(rows, 1, most) || !is_integer(start, lookup::kSize, most) ||
        columns * rows > most - start) {
      return false;
    }
  }
  return true;
}

}  // namespace fits::wcs
