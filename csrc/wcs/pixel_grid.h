// Pixels of a cutout and those of the image that it was cut from: start + step q for pixel q of the cutout. CRPIX and
// the matrix of a cutout are its own (crop.h); what was measured pixel by pixel, distortions before the matrix, stays
// as it is and is evaluated in the pixels of the image, between these stages (see chain.h).
#pragma once

#include "wcs/packed.h"

namespace fits::wcs {

struct CutoutToGrid {
  Packed wcs;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    for (int i = 0; i < 2; ++i) {
      const double start = wcs.slots[head::kGridStart + i], step = wcs.slots[head::kGridStep + i];
      point.set(i, fma(point.get(i), Real(step), Real(start)));
    }
  }
};

struct GridToCutout {
  Packed wcs;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    for (int i = 0; i < 2; ++i) {
      const double start = wcs.slots[head::kGridStart + i], step = wcs.slots[head::kGridStep + i];
      point.set(i, (point.get(i) - Real(start)) / Real(step));
    }
  }
};

}  // namespace fits::wcs
