// Rows of a table shared between threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ops/tensor.h"

namespace fits::ops {

// Cuts `rows`, whose reading moves `row_bytes` each, into pieces: [bound(i), bound(i + 1)). Few and long ones, because
// every column's result is written a stretch at a time, and two threads that make one huge page together wait for each
// other. One piece where it is too little to be worth a thread.
class Shares {
 public:
  Shares(std::int64_t rows, std::int64_t row_bytes) : rows_(rows) {
    constexpr std::int64_t kWorthThread = std::int64_t{1} << 18;  // bytes; below it starting a thread costs more
    constexpr std::int64_t kEach = 8;                             // pieces for a thread, so that uneven ones balance
    const std::int64_t threads = thread_count();
    const std::int64_t row_worth = std::max<std::int64_t>(kWorthThread / std::max<std::int64_t>(row_bytes, 1), 1);
    if (threads > 1) pieces_ = std::clamp<std::int64_t>(rows / row_worth, 1, kEach * threads);
  }
  std::int64_t count() const noexcept { return pieces_; }
  std::int64_t bound(std::int64_t piece) const noexcept {
    return rows_ / pieces_ * piece + std::min(piece, rows_ % pieces_);
  }

 private:
  std::int64_t rows_, pieces_ = 1;
};

}  // namespace fits::ops
