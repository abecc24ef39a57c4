// jacobian.h's loop for any machine, and the choice of one.
#include "wcs/chain.h"
#include "wcs/dual.h"
#include "wcs/jacobian.h"

#define FITS_LEVEL plain
#define FITS_REAL double
#include "wcs/jacobian_loops.inl"

namespace fits::wcs {

void jacobian(const Packed& wcs, const double* pixel, std::int64_t count, double* matrix, Level level) noexcept {
#if defined(__x86_64__)
  if (level == Level::avx2) return avx2::jacobian(wcs, pixel, count, matrix);
#endif
  (void)level;
  plain::jacobian(wcs, pixel, count, matrix);
}

}  // namespace fits::wcs
