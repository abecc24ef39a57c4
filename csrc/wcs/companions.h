// The other HDUs of a header's file, as far as a world coordinate system refers to them: lookup tables are images
// (CPDIS and D2IM, as astropy), -TAB coordinates are cells of a binary table (Paper III, section 6).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/card.h"

namespace fits::wcs {

// An image with more pixels is no table of a WCS: it is refused before memory is taken.
inline constexpr std::int64_t kMostTablePixels = std::int64_t{1} << 26;

// Values of any numeric type as float64, with the axes in FITS order (NAXIS1 first, fastest).
struct Array {
  std::vector<std::int64_t> naxes;
  std::vector<double> values;
};

// An image HDU's pixels and its cards.
struct ImageTable {
  Array pixels;
  std::string cards;
};

// Names of HDUs, columns and distortions are compared without case, as CFITSIO and astropy do.
inline bool same_letters(std::string_view a, std::string_view b) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return upper(x) == upper(y); });
}

class Companions {
 public:
  virtual ~Companions() = default;

  // The image with this EXTNAME and EXTVER. Throws FileError that names it where there is none.
  virtual ImageTable image(std::string_view extname, std::int64_t extver) const = 0;

  // The cell of column `ttype` in row `row` (1-based) of the binary table with this EXTNAME, EXTVER and EXTLEVEL, its
  // axes by TDIM. Throws FileError that names it where there is none.
  virtual Array cell(std::string_view extname, std::int64_t extver, std::int64_t extlevel, std::string_view ttype,
                     std::int64_t row) const = 0;
};

}  // namespace fits::wcs
