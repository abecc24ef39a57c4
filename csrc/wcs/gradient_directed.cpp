// gradient.h's derivatives of derivatives: the chain backwards on dual numbers, of which the second derivative is not
// used.
#include <type_traits>

#include "wcs/gradient.h"
#include "wcs/reverse.h"
#include "wcs/settle.h"

#define FITS_REAL Dual<double>
#define FITS_SLOT Dual<double>
#include "wcs/gradient_loops.inl"

namespace fits::wcs {

Directed::Directed(const Packed& wcs, const double* step) : wcs_(wcs) {
  const int length = used_length(wcs);
  for (int slot = 0; slot < length; ++slot)
    slots_.emplace_back(wcs.slots[slot], slot < head::kSize ? 0 : step[slot], 0);
  complete(wcs, slots_.data());
}

void Directed::gradient(const double* gradient, const double* pixel, const double* pixel_step, std::int64_t count,
                        double* world_step, double* pixel_gradient, Dual<double>* sums) const {
  const int n = wcs_.naxis;
  Work work;
  work.wcs = wcs_;
  work.slots = slots_.data();
  work.wants_world = true;
  Seeds<Slot> seeds;
  seeds.fill(wcs_, slots_.data(), true);
  work.seeds = &seeds;
  std::vector<Cell> partial(slots_.size() * kPartial, Cell(0.0));
  work.sums = partial.data();
  for (std::int64_t start = 0; start < count; start += kBlock) {
    work.count = count - start < kBlock ? static_cast<int>(count - start) : kBlock;
    for (int i = 0; i < work.count; ++i) {
      // A point that is nowhere and has no gradient must not bring NaN into sums.
      bool used = false, somewhere = true;
      for (int axis = 0; axis < n; ++axis) {
        used = used || gradient[(start + i) * n + axis] != 0;
        somewhere = somewhere && __builtin_isfinite(pixel[(start + i) * n + axis]);
      }
      for (int axis = 0; axis < n; ++axis) {
        const std::int64_t at = (start + i) * n + axis;
        work.adjoint[axis][i] = gradient[at];
        work.coordinates[0][axis][i] = used || somewhere ? Cell(pixel[at], pixel_step[at], 0) : Cell(0.0);
      }
    }
    run_block(work);
    for (int i = 0; i < work.count; ++i) {
      for (int axis = 0; axis < n; ++axis) {
        const std::int64_t at = (start + i) * n + axis;
        const Cell* world = work.coordinates[work.stages][axis];
        if (wcs_.projection != 0 && axis == wcs_.lng) world = work.world[0];
        if (wcs_.projection != 0 && axis == wcs_.lat) world = work.world[1];
        const bool bad = world[i].value != world[i].value;
        world_step[at] = !bad ? world[i].d0 : gradient[at] != 0 ? __builtin_nan("") : 0;
        pixel_gradient[at] = work.adjoint[axis][i].d0;
      }
    }
  }
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) sums[slot] = total(&partial[slot * kPartial]);
}

void Directed::settle(Dual<double>* sums, double* to) const noexcept {
  settle_slots(wcs_, slots_.data(), sums);
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) to[slot] = sums[slot].d0;
}

}  // namespace fits::wcs
