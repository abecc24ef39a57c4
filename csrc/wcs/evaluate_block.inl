// Blocks of points for one kind of lanes, FITS_REAL. They lie axis by axis, so that each stage is a loop over lanes;
// they stay in the L1 cache from the first to the last.
//
// Everything here has internal linkage or is always inlined: nothing compiled for wider SIMD may be what another file
// calls.

namespace fits::wcs {
namespace {

using Real = FITS_REAL;

constexpr int kBlock = 128;  // points; a multiple of every kind of lanes

struct Block {
  int naxis;
  int count;  // points in use; those after them repeat the last
  bool wants_status;
  alignas(64) double coordinates[kMaxAxes + 1][kBlock];  // the last: what a pair of stages needs between them
  std::int32_t status[kBlock];
};

// Points first, first + 1, ... of a block, side by side.
struct LanesOfBlock {
  using Real = FITS_REAL;
  Block& block;
  int first;

  FITS_HOST_DEVICE Real get(int axis) const { return load<Real>(&block.coordinates[axis][first]); }
  FITS_HOST_DEVICE void set(int axis, Real value) { store(&block.coordinates[axis][first], value); }
  FITS_HOST_DEVICE void flag(MaskOf<Real> mask, int status_bits) {
    if (!block.wants_status) return;
    const unsigned lanes = bits<kLanes<Real>>(mask);
    if (lanes == 0) return;
    for (int i = 0; i < kLanes<Real>; ++i) block.status[first + i] |= (lanes >> i & 1) != 0 ? status_bits : 0;
  }
};

struct RunOnBlock {
  Block& block;
  template <class Stage>
  void operator()(const Stage& stage) const {
    for (int first = 0; first < block.count; first += kLanes<Real>) {
      LanesOfBlock point{block, first};
      stage(point);
    }
  }
};

// How many points go in and out lanes at a time: where they have one or two coordinates, all but the last few.
FITS_HOST_DEVICE int shuffled_points(const Block& block) {
  return block.naxis <= 2 ? block.count / kLanes<Real> * kLanes<Real> : 0;
}

FITS_HOST_DEVICE void fill(Block& block, const double* from) {
  const int naxis = block.naxis;
  const int shuffled = shuffled_points(block);
  for (int i = 0; i < shuffled && naxis == 1; i += kLanes<Real>) {
    store(&block.coordinates[0][i], load<Real>(from + i));
  }
  for (int i = 0; i < shuffled && naxis == 2; i += kLanes<Real>) {
    Real x, y;
    load_pairs(from + 2 * i, x, y);
    store(&block.coordinates[0][i], x);
    store(&block.coordinates[1][i], y);
  }
  for (int axis = 0; axis < naxis; ++axis) {
    double* const to = block.coordinates[axis];
    for (int i = shuffled; i < block.count; ++i) to[i] = from[i * naxis + axis];
    for (int i = block.count; i % kLanes<Real> != 0; ++i) to[i] = to[block.count - 1];
  }
  if (block.wants_status) {
    for (std::int32_t& status : block.status) status = 0;
  }
}

// Status: what the stages flagged; and of world coordinates that are NaN, whatever the reason, their axes.
FITS_HOST_DEVICE void empty(const Block& block, double* to, std::int32_t* status) {
  const int naxis = block.naxis;
  const int shuffled = shuffled_points(block);
  for (int i = 0; i < shuffled && naxis == 1; i += kLanes<Real>) {
    store(to + i, load<Real>(&block.coordinates[0][i]));
  }
  for (int i = 0; i < shuffled && naxis == 2; i += kLanes<Real>) {
    store_pairs(to + 2 * i, load<Real>(&block.coordinates[0][i]), load<Real>(&block.coordinates[1][i]));
  }
  for (int axis = 0; axis < naxis; ++axis) {
    const double* const from = block.coordinates[axis];
    for (int i = shuffled; i < block.count; ++i) to[i * naxis + axis] = from[i];
  }
  if (status == nullptr) return;
  for (int i = 0; i < block.count; ++i) {
    int bits = block.status[i];
    for (int axis = 0; axis < naxis; ++axis)
      bits |= block.coordinates[axis][i] != block.coordinates[axis][i] ? 1 << axis : 0;
    status[i] = bits;
  }
}

}  // namespace
}  // namespace fits::wcs
