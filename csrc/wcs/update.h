// What of a packed WCS follows from other slots (layout.h): its free slots are what a fit may vary, and complete()
// makes the others from them. Written for any number, so that dual numbers give the derivatives of what follows.
#pragma once

#include <string>

#include "wcs/dual.h"
#include "wcs/packed.h"
#include "wcs/projections.h"
#include "wcs/spectral.h"

namespace fits::wcs {

// A projection of which PVi_m are free.
template <class Projection>
concept Parametrised = requires { Projection::kFirst; };

// How many PVi_m are free, and the first.
struct FreePv {
  int first = 0, count = 0;
};
struct FindFreePv {
  const double* block;
  FreePv& found;
  template <class Projection>
  FITS_HOST_DEVICE void visit() const {
    if constexpr (Parametrised<Projection>) found = {Projection::kFirst, Projection::parameters(Constants{block})};
  }
};
FITS_HOST_DEVICE FreePv free_pv(const Packed& wcs) {
  FreePv found;
  if (wcs.projection != 0) Projections::visit(wcs.projection, FindFreePv{wcs.celestial(), found});
  return found;
}

// w of PVi_m, and where (x, y) = (0, 0) lies at (phi0, theta0) by PVi_0a, that offset.
template <class Number>
struct CompleteProjection {
  Number* block;

  template <class Projection>
  FITS_HOST_DEVICE void visit() const {
    if constexpr (Parametrised<Projection>) {
      Projection::complete(Parameters<Number>{block});
      if (block[celestial::kOffset] != 0.0) {
        TakenBy<Projection, Number> native;
        set(Spherical<Number>{block[celestial::kPhi0], block[celestial::kTheta0]}, native.at);
        native.valid = true;
        const auto plane = Projection::s2x(ConstantsOf<Number>{block}, native);
        block[celestial::kX0] = plane.x;
        block[celestial::kY0] = plane.y;
      }
    }
  }

