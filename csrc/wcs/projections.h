// The projections that are there. To add one: write projection/xyz.h (projection.h says how), name it here twice.
#pragma once

#include "wcs/projection/air.h"
#include "wcs/projection/ait.h"
#include "wcs/projection/arc.h"
#include "wcs/projection/azp.h"
#include "wcs/projection/bon.h"
#include "wcs/projection/car.h"
#include "wcs/projection/cea.h"
#include "wcs/projection/cod.h"
#include "wcs/projection/coe.h"
#include "wcs/projection/coo.h"
#include "wcs/projection/cop.h"
#include "wcs/projection/csc.h"
#include "wcs/projection/cyp.h"
#include "wcs/projection/hpx.h"
#include "wcs/projection/mer.h"
#include "wcs/projection/mol.h"
#include "wcs/projection/par.h"
#include "wcs/projection/pco.h"
#include "wcs/projection/qsc.h"
#include "wcs/projection/sfl.h"
#include "wcs/projection/sin.h"
#include "wcs/projection/stg.h"
#include "wcs/projection/szp.h"
#include "wcs/projection/tan.h"
#include "wcs/projection/tsc.h"
#include "wcs/projection/xph.h"
#include "wcs/projection/zea.h"
#include "wcs/projection/zpn.h"

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

using Projections = ProjectionList<Azp, Szp, Tan, Stg, Sin, Arc, Zpn, Zea, Air, Cyp, Cea, Car, Mer, Cop, Coe, Cod, Coo,
                                   Sfl, Par, Mol, Ait, Bon, Pco, Tsc, Csc, Qsc, Hpx, Xph>;

}  // namespace fits::wcs
