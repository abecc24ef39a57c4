// evaluate.h's loops for one kind of lanes: FITS_LEVEL is the namespace, FITS_REAL the type of the lanes.
#include "wcs/evaluate_block.inl"

namespace fits::wcs {
namespace {

// Lanes of points in registers.
struct LanesAtHand {
  using Real = FITS_REAL;
  Real x, y;
  FITS_HOST_DEVICE Real get(int axis) const { return axis == 0 ? x : y; }
  FITS_HOST_DEVICE void set(int axis, Real value) { (axis == 0 ? x : y) = value; }
  FITS_HOST_DEVICE void flag(MaskOf<Real>, int) {}
};

// One stage on two axes needs no block (TAN of 10^6 points: 4.7 ns each; with one, 5.6). Returns how many points it
// did: all but the last.
template <class Stage>
FITS_HOST_DEVICE std::int64_t run_at_once(const Stage& stage, const double* in, std::int64_t count, double* out) {
  std::int64_t start = 0;
  for (; start + kLanes<Real> <= count; start += kLanes<Real>) {
    LanesAtHand point;
    load_pairs(in + 2 * start, point.x, point.y);
    stage(point);
    store_pairs(out + 2 * start, point.x, point.y);
  }
  return start;
}

template <class Chain>
FITS_HOST_DEVICE void evaluate(const Packed& wcs, const double* in, std::int64_t count, double* out,
                               std::int32_t* status, const Chain& chain) {
  Block block;
  block.naxis = wcs.naxis;
  block.wants_status = status != nullptr;
  for (std::int64_t start = 0; start < count; start += kBlock) {
    const std::int64_t rest = count - start;
    block.count = rest < kBlock ? static_cast<int>(rest) : kBlock;
    fill(block, in + start * wcs.naxis);
    chain(wcs, RunOnBlock{block});
    empty(block, out + start * wcs.naxis, status == nullptr ? nullptr : status + start);
  }
}

}  // namespace

namespace FITS_LEVEL {

void pixel_to_world(const Packed& wcs, const double* pixel, std::int64_t count, double* world,
                    std::int32_t* status) noexcept {
  if (status == nullptr && Gnomonic::is_all_of(wcs)) {
    const std::int64_t done = run_at_once(Gnomonic(wcs), pixel, count, world);
    pixel += 2 * done;
    world += 2 * done;
    count -= done;
  }
  evaluate(wcs, pixel, count, world, status,
           [](const Packed& w, const RunOnBlock& run) { pixel_to_world_short(w, run); });
}

void world_to_pixel(const Packed& wcs, const double* world, std::int64_t count, double* pixel,
                    std::int32_t* status) noexcept {
  evaluate(wcs, world, count, pixel, status,
           [](const Packed& w, const RunOnBlock& run) { world_to_pixel_chain(w, run); });
}

}  // namespace FITS_LEVEL
}  // namespace fits::wcs
