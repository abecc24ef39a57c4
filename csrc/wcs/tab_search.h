// Where in a -TAB table a value lies: by bisection where it is sorted, else by descent through boxes of cells and, in
// the cell, Newton's method. One point at a time: lanes would wait for each other here.
//
// Of several solutions the one is found that wcslib finds first: in the first cell, the first axis fastest; one in the
// half cell beyond the array only where there is no other.
#pragma once

#include "wcs/tab_view.h"

namespace fits::wcs {

// How many of `count` >= 1 sorted values, times `sense`, are below `value`. Without branches: searches of several
// points overlap.
FITS_HOST_DEVICE int count_below(const double* sorted, int count, double sense, double value) {
  const double* first = sorted;
  int left = count;
  while (left > 1) {
    const int half = left / 2;
    first += sense * first[half - 1] < value ? half : 0;
    left -= half;
  }
  return static_cast<int>(first - sorted) + (sense * *first < value ? 1 : 0);
}

// The cell of an index vector of two values or more that interpolates at `psi`: the first that ends there or beyond;
// beyond the ends the first or last. Where the first value is repeated and psi equals it, the cell after these.
FITS_HOST_DEVICE int index_cell(const double* index, int length, double sense, double psi) {
  const int below = count_below(index, length, sense, sense * psi);
  int cell = below == 0 ? 0 : (below < length ? below - 1 : length - 2);
  while (below == 0 && cell < length - 2 && index[cell + 1] == psi) ++cell;
  return cell;
}

// How far beyond the array there are coordinates, in cells, with room for the rounding of those at that very edge.
inline constexpr double kBeyond = 0.5 + 1e-9;
// Of coordinates, what adding up their products leaves.
inline constexpr double kTabRounding = 0x1p-48;

struct TabSolution {
  static constexpr std::int64_t kNone = INT64_MAX;
  std::int64_t inside = kNone, outside = kNone;  // the cell's first point, counted through the array; beyond the array
  bool gave_up = false;
  int cell[kMaxTableAxes] = {};
  double fraction[kMaxTableAxes] = {};
  double slope[kMaxTableAxes][kMaxTableAxes] = {};  // d fraction of an axis / d coordinate

  FITS_HOST_DEVICE bool found() const { return inside != kNone || outside != kNone; }
};

// A descent through the boxes of a table, then, below level 0, through halves of a cell.
class TabSearch {
 public:
  FITS_HOST_DEVICE TabSearch(const TabView& table, const double* world, bool wants_slopes, TabSolution& solution)
      : table_(table),
        world_(world),
        wants_slopes_(wants_slopes),
        to_(solution),
        count_(table.active),
        corners_(1 << table.active) {}

  FITS_HOST_DEVICE void run() {
    int child[kMaxTableLevels + kHalvings + 1];
    int level = table_.levels, budget = kMostVisits;
    for (int a = 0; a < count_; ++a) position_[a] = 0;
    for (bool arrived = true;;) {
      if (arrived) {
        if (--budget < 0 || newton_budget_ < 0) {
          to_.gave_up = true;
          return;
        }
        if (may_hold(level)) {
          --level;
          child[level + kHalvings] = 0;
          for (int a = 0; a < count_; ++a) position_[a] *= 2;
          continue;
        }
        arrived = false;
      }
      if (level == table_.levels) return;
      const int next = ++child[level + kHalvings];
      if (next == corners_) {
        ++level;
        for (int a = 0; a < count_; ++a) position_[a] >>= 1;
        continue;
      }
      arrived = true;
      for (int a = 0; a < count_; ++a) {
        position_[a] = (position_[a] & ~1) | (next >> a & 1);
        if (level >= 0 && position_[a] >= table_.boxes(a, level)) arrived = false;
      }
    }
  }

 private:
  static constexpr int kHalvings = 6;         // of a cell that Newton's method has not settled
  static constexpr int kMostVisits = 100000;  // boxes a point may look into,
  static constexpr int kMostSteps = 20000;    // and steps in cells: tables whose cells all overlap have no quick answer
  static constexpr int kSteps = 20;
  static constexpr double kLinear = 0.25;

  // Whether to look at the parts of the box or piece of a cell at position_.
  FITS_HOST_DEVICE bool may_hold(int level) {
    if (level <= 0) return look_into_cell(-level);
    std::int64_t first = 0;
    for (int a = 0; a < count_; ++a) {
      first += (static_cast<std::int64_t>(position_[a]) << level) * table_.stride[table_.active_axis[a]];
    }
    if (to_.inside <= first) return false;
    const double* const box = table_.box(level, position_);
    for (int m = 0; m < table_.axes; ++m) {
      if (!within(world_[m], box[m], box[table_.axes + m])) return false;
    }
    return true;
  }

