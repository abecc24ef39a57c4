// pixel_to_pixel.h's loop for one kind of lanes: FITS_LEVEL is the namespace, FITS_REAL the type of the lanes.
#include "wcs/evaluate_block.inl"

namespace fits::wcs::FITS_LEVEL {

void pixel_to_pixel(const Packed& in, const Packed& out, const Bridge& bridge, const double* pixel, std::int64_t count,
                    double* result) noexcept {
  std::int64_t start = 0;
  if (bridge.bare) {  // one stage needs no block: 1.0 ns a point where a block takes 1.9
    const Homography stage{&bridge};
    for (; start + kLanes<Real> <= count; start += kLanes<Real>) {
      Real x, y;
      load_pairs(pixel + 2 * start, x, y);
      stage.apply(x, y);
      store_pairs(result + 2 * start, x, y);
    }
  }
  Block block;
  block.naxis = in.naxis;
  block.wants_status = false;
  for (; start < count; start += kBlock) {
    const std::int64_t rest = count - start;
    block.count = rest < kBlock ? static_cast<int>(rest) : kBlock;
    fill(block, pixel + start * in.naxis);
    pixel_to_pixel_chain(in, out, &bridge, RunOnBlock{block});
    empty(block, result + start * in.naxis, nullptr);
  }
}

}  // namespace fits::wcs::FITS_LEVEL
