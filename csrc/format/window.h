// Windows of arrays: which runs of a stored array land where in a smaller, larger or shifted one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fits {

// Elements that are contiguous in both arrays; offsets count elements.
struct Run {
  std::int64_t source;
  std::int64_t target;
  std::int64_t count;
};

// The runs that an array of `shape` shares with windows of `size`, one window after another; takes memory when it is
// made and none afterwards. A window may reach outside on every side. Lengths are slowest axis first, of one rank.
class WindowRuns {
 public:
  WindowRuns(std::span<const std::int64_t> shape, std::span<const std::int64_t> size);

  // The window whose element 0 is the array's element `start`. False where the two share nothing.
  bool move_to(std::span<const std::int64_t> start) noexcept;

  // The next run, in the order of the window's elements; false after the last one.
  bool next(Run& run) noexcept;

  // Of the window that was moved to: how many runs there are, and whether it lies in the array with every element.
  std::int64_t count() const noexcept { return count_; }
  bool inside() const noexcept { return inside_; }

 private:
  // `stride`: elements from one index to the next. Of this window: how many indices are shared, and which is next.
  struct Axis {
    std::int64_t shape, size, source_stride, target_stride, shared, at;
  };

  std::vector<Axis> axes_;  // slowest first
  std::size_t outer_ = 0;   // axes along which runs follow each other; those behind them are one run
  Run run_{0, 0, 0};
  std::int64_t count_ = 0, left_ = 0;
  bool inside_ = false;
};

// All runs of one window.
std::vector<Run> window_runs(std::span<const std::int64_t> shape, std::span<const std::int64_t> start,
                             std::span<const std::int64_t> size);

// Every element of the window moved to, an array of `count` of them, in order: take(run) for what the array shares,
// gap(first, count) for what lies outside it.
template <class Take, class Gap>
void walk_window(WindowRuns& runs, std::int64_t count, const Take& take, const Gap& gap) {
  std::int64_t done = 0;
  Run run;
  while (runs.next(run)) {
    if (run.target > done) gap(done, run.target - done);
    done = run.target + run.count;
    take(run);
  }
  if (count > done) gap(done, count - done);
}

}  // namespace fits
