// gradient.h's loop for any machine, and the choice of one.
#include <type_traits>

#include "wcs/gradient.h"
#include "wcs/reverse.h"
#include "wcs/settle.h"

#define FITS_LEVEL plain
#define FITS_REAL double
#define FITS_SLOT double
#include "wcs/gradient_first.inl"

namespace fits::wcs {

void pixel_to_world_gradient(const Packed& wcs, const double* gradient, const double* pixel, std::int64_t count,
                             double* pixel_gradient, double* sums, Level level) {
  std::vector<double> partial(sums == nullptr ? 0 : static_cast<std::size_t>(used_length(wcs)) * kPartial);
  double* const to = sums == nullptr ? nullptr : partial.data();
  Seeds<double> seeds;
  seeds.fill(wcs, wcs.slots, sums != nullptr);
  if (level == Level::plain) plain::pixel_to_world_gradient(wcs, seeds, gradient, pixel, count, pixel_gradient, to);
#if defined(__x86_64__)
  if (level == Level::avx2) avx2::pixel_to_world_gradient(wcs, seeds, gradient, pixel, count, pixel_gradient, to);
#endif
  for (std::size_t slot = 0; slot * kPartial < partial.size(); ++slot) sums[slot] = total(to + slot * kPartial);
}

void settle(const Packed& wcs, double* sums) noexcept { settle_slots(wcs, wcs.slots, sums); }

}  // namespace fits::wcs
