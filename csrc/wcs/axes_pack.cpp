#include <algorithm>

#include "wcs/angle.h"
#include "wcs/axes_description.h"
#include "wcs/packed_text.h"
#include "wcs/spectral.h"

namespace fits::wcs {
namespace {

// S = slope (P - origin): Paper III, table 1.
struct Line {
  double origin, slope;
};

// One of RESTFRQ and RESTWAV says both, RESTFRQ first. Where there is neither nothing depends on them: S and X are
// velocities both, or the axis is linear.
Line line_of(const Spectral& from) {
  constexpr double kTurn = 6.283185307179586;
  const std::string_view type = kSpectralTypes[static_cast<std::size_t>(from.type)];
  const double given = from.restwav != 0 ? from.restwav : 1;
  const double frequency = from.restfrq != 0 ? from.restfrq : kLight / given;
  const double wavelength = from.restfrq != 0 ? kLight / from.restfrq : given;
  if (type == "AFRQ") return {0, kTurn};
  if (type == "ENER") return {0, from.planck};
  if (type == "WAVN") return {0, 1 / kLight};
  if (type == "VRAD") return {frequency, -kLight / frequency};
  if (type == "VOPT") return {wavelength, kLight / wavelength};
  if (type == "ZOPT") return {wavelength, 1 / wavelength};
  if (type == "BETA") return {0, 1 / kLight};
  return {0, 1};
}

}  // namespace

std::vector<double> spectral_block(const Spectral& from) {
  using namespace spectral;
  std::vector<double> block(kSize);
  const Line line = line_of(from);
  const auto tilt = sincosd(from.tilt);
  double* const to = block.data();
  to[kType] = from.type;
  to[kX] = static_cast<double>(from.x);
  to[kP] = static_cast<double>(from.p);
  to[kGrism] = from.grism;
  to[kRest] = from.rest;
  to[kReference] = from.reference;
  to[kScale] = from.scale;
  to[kTiltCosine] = tilt.cosine;
  to[kTiltSine] = tilt.sine;
  to[kIncidence] = from.incidence;
  to[kDispersion] = from.dispersion;
  to[kOrigin] = line.origin;
  to[kSlope] = line.slope;
  to[kRestfrq] = from.restfrq;
  to[kRestwav] = from.restwav;
  std::copy(from.pv.begin(), from.pv.end(), to + kPv);
  to[kVelosys] = from.velosys;
  to[kZsource] = from.zsource;
  to[kVelangl] = from.velangl;
  put_text(from.specsys, 2, to + kSpecsys);
  put_text(from.ssysobs, 2, to + kSsysobs);
  put_text(from.ssyssrc, 2, to + kSsyssrc);
  return block;
}

std::vector<double> time_block(const Time& from) {
  using namespace time;
  std::vector<double> block(kSize);
  double* const to = block.data();
  to[kAxis] = from.axis;
  to[kPresent] = from.present;
  std::copy(from.mjdref.begin(), from.mjdref.end(), to + kMjdref);
  to[kTimeoffs] = from.timeoffs;
  to[kMjdobs] = from.mjdobs;
  to[kMjdavg] = from.mjdavg;
  to[kMjdbeg] = from.mjdbeg;
  to[kMjdend] = from.mjdend;
  put_text(from.timesys, 2, to + kTimesys);
  put_text(from.trefpos, 4, to + kTrefpos);
  put_text(from.trefdir, 4, to + kTrefdir);
  put_text(from.plephem, 2, to + kPlephem);
  put_text(from.timeunit, 2, to + kTimeunit);
  return block;
}

}  // namespace fits::wcs
