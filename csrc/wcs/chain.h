// The order of the steps between pixel and world coordinates, for every device.
//
// A stage is a functor that takes a point (one, or several in lanes) from one kind of coordinates to the next in place:
//   template <class Point> void operator()(Point& point) const
// where Point has a type Real, get(axis), set(axis, Real) and flag(mask, status_bits). `run(stage)` is called for each
// stage in turn: on the host it loops over a block of points in lanes, on a device it applies the stage to the thread's
// point. A new step is one header with two stages, and one line in each function here.
#pragma once

#include "wcs/celestial.h"
#include "wcs/cubeface.h"
#include "wcs/gnomonic.h"
#include "wcs/linear.h"
#include "wcs/logarithmic.h"
#include "wcs/lookup.h"
#include "wcs/pixel_grid.h"
#include "wcs/polynomial.h"
#include "wcs/sip.h"
#include "wcs/spectral.h"
#include "wcs/tab.h"

namespace fits::wcs {

template <template <class> class Stage, class Run>
struct RunCelestial {
  Packed wcs;
  const Run& run;
  template <class Projection>
  FITS_HOST_DEVICE void visit() const {
    run(Stage<Projection>{wcs});
  }
};

// 0-based pixel coordinates to world coordinates. D2IM comes first; SIP and CPDIS are both evaluated at the pixel
// that D2IM corrected, and added; sequent distortions (TPV, TPD, TNX, ZPX, DSS) follow the matrix.
// Those before the matrix see the pixels that they were measured in, also of a cutout.
template <class Run>
FITS_HOST_DEVICE void pixel_to_world_chain(const Packed& wcs, const Run& run) {
  if (wcs.cutout) run(CutoutToGrid{wcs});
  if ((wcs.distortion & kDistortionD2im) != 0) run(LookupForward{{wcs, head::kD2im}});
  if ((wcs.distortion & kDistortionCpdis) != 0) {
    run(LookupForward{{wcs, head::kCpdis}});
  } else if ((wcs.distortion & kDistortionSip) != 0) {
    run(SipForward{wcs});
  }
  if (wcs.has(head::kPolynomial)) run(PolynomialForward{wcs, head::kPolynomial});
  if (wcs.cutout) run(GridToCutout{wcs});
  run(PixelToIntermediate{wcs});
  if (wcs.has(head::kSequent)) run(PolynomialForward{wcs, head::kSequent});
  if (wcs.has_spectral) run(IntermediateToSpectral(wcs));
  if (wcs.has_logarithmic) run(IntermediateToLogarithmic{wcs});
  if (wcs.cubeface >= 0) run(CubefaceToPlane{wcs});
  if (wcs.projection != 0) {
    Projections::visit(wcs.projection, RunCelestial<IntermediateToCelestial, Run>{wcs, run});
  }
  if (wcs.has_linear) run(AddReference{wcs, 1});
  run_tables<TabForward>(wcs, run);
}

// The same where stages are only run: few of them if they serve.
template <class Run>
FITS_HOST_DEVICE void pixel_to_world_short(const Packed& wcs, const Run& run) {
  if (Gnomonic::is_all_of(wcs)) return run(Gnomonic(wcs));
  pixel_to_world_chain(wcs, run);
}

template <class Run>
FITS_HOST_DEVICE void world_to_pixel_chain(const Packed& wcs, const Run& run) {
  if (wcs.has_linear) run(AddReference{wcs, -1});
  run_tables<TabInverse>(wcs, run);
  if (wcs.projection != 0) {
    Projections::visit(wcs.projection, RunCelestial<CelestialToIntermediate, Run>{wcs, run});
  }
  if (wcs.cubeface >= 0) run(PlaneToCubeface{wcs});
  if (wcs.has_logarithmic) run(LogarithmicToIntermediate{wcs});
  if (wcs.has_spectral) run(SpectralToIntermediate(wcs));
  if (wcs.has(head::kSequent)) run(PolynomialInverse{wcs, head::kSequent});
  run(IntermediateToPixel{wcs});
  if (wcs.cutout) run(CutoutToGrid{wcs});
  if (wcs.has(head::kPolynomial)) run(PolynomialInverse{wcs, head::kPolynomial});
  if ((wcs.distortion & kDistortionCpdis) != 0) {
    run(LookupInverse{{wcs, head::kCpdis}});
  } else if ((wcs.distortion & kDistortionSip) != 0) {
    run(SipInverse{wcs});
  }
  if ((wcs.distortion & kDistortionD2im) != 0) run(LookupInverse{{wcs, head::kD2im}});
  if (wcs.cutout) run(GridToCutout{wcs});
}

}  // namespace fits::wcs
