// From the pixels of one WCS to those of another without world coordinates in between where both are celestial: the
// native direction cosines of one are turned into those of the other (Paper II, equations 2 and 5, twice), and for two
// gnomonic projections the whole way from pixel to pixel is a homography.
//
// The stages are those of chain.h; only the two that meet at the sky are replaced. Distortions and other axes therefore
// take part as they do there.
#pragma once

#include "wcs/chain.h"

namespace fits::wcs {

// What two WCS need between them, found once for all points.
struct Bridge {
  enum class Route : int {
    world,       // world coordinates, where nothing is projected
    shift,       // native angles of two projections whose poles coincide: longitudes are shifted
    direction,   // direction cosines
    homography,  // TAN to TAN on two axes, with distortions before the matrix or none
  };
  Route route = Route::world;
  bool bare = false;        // homography: it is all there is
  bool from_pixel = false;  // direction: they come out of pixels by `homography`, which replaces the matrix and x2s
  bool to_pixel = false;    // direction: what is made of them goes through the matrix at once
  bool permuted = false;
  int axis[kMaxAxes] = {};                         // the world axis of one that is axis i of the other
  bool unit = false;                               // direction: they come with unit length
  double rotation[9] = {};                         // direction: native direction cosines of one to those of the other
  double sign_phi = 1, sign_theta = 1, shift = 0;  // shift: native angles likewise
  double homography[9] = {};                       // offsets from CRPIX to the same of the other, times the last row;
                                                   // from_pixel: to native direction cosines of the other
  double from[2] = {}, to[2] = {};                 // CRPIX of both, 0-based
};

// The row of a block that holds n of a direction (l, m, n), beside those of longitude and latitude.
inline constexpr int kThird = kMaxAxes;

// Whether x2s gives directions of unit length, and whether s2x takes those of any.
template <class Projection>
inline constexpr bool kGivesUnitLength =
    !(kHasDirections<Projection> || __is_same(NativeOf<Projection, double>, NativeParallel<double>)) ||
    __is_same(Projection, Sin) || __is_same(Projection, Arc) || __is_same(Projection, Zea);
template <class Projection>
inline constexpr bool kTakesAnyLength = __is_same(Projection, Tan);
// ... or those of a length that it is told.
template <class Projection>
inline constexpr bool kTakesLength = __is_same(Projection, Ait);

template <class Real>
FITS_HOST_DEVICE Direction<Real> as_direction(Direction<Real> v) {
  return v;
}
template <class Real, template <class> class Native>
FITS_HOST_DEVICE Direction<Real> as_direction(Native<Real> native) {
  return direction(native);
}

// Intermediate world coordinates of one WCS to native direction cosines of the other (or, shifted, to its native
// angles), in place of IntermediateToCelestial.
template <class Projection>
struct IntermediateToDirection {
  Packed wcs;
  const Bridge* bridge;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    const double* const block = wcs.celestial();
    const auto native = Projection::x2s(Constants{block}, point.get(wcs.lng) + Real(block[celestial::kX0]),
                                        point.get(wcs.lat) + Real(block[celestial::kY0]));
    if constexpr (!kHasDirections<Projection>) {
      if (bridge->route == Bridge::Route::shift) {
        const Real phi = fma(native.at.lng, Real(bridge->sign_phi), Real(bridge->shift));
        const Real turned = fma(round(phi * Real(1.0 / 360)), Real(-360.0), phi);
        return put(point, wcs, turned, latitude(native.at) * Real(bridge->sign_theta), native.valid);
      }
    }
    const Direction<Real> v = as_direction(native.at);
    const auto row = [&](int i) {
      const double* const r = bridge->rotation + 3 * i;
      return fma(v.l, Real(r[0]), fma(v.m, Real(r[1]), v.n * Real(r[2])));
    };
    // NaN in one is NaN in what s2x makes of them.
    const Real nan = not_a_number<Real>();
    point.set(wcs.lng, select(native.valid, row(0), nan));
    point.set(wcs.lat, select(native.valid, row(1), nan));
    point.set(kThird, select(native.valid, row(2), nan));
  }
};

