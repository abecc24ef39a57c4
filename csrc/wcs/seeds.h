// The constants of a projection with derivatives in its parameters.
#pragma once

#include "wcs/update.h"

namespace fits::wcs {

// A projection's constants with derivatives in two of its PVi_m; the first set has none.
template <class Slot>
struct Seeds {
  static constexpr int kMost = 16;
  FreePv pv;
  Dual<Slot> blocks[kMost][celestial::kSize];

  // `with_pv`: the other sets too.
  FITS_HOST_DEVICE void fill(const Packed& wcs, const Slot* slots, bool with_pv) {
    if (wcs.projection == 0) return;
    const Slot* const block = slots + static_cast<int>(wcs.slots[head::kCelestial]);
    if (with_pv) pv = free_pv(wcs);
    for (int set = 0; set <= pairs(); ++set) {
      for (int i = 0; i < celestial::kSize; ++i) blocks[set][i] = constant(block[i]);
      if (set == 0) continue;
      Dual<Slot>* const first = blocks[set] + celestial::kPv + slot(set);
      first[0].d0 = Slot(1.0);
      if (2 * set <= pv.count) first[1].d1 = Slot(1.0);
      Projections::visit(wcs.projection, CompleteProjection<Dual<Slot>>{blocks[set]});
    }
  }
  FITS_HOST_DEVICE int pairs() const { return (pv.count + 1) / 2; }
  // m of the first PVi_m of a set.
  FITS_HOST_DEVICE int slot(int set) const { return pv.first + 2 * (set - 1); }

 private:
  FITS_HOST_DEVICE static Dual<Slot> constant(Slot a) { return {a, Slot(0.0), Slot(0.0)}; }
};

}  // namespace fits::wcs