  // With room for the rounding of what made `value`. False for NaN.
  FITS_HOST_DEVICE static bool within(double value, double low, double high) {
    const double room = kTabRounding * max(abs(low), abs(high));
    return value >= low - room && value <= high + room;
  }

  // The weight of each corner at `fraction`, or its derivative along the active axis `along`.
  FITS_HOST_DEVICE void weigh(const double* fraction, int along, double* weight) const {
    weight[0] = 1;
    for (int a = 0; a < count_; ++a) {
      const int n = 1 << a;
      const double high = a == along ? 1 : fraction[a], low = a == along ? -1 : 1 - fraction[a];
      for (int v = 0; v < n; ++v) {
        weight[v + n] = weight[v] * high;
        weight[v] *= low;
      }
    }
  }

  FITS_HOST_DEVICE const double* corner(int v) const {
    return cell_ + static_cast<std::int64_t>(table_.vertex[v]) * table_.axes;
  }

  // Coordinates at `fraction` of the cell, and their derivatives [axes, active] where wanted.
  FITS_HOST_DEVICE void interpolate(const double* fraction, double* value, double* derivative) const {
    double weight[1 << kMaxTableAxes];
    for (int along = derivative != nullptr ? count_ - 1 : -1; along >= -1; --along) {
      weigh(fraction, along, weight);
      for (int m = 0; m < table_.axes; ++m) {
        double sum = 0;
        for (int v = 0; v < corners_; ++v) sum = fma(weight[v], corner(v)[m], sum);
        (along < 0 ? value[m] : derivative[m * count_ + along]) = sum;
      }
    }
  }

  // A piece of a cell, 2^-halvings of it along each axis: true where its own pieces must be searched.
  FITS_HOST_DEVICE bool look_into_cell(int halvings) {
    std::int64_t first = 0;
    double low[kMaxTableAxes], high[kMaxTableAxes];
    const double part = 1.0 / (1 << halvings);
    at_an_end_ = false;
    for (int a = 0; a < count_; ++a) {
      const int axis = table_.active_axis[a];
      index_[a] = position_[a] >> halvings;
      const int piece = position_[a] - (index_[a] << halvings);
      first_cell_[a] = index_[a] == 0;
      last_cell_[a] = index_[a] == table_.length[axis] - 2;
      low[a] = first_cell_[a] && piece == 0 ? -kBeyond : piece * part;
      high[a] = last_cell_[a] && piece == (1 << halvings) - 1 ? 1 + kBeyond : (piece + 1) * part;
      at_an_end_ = at_an_end_ || first_cell_[a] || last_cell_[a];
      first += static_cast<std::int64_t>(index_[a]) * table_.stride[axis];
    }
    if (to_.inside <= first) return false;
    cell_ = table_.coordinates + first * table_.axes;
    if (table_.axes == 1) {
      solve_interval(first);
      return false;
    }
    double least[kMaxTableAxes], greatest[kMaxTableAxes];
    for (int v = 0; v < corners_; ++v) {
      double at[kMaxTableAxes], inner[kMaxTableAxes];
      const double* value = corner(v);
      if (halvings > 0 || at_an_end_) {
        for (int a = 0; a < count_; ++a) at[a] = (v >> a & 1) != 0 ? high[a] : low[a];
        interpolate(at, inner, nullptr);
        value = inner;
      }
      for (int m = 0; m < table_.axes; ++m) {
        least[m] = v == 0 ? value[m] : min(value[m], least[m]);
        greatest[m] = v == 0 ? value[m] : max(value[m], greatest[m]);
      }
    }
    for (int m = 0; m < table_.axes; ++m) {
      if (!within(world_[m], least[m], greatest[m])) return false;
      range_[m] = greatest[m] - least[m];
    }
    return !solve(low, high, halvings == 0, first) && halvings < kHalvings;
  }

  // One axis: the straight line between two points, unless its index values are the same.
  FITS_HOST_DEVICE void solve_interval(std::int64_t first) {
    const double from = cell_[0], to = cell_[1], world = world_[0];
    const double* const index = table_.index[0];
    if (index != nullptr && index[index_[0]] == index[index_[0] + 1]) return;
    const double fraction = from == to ? (within(world, from, to) ? 0 : 2) : (world - from) / (to - from);
    const bool inside = fraction >= 0 && fraction <= 1;
    const bool outside = (first_cell_[0] && fraction >= -kBeyond && fraction < 0) ||
                         (last_cell_[0] && fraction > 1 && fraction <= 1 + kBeyond);
    if (inside || outside) keep(first, &fraction, inside);
  }

