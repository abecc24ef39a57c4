// Derivatives of sums over world coordinates, in pixel coordinates and in the free slots of a packed WCS (layout.h),
// and derivatives of these. By the chain backwards (reverse.h); sums over points are taken in an order that is fixed by
// the points alone, the same at all levels.
#pragma once

#include <cstdint>
#include <vector>

#include "wcs/dual.h"
#include "wcs/evaluate.h"
#include "wcs/packed.h"

namespace fits::wcs {

// For `gradient` [count, N] in world coordinates: that in pixel coordinates [count, N], and `sums` of slots [used
// length] for settle(). Either may be null.
void pixel_to_world_gradient(const Packed& wcs, const double* gradient, const double* pixel, std::int64_t count,
                             double* pixel_gradient, double* sums, Level level = best_level());

// Sums of slots, added up over all points, to the gradient in free slots; 0 in the others.
void settle(const Packed& wcs, double* sums) noexcept;

// A packed WCS and a direction in its free slots.
class Directed {
 public:
  Directed(const Packed& wcs, const double* step);
  // In that direction and `pixel_step` [count, N] the derivatives of world coordinates, and of the gradients above.
  void gradient(const double* gradient, const double* pixel, const double* pixel_step, std::int64_t count,
                double* world_step, double* pixel_gradient, Dual<double>* sums) const;
  // As settle(): the derivatives of the gradient in free slots, to `to`.
  void settle(Dual<double>* sums, double* to) const noexcept;

 private:
  Packed wcs_;
  std::vector<Dual<double>> slots_;
};

// How many slots are in use.
inline int used_length(const Packed& wcs) { return static_cast<int>(wcs.slots[head::kLength]); }

template <class Slot>
struct Seeds;
// The same with `partial` sums of slots, kPartial for each (reverse.h).
namespace plain {
void pixel_to_world_gradient(const Packed& wcs, const Seeds<double>& seeds, const double* gradient, const double* pixel,
                             std::int64_t count, double* pixel_gradient, double* partial) noexcept;
}
namespace avx2 {
void pixel_to_world_gradient(const Packed& wcs, const Seeds<double>& seeds, const double* gradient, const double* pixel,
                             std::int64_t count, double* pixel_gradient, double* partial) noexcept;
}

}  // namespace fits::wcs
