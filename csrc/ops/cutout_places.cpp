#include "ops/cutout_places.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ops/scaling.h"
#include "ops/wcs_batch.h"
#include "wcs/evaluate.h"

namespace fits::ops {
namespace {

// Positions are rounded to this, far above what coordinates lose in computing them: those of the middle of a pixel are
// to stay there, since cutouts of an even size jump just at it.
constexpr double kPerPixel = 1e6;
// Beyond any image, and a whole number in double precision.
constexpr double kFar = 4503599627370496.0;
constexpr std::int64_t kPiece = 4096;

// As astropy.nddata.overlap_slices lays cutouts.
std::int64_t first_pixel(double pixel, std::int64_t length) noexcept {
  const double at = std::ceil(std::nearbyint(pixel * kPerPixel) / kPerPixel - static_cast<double>(length) / 2);
  return std::isnan(at) ? static_cast<std::int64_t>(-kFar) : static_cast<std::int64_t>(std::clamp(at, -kFar, kFar));
}

}  // namespace

Tensor corners_around(const Tensor& sky, const Tensor& wcs, std::span<const std::int64_t> item_of, std::int64_t files,
                      const Shape& size, std::string_view who) {
  require(sky.is_cpu(), who, ": sky is on another device; bring it to the host with .cpu()");
  const Tensor slots = as_contiguous(wcs);
  const std::vector<wcs::Packed> all = unpacked(slots, who);
  const bool one_for_all = wcs.dim() == 1;
  if (!one_for_all && static_cast<std::int64_t>(all.size()) != files) {
    require(false, who, ": wcs must be [P], or [", files, ", P] with one for each file, not ", text(shape_of(wcs)));
  }
  const std::int64_t given = sky.dim() == 2 ? sky.size(1) : -1;
  const auto naxis = static_cast<std::size_t>(all.empty() ? std::max<std::int64_t>(given, 0) : all[0].naxis);
  const auto odd = std::ranges::find_if(all, [&](const wcs::Packed& one) { return one.naxis != all[0].naxis; });
  if (odd != all.end()) {
    require(false, who, ": wcs[", odd - all.begin(), "] has ", odd->naxis, " axes, wcs[0] ", all[0].naxis);
  }
  if (given != static_cast<std::int64_t>(naxis) || naxis > size.size()) {
    require(false, who, ": sky must be [B, ", naxis, "], a number for each axis of the WCS, and size have ", naxis,
            " or more lengths; they are ", text(shape_of(sky)), " and ", text(size));
  }
  const std::int64_t count = sky.size(0);
  require(item_of.empty() || static_cast<std::int64_t>(item_of.size()) == count, who, ": index must be int64 [", count,
          "], one for each of sky");
  const Tensor world = as_float64(sky, who);
  Tensor out = empty({count, static_cast<std::int64_t>(size.size())}, ScalarType::Long);
  auto* const corners = static_cast<std::int64_t*>(out.mutable_data_ptr());
  std::fill_n(corners, out.numel(), 0);
  const double* const from = numbers(world);
  const auto level = wcs::best_level();
  for_each_part(count, 1, kPiece, [&](std::int64_t, std::int64_t first, std::int64_t points) {
    std::vector<double> pixels(static_cast<std::size_t>(points) * naxis);
    const auto wcs_of = [&](std::int64_t b) -> const wcs::Packed& {
      return all[one_for_all || item_of.empty() ? 0 : static_cast<std::size_t>(item_of[static_cast<std::size_t>(b)])];
    };
    for (std::int64_t b = first, end; b < first + points; b = end) {  // runs of one WCS
      const wcs::Packed& one = wcs_of(b);
      for (end = b + 1; end < first + points && &wcs_of(end) == &one;) ++end;
      wcs::world_to_pixel(one, from + b * one.naxis, end - b, pixels.data() + (b - first) * one.naxis, nullptr, level);
    }
    for (std::int64_t i = 0; i < points; ++i) {
      for (std::size_t axis = 0; axis < naxis; ++axis) {  // FITS order, the last of the tensor
        const std::size_t last = size.size() - 1 - axis;
        corners[static_cast<std::size_t>(first + i) * size.size() + last] =
            first_pixel(pixels[static_cast<std::size_t>(i) * naxis + axis], size[last]);
      }
    }
  });
  return out;
}

}  // namespace fits::ops
