#include "wcs/update.h"

#include <cmath>

#include "wcs/distortion_pack.h"
#include "wcs/matrix.h"

namespace fits::wcs {

std::string update(const Packed& wcs, double* slots) {
  const LinearLayout at{wcs.naxis};
  double* const linear = slots + static_cast<int>(slots[head::kLinear]);
  if (!invert(linear + at.matrix(), wcs.naxis, linear + at.inverse())) {
    return "the linear transformation matrix is singular";
  }
  complete_distortions(wcs, slots);
  if (!complete(wcs, slots)) {
    return "no rotation takes the reference point to CRVAL with this LONPOLE (WCS Paper II, section 2.4)";
  }
  if (wcs.has_spectral && !std::isfinite(slots[static_cast<int>(slots[head::kSpectral]) + spectral::kScale])) {
    return "no spectrum has this CRVAL of its spectral axis (WCS Paper III, section 3.1)";
  }
  return {};
}

}  // namespace fits::wcs
