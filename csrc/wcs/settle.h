// Sums of slots to the gradient in free slots: what was read of slots that follow from others is taken back to those.
#pragma once

#include "wcs/update.h"

namespace fits::wcs {

template <class Slot>
FITS_HOST_DEVICE void settle_slots(const Packed& wcs, const Slot* slots, Slot* sums) {
  const int linear = static_cast<int>(wcs.slots[head::kLinear]);
  const LinearLayout at{wcs.naxis};
  if ((wcs.distortion & kDistortionSip) != 0) {
    Slot* const origin = sums + static_cast<int>(wcs.slots[head::kSip]) + sip::kOrigin;
    for (int axis = 0; axis < 2; ++axis) {
      Slot& crpix = sums[linear + at.crpix() + axis];
      crpix = crpix + origin[axis] * (wcs.cutout ? wcs.slots[head::kGridStep + axis] : 1.0);
      origin[axis] = Slot(0.0);
    }
  }
  if (wcs.has_spectral) {
    const int block = static_cast<int>(wcs.slots[head::kSpectral]), crval = linear + at.crval() + wcs.spec;
    Dual<Slot> varied[spectral::kSize];
    for (const int slot : kSpectralFollows) varied[slot] = Dual<Slot>(0.0);
    complete_spectral(wcs, Dual<Slot>(slots[crval], Slot(1.0), Slot(0.0)), varied);
    for (const int slot : kSpectralFollows) {
      sums[crval] = sums[crval] + sums[block + slot] * varied[slot].d0;
      sums[block + slot] = Slot(0.0);
    }
  }
  if (wcs.projection == 0) return;
  // The rotation follows from CRVAL, LONPOLE, and theta0 where that is PVi_1.
  const int block = static_cast<int>(wcs.slots[head::kCelestial]);
  const int from[4] = {linear + at.crval() + wcs.lng, linear + at.crval() + wcs.lat, block + celestial::kReference + 2,
                       block + celestial::kPv + 1};
  Slot more[4];
  for (int pair = 0; pair < 2; ++pair) {
    Dual<Slot> varied[celestial::kSize];
    const auto constant = [](Slot a) { return Dual<Slot>(a, Slot(0.0), Slot(0.0)); };
    for (int i = 0; i < celestial::kSize; ++i) varied[i] = constant(slots[block + i]);
    Dual<Slot> longitude = constant(slots[from[0]]), latitude = constant(slots[from[1]]);
    if (pair == 0) {
      longitude.d0 = Slot(1.0);
      latitude.d1 = Slot(1.0);
    } else {
      varied[celestial::kReference + 2].d0 = Slot(1.0);
      varied[celestial::kPv + 1].d1 = Slot(1.0);
    }
    complete_pole(longitude, latitude, varied);
    Slot first = Slot(0.0), second = Slot(0.0);
    for (int i = 0; i < 10; ++i) {
      const int slot = i == 0 ? static_cast<int>(celestial::kEuler) : celestial::kRotation + i - 1;
      first = first + sums[block + slot] * varied[slot].d0;
      second = second + sums[block + slot] * varied[slot].d1;
    }
    more[2 * pair] = first;
    more[2 * pair + 1] = second;
  }
  sums[block + celestial::kEuler] = Slot(0.0);
  for (int i = 0; i < 9; ++i) sums[block + celestial::kRotation + i] = Slot(0.0);
  for (int i = 0; i < 4; ++i) sums[from[i]] = sums[from[i]] + more[i];
}

}  // namespace fits::wcs