 private:
  FITS_HOST_DEVICE static void set(Spherical<Number> from, Angles<Number>& to) { to = angles(from); }
  FITS_HOST_DEVICE static void set(Spherical<Number> from, Direction<Number>& to) { to = direction(from); }
};

// An angle at most a turn outside of [low, low + 360], brought there.
template <class Number>
FITS_HOST_DEVICE Number turned_into(Number angle, double low) {
  if (angle < low) return angle + 360.0;
  return angle > low + 360.0 ? angle - 360.0 : angle;
}

inline constexpr double kPoleTolerance = 1e-10;  // as wcslib's

// The latitude of the native pole (Paper II, equations 8 and 9), where the fiducial point is not it; `turn` is LONPOLE
// - phi0. Of two solutions that which is nearer to `latpole`. NaN where there is none.
template <class Number>
FITS_HOST_DEVICE Number pole_latitude(Number latitude, Number turn, Number theta0, Number latpole) {
  Number u = theta0, v = 90.0 - latitude;
  if (turn != 0.0) {
    const auto fiducial = sincosd(theta0), pole = sincosd(turn);
    const Number x = fiducial.cosine * pole.cosine, y = fiducial.sine;
    if (x == 0.0 && y == 0.0) return latpole;  // LATPOLE alone says where it is
    const Number sine = sincosd(latitude).sine / sqrt(x * x + y * y);
    if (abs(sine) > 1.0 + kPoleTolerance) return Number(__builtin_nan(""));
    u = atan2d(y, x);
    v = abs(sine) < 1.0 ? acosd(sine) : Number(sine > 0.0 ? 0.0 : 180.0);
  }
  const Number one = turned_into(u + v, -180.0), other = turned_into(u - v, -180.0);
  const bool first = abs(one) < 90.0 + kPoleTolerance, second = abs(other) < 90.0 + kPoleTolerance;
  if (!first && !second) return Number(__builtin_nan(""));
  const bool nearer = abs(latpole - one) < abs(latpole - other);
  const Number found = first && (nearer || !second) ? one : other;
  return abs(found) > 90.0 ? Number(found > 0.0 ? 90.0 : -90.0) : found;
}

// The longitude of the native pole (Paper II, equation 10), of the sign of CRVAL's.
template <class Number>
FITS_HOST_DEVICE Number pole_longitude(Number longitude, Number latitude, Number turn, Number theta0, Number pole) {
  const auto fiducial = sincosd(theta0), lat = sincosd(latitude), latp = sincosd(pole), at = sincosd(turn);
  const Number z = latp.cosine * lat.cosine;
  Number lng = longitude;  // both poles at the fiducial point
  if (abs(z) >= kPoleTolerance) {
    lng = lng - atan2d(at.sine * fiducial.cosine / lat.cosine, (fiducial.sine - latp.sine * lat.sine) / z);
  } else if (abs(lat.cosine) >= kPoleTolerance) {  // the native pole is a celestial one
    lng = pole > 0.0 ? lng + turn - 180.0 : lng - turn;
  }
  return turned_into(lng, longitude >= 0.0 ? 0.0 : -360.0);
}

// Native to celestial direction cosines, longitude counted from euler[0] (Paper II, equation 2):
// [-cos c, 0, sin c; 0, -1, 0; sin c, 0, cos c] with c the colatitude of the native pole, after a turn by -LONPOLE.
template <class Number>
FITS_HOST_DEVICE void complete_rotation(Number* block) {
  const auto colatitude = sincosd(block[celestial::kEuler + 1]), turn = sincosd(block[celestial::kEuler + 2]);
  const Number c = colatitude.cosine, s = colatitude.sine, tc = turn.cosine, ts = turn.sine;
  const Number rotation[9] = {-(c * tc), -(c * ts), s, ts, -tc, Number(0.0), s * tc, s * ts, c};
  for (int i = 0; i < 9; ++i) block[celestial::kRotation + i] = rotation[i];
}

// The rotation of CRVAL (longitude and latitude) and LONPOLE. False where none takes the fiducial point there.
template <class Number>
FITS_HOST_DEVICE bool complete_pole(Number longitude, Number latitude, Number* block) {
  if (block[celestial::kThetaFollows] != 0.0) block[celestial::kTheta0] = block[celestial::kPv + 1];
  Number* const reference = block + celestial::kReference;
  Number* const euler = block + celestial::kEuler;
  const Number theta0 = block[celestial::kTheta0], turn = reference[2] - block[celestial::kPhi0];
  const bool at_pole = theta0 == 90.0;
  const Number pole = at_pole ? latitude : pole_latitude(latitude, turn, theta0, reference[3]);
  if (pole != pole || abs(pole) > 90.0) return false;
  reference[0] = longitude;
  reference[1] = latitude;
  reference[3] = pole;
  euler[0] = at_pole ? longitude : pole_longitude(longitude, latitude, turn, theta0, pole);
  euler[1] = 90.0 - pole;
  euler[2] = reference[2];
  const auto colatitude = sincosd(euler[1]);
  euler[3] = colatitude.cosine;
  euler[4] = colatitude.sine;
  complete_rotation(block);
  return true;
}

// Angles at the reference point of a grism, of its wavelength there with the derivative by the world coordinate (Paper
// III, section 5.1). The grism parameter there follows from PVi_6 alone.
template <class Number>
FITS_HOST_DEVICE void complete_grism(const SpectralAxis& axis, Dual<Number> wavelength, Number* block) {
  const double* const pv = axis.block + spectral::kPv;
  const auto incidence = sincosd(pv[2]), epsilon = sincosd(pv[5]), theta = sincosd(pv[6]);
  const double ruling = pv[0] * pv[1] / epsilon.cosine, change = ruling - pv[4] * incidence.sine;
  const Number sine = wavelength.value * ruling - pv[3] * incidence.sine;
  const Number cosine = sqrt((1.0 - sine) * (1.0 + sine));
  block[spectral::kReference] = Number(axis.at(spectral::kReference));
  block[spectral::kScale] = wavelength.d0 * change / (cosine * (theta.cosine * theta.cosine));
  block[spectral::kTiltCosine] = cosine * theta.cosine - sine * theta.sine;
  block[spectral::kTiltSine] = sine * theta.cosine + cosine * theta.sine;
  block[spectral::kIncidence] = (pv[3] - wavelength.value * pv[4]) * incidence.sine;
}

// What follows from CRVAL of a nonlinear spectral axis.
inline constexpr spectral::Slot kSpectralFollows[] = {spectral::kReference, spectral::kScale, spectral::kTiltCosine,
                                                      spectral::kTiltSine, spectral::kIncidence};

// X and dX/dS at the reference point of a nonlinear spectral axis (Paper III, section 3.1).
template <class Number>
FITS_HOST_DEVICE void complete_spectral(const Packed& wcs, Number crval, Number* block) {
  const SpectralAxis axis(wcs);
  const Dual<Number> s = {crval, Number(1.0), Number(0.0)};
  const Dual<Number> p = s / Dual<Number>(axis.at(spectral::kSlope)) + Dual<Number>(axis.at(spectral::kOrigin));
  const Dual<Number> x =
      converted(p, axis.variable(spectral::kP), axis.variable(spectral::kX), axis.at(spectral::kRest));
  if (axis.is_grism()) {
    complete_grism(axis, x, block);
    return;
  }
  block[spectral::kReference] = x.value;
  block[spectral::kScale] = x.d0;
}

// The index values of tables that go with intermediate coordinate 0 are CRVAL of their axes.
template <class Number>
FITS_HOST_DEVICE void complete_tables(const Packed& wcs, const Number* crval, Number* slots) {
  const double* const block = wcs.block(head::kTab);
  const double* table = block + 1;
  for (int i = 0; i < static_cast<int>(block[0]); ++i) {
    const TabView view(table);
    for (int m = 0; m < view.axes; ++m) {
      const int at = static_cast<int>(table - wcs.slots) + tab::kFirstAxis + m * tab::kAxisSize + tab::kCrval;
      slots[at] = crval[view.map[m]];
    }
    table = view.next();
  }
}

// All that follows from free slots but the inverse matrix. `slots` are those of `wcs`, as they are or as dual numbers.
template <class Number>
FITS_HOST_DEVICE bool complete(const Packed& wcs, Number* slots) {
  const Number* const linear = slots + static_cast<int>(wcs.slots[head::kLinear]);
  const LinearLayout at{wcs.naxis};
  if ((wcs.distortion & kDistortionSip) != 0) {
    Number* const origin = slots + static_cast<int>(wcs.slots[head::kSip]) + sip::kOrigin;
    for (int axis = 0; axis < 2; ++axis) {
      origin[axis] = linear[at.crpix() + axis];
      if (!wcs.cutout) continue;  // it counts in the pixels of the image that the cutout is from
      const double start = wcs.slots[head::kGridStart + axis], step = wcs.slots[head::kGridStep + axis];
      origin[axis] = (origin[axis] - 1.0) * step + (start + 1.0);
    }
  }
  if (wcs.has(head::kTab)) complete_tables(wcs, linear + at.crval(), slots);
  if (wcs.has_spectral) {
    complete_spectral(wcs, linear[at.crval() + wcs.spec], slots + static_cast<int>(wcs.slots[head::kSpectral]));
  }
  const int length = static_cast<int>(wcs.slots[head::kLength]);
  if (wcs.spec >= 0 && !wcs.has_spectral && has_block(wcs.slots, length, head::kSpectral, spectral::kSize)) {
    slots[static_cast<int>(wcs.slots[head::kSpectral]) + spectral::kReference] = linear[at.crval() + wcs.spec];
  }
  if (wcs.projection == 0) return true;
  Number* const block = slots + static_cast<int>(wcs.slots[head::kCelestial]);
  Projections::visit(wcs.projection, CompleteProjection<Number>{block});
  return complete_pole(linear[at.crval() + wcs.lng], linear[at.crval() + wcs.lat], block);
}

// Of a packed WCS whose free slots have changed makes the others. Why that cannot be, as the end of a sentence; else
// empty.
std::string update(const Packed& wcs, double* slots);

}  // namespace fits::wcs
