// Nonlinear spectral axes (Greisen et al. 2006, Paper III): pixels are evenly spaced in a variable X, the world
// coordinate is linear in a variable P (sections 3 and 4), each of them frequency, wavelength in vacuum or in air, or
// velocity; or X follows from the grism parameter (section 5). Stages (see chain.h).
#pragma once

#include "wcs/packed.h"

namespace fits::wcs {

inline constexpr double kLight = 299792458.0;  // m/s

// The refractive index of air at the inverse square of the wavelength in air, in 1/m^2 (Edlen 1953; as wcslib).
template <class Real>
FITS_HOST_DEVICE Real refractive_index(Real s) {
  constexpr double a = 2.554e8, p = 0.41e14, b = 294.981e8, q = 1.46e14;  // a / (p - s) + b / (q - s)
  const Real above = fma(s, Real(-(a + b)), Real(a * q + b * p));
  return Real(1.000064328) + above / ((Real(p) - s) * (Real(q) - s));
}

template <class Real>
FITS_HOST_DEVICE Real vacuum_of_air(Real wavelength) {
  const Real k = Real(1.0) / wavelength;
  return wavelength * refractive_index(k * k);
}

// Four steps, each about 1e-4 of the one before, as wcslib.
template <class Real>
FITS_HOST_DEVICE Real air_of_vacuum(Real wavelength) {
  const Real k = Real(1.0) / wavelength;
  Real n = Real(1.0);
  for (int step = 0; step < 4; ++step) {
    const Real in_air = n * k;
    n = refractive_index(in_air * in_air);
  }
  return wavelength / n;
}

// Velocities of a line at rest at frequency or wavelength `rest`: table 3.
template <class Real>
FITS_HOST_DEVICE Real velocity_of(Real x, double rest, bool is_frequency) {
  const Real recession = is_frequency ? Real(rest) - x : x - Real(rest);
  return Real(kLight) * (recession * (Real(rest) + x)) / fma(x, x, Real(rest * rest));
}
template <class Real>
FITS_HOST_DEVICE Real of_velocity(Real v, double rest, bool is_frequency) {
  const Real up = Real(kLight) + v, down = Real(kLight) - v;
  return Real(rest) * sqrt(is_frequency ? down / up : up / down);
}

// The value in `to` of one in `from`. `rest` is a frequency or wavelength, whichever goes with velocity here.
template <class Real>
FITS_HOST_DEVICE Real converted(Real x, SpectralVariable from, SpectralVariable to, double rest) {
  if (from == to) return x;
  if (from == SpectralVariable::air) {
    x = vacuum_of_air(x);
    from = SpectralVariable::wavelength;
  }
  const bool to_air = to == SpectralVariable::air;
  if (to_air) to = SpectralVariable::wavelength;
  if (from != to) {
    if (from == SpectralVariable::velocity) {
      x = of_velocity(x, rest, to == SpectralVariable::frequency);
    } else if (to == SpectralVariable::velocity) {
      x = velocity_of(x, rest, from == SpectralVariable::frequency);
    } else {
      x = Real(kLight) / x;
    }
  }
  return to_air ? air_of_vacuum(x) : x;
}

// Frequencies and wavelengths are positive, velocities below that of light.
template <class Real>
FITS_HOST_DEVICE MaskOf<Real> exists(Real x, SpectralVariable variable) {
  return variable == SpectralVariable::velocity ? abs(x) < Real(kLight) : x > Real(0.0);
}

// What both directions need of the block.
struct SpectralAxis {
  int axis;
  const double* block;

  FITS_HOST_DEVICE explicit SpectralAxis(const Packed& wcs) : axis(wcs.spec), block(wcs.spectral()) {}
  FITS_HOST_DEVICE double at(spectral::Slot slot) const { return block[slot]; }
  FITS_HOST_DEVICE SpectralVariable variable(spectral::Slot slot) const {
    return static_cast<SpectralVariable>(static_cast<int>(block[slot]));
  }
  FITS_HOST_DEVICE bool is_grism() const { return block[spectral::kGrism] != 0; }

  template <class Point, class Real>
  FITS_HOST_DEVICE void put(Point& point, Real value, MaskOf<Real> valid) const {
    point.set(axis, select(valid, value, not_a_number<Real>()));
    point.flag(!valid, 1 << axis);
  }
};

struct IntermediateToSpectral {
  SpectralAxis spectrum;

  FITS_HOST_DEVICE explicit IntermediateToSpectral(const Packed& wcs) : spectrum(wcs) {}

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    using namespace spectral;
    const auto constant = [&](Slot slot) { return Real(spectrum.at(slot)); };
    Real x = fma(point.get(spectrum.axis), constant(kScale), constant(kReference));
    if (spectrum.is_grism()) {
      // sin(atan(x) + tilt) without trigonometry: equations 7 to 9 of section 5.
      const Real sine = fma(x, constant(kTiltCosine), constant(kTiltSine)) / sqrt(fma(x, x, Real(1.0)));
      x = (sine + constant(kIncidence)) * constant(kDispersion);
    }
    put_world(point, x);
  }

  // The world coordinate of X.
  template <class Point, class Real>
  FITS_HOST_DEVICE void put_world(Point& point, Real x) const {
    using namespace spectral;
    const SpectralVariable from = spectrum.variable(kX), to = spectrum.variable(kP);
    const Real p = converted(x, from, to, spectrum.at(kRest));
    spectrum.put(point, (p - Real(spectrum.at(kOrigin))) * Real(spectrum.at(kSlope)), exists(x, from));
  }
};

struct SpectralToIntermediate {
  SpectralAxis spectrum;
  double per_slope, per_scale, per_dispersion;

  FITS_HOST_DEVICE explicit SpectralToIntermediate(const Packed& wcs)
      : spectrum(wcs),
        per_slope(1 / spectrum.at(spectral::kSlope)),
        per_scale(1 / spectrum.at(spectral::kScale)),
        per_dispersion(spectrum.is_grism() ? 1 / spectrum.at(spectral::kDispersion) : 0) {}

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    using namespace spectral;
    const auto constant = [&](Slot slot) { return Real(spectrum.at(slot)); };
    const SpectralVariable from = spectrum.variable(kP), to = spectrum.variable(kX);
    const Real p = fma(point.get(spectrum.axis), Real(per_slope), constant(kOrigin));
    MaskOf<Real> valid = exists(p, from);
    Real x = converted(p, from, to, spectrum.at(kRest));
    if (spectrum.is_grism()) {
      // tan(asin(sine) - tilt)
      const Real sine = fma(x, Real(per_dispersion), -constant(kIncidence));
      valid = valid & (abs(sine) <= Real(1.0));
      const Real cosine = sqrt((Real(1.0) - sine) * (Real(1.0) + sine));
      const Real tc = constant(kTiltCosine), ts = constant(kTiltSine);
      x = fma(sine, tc, -(cosine * ts)) / fma(cosine, tc, sine * ts);
    }
    spectrum.put(point, (x - constant(kReference)) * Real(per_scale), valid);
  }
};

}  // namespace fits::wcs
