// pixel_to_pixel.h's loop for any machine: one point at a time; and the choice of one.
#include "wcs/pixel_to_pixel.h"

#define FITS_LEVEL plain
#define FITS_REAL double
#include "wcs/pixel_to_pixel_loops.inl"

namespace fits::wcs {

void pixel_to_pixel(const Packed& in, const Packed& out, const Bridge& bridge, const double* pixel, std::int64_t count,
                    double* result, Level level) noexcept {
#if defined(__x86_64__)
  if (level == Level::avx2) return avx2::pixel_to_pixel(in, out, bridge, pixel, count, result);
#endif
  (void)level;
  plain::pixel_to_pixel(in, out, bridge, pixel, count, result);
}

}  // namespace fits::wcs
