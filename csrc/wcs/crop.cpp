#include "wcs/crop.h"

#include "wcs/distortion_pack.h"

namespace fits::wcs {

std::string what_forbids_crop(const Packed& wcs, const std::int64_t* start, const std::int64_t* step) {
  for (int j = 0; j < wcs.naxis; ++j) {
    const std::string axis = "pixel axis " + std::to_string(j + 1);
    if (step[j] == 0) return "the step of " + axis + " is 0";
    // The grid of a distortion has two axes; Paper IV's may depend on more.
    if (j > 1 && wcs.has(head::kPolynomial) && (start[j] != 0 || step[j] != 1)) {
      return axis + " can be part of its polynomial distortion; only the first two can be cropped";
    }
  }
  return "";
}

void crop(const Packed& wcs, const std::int64_t* start, const std::int64_t* step, double* slots) {
  const int n = wcs.naxis;
  const LinearLayout at{n};
  double* const linear = slots + (wcs.linear() - wcs.slots);
  for (int j = 0; j < n; ++j) {
    const auto first = static_cast<double>(start[j]), stride = static_cast<double>(step[j]);
    double& crpix = linear[at.crpix() + j];
    crpix = step[j] == 1 ? crpix - first : (crpix - 1 - first) / stride + 1;
    for (int i = 0; i < n; ++i) {
      linear[at.matrix() + i * n + j] *= stride;
      linear[at.inverse() + j * n + i] /= stride;
    }
  }
  for (int j = 0; j < 2 && n > 1 && is_distorted_before_matrix(wcs); ++j) {
    double& grid_start = slots[head::kGridStart + j];
    double& grid_step = slots[head::kGridStep + j];
    if (!wcs.cutout) grid_step = 1;
    grid_start += grid_step * static_cast<double>(start[j]);
    grid_step *= static_cast<double>(step[j]);
  }
  complete_distortions(unpack(slots, static_cast<std::int64_t>(slots[head::kLength])), slots);
}

}  // namespace fits::wcs
