// evaluate.h's loops for one kind of lanes: FITS_LEVEL is the namespace, FITS_REAL the type of the lanes.
#include "wcs/evaluate_block.inl"

namespace fits::wcs {
namespace {

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
  evaluate(wcs, pixel, count, world, status,
           [](const Packed& w, const RunOnBlock& run) { pixel_to_world_chain(w, run); });
}

void world_to_pixel(const Packed& wcs, const double* world, std::int64_t count, double* pixel,
                    std::int32_t* status) noexcept {
  evaluate(wcs, world, count, pixel, status,
           [](const Packed& w, const RunOnBlock& run) { world_to_pixel_chain(w, run); });
}

}  // namespace FITS_LEVEL
}  // namespace fits::wcs
