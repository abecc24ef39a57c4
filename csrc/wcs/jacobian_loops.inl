// jacobian.h's loop for one kind of lanes: FITS_LEVEL is the namespace, FITS_REAL the lanes. As in evaluate_loops.inl
// nothing here is shared with other files. Two columns of the matrix are found in each pass through the chain.

namespace fits::wcs {
namespace {

constexpr int kBlock = 64;  // points

struct DualBlock {
  int count;
  alignas(64) double value[kMaxAxes][kBlock];
  alignas(64) double d0[kMaxAxes][kBlock];
  alignas(64) double d1[kMaxAxes][kBlock];
};

struct DualsOfBlock {
  using Real = Dual<FITS_REAL>;
  DualBlock& block;
  int first;

  FITS_HOST_DEVICE Real get(int axis) const {
    return {load<FITS_REAL>(&block.value[axis][first]), load<FITS_REAL>(&block.d0[axis][first]),
            load<FITS_REAL>(&block.d1[axis][first])};
  }
  FITS_HOST_DEVICE void set(int axis, Real a) {
    store(&block.value[axis][first], a.value);
    store(&block.d0[axis][first], a.d0);
    store(&block.d1[axis][first], a.d1);
  }
  FITS_HOST_DEVICE void flag(MaskOf<FITS_REAL>, int) {}
};

struct RunOnDuals {
  DualBlock& block;
  template <class Stage>
  void operator()(const Stage& stage) const {
    for (int first = 0; first < block.count; first += kLanes<FITS_REAL>) {
      DualsOfBlock point{block, first};
      stage(point);
    }
  }
};

// Pixel coordinates whose derivatives are 1 in the axes `column` and `column` + 1.
FITS_HOST_DEVICE void seed(DualBlock& block, const double* pixel, int naxis, int column) {
  for (int axis = 0; axis < naxis; ++axis) {
    for (int i = 0; i < kBlock; ++i) {
      const int point = i < block.count ? i : block.count - 1;
      block.value[axis][i] = pixel[point * naxis + axis];
      block.d0[axis][i] = axis == column ? 1 : 0;
      block.d1[axis][i] = axis == column + 1 ? 1 : 0;
    }
  }
}

}  // namespace

namespace FITS_LEVEL {

void jacobian(const Packed& wcs, const double* pixel, std::int64_t count, double* matrix) noexcept {
  const int n = wcs.naxis;
  DualBlock block;
  for (std::int64_t start = 0; start < count; start += kBlock) {
    block.count = count - start < kBlock ? static_cast<int>(count - start) : kBlock;
    for (int column = 0; column < n; column += 2) {
      seed(block, pixel + start * n, n, column);
      pixel_to_world_chain(wcs, RunOnDuals{block});
      for (int i = 0; i < block.count; ++i) {
        double* const to = matrix + (start + i) * n * n;
        for (int axis = 0; axis < n; ++axis) {
          const bool bad = block.value[axis][i] != block.value[axis][i];
          to[axis * n + column] = bad ? __builtin_nan("") : block.d0[axis][i];
          if (column + 1 < n) to[axis * n + column + 1] = bad ? __builtin_nan("") : block.d1[axis][i];
        }
      }
    }
  }
}

}  // namespace FITS_LEVEL
}  // namespace fits::wcs
