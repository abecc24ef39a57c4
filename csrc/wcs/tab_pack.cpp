#include "wcs/tab_pack.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "wcs/layout.h"

namespace fits::wcs {
namespace {

// Least and greatest coordinates of each box of one level, first axis fastest.
struct Boxes {
  std::vector<std::int64_t> counts;     // along each active axis
  std::vector<double> least, greatest;  // [boxes, M]
};

std::int64_t product(const std::vector<std::int64_t>& counts) {
  std::int64_t all = 1;
  for (const std::int64_t count : counts) all *= count;
  return all;
}

// The boxes of one table, from cells to one that holds them all.
class BoxMaker {
 public:
  explicit BoxMaker(const TabTable& table) : table_(table), axes_(table.axes.size()) {
    std::int64_t stride = 1;
    for (const TabTable::Axis& axis : table.axes) {
      if (axis.length > 1) {
        lengths_.push_back(axis.length);
        strides_.push_back(stride);
      }
      stride *= axis.length;
    }
  }

  Boxes cells() const {
    std::vector<std::int64_t> counts;
    for (const std::int64_t length : lengths_) counts.push_back(length - 1);
    Boxes boxes = empty(counts);
    visit(boxes.counts,
          [&](std::int64_t number, const std::vector<std::int64_t>& cell) { add_cell(cell, number, boxes); });
    return boxes;
  }

  // Boxes of 2 of `finer` along each axis.
  Boxes joined(const Boxes& finer) const {
    std::vector<std::int64_t> counts;
    for (const std::int64_t count : finer.counts) counts.push_back((count + 1) / 2);
    Boxes boxes = empty(counts);
    visit(finer.counts, [&](std::int64_t number, const std::vector<std::int64_t>& at) {
      std::int64_t to = 0;
      for (std::size_t a = at.size(); a-- > 0;) to = to * boxes.counts[a] + at[a] / 2;
      for (std::size_t m = 0; m < axes_; ++m) {
        const auto from = static_cast<std::size_t>(number) * axes_ + m;
        include(boxes, to, m, finer.least[from]);
        include(boxes, to, m, finer.greatest[from]);
      }
    });
    return boxes;
  }

 private:
  Boxes empty(const std::vector<std::int64_t>& counts) const {
    Boxes boxes;
    boxes.counts = counts;
    const auto size = static_cast<std::size_t>(product(counts)) * axes_;
    boxes.least.assign(size, std::numeric_limits<double>::infinity());
    boxes.greatest.assign(size, -std::numeric_limits<double>::infinity());
    return boxes;
  }

  template <class Visit>
  static void visit(const std::vector<std::int64_t>& counts, const Visit& visit) {
    std::vector<std::int64_t> at(counts.size(), 0);
    const std::int64_t all = product(counts);
    for (std::int64_t number = 0; number < all; ++number) {
      visit(number, at);
      for (std::size_t a = 0; a < at.size() && ++at[a] == counts[a]; ++a) at[a] = 0;
    }
  }

  void include(Boxes& boxes, std::int64_t box, std::size_t m, double value) const {
    const auto at = static_cast<std::size_t>(box) * axes_ + m;
    if (value < boxes.least[at]) boxes.least[at] = value;  // false for NaN
    if (value > boxes.greatest[at]) boxes.greatest[at] = value;
  }

  // The corners of a cell; of one at an end of the array those of the half cell beyond it.
  void add_cell(const std::vector<std::int64_t>& cell, std::int64_t number, Boxes& boxes) const {
    bool at_an_end = false;
    for (std::size_t a = 0; a < cell.size(); ++a) {
      at_an_end = at_an_end || cell[a] == 0 || cell[a] == lengths_[a] - 2;
    }
    std::vector<double> fraction(at_an_end ? cell.size() : 0);
    for (std::size_t corner = 0; corner < std::size_t{1} << cell.size(); ++corner) {
      if (!at_an_end) {
        const double* const point = &table_.coordinates[at_corner(cell, corner)];
        for (std::size_t m = 0; m < axes_; ++m) include(boxes, number, m, point[m]);
        continue;
      }
      for (std::size_t a = 0; a < cell.size(); ++a) {
        const bool high = (corner >> a & 1) != 0;
        fraction[a] = high ? (cell[a] == lengths_[a] - 2 ? 1.5 : 1) : (cell[a] == 0 ? -0.5 : 0);
      }
      for (std::size_t m = 0; m < axes_; ++m) include(boxes, number, m, value(cell, fraction, m));
    }
  }