  // Newton's method from the middle of a piece. True where it has settled the cell: with a solution, or because the
  // cell is so nearly linear that its only solution lies elsewhere.
  FITS_HOST_DEVICE bool solve(const double* low, const double* high, bool whole_cell, std::int64_t first) {
    double at[kMaxTableAxes], reach = 0;
    for (int a = 0; a < count_; ++a) {
      at[a] = 0.5 * (low[a] + high[a]);
      reach = max(0.5 * (high[a] - low[a]), reach);
    }
    bool linear = false;
    bool converged = false;
    for (int step = 0; step < kSteps && !converged; ++step) {
      --newton_budget_;
      double value[kMaxTableAxes], derivative[kMaxTableAxes * kMaxTableAxes];
      interpolate(at, value, derivative);
      if (!invert(derivative, inverse_)) return false;
      double move[kMaxTableAxes], largest = 0;
      for (int a = 0; a < count_; ++a) {
        move[a] = 0;
        for (int m = 0; m < table_.axes; ++m) {
          move[a] = fma(inverse_[a * table_.axes + m], world_[m] - value[m], move[a]);
        }
        largest = max(abs(move[a]), largest);
      }
      if (step == 0 && whole_cell && largest > 0.4) {
        linear = nearly_linear();
        // A derivative that varies by a factor of 1 +- kLinear cannot lead to a solution in reach.
        if (linear && largest > (1 + kLinear) * reach + 1e-6) return true;
      }
      if (!(largest < 1e6)) return false;
      const double scale = largest > 1 ? 1 / largest : 1;
      for (int a = 0; a < count_; ++a) at[a] = fma(scale, move[a], at[a]);
      converged = largest < 1e-9;  // the step squares it
    }
    if (!converged) return false;
    bool inside = true, outside = true;
    for (int a = 0; a < count_; ++a) {
      double room = 1e-12;  // and what the rounding of the coordinates makes
      for (int m = 0; m < table_.axes; ++m) {
        room = fma(abs(inverse_[a * table_.axes + m]), 0x1p-50 * abs(world_[m]), room);
      }
      inside = inside && at[a] >= -room && at[a] <= 1 + room;
      outside = outside && at[a] >= -room - (first_cell_[a] ? kBeyond : 0) &&
                at[a] <= 1 + room + (last_cell_[a] ? kBeyond : 0);
    }
    if (outside && agrees(at)) {
      if (wants_slopes_) {  // at the solution itself
        double value[kMaxTableAxes], derivative[kMaxTableAxes * kMaxTableAxes];
        interpolate(at, value, derivative);
        invert(derivative, inverse_);
      }
      keep(first, at, inside);
      if (inside) return true;
    }
    return linear;
  }

  // With more coordinates than axes to vary they must agree on the place, to what wcslib allows them.
  FITS_HOST_DEVICE bool agrees(const double* at) const {
    if (count_ == table_.axes) return true;
    double value[kMaxTableAxes];
    interpolate(at, value, nullptr);
    for (int m = 0; m < table_.axes; ++m) {
      if (!(abs(value[m] - world_[m]) <= max(1e-10, 0x1p-30 * range_[m]))) return false;
    }
    return true;
  }

  // Whether derivatives at the corners are so near those of `inverse_`, the middle's, that there is one solution at
  // most. Beyond the array they go on as far again along each axis.
  FITS_HOST_DEVICE bool nearly_linear() const {
    const double most = at_an_end_ ? kLinear / (1 << (count_ - 1)) : kLinear;
    for (int v = 0; v < corners_; ++v) {
      for (int a = 0; a < count_; ++a) {
        double sum = 0;
        for (int b = 0; b < count_; ++b) {
          const double *const high = corner(v | 1 << b), *const low = corner(v & ~(1 << b));
          double element = a == b ? -1 : 0;
          for (int m = 0; m < table_.axes; ++m) element = fma(inverse_[a * table_.axes + m], high[m] - low[m], element);
          sum += abs(element);
        }
        if (!(sum <= most)) return false;
      }
    }
    return true;
  }

  FITS_HOST_DEVICE void keep(std::int64_t first, const double* at, bool inside) {
    std::int64_t& place = inside ? to_.inside : to_.outside;
    if (first >= place || (!inside && to_.inside != TabSolution::kNone)) return;
    place = first;
    for (int m = 0; m < table_.axes; ++m) {
      to_.cell[m] = 0;
      to_.fraction[m] = 0;
    }
    for (int a = 0; a < count_; ++a) {
      const int axis = table_.active_axis[a];
      to_.cell[axis] = index_[a];
      to_.fraction[axis] = at[a];
      for (int m = 0; m < table_.axes && table_.axes > 1; ++m) to_.slope[axis][m] = inverse_[a * table_.axes + m];
    }
  }

