// Whether a block of polynomial distortions (layout.h) is what it says: asked once, before a point reads any of it.
#pragma once

#include "wcs/lanes.h"
#include "wcs/layout.h"

namespace fits::wcs {

struct PolynomialBlockCheck {
  const double* block;
  int size, naxis;

  FITS_HOST_DEVICE static bool is_integer(double value, double low, double high) {
    return value >= low && value <= high && floor(value) == value;
  }
  FITS_HOST_DEVICE bool are_axes(const double* slots, int count) const {
    for (int i = 0; i < count; ++i) {
      if (!is_integer(slots[i], 0, naxis - 1)) return false;
    }
    return true;
  }

  // Whether the table at this offset lies inside the block.
  FITS_HOST_DEVICE bool has_table(int at) const {
    using distortion::TableLayout;
    if (at > size - TableLayout::kAxes) return false;
    const double* const table = block + at;
    if (!is_integer(table[TableLayout::kVariables], 1, naxis) ||
        !is_integer(table[TableLayout::kAuxiliaries], 0, distortion::kMaxAuxiliaries) ||
        !is_integer(table[TableLayout::kTerms], 0, distortion::kMaxTerms)) {
      return false;
    }
    const TableLayout layout{static_cast<int>(table[TableLayout::kVariables]),
                             static_cast<int>(table[TableLayout::kAuxiliaries])};
    return layout.term(static_cast<int>(table[TableLayout::kTerms])) <= size - at &&
           are_axes(table + TableLayout::kAxes, layout.variables);
  }

  FITS_HOST_DEVICE bool is_record(const double* at) const {
    namespace record = distortion::record;
    return is_integer(at[record::kAxis], 0, naxis - 1) && is_integer(at[record::kDegree], 0, sip::kMaxOrder) &&
           is_integer(at[record::kRadial], 0, 5) && are_axes(at + record::kVariables, 2) &&
           is_integer(at[record::kTable], 0, size) &&
           (at[record::kTable] == 0 || has_table(static_cast<int>(at[record::kTable])));
  }
  // Of two records one after the other.
  FITS_HOST_DEVICE bool is_planar(const double* at) const {
    namespace record = distortion::record;
    const double* const next = at + record::kSize;
    return at[record::kGroup] == 2 && at[record::kTable] == 0 && next[record::kTable] == 0 &&
           at[record::kVariables] == at[record::kAxis] && at[record::kVariables + 1] == next[record::kAxis] &&
           next[record::kVariables] == at[record::kAxis] && next[record::kVariables + 1] == next[record::kAxis];
  }

  FITS_HOST_DEVICE bool operator()() const {
    namespace record = distortion::record;
    if (!is_integer(block[distortion::kCount], 1, naxis)) return false;
    const int count = static_cast<int>(block[distortion::kCount]);
    if (size < distortion::kRecords + count * record::kSize) return false;
    unsigned seen = 0;
    int group = 0;  // records to come in this one
    for (int k = 0; k < count; ++k) {
      const double* const at = block + distortion::kRecords + k * record::kSize;
      if (!is_record(at)) return false;
      const unsigned bit = 1u << static_cast<int>(at[record::kAxis]);
      if ((seen & bit) != 0) return false;
      seen |= bit;
      if (group == 0) {
        if (!is_integer(at[record::kGroup], 1, count - k) || !is_integer(at[record::kPlanar], 0, 1)) return false;
        group = static_cast<int>(at[record::kGroup]);
        if (at[record::kPlanar] != 0 && !(group == 2 && is_planar(at))) return false;
      }
      --group;
    }
    return true;
  }
};

// Whether a block of which `available` slots may be read holds what it describes.
FITS_HOST_DEVICE bool polynomials_fit(const double* block, int available, int naxis) {
  if (available < distortion::kRecords ||
      !PolynomialBlockCheck::is_integer(block[distortion::kSize], distortion::kRecords, available)) {
    return false;
  }
  return PolynomialBlockCheck{block, static_cast<int>(block[distortion::kSize]), naxis}();
}

}  // namespace fits::wcs
