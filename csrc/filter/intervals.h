// Good time intervals: what GTIFILTER, GTIFIND and GTIOVERLAP ask about.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fits::filter {

// The rows of a GTI table. A time t is in row i where start[i] <= t <= stop[i].
struct Intervals {
  std::vector<double> start, stop;

  // Moves all by the difference of two tables' TIMEZERO, unless that is nothing on their scale, as CFITSIO does.
  void shift(double seconds) noexcept;
  // Empty where no row begins before the one before it has ended; or which does.
  std::string disorder() const;
  // How much of from <= t <= to is in the intervals, which are in order. Nothing where to <= from.
  double overlap(double from, double to) const noexcept;
};

// Finds times among intervals, in any order and overlapping. Of several rows that a time is in it is the last.
class IntervalFinder {
 public:
  explicit IntervalFinder(const Intervals& intervals);
  // The row, from 0, or -1. `near` is where to look first: what the last search left, at first 0.
  std::int64_t row(double time, std::size_t& near) const noexcept;
  bool empty() const noexcept { return empty_; }  // the table has no rows

 private:
  bool empty_;
  std::vector<double> edges_;             // where rows begin and end, rising, each once
  std::vector<std::int64_t> at_, after_;  // the row at an edge, and between it and the next one
};

}  // namespace fits::filter
