// A view of a packed WCS (layout.h): the head decoded and checked, so that no later step reads outside the vector.
#pragma once

#include <cstdint>

#include "wcs/axes.h"
#include "wcs/lanes.h"
#include "wcs/layout.h"
#include "wcs/lookup_block.h"
#include "wcs/polynomial_block.h"
#include "wcs/slots.h"
#include "wcs/tab_view.h"

namespace fits::wcs {

struct Packed {
  const double* slots = nullptr;
  int naxis = 0;  // 0: not a packed WCS of this version
  int lng = -1, lat = -1, spec = -1;
  int projection = 0;
  unsigned distortion = 0;
  bool has_linear = false, has_spectral = false, has_logarithmic = false;  // axes of these kinds (AxisKind)
  int cubeface = -1;                                                       // world axis of CUBEFACE
  bool cutout = false;  // distortions before the matrix count in pixels of their own (pixel_grid.h)

  FITS_HOST_DEVICE const double* block(int head_slot) const { return slots + static_cast<int>(slots[head_slot]); }
  FITS_HOST_DEVICE const double* linear() const { return block(head::kLinear); }
  FITS_HOST_DEVICE const double* celestial() const { return block(head::kCelestial); }
  FITS_HOST_DEVICE const double* sip() const { return block(head::kSip); }
  FITS_HOST_DEVICE const double* spectral() const { return block(head::kSpectral); }
  FITS_HOST_DEVICE bool is(int axis, AxisKind kind) const {
    return linear()[LinearLayout{naxis}.kind() + axis] == static_cast<double>(kind);
  }
  FITS_HOST_DEVICE bool has(int head_slot) const { return slots[head_slot] != 0; }
};

// Whether `size` slots from the offset in a head slot lie inside the vector.
FITS_HOST_DEVICE bool has_block(const double* slots, int length, int head_slot, int size) {
  const int offset = slot_integer(slots[head_slot], head::kSize, length, 0);
  return offset != 0 && size <= length - offset;
}

// Whether there is a distortion that is evaluated in pixels.
FITS_HOST_DEVICE bool is_distorted_before_matrix(const Packed& wcs) {
  constexpr unsigned kInPixels = kDistortionSip | kDistortionCpdis | kDistortionD2im;
  return (wcs.distortion & kInPixels) != 0 || wcs.has(head::kPolynomial);
}

// The view of a vector of `length` slots; naxis is 0 where they do not form a WCS that this version evaluates.
FITS_HOST_DEVICE Packed unpack(const double* slots, std::int64_t available) {
  Packed wcs;
  if (available < head::kSize || slots[head::kVersion] != kLayoutVersion) return wcs;
  const int most = available < (1 << 30) ? static_cast<int>(available) : 1 << 30;
  const int length = slot_integer(slots[head::kLength], head::kSize, most, 0);
  const int naxis = slot_integer(slots[head::kNaxis], 1, kMaxAxes, 0);
  if (length == 0 || naxis == 0 || !has_block(slots, length, head::kLinear, LinearLayout{naxis}.size())) return wcs;
  wcs.slots = slots;
  wcs.lng = slot_integer(slots[head::kLng], -1, naxis - 1, -1);
  wcs.lat = slot_integer(slots[head::kLat], -1, naxis - 1, -1);
  wcs.spec = slot_integer(slots[head::kSpec], -1, naxis - 1, -1);
  wcs.projection = slot_integer(slots[head::kProjection], 0, kProjectionCount, 0);
  wcs.distortion = static_cast<unsigned>(slot_integer(slots[head::kDistortion], 0, 1 << 16, 1 << 16));
  if (wcs.projection != 0) {
    if (wcs.lng < 0 || wcs.lat < 0 || wcs.lng == wcs.lat) return wcs;
    if (!has_block(slots, length, head::kCelestial, celestial::kSize)) return wcs;
    // The degree of ZPN.
    if (slot_integer(wcs.celestial()[celestial::kW + 11], 0, 29, -1) < 0 && wcs.projection == kZpn) return wcs;
  }
  constexpr unsigned kKnown = kDistortionSip | kDistortionCpdis | kDistortionD2im | kDistortionPolynomials;
  if ((wcs.distortion & ~kKnown) != 0) return wcs;
  if ((wcs.distortion & kDistortionSip) != 0) {
    if (naxis < 2 || !has_block(slots, length, head::kSip, sip::kSize)) return wcs;
    for (int i = 0; i < 4; ++i) {
      const double order = wcs.sip()[sip::kOrders + i];
      if (slot_integer(order, 0, sip::kMaxOrder, -1) < 0) return wcs;
    }
  }
  const AxisKinds kinds = kinds_of(wcs.linear(), naxis, wcs.spec);
  wcs.has_linear = kinds.linear;
  wcs.has_spectral = kinds.spectral;
  wcs.has_logarithmic = kinds.logarithmic;
  if (!kinds.sound) return wcs;
  if (kinds.spectral) {
    if (!has_block(slots, length, head::kSpectral, spectral::kSize) || !spectral_is_sound(wcs.spectral())) return wcs;
  }
  wcs.cubeface = slot_integer(slots[head::kCubeface], 0, naxis, 0) - 1;
  if (wcs.cubeface >= 0 && (wcs.projection == 0 || wcs.cubeface == wcs.lng || wcs.cubeface == wcs.lat)) return wcs;
  for (const bool cpdis : {true, false}) {
    const int slot = cpdis ? head::kCpdis : head::kD2im;
    if ((wcs.distortion & (cpdis ? kDistortionCpdis : kDistortionD2im)) == 0) continue;
    if (naxis < 2 || !has_block(slots, length, slot, lookup::kSize)) return wcs;
    if (!tables_fit(wcs.block(slot), length - static_cast<int>(slots[slot]))) return wcs;
  }
  if (slots[head::kTab] != 0) {
    const int at = slot_integer(slots[head::kTab], head::kSize, length, 0);
    if (at == 0 || !tables_fit(slots + at, length - at, naxis)) return wcs;
  }
  for (int i = 0; i < 2; ++i) {
    const int slot = i == 0 ? head::kPolynomial : head::kSequent;
    if (slots[slot] == 0) continue;
    if (!has_block(slots, length, slot, distortion::kRecords) ||
        !polynomials_fit(wcs.block(slot), length - static_cast<int>(slots[slot]), naxis)) {
      return wcs;
    }
  }
  wcs.cutout = naxis > 1 && slots[head::kGridStep] != 0 && is_distorted_before_matrix(wcs);
  wcs.naxis = naxis;
  return wcs;
}

}  // namespace fits::wcs
