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

// The runs that an array of `shape` shares with a window of it: element `start` of the array is element 0 of an array
// of `size`. The window may reach outside on every side. All three have one length, slowest axis first.
std::vector<Run> window_runs(std::span<const std::int64_t> shape, std::span<const std::int64_t> start,
                             std::span<const std::int64_t> size);

}  // namespace fits
