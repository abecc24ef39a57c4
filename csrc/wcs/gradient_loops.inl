// The loop over points of gradient.h, for one kind of lanes: FITS_REAL, and slots that are FITS_SLOT. As in
// evaluate_loops.inl nothing here is shared with other files.

namespace fits::wcs {
namespace {

using Lanes = FITS_REAL;
using Slot = FITS_SLOT;
using Cell = CellsOf<Lanes>::Cell;

constexpr int kBlock = kIsDual<Lanes> ? 16 : 64;  // points
constexpr int kMaxStages = 16 + kMaxAxes;         // more than the chain has, with a -TAB stage for each axis
static_assert(kPartial % kLanes<Lanes> == 0);

FITS_HOST_DEVICE Lanes read(const Cell* from) { return CellsOf<Lanes>::read(from); }
FITS_HOST_DEVICE void write(Cell* to, Lanes a) { CellsOf<Lanes>::write(to, a); }

struct Work {
  Packed wcs;
  const Slot* slots;
  const Seeds<Slot>* seeds;
  Cell* sums;  // [slots, kPartial], or null
  bool wants_world;
  int count, stages;
  alignas(64) Cell coordinates[kMaxStages][kMaxAxes][kBlock];  // what each stage got
  alignas(64) Cell adjoint[kMaxAxes][kBlock];
  alignas(64) Cell world[2][kBlock];
};

struct WorkPoint {
  using Real = Lanes;
  Work& work;
  int stage, first;

  FITS_HOST_DEVICE const Packed& wcs() const { return work.wcs; }
  FITS_HOST_DEVICE Lanes get(int axis) const { return read(&work.coordinates[stage][axis][first]); }
  FITS_HOST_DEVICE void set(int axis, Lanes a) { write(&work.coordinates[stage][axis][first], a); }
  FITS_HOST_DEVICE Lanes adjoint(int axis) const { return read(&work.adjoint[axis][first]); }
  FITS_HOST_DEVICE void set_adjoint(int axis, Lanes a) { write(&work.adjoint[axis][first], a); }
  FITS_HOST_DEVICE void flag(MaskOf<Lanes>, int) {}
  FITS_HOST_DEVICE const Slot* slots() const { return work.slots; }
  FITS_HOST_DEVICE const Seeds<Slot>& seeds() const { return *work.seeds; }
  FITS_HOST_DEVICE bool wants_slots() const { return work.sums != nullptr; }
  FITS_HOST_DEVICE void add(int slot, Lanes a) {
    Cell* const to = work.sums + slot * kPartial + first % kPartial;
    write(to, read(to) + a);
  }
  FITS_HOST_DEVICE void put_world(int, int, Direction<Lanes> w, Slot pole, MaskOf<Lanes> valid) {
    if (!work.wants_world) return;
    const auto sky = spherical(w);
    write(&work.world[0][first], select(valid, sky.lng + Lanes(pole), not_a_number<Lanes>()));
    write(&work.world[1][first], select(valid, sky.lat, not_a_number<Lanes>()));
  }
};

struct Record {
  Work& work;
  template <class Stage>
  void operator()(const Stage& stage) const {
    const int to = ++work.stages;
    for (int axis = 0; axis < work.wcs.naxis; ++axis) {
      for (int i = 0; i < kBlock; ++i) work.coordinates[to][axis][i] = work.coordinates[to - 1][axis][i];
    }
    for (int first = 0; first < work.count; first += kLanes<Lanes>) {
      WorkPoint point{work, to, first};
      advance(stage, point);
    }
  }
};

// The chain is run once more for each stage, and only that one does something: so no second list has them backwards.
struct Undo {
  Work& work;
  int wanted;
  int& at;
  template <class Stage>
  void operator()(const Stage& stage) const {
    if (at++ != wanted) return;
    for (int first = 0; first < work.count; first += kLanes<Lanes>) {
      WorkPoint point{work, wanted, first};
      undo(stage, point);
    }
  }
};

void run_block(Work& work) {
  work.stages = 0;
  pixel_to_world_chain(work.wcs, Record{work});
  for (int wanted = work.stages - 1; wanted >= 0; --wanted) {
    int at = 0;
    pixel_to_world_chain(work.wcs, Undo{work, wanted, at});
  }
}

}  // namespace
}  // namespace fits::wcs
