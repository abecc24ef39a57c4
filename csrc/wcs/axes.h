// Which axes of a packed WCS are nonlinear on their own, and whether what they need is there: for unpack().
#pragma once

#include "wcs/layout.h"

namespace fits::wcs {

struct AxisKinds {
  bool linear = false, spectral = false, logarithmic = false;
  bool sound = true;  // no more than one nonlinear spectral axis, the one that the head names
};

FITS_HOST_DEVICE AxisKinds kinds_of(const double* linear, int naxis, int spec) {
  AxisKinds kinds;
  for (int i = 0; i < naxis; ++i) {
    const double kind = linear[LinearLayout{naxis}.kind() + i];
    if (kind == static_cast<double>(AxisKind::linear)) kinds.linear = true;
    if (kind == static_cast<double>(AxisKind::logarithmic)) kinds.logarithmic = true;
    if (kind != static_cast<double>(AxisKind::spectral)) continue;
    kinds.spectral = true;
    if (i != spec) kinds.sound = false;
  }
  return kinds;
}

// Whether a spectral block chooses between formulas that there are; its other slots are plain numbers.
FITS_HOST_DEVICE bool spectral_is_sound(const double* block) {
  const auto chosen = [](double value, int highest) {
    return value >= 0 && value <= highest && static_cast<double>(static_cast<int>(value)) == value;
  };
  return chosen(block[spectral::kX], 3) && chosen(block[spectral::kP], 3) && chosen(block[spectral::kGrism], 2);
}

}  // namespace fits::wcs
