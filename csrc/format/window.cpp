#include "format/window.h"

#include <algorithm>

namespace fits {
namespace {

// Wraps where an axis of length 0 makes the array empty: such strides are never used.
std::int64_t product(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

}  // namespace

WindowRuns::WindowRuns(std::span<const std::int64_t> shape, std::span<const std::int64_t> size) : axes_(shape.size()) {
  std::int64_t source_stride = 1, target_stride = 1;
  for (std::size_t i = axes_.size(); i-- > 0;) {
    axes_[i] = {shape[i], size[i], source_stride, target_stride, 0, 0};
    source_stride = product(source_stride, shape[i]);
    target_stride = product(target_stride, size[i]);
  }
}

bool WindowRuns::move_to(std::span<const std::int64_t> start) noexcept {
  count_ = left_ = 0;
  inside_ = true;
  std::int64_t source = 0, target = 0;
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    Axis& axis = axes_[i];
    const std::int64_t first = std::max<std::int64_t>(start[i], 0);
    // start + size could overflow; shape - size cannot
    const std::int64_t last = start[i] > axis.shape - axis.size ? axis.shape : start[i] + axis.size;
    if (last <= first) {
      inside_ = false;
      return false;
    }
    axis.shared = last - first;
    axis.at = 0;
    inside_ = inside_ && axis.shared == axis.size;
    source += first * axis.source_stride;
    target += (first - start[i]) * axis.target_stride;
  }
  // Innermost axes that window and array share whole are one run with the next outer one.
  outer_ = axes_.size();
  std::int64_t whole = 1;
  while (outer_ > 0) {
    const Axis& axis = axes_[outer_ - 1];
    --outer_;
    whole *= axis.shared;
    if (axis.shared != axis.shape || axis.shape != axis.size) break;
  }
  count_ = 1;
  for (std::size_t i = 0; i < outer_; ++i) count_ *= axes_[i].shared;
  left_ = count_;
  run_ = {source, target, whole};
  return true;
}

bool WindowRuns::next(Run& run) noexcept {
  if (left_ == 0) return false;
  run = run_;
  if (--left_ == 0) return true;
  for (std::size_t i = outer_; i-- > 0;) {
    Axis& axis = axes_[i];
    if (++axis.at < axis.shared) {
      run_.source += axis.source_stride;
      run_.target += axis.target_stride;
      break;
    }
    run_.source -= (axis.shared - 1) * axis.source_stride;
    run_.target -= (axis.shared - 1) * axis.target_stride;
    axis.at = 0;
  }
  return true;
}

std::vector<Run> window_runs(std::span<const std::int64_t> shape, std::span<const std::int64_t> start,
                             std::span<const std::int64_t> size) {
  WindowRuns walk(shape, size);
  std::vector<Run> runs;
  if (!walk.move_to(start)) return runs;
  runs.resize(static_cast<std::size_t>(walk.count()));
  for (Run& run : runs) walk.next(run);
  return runs;
}

}  // namespace fits
