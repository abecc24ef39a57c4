// The WCS of north-up stamps: gnomonic (TAN), north up, east to the left, CRPIX at the centre.
#pragma once

#include <cstdint>
#include <vector>

#include "wcs/description.h"
#include "wcs/packed.h"

namespace fits::wcs {

class Stamps {
 public:
  // Of `height` by `width` pixels of `pixel_scale` degrees each, finite and not 0.
  Stamps(std::int64_t height, std::int64_t width, double pixel_scale);

  // Length of a packed WCS.
  std::int64_t size() const { return static_cast<std::int64_t>(packed_.size()); }

  // What wcs_from_header makes of the header of a stamp whose centre is at these degrees, bit for bit, in `to`
  // [size()].
  void put(double lng, double lat, double* to);

 private:
  Celestial celestial_;
  std::vector<double> packed_;  // of a stamp elsewhere
};

// Gives `stamp` the celestial frame of another WCS, which has one: what CTYPE, RADESYS and EQUINOX say.
void take_frame(const Packed& like, double* stamp);

}  // namespace fits::wcs
