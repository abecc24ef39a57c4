// Plate solutions of the Digitized Sky Survey (AMDXm, AMDYm), and the linear transformation that goes with them (Paper
// IV draft, section 5.2): it takes the place of any other in the header.
#include <string>

#include "format/error.h"
#include "wcs/distortion_header.h"
#include "wcs/mentions.h"

namespace fits::wcs {
namespace {

[[noreturn]] void fail(const std::string& what) { throw FileError(Status::bad_header, what); }

double number(const HeaderView& header, const std::string& key) {
  const auto value = header.real(key);
  if (!value) fail("a plate solution (AMDX1 and others) without a number in " + key);
  return *value;
}

// m = 1 to 13; those above are for a dependence on magnitude and colour, which a pixel does not have.
std::array<double, 14> coefficients(const HeaderView& header, const std::string& name) {
  std::array<double, 14> to{};
  for (int m = 1; m <= 20; ++m) {
    const std::string key = name + std::to_string(m);
    if (m > 3 && !header.find(key)) continue;
    const double value = number(header, key);
    if (m <= 13) {
      to[static_cast<std::size_t>(m)] = value;
    } else if (value != 0) {
      fail(key + " = " + std::to_string(value) + ": terms of magnitude and colour are not supported");
    }
  }
  return to;
}

}  // namespace

std::optional<PlateHeader> plate_from_header(const HeaderView& header) {
  if (!mentions(header, {"AMDX", "AMDY"})) return std::nullopt;
  bool any = false;
  for (int m = 1; m <= 13; ++m) {
    any = any || header.find("AMDX" + std::to_string(m)) || header.find("AMDY" + std::to_string(m));
  }
  if (!any) return std::nullopt;
  PlateHeader to;
  to.plate.amdx = coefficients(header, "AMDX");
  to.plate.amdy = coefficients(header, "AMDY");
  const auto& [amdx, amdy] = to.plate;
  const double scale = to.plate.scale();
  // millimetres; the file has micrometres
  const double width = number(header, "XPIXELSZ") / 1000, height = number(header, "YPIXELSZ") / 1000;
  if (scale == 0 || width == 0 || height == 0) fail("a plate solution (AMDX1 and others) of scale zero");
  const auto [x0, y0] = to.plate.origin();
  to.crpix = {(number(header, "PPO3") / 1000 - x0) / width - (number(header, "CNPIX1") - 0.5),
              (number(header, "PPO6") / 1000 + y0) / height - (number(header, "CNPIX2") - 0.5)};
  to.pc = {amdx[1] * width / scale, -amdx[2] * height / scale, -amdy[2] * width / scale, amdy[1] * height / scale};
  to.cdelt = {-scale / 3600, scale / 3600};
  const auto sexagesimal = [&](const std::string& name, const char* unit) {
    return number(header, name + unit) + (number(header, name + "M") + number(header, name + "S") / 60) / 60;
  };
  const auto sign = header.string("PLTDECSN");
  if (!sign) fail("a plate solution (AMDX1 and others) without the sign PLTDECSN");
  const double declination = sexagesimal("PLTDEC", "D");
  to.crval = {15 * sexagesimal("PLTRA", "H"), sign->starts_with('-') ? -declination : declination};
  return to;
}

}  // namespace fits::wcs