  // The matrix [active, axes] that leads from differences of coordinates to those of fractions: the inverse of
  // `derivative` [axes, active], or where there are more coordinates the one of least squares. False where singular.
  FITS_HOST_DEVICE bool invert(const double* derivative, double* inverse) const {
    const int n = count_, rows = table_.axes;
    double scaled[kMaxTableAxes * kMaxTableAxes], scale[kMaxTableAxes];
    for (int m = 0; m < rows; ++m) {
      scale[m] = range_[m] > 0 ? 1 / range_[m] : 0;
      for (int b = 0; b < n; ++b) scaled[m * n + b] = derivative[m * n + b] * scale[m];
    }
    double left[kMaxTableAxes * kMaxTableAxes];  // n x n, inverted in place beside `inverse`, n x rows
    for (int a = 0; a < n; ++a) {
      for (int b = 0; b < n; ++b) {
        double sum = 0;
        for (int m = 0; m < rows && n != rows; ++m) sum = fma(scaled[m * n + a], scaled[m * n + b], sum);
        left[a * n + b] = n == rows ? scaled[a * n + b] : sum;
      }
      for (int m = 0; m < rows; ++m) inverse[a * rows + m] = n == rows ? (a == m ? 1 : 0) : scaled[m * n + a];
    }
    for (int column = 0; column < n; ++column) {
      int pivot = column;
      for (int a = column + 1; a < n; ++a) {
        if (abs(left[a * n + column]) > abs(left[pivot * n + column])) pivot = a;
      }
      const double top = left[pivot * n + column];
      if (!(abs(top) > 1e-13)) return false;
      for (int b = 0; b < n; ++b) {
        const double other = left[column * n + b];
        left[column * n + b] = left[pivot * n + b] / top;
        if (pivot != column) left[pivot * n + b] = other;
      }
      for (int m = 0; m < rows; ++m) {
        const double other = inverse[column * rows + m];
        inverse[column * rows + m] = inverse[pivot * rows + m] / top;
        if (pivot != column) inverse[pivot * rows + m] = other;
      }
      for (int a = 0; a < n; ++a) {
        const double factor = left[a * n + column];
        if (a == column || factor == 0) continue;
        for (int b = 0; b < n; ++b) left[a * n + b] = fma(-factor, left[column * n + b], left[a * n + b]);
        for (int m = 0; m < rows; ++m) {
          inverse[a * rows + m] = fma(-factor, inverse[column * rows + m], inverse[a * rows + m]);
        }
      }
    }
    for (int a = 0; a < n; ++a) {
      for (int m = 0; m < rows; ++m) inverse[a * rows + m] *= scale[m];
    }
    return true;
  }

  const TabView& table_;
  const double* world_;
  bool wants_slopes_;
  TabSolution& to_;
  int count_, corners_;  // active axes; corners of a cell
  int newton_budget_ = kMostSteps;
  int position_[kMaxTableAxes];
  // The cell looked into.
  const double* cell_ = nullptr;
  int index_[kMaxTableAxes];
  bool first_cell_[kMaxTableAxes], last_cell_[kMaxTableAxes], at_an_end_ = false;
  double range_[kMaxTableAxes];
  double inverse_[kMaxTableAxes * kMaxTableAxes];
};

// The cell and the place in it that have these coordinates [axes], in a table of any kind; the slopes where wanted.
FITS_HOST_DEVICE void find_cell(const TabView& table, const double* world, bool wants_slopes, TabSolution& solution) {
  for (int m = 0; m < table.axes; ++m) {
    if (!(abs(world[m]) < __builtin_inf())) return;
  }
  if (table.active == 0) {
    for (int m = 0; m < table.axes; ++m) {
      if (!(abs(world[m] - table.coordinates[m]) < 1e-10)) return;  // as wcslib
    }
    solution.inside = 0;
    return;
  }
  TabSearch(table, world, wants_slopes, solution).run();
}

// Of one axis: the cell that interpolates at `world`, or -1. The cells at both ends go on outwards.
FITS_HOST_DEVICE int coordinate_cell(const TabView& table, double world) {
  const int length = table.length[0];
  if (length == 1) return 0;
  if (table.monotonic == 0) {
    TabSolution solution;
    find_cell(table, &world, false, solution);
    return solution.found() ? solution.cell[0] : -1;
  }
  const int below = count_below(table.coordinates, length, table.monotonic, table.monotonic * world);
  if (below == 0 || below == length) return below == 0 ? 0 : length - 2;
  const double* const index = table.index[0];
  int cell = below - 1;
  while (index != nullptr && index[cell] == index[cell + 1]) {  // the coordinate jumps: nothing has the values between
    ++cell;
    if (cell == length - 1 || table.coordinates[cell] != world) return -1;
  }
  return cell;
}

}  // namespace fits::wcs
