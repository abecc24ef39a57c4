// CFITSIO, and the only door to it. What it owns: files packed by compress(1) or bzip2, and the projections by
// which its row filters bring regions from the sky to the pixels of two columns. Its calls on files run one at a time:
// parts of it keep global state.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "io/gzip.h"

namespace fits::io {

// True for the magic numbers of compress(1) and bzip2.
bool is_packed(Bytes bytes) noexcept;

// The unpacked bytes of such a file. Throws FileError, also where this CFITSIO was built without bzip2.
Buffer unpack_file(const std::string& path);

// Celestial coordinates in the way of AIPS: CRVALn, CRPIXn, CDELTn, CROTA2 and the projection, "-TAN". CFITSIO reckons
// with pi/180 = 0.01745329252; to select the same rows near the edge of a region, so must we.
struct SkyPlane {
  std::array<double, 2> value{}, pixel{}, step{};
  double rotation = 0;
  std::string projection;

  bool operator==(const SkyPlane&) const = default;
  // Whether the projection is one of CFITSIO's.
  bool known() const noexcept;
  // Degrees to pixels and back; empty where there is no such point.
  std::optional<std::array<double, 2>> to_pixel(double longitude, double latitude) const;
  std::optional<std::array<double, 2>> to_sky(double x, double y) const;
};

}  // namespace fits::io
