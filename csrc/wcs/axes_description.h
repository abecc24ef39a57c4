// What a header says of spectral and time axes, as plain values (see description.h), and their packed blocks.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "wcs/layout.h"

namespace fits::wcs {

// Names are those of layout.h's spectral block. Absent keywords are 0 or empty.
struct Spectral {
  int type = 0;  // index into kSpectralTypes
  SpectralVariable x{}, p{};
  int grism = 0;
  double rest = 0;  // wcslib's spc.w[0], [1] ... [5]
  double reference = 0, scale = 1;
  double tilt = 0;  // degrees
  double incidence = 0, dispersion = 0;
  double planck = 0;                // wcslib's value of Planck's constant, J s: it differs from one version to another
  double restfrq = 0, restwav = 0;  // as the header gives them
  std::array<double, 7> pv{};
  double velosys = 0, zsource = 0, velangl = 0;
  std::string specsys, ssysobs, ssyssrc;
};

struct Time {
  int axis = 0;
  int present = 0;  // as time::kPresent
  std::array<double, 2> mjdref{};
  double timeoffs = 0, mjdobs = 0, mjdavg = 0, mjdbeg = 0, mjdend = 0;
  std::string timesys, trefpos, trefdir, plephem, timeunit;
};

std::vector<double> spectral_block(const Spectral& from);
std::vector<double> time_block(const Time& from);

}  // namespace fits::wcs