// ... and from there to its intermediate world coordinates, in place of CelestialToIntermediate.
template <class Projection>
struct DirectionToIntermediate {
  Packed wcs;
  const Bridge* bridge;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    const double* const block = wcs.celestial();
    TakenBy<Projection, Real> native;
    native.valid = always<Real>();
    Direction<Real> met;
    if (bridge->from_pixel) {
      const double* const h = bridge->homography;
      const Real u = point.get(0) - Real(bridge->from[0]), v = point.get(1) - Real(bridge->from[1]);
      const auto row = [&](int i) { return fma(u, Real(h[3 * i]), fma(v, Real(h[3 * i + 1]), Real(h[3 * i + 2]))); };
      met = {row(0), row(1), row(2)};
    } else {
      const bool angles_alone = bridge->route == Bridge::Route::shift;
      met = {point.get(wcs.lng), point.get(wcs.lat), angles_alone ? Real(0.0) : point.get(kThird)};
    }
    meet(met, native.at);
    const auto plane = [&] {
      if constexpr (kTakesLength<Projection>) {
        return Projection::s2x(Constants{block}, native, bridge->unit ? Real(1.0) : length(native.at));
      } else {
        return Projection::s2x(Constants{block}, native);
      }
    }();
    const MaskOf<Real> valid = plane.valid & (met.l == met.l) & (met.m == met.m);
    const Real x = plane.x - Real(block[celestial::kX0]), y = plane.y - Real(block[celestial::kY0]);
    put(point, wcs, x, y, valid);
    if (bridge->to_pixel) IntermediateToPixel{wcs}(point);
  }

 private:
  template <class Real>
  FITS_HOST_DEVICE static Real length(Direction<Real> v) {
    return sqrt(fma(v.l, v.l, fma(v.m, v.m, v.n * v.n)));
  }
  template <class Real>
  FITS_HOST_DEVICE Real to_unit_length(Direction<Real> v) const {
    return bridge->unit ? Real(1.0) : Real(1.0) / length(v);
  }
  template <class Real>
  FITS_HOST_DEVICE void meet(Direction<Real> v, Direction<Real>& native) const {
    native = v;
    if (kTakesAnyLength<Projection> || kTakesLength<Projection>) return;
    const Real scale = to_unit_length(v);
    native = {v.l * scale, v.m * scale, v.n * scale};
  }
  template <class Real>
  FITS_HOST_DEVICE void meet(Direction<Real> v, Angles<Real>& native) const {
    if (bridge->route == Bridge::Route::shift) {
      native = angles(Spherical<Real>{v.l, v.m});
      return;
    }
    const Real scale = to_unit_length(v);
    native = angles(v);
    native.sine = native.sine * scale;
    native.cosine = native.cosine * scale;
  }
};

// Pixels of one to pixels of the other, both without distortion.
struct Homography {
  const Bridge* bridge;

  template <class Real>
  FITS_HOST_DEVICE void apply(Real& x, Real& y) const {
    const double* const h = bridge->homography;
    const Real u = x - Real(bridge->from[0]), v = y - Real(bridge->from[1]);
    const auto row = [&](int i) { return fma(u, Real(h[3 * i]), fma(v, Real(h[3 * i + 1]), Real(h[3 * i + 2]))); };
    const Real w = row(2);
    const MaskOf<Real> seen = w > Real(0.0);  // the half of the sphere before the plane
    const Real scale = Real(1.0) / w;
    x = select(seen, fma(row(0), scale, Real(bridge->to[0])), not_a_number<Real>());
    y = select(seen, fma(row(1), scale, Real(bridge->to[1])), not_a_number<Real>());
  }
  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    auto x = point.get(0), y = point.get(1);
    apply(x, y);
    point.set(0, x);
    point.set(1, y);
  }
};

// World axes of one in the order of the other.
struct Permute {
  int naxis;
  const Bridge* bridge;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    typename Point::Real from[kMaxAxes];
    for (int i = 0; i < naxis; ++i) from[i] = point.get(i);
    for (int i = 0; i < naxis; ++i) point.set(i, from[bridge->axis[i]]);
  }
};

// Runs of a chain with stages replaced. Which overload a stage takes is known from its type.
template <class Run>
struct RunToDirection {
  const Run& run;
  const Bridge* bridge;

  template <class Stage>
  FITS_HOST_DEVICE void operator()(const Stage& stage) const {
    run(stage);
  }
  FITS_HOST_DEVICE void operator()(const PixelToIntermediate& stage) const {
    if (!bridge->from_pixel) run(stage);
  }
  FITS_HOST_DEVICE void operator()(const IntermediateToPixel& stage) const {
    if (!bridge->to_pixel) run(stage);
  }
  template <class Projection>
  FITS_HOST_DEVICE void operator()(const IntermediateToCelestial<Projection>& stage) const {
    if (!bridge->from_pixel) run(IntermediateToDirection<Projection>{stage.wcs, bridge});
  }
  template <class Projection>
  FITS_HOST_DEVICE void operator()(const CelestialToIntermediate<Projection>& stage) const {
    run(DirectionToIntermediate<Projection>{stage.wcs, bridge});
  }
};

// All stages but those that the homography does.
template <class Run>
struct RunAroundHomography {
  const Run& run;

  template <class Stage>
  FITS_HOST_DEVICE void operator()(const Stage& stage) const {
    run(stage);
  }
  FITS_HOST_DEVICE void operator()(const PixelToIntermediate&) const {}
  FITS_HOST_DEVICE void operator()(const IntermediateToPixel&) const {}
  template <class Projection>
  FITS_HOST_DEVICE void operator()(const IntermediateToCelestial<Projection>&) const {}
  template <class Projection>
  FITS_HOST_DEVICE void operator()(const CelestialToIntermediate<Projection>&) const {}
};

template <class Run>
FITS_HOST_DEVICE void pixel_to_pixel_chain(const Packed& in, const Packed& out, const Bridge* bridge, const Run& run) {
  if (bridge->route == Bridge::Route::homography) {
    const RunAroundHomography<Run> around{run};
    pixel_to_world_chain(in, around);
    run(Homography{bridge});
    world_to_pixel_chain(out, around);
    return;
  }
  const RunToDirection<Run> meeting{run, bridge};
  pixel_to_world_chain(in, meeting);
  if (bridge->permuted && !bridge->from_pixel) run(Permute{in.naxis, bridge});
  world_to_pixel_chain(out, meeting);
}

}  // namespace fits::wcs
