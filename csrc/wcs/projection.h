// What a projection is: two functions between the plane of intermediate world coordinates and the native sphere.
//
// Calabretta & Greisen (2002), Paper II. A projection is a struct in a header of its own under projection/, added to
// the list in projections.h:
//
//   struct Xyz {
//     static constexpr int kNumber = projection_number("XYZ");
//     template <class Real> static NATIVE<Real> x2s(Constants c, Real x, Real y);      // plane to sphere
//     template <class Real> static Plane<Real> s2x(Constants c, NATIVE<Real> native);  // sphere to plane
//   };
//
// NATIVE is NativeDirection in both for projections that need no angles (the zenithal ones: R_theta is algebraic in sin
// theta and cos theta, and phi = arg(-y, x), equations 12 to 15): s2x gets a unit vector, x2s may return one of any
// positive length. In the others s2x gets NativeAngles, with all of phi, theta, sin theta and cos theta: it should ask
// for theta only where sine and cosine do not do, since an arc tangent is what that costs. x2s returns what it has:
// NativeParallel (phi, and sin theta and cos theta times any positive number), NativeSpherical (phi and theta), or
// NativeAngles. `valid` is false where there is no solution, as wcslib's stat says (prj.h), bounds included: the caller
// then writes NaN, whatever the numbers are. NaN must come out as invalid or as NaN. x and y are in degrees from the
// projection's own origin (the caller adds prj.x0 and prj.y0).
//
// A projection with parameters takes AnyConstants auto in place of Constants, so that they can be dual numbers, and has
//
//     FITS_HOST_DEVICE static int parameters(Constants c)                 // how many PVi_m from kFirst on are
//     continuous static constexpr int kFirst; template <class Number> static void complete(Parameters<Number> p)  // w
//     of PVi_m
//
// Parameters come from the packed WCS by Constants. The functions are FITS_HOST_DEVICE templates over Real (lanes.h)
// without branches on values: both sides are computed and select()ed. Iterations run a fixed maximum of times while
// any(lane is unfinished), keep finished lanes as they are, and are safeguarded: a lane that does not finish is
// invalid. Masks are declared as MaskOf<Real>, not auto: & of two bools is an int.
#pragma once

#include <type_traits>

#include "wcs/angle.h"
#include "wcs/layout.h"
#include "wcs/rotation.h"

namespace fits::wcs {

template <class Number>
struct ConstantsOf {
  const Number* block;  // celestial::Slot
  FITS_HOST_DEVICE Number r0() const { return block[celestial::kRadius]; }
  FITS_HOST_DEVICE Number pv(int m) const { return block[celestial::kPv + m]; }
  FITS_HOST_DEVICE Number w(int i) const { return block[celestial::kW + i]; }  // i < 10: as wcslib's prj.w
  FITS_HOST_DEVICE int m() const { return static_cast<int>(w(10)); }           // prj.m
  FITS_HOST_DEVICE int n() const { return static_cast<int>(w(11)); }           // prj.n
  FITS_HOST_DEVICE Number own(int i) const { return w(12 + i); }  // i < 12: 0 unless celestial_block() fills it
};
using Constants = ConstantsOf<double>;

template <class C>
inline constexpr bool kIsConstants = false;
template <class Number>
inline constexpr bool kIsConstants<ConstantsOf<Number>> = true;
template <class C>
concept AnyConstants = kIsConstants<C>;

// What a projection with parameters fills in: PVi_m in, w out. (layout.h; update.h calls it when PVi_m have changed.)
template <class Number>
struct Parameters {
  Number* block;
  FITS_HOST_DEVICE double r0() const { return kRadian; }
  FITS_HOST_DEVICE Number pv(int m) const { return block[celestial::kPv + m]; }
  FITS_HOST_DEVICE Number& w(int i) const { return block[celestial::kW + i]; }
};

template <class Real>
struct NativeDirection {
  Direction<Real> at;
  MaskOf<Real> valid;
};

template <class Real>
struct NativeSpherical {
  Spherical<Real> at;
  MaskOf<Real> valid;
};

template <class Real>
struct NativeParallel {
  Parallel<Real> at;
  MaskOf<Real> valid;
};

template <class Real>
struct NativeAngles {
  Angles<Real> at;
  MaskOf<Real> valid;
};

// What x2s returns, and what s2x takes.
template <class Projection, class Real, class C = Constants>
using NativeOf = decltype(Projection::x2s(C{}, Real(0.0), Real(0.0)));
template <class Projection>
inline constexpr bool kHasDirections = __is_same(NativeOf<Projection, double>, NativeDirection<double>);
template <class Projection, class Real>
using TakenBy = std::conditional_t<kHasDirections<Projection>, NativeDirection<Real>, NativeAngles<Real>>;

template <class Real>
struct Plane {
  Real x, y;  // degrees
  MaskOf<Real> valid;
};

// The check that wcslib makes of native coordinates (prjbchk): beyond the sphere by more than `tolerance` is invalid,
// by less is its edge.
template <class Real>
FITS_HOST_DEVICE NativeSpherical<Real> on_sphere(Real phi, Real theta, MaskOf<Real> valid, double tolerance = 1e-13) {
  const MaskOf<Real> inside = valid & (abs(phi) <= Real(180.0 + tolerance)) & (abs(theta) <= Real(90.0 + tolerance));
  const Real edge_phi = max(Real(-180.0), min(Real(180.0), phi));
  const Real edge_theta = max(Real(-90.0), min(Real(90.0), theta));
  return {{edge_phi, edge_theta}, inside};
}
// ... of theta whose sine and cosine are known. Where cos theta is below 0 theta is beyond the pole.
template <class Real>
FITS_HOST_DEVICE NativeAngles<Real> on_sphere(Real phi, Real theta, SineCosine<Real> of_theta, MaskOf<Real> valid,
                                              double tolerance = 1e-13) {
  const auto native = on_sphere(phi, theta, valid, tolerance);
  return {{native.at.lng, native.at.lat, of_theta.sine, max(Real(0.0), of_theta.cosine)}, native.valid};
}
// ... of sin theta and cos theta times a positive number, which do not lie beyond a pole.
template <class Real>
FITS_HOST_DEVICE NativeParallel<Real> on_parallel(Real phi, Real sine, Real cosine, MaskOf<Real> valid,
                                                  double tolerance = 1e-13) {
  const MaskOf<Real> inside = valid & (abs(phi) <= Real(180.0 + tolerance));
  return {{max(Real(-180.0), min(Real(180.0), phi)), sine, cosine}, inside};
}

// Latitudes whose cosine is not larger are 90 degrees, rounded.
inline constexpr double kPoleCosine = 1.2e-16;

// (x, y) = R_theta (sin phi, -cos phi), equations 12 and 13, from the unit vector's l, m and R_theta / cos theta.
template <class Real>
FITS_HOST_DEVICE Plane<Real> zenithal(Direction<Real> v, Real scale, MaskOf<Real> valid) {
  return {scale * v.m, -(scale * v.l), valid};
}

// cos^2 theta and cos theta of a unit vector: exact near the poles, where 1 - n^2 is not.
template <class Real>
FITS_HOST_DEVICE Real cosine2(Direction<Real> v) {
  return fma(v.l, v.l, v.m * v.m);
}

}  // namespace fits::wcs
