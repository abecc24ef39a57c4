// -TAB coordinates: a point's place in an array of world coordinates, by index vectors and multilinear interpolation,
// and back (Paper III, section 6; Paper IV, section 3.4 for the interpolation). Stages (see chain.h).
//
// As wcslib: half a cell beyond the array is extrapolated, further out there is no coordinate; of repeated index values
// or coordinates the first cell counts. Where wcslib's inverse has gaps (7.12) there are none here: it extrapolates in
// one dimension alone, and with an index vector wrongly; index vectors of one value other than 1 it cannot use.
#pragma once

#include <type_traits>

#include "wcs/dual.h"
#include "wcs/packed.h"
#include "wcs/tab_search.h"
#include "wcs/tab_view.h"

namespace fits::wcs {

// Runs a stage of each table.
template <class Stage, class Run>
FITS_HOST_DEVICE void run_tables(const Packed& wcs, const Run& run) {
  if (wcs.slots[head::kTab] == 0) return;
  const double* const block = wcs.block(head::kTab);
  const double* table = block + 1;
  for (int i = 0; i < static_cast<int>(block[0]); ++i) {
    const Stage stage{TabView(table)};
    run(stage);
    table = stage.table.next();
  }
}

template <class Real>
using InnermostOf = decltype(innermost(Real(0.0)));

// A Real that is constant: its numbers from memory, its derivatives 0.
template <class Real>
struct Constant {
  FITS_HOST_DEVICE static Real from(const double* numbers) { return load<Real>(numbers); }
};
template <class Real>
struct Constant<Dual<Real>> {
  FITS_HOST_DEVICE static Dual<Real> from(const double* numbers) {
    return {Constant<Real>::from(numbers), Real(0.0), Real(0.0)};
  }
};

// Between a and b, exact at both ends.
template <class Real>
FITS_HOST_DEVICE Real between(Real a, Real b, Real fraction) {
  return fma(fraction, b, fma(-fraction, a, a));
}

// How far a point lies beyond the first point of a cell, in cells, is found for each lane by itself; what follows is
// arithmetic of all lanes.
struct TabForward {
  TabView table;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    constexpr int kCount = kLanes<InnermostOf<Real>>;
    Real weight[1 << kMaxTableAxes];
    int origin[kCount] = {};  // the cell's first point
    int vertices = 1;
    weight[0] = Real(1.0);
    MaskOf<Real> valid = always<Real>();
    for (int m = 0; m < table.axes; ++m) {
      const Real psi = point.get(table.map[m]) + Real(table.crval[m]);
      if (table.length[m] == 1) {
        const Real only = Real(table.index[m] != nullptr ? table.index[m][0] : 1.0);
        valid = valid & (abs(psi - only) <= Real(0.5));
        continue;
      }
      const Real fraction = place(m, psi, origin);
      valid = valid & (fraction >= Real(-0.5)) & (fraction <= Real(1.5));
      for (int v = 0; v < vertices; ++v) {
        weight[v + vertices] = weight[v] * fraction;
        weight[v] = weight[v] * (Real(1.0) - fraction);
      }
      vertices *= 2;
    }
    int bits = 0;
    for (int m = 0; m < table.axes; ++m) {
      Real sum = Real(0.0);
      for (int v = 0; v < vertices; ++v) {
        double numbers[kCount];
        for (int i = 0; i < kCount; ++i) {
          numbers[i] = table.coordinates[(origin[i] + table.vertex[v]) * static_cast<std::int64_t>(table.axes) + m];
        }
        const Real number = Constant<Real>::from(numbers);
        const MaskOf<Real> unused = (number != number) & (weight[v] == Real(0.0));  // no coordinate there, and no need
        sum = fma(weight[v], select(unused, Real(0.0), number), sum);
      }
      point.set(table.map[m], select(valid, sum, not_a_number<Real>()));
      bits |= 1 << table.map[m];
    }
    point.flag(!valid, bits);
  }

 private:
  // Adds the cell of each lane to `origin` and returns how far psi lies in it. The cells at both ends go on outwards.
  template <class Real>
  FITS_HOST_DEVICE Real place(int m, Real psi, int* origin) const {
    constexpr int kCount = kLanes<InnermostOf<Real>>;
    double numbers[kCount], first[kCount], last[kCount];
    store(numbers, innermost(psi));
    const int length = table.length[m];
    const double* const index = table.index[m];
    if (index == nullptr) {
      for (int i = 0; i < kCount; ++i) {
        const double x = numbers[i];  // its index starts at 1; NaN goes to the first cell
        const int cell = x >= 1 ? (x < length ? static_cast<int>(x) - 1 : length - 2) : 0;
        origin[i] += cell * table.stride[m];
        first[i] = cell + 1;
      }
      return psi - Constant<Real>::from(first);
    }
    for (int i = 0; i < kCount; ++i) {
      const int cell = index_cell(index, length, table.sense[m], numbers[i]);
      origin[i] += cell * table.stride[m];
      first[i] = index[cell];
      last[i] = index[cell + 1];
    }
    const Real start = Constant<Real>::from(first);
    return (psi - start) / (Constant<Real>::from(last) - start);
  }
};

