// Times among good time intervals, and the kernels of GTIFILTER, GTIFIND and GTIOVERLAP.
#include "filter/intervals.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "filter/kernels.h"

namespace fits::filter {

void Intervals::shift(double seconds) noexcept {
  if (start.empty()) return;
  const double span = stop.back() - start.front();
  if (!(std::fabs(seconds / (span == 0 ? 1 : span)) > 1e-12)) return;
  for (double& time : start) time += seconds;
  for (double& time : stop) time += seconds;
}

std::string Intervals::disorder() const {
  for (std::size_t i = 0; i < start.size(); ++i) {
    if (!(start[i] <= stop[i])) return "row " + std::to_string(i) + " does not end after its beginning";
    if (i > 0 && !(start[i] >= stop[i - 1])) {
      return "row " + std::to_string(i) + " begins before row " + std::to_string(i - 1) + " has ended";
    }
  }
  return {};
}

double Intervals::overlap(double from, double to) const noexcept {
  if (!(from < to)) return 0;
  double total = 0;
  auto i = static_cast<std::size_t>(std::ranges::lower_bound(stop, from) - stop.begin());
  for (; i < start.size() && start[i] < to; ++i) total += std::min(stop[i], to) - std::max(start[i], from);
  return total;
}

IntervalFinder::IntervalFinder(const Intervals& intervals) : empty_(intervals.start.empty()) {
  const auto &start = intervals.start, &stop = intervals.stop;
  std::vector<std::size_t> by_start, by_stop;
  for (std::size_t i = 0; i < start.size(); ++i) {
    if (!(start[i] <= stop[i])) continue;  // nothing is in it, nor in one without a beginning or an end
    by_start.push_back(i);
    edges_.push_back(start[i]);
    edges_.push_back(stop[i]);
  }
  by_stop = by_start;
  std::ranges::sort(by_start, {}, [&](std::size_t i) { return start[i]; });
  std::ranges::sort(by_stop, {}, [&](std::size_t i) { return stop[i]; });
  std::ranges::sort(edges_);
  edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
  std::set<std::size_t> open;
  const auto last = [&open] { return open.empty() ? -1 : static_cast<std::int64_t>(*open.rbegin()); };
  auto begins = by_start.begin();
  auto ends = by_stop.begin();
  for (const double edge : edges_) {
    for (; begins != by_start.end() && start[*begins] == edge; ++begins) open.insert(*begins);
    at_.push_back(last());
    for (; ends != by_stop.end() && stop[*ends] == edge; ++ends) open.erase(*ends);
    after_.push_back(last());
  }
}

std::int64_t IntervalFinder::row(double time, std::size_t& near) const noexcept {
  // Times mostly come in order: the next one is between the same two edges as the last.
  const auto holds = [&](std::size_t i) {
    return i < edges_.size() && edges_[i] <= time && (i + 1 == edges_.size() || time < edges_[i + 1]);
  };
  if (!holds(near)) {
    const auto above = std::ranges::upper_bound(edges_, time);
    if (above == edges_.begin()) return -1;
    near = static_cast<std::size_t>(above - edges_.begin()) - 1;
    if (!(edges_[near] <= time)) return -1;  // NaN
  }
  return edges_[near] == time ? at_[near] : after_[near];
}

namespace {

void is_in_interval(Call& call) {
  const IntervalFinder& finder = *call.node.finder;
  std::uint8_t* const out = call.out<std::uint8_t>();
  const double* const time = call.operands[0].as<double>();
  std::size_t near = 0;
  for (std::int64_t i = 0, n = call.elements(); i < n; ++i) out[i] = finder.row(time[i], near) >= 0;
  if (!finder.empty()) call.join_nulls();  // in no interval at all there is not even a time that is NULL
}

void interval_row(Call& call) {
  const IntervalFinder& finder = *call.node.finder;
  std::int64_t* const out = call.out<std::int64_t>();
  const Operand& time = call.operands[0];
  std::size_t near = 0;
  std::uint8_t* const nulls = call.clear_nulls();
  for (std::int64_t i = 0, n = call.elements(); i < n; ++i) {
    const std::int64_t row = finder.row(time.as<double>()[i], near);
    out[i] = row >= 0 ? row + 1 : -1;
    nulls[i] = row < 0 || null_at(time, i);
  }
}

void time_in_intervals(Call& call) {
  const Intervals& intervals = *call.node.intervals;
  double* const out = call.out<double>();
  for (std::int64_t i = 0, n = call.elements(); i < n; ++i) {
    out[i] = intervals.overlap(value_at<double>(call.operands[0], i), value_at<double>(call.operands[1], i));
  }
  if (!intervals.start.empty()) call.join_nulls();
}

}  // namespace

Kernel interval_kernel(std::string_view name) noexcept {
  return name == "GTIFILTER" ? is_in_interval : name == "GTIFIND" ? interval_row : time_in_intervals;
}

}  // namespace fits::filter