  // Where the coordinates of a cell's corner begin.
  std::size_t at_corner(const std::vector<std::int64_t>& cell, std::size_t corner) const {
    std::int64_t point = 0;
    for (std::size_t a = 0; a < cell.size(); ++a) {
      point += (cell[a] + static_cast<std::int64_t>(corner >> a & 1)) * strides_[a];
    }
    return static_cast<std::size_t>(point) * axes_;
  }

  double value(const std::vector<std::int64_t>& cell, const std::vector<double>& fraction, std::size_t m) const {
    double sum = 0;
    for (std::size_t corner = 0; corner < std::size_t{1} << cell.size(); ++corner) {
      double weight = 1;
      for (std::size_t a = 0; a < cell.size(); ++a) weight *= (corner >> a & 1) != 0 ? fraction[a] : 1 - fraction[a];
      if (weight != 0) sum += weight * table_.coordinates[at_corner(cell, corner) + m];
    }
    return sum;
  }

  const TabTable& table_;
  std::size_t axes_;
  std::vector<std::int64_t> lengths_, strides_;  // of axes with more than one point
};

// 1 where the coordinates of a single axis never decrease, -1 where they never increase, 0 otherwise.
int monotonic(const TabTable& table) {
  const auto& values = table.coordinates;
  if (table.axes.size() != 1 || std::any_of(values.begin(), values.end(), [](double x) { return std::isnan(x); })) {
    return 0;
  }
  if (std::is_sorted(values.begin(), values.end())) return 1;
  return std::is_sorted(values.rbegin(), values.rend()) ? -1 : 0;
}

void append_table(const TabTable& table, std::vector<double>& block) {
  const std::size_t start = block.size(), axes = table.axes.size();
  const auto slot = [&](std::size_t at) -> double& { return block[start + at]; };
  const auto here = [&] { return static_cast<double>(block.size() - start); };
  const auto put = [&](const std::vector<double>& values) { block.insert(block.end(), values.begin(), values.end()); };

  std::vector<Boxes> levels;
  const int sorted = monotonic(table);
  const bool points =
      std::all_of(table.axes.begin(), table.axes.end(), [](const auto& axis) { return axis.length == 1; });
  if (sorted == 0 && !points) {
    const BoxMaker maker(table);
    Boxes boxes = maker.cells();  // these are found from the coordinates themselves
    while (product(boxes.counts) > 1) {
      boxes = maker.joined(boxes);
      levels.push_back(boxes);
    }
  }
  const std::size_t first_level = tab::kFirstAxis + axes * tab::kAxisSize;
  block.resize(start + first_level + levels.size());
  slot(tab::kAxes) = static_cast<double>(axes);
  slot(tab::kMonotonic) = sorted;
  slot(tab::kLevels) = static_cast<double>(levels.size());
  for (std::size_t level = 0; level < levels.size(); ++level) {
    slot(first_level + level) = here();
    const Boxes& boxes = levels[level];
    for (std::size_t at = 0; at < boxes.least.size(); at += axes) {
      block.insert(block.end(), &boxes.least[at], &boxes.least[at] + axes);
      block.insert(block.end(), &boxes.greatest[at], &boxes.greatest[at] + axes);
    }
  }
  for (std::size_t m = 0; m < axes; ++m) {
    const TabTable::Axis& axis = table.axes[m];
    const std::size_t at = tab::kFirstAxis + m * tab::kAxisSize;
    slot(at + tab::kMap) = axis.map;
    slot(at + tab::kLength) = axis.length;
    slot(at + tab::kCrval) = axis.crval;
    slot(at + tab::kSense) = !axis.index.empty() && axis.index.front() > axis.index.back() ? -1 : 1;
    slot(at + tab::kIndex) = axis.index.empty() ? 0 : here();
    put(axis.index);
  }
  slot(tab::kCoordinates) = here();
  put(table.coordinates);
  slot(tab::kSize) = here();
}

}  // namespace

std::vector<double> tab_block(const std::vector<TabTable>& tables) {
  if (tables.empty()) return {};
  std::vector<double> block = {static_cast<double>(tables.size())};
  for (const TabTable& table : tables) append_table(table, block);
  return block;
}

}  // namespace fits::wcs
