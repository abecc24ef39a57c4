// Logarithmic axes of any type: S = CRVAL exp(w / CRVAL) (Paper III, section 3.2; Paper IV for time). Stages (see
// chain.h).
#pragma once

#include "wcs/exponential.h"
#include "wcs/packed.h"

namespace fits::wcs {

struct IntermediateToLogarithmic {
  Packed wcs;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    for (int i = 0; i < wcs.naxis; ++i) {
      if (!wcs.is(i, AxisKind::logarithmic)) continue;
      const Real reference = Real(wcs.linear()[LinearLayout{wcs.naxis}.crval() + i]);
      point.set(i, reference * exp(point.get(i) / reference));
    }
  }
};

struct LogarithmicToIntermediate {
  Packed wcs;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    for (int i = 0; i < wcs.naxis; ++i) {
      if (!wcs.is(i, AxisKind::logarithmic)) continue;
      const Real reference = Real(wcs.linear()[LinearLayout{wcs.naxis}.crval() + i]);
      const Real world = point.get(i);
      const MaskOf<Real> valid = world > Real(0.0);
      point.set(i, select(valid, reference * log(world / reference), not_a_number<Real>()));
      point.flag(!valid, 1 << i);
    }
  }
};

}  // namespace fits::wcs