struct TabInverse {
  TabView table;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    if (table.axes == 1) {
      one_axis(point);
    } else {
      several_axes(point);
    }
  }

 private:
  template <class Point>
  FITS_HOST_DEVICE void one_axis(Point& point) const {
    using Real = typename Point::Real;
    using Plain = InnermostOf<Real>;
    constexpr int kCount = kLanes<Plain>;
    double numbers[kCount], first[kCount], last[kCount];
    int cells[kCount];
    const Real world = point.get(table.map[0]);
    store(numbers, innermost(world));
    for (int i = 0; i < kCount; ++i) cells[i] = coordinate_cell(table, numbers[i]);
    const int step = table.length[0] > 1 ? 1 : 0;
    for (int i = 0; i < kCount; ++i) {
      const bool found = cells[i] >= 0;
      first[i] = found ? table.coordinates[cells[i]] : __builtin_nan("");
      last[i] = found ? table.coordinates[cells[i] + step] : __builtin_nan("");
      cells[i] = found ? cells[i] : 0;
    }
    const Plain from = load<Plain>(first), to = load<Plain>(last);
    const Real start = Constant<Real>::from(first);
    const Real fraction = select(from == to, Real(0.0), (world - start) / (Constant<Real>::from(last) - start));
    const MaskOf<Real> level = abs(innermost(world) - from) <= Plain(kTabRounding) * abs(from);
    const MaskOf<Real> valid = (fraction >= Real(-kBeyond)) & (fraction <= Real(1 + kBeyond)) & ((from != to) | level);
    finish(point, 0, cells, fraction, valid);
    point.flag(!valid, 1 << table.map[0]);
  }

  template <class Point>
  FITS_HOST_DEVICE void several_axes(Point& point) const {
    using Real = typename Point::Real;
    using Plain = InnermostOf<Real>;
    constexpr int kCount = kLanes<Plain>;
    double numbers[kMaxTableAxes][kCount], fractions[kMaxTableAxes][kCount];
    double slopes[kMaxTableAxes][kMaxTableAxes][kCount];
    int cells[kMaxTableAxes][kCount];
    double found[kCount], gave_up[kCount];
    Real world[kMaxTableAxes];
    int bits = 0;
    for (int m = 0; m < table.axes; ++m) {
      world[m] = point.get(table.map[m]);
      store(numbers[m], innermost(world[m]));
      bits |= 1 << table.map[m];
    }
    for (int i = 0; i < kCount; ++i) {
      double target[kMaxTableAxes];
      for (int m = 0; m < table.axes; ++m) target[m] = numbers[m][i];
      TabSolution solution;
      find_cell(table, target, !std::is_same_v<Real, Plain>, solution);
      found[i] = solution.found() ? 1 : 0;
      gave_up[i] = solution.gave_up && !solution.found() ? 1 : 0;
      for (int m = 0; m < table.axes; ++m) {
        cells[m][i] = solution.cell[m];
        fractions[m][i] = solution.fraction[m];
        for (int n = 0; n < table.axes; ++n) slopes[m][n][i] = solution.slope[m][n];
      }
    }
    const MaskOf<Real> valid = load<Plain>(found) == Plain(1.0);
    for (int m = 0; m < table.axes; ++m) {
      Real fraction = Constant<Real>::from(fractions[m]);
      if constexpr (!std::is_same_v<Real, Plain>) {  // the derivatives: a Newton step from where its value is 0
        for (int n = 0; n < table.axes; ++n) {
          fraction = fma(Constant<Real>::from(slopes[m][n]), world[n] - Constant<Real>::from(numbers[n]), fraction);
        }
      }
      finish(point, m, cells[m], fraction, valid);
    }
    point.flag(!valid, bits);
    point.flag(load<Plain>(gave_up) == Plain(1.0), kNotConverged);
  }

  // The intermediate coordinate of axis m from a place in its cells.
  template <class Point, class Real>
  FITS_HOST_DEVICE void finish(Point& point, int m, const int* cells, Real fraction, MaskOf<Real> valid) const {
    constexpr int kCount = kLanes<InnermostOf<Real>>;
    const double* const index = table.index[m];
    const int step = table.length[m] > 1 ? 1 : 0;
    double first[kCount], last[kCount];
    for (int i = 0; i < kCount; ++i) {
      first[i] = index != nullptr ? index[cells[i]] : cells[i] + 1;
      last[i] = index != nullptr ? index[cells[i] + step] : cells[i] + 1 + step;
    }
    const Real psi = index != nullptr ? between(Constant<Real>::from(first), Constant<Real>::from(last), fraction)
                                      : Constant<Real>::from(first) + fraction;
    point.set(table.map[m], select(valid, psi - Real(table.crval[m]), not_a_number<Real>()));
  }
};

}  // namespace fits::wcs
