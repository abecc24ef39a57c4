// pixel_to_world_gradient() of gradient.h for one kind of lanes, in the namespace FITS_LEVEL.

#include "wcs/gradient_loops.inl"

namespace fits::wcs::FITS_LEVEL {

void pixel_to_world_gradient(const Packed& wcs, const Seeds<double>& seeds, const double* gradient, const double* pixel,
                             std::int64_t count, double* pixel_gradient, double* partial) noexcept {
  const int n = wcs.naxis;
  Work work;
  work.wcs = wcs;
  work.slots = wcs.slots;
  work.seeds = &seeds;
  work.sums = partial;
  work.wants_world = false;
  const double* const crpix = wcs.linear() + LinearLayout{n}.crpix();
  for (std::int64_t start = 0; start < count; start += kBlock) {
    work.count = count - start < kBlock ? static_cast<int>(count - start) : kBlock;
    for (int i = 0; i < kBlock; ++i) {
      const bool there = i < work.count;
      const double* const from = gradient + (start + i) * n;
      bool used = false;
      for (int axis = 0; axis < n && there; ++axis) used = used || from[axis] != 0;
      for (int axis = 0; axis < n; ++axis) {
        work.adjoint[axis][i] = used ? from[axis] : 0;
        // A point without a gradient must not bring NaN into sums.
        work.coordinates[0][axis][i] = used ? pixel[(start + i) * n + axis] : crpix[axis] - 1;
      }
    }
    run_block(work);
    if (pixel_gradient == nullptr) continue;
    for (int i = 0; i < work.count; ++i) {
      for (int axis = 0; axis < n; ++axis) pixel_gradient[(start + i) * n + axis] = work.adjoint[axis][i];
    }
  }
}

}  // namespace fits::wcs::FITS_LEVEL
