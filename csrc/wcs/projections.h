// The projections that are there. To add one: write projection/xyz.h (projection.h says how), name it here twice.
#pragma once

#include "wcs/projection/arc.h"
#include "wcs/projection/car.h"
#include "wcs/projection/cea.h"
#include "wcs/projection/cyp.h"
#include "wcs/projection/mer.h"
#include "wcs/projection/sin.h"
#include "wcs/projection/stg.h"
#include "wcs/projection/tan.h"
#include "wcs/projection/zea.h"

namespace fits::wcs {

template <class... Each>
struct ProjectionList {
  static constexpr bool has(int number) { return ((Each::kNumber == number) || ...); }

  // visitor.operator()<Projection>() of the projection with this number, if it is there.
  template <class Visitor>
  FITS_HOST_DEVICE static void visit(int number, const Visitor& visitor) {
    ((Each::kNumber == number ? visitor.template visit<Each>() : void()), ...);
  }
};

using Projections = ProjectionList<Tan, Sin, Arc, Stg, Zea, Car, Mer, Cea, Cyp>;

}  // namespace fits::wcs
