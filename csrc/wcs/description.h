// What a header says of one world coordinate system once wcslib has parsed, repaired and completed it: plain values,
// from which pack.cpp makes the packed form. Axes are counted from 0; angles in degrees, other values in SI units.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "wcs/axes_description.h"
#include "wcs/distortion.h"
#include "wcs/layout.h"
#include "wcs/tab_description.h"

namespace fits::wcs {

// Two axes through a projection (Paper II).
struct Celestial {
  int lng = -1, lat = -1;
  int projection = 0;  // as head::kProjection
  std::array<double, 5> euler{};
  std::array<double, 4> reference{};  // CRVAL of longitude and latitude, LONPOLE, LATPOLE
  double phi0 = 0, theta0 = 0;
  bool offset = false;
  double r0 = 0, x0 = 0, y0 = 0;
  int bounds = 0;
  std::array<double, 30> pv{};
  std::array<double, 12> w{};  // wcslib's prj.w [10], prj.m, prj.n
  Frame frame = Frame::other;
  double equinox = 0;  // years; 0: none
};

struct Description {
  int naxis = 0;
  int spec = -1;
  std::vector<double> crpix, crval;
  std::vector<double> matrix;  // [naxis, naxis] PCi_j CDELTi
  std::vector<AxisKind> kind;
  std::vector<std::string> ctype, cunit;
  bool projected = false;
  Celestial celestial;               // where `projected`
  std::optional<Spectral> spectral;  // of the axis `spec`
  std::optional<Time> time;
  int cubeface = -1;        // axis of the faces of a quad-cube, or -1
  std::vector<double> sip;  // the SIP block (sip_header.h), or empty
  std::vector<TabAxis> tab_axes;
  std::vector<double> cdelt;  // as wcslib completed it: 1 where there are CDi_j
  Distortions prior, sequent;
};

}  // namespace fits::wcs
