// One table of the -TAB block (layout.h) as numbers at hand, and the check that all of a block lies inside its vector.
#pragma once

#include <cstdint>

#include "wcs/lanes.h"
#include "wcs/layout.h"
#include "wcs/slots.h"

namespace fits::wcs {

struct TabView {
  const double* slots = nullptr;  // the table's first
  const double* coordinates = nullptr;
  int axes = 0, monotonic = 0, levels = 0;
  int map[kMaxTableAxes], length[kMaxTableAxes];
  int stride[kMaxTableAxes];  // in points of the coordinate array
  double crval[kMaxTableAxes], sense[kMaxTableAxes];
  const double* index[kMaxTableAxes];  // null: 1, 2, ...
  // Axes with more than one point: their number, which they are, and the corners of a cell as points from its first.
  int active = 0;
  int active_axis[kMaxTableAxes];
  int vertex[1 << kMaxTableAxes];

  FITS_HOST_DEVICE explicit TabView(const double* table)
      : slots(table),
        coordinates(table + static_cast<int>(table[tab::kCoordinates])),
        axes(static_cast<int>(table[tab::kAxes])),
        monotonic(static_cast<int>(table[tab::kMonotonic])),
        levels(static_cast<int>(table[tab::kLevels])) {
    int points = 1;
    vertex[0] = 0;
    for (int m = 0; m < axes; ++m) {
      const double* const axis = table + tab::kFirstAxis + m * tab::kAxisSize;
      map[m] = static_cast<int>(axis[tab::kMap]);
      length[m] = static_cast<int>(axis[tab::kLength]);
      crval[m] = axis[tab::kCrval];
      sense[m] = axis[tab::kSense];
      const int offset = static_cast<int>(axis[tab::kIndex]);
      index[m] = offset != 0 ? table + offset : nullptr;
      stride[m] = points;
      points *= length[m];
      if (length[m] == 1) continue;
      for (int v = 0; v < 1 << active; ++v) vertex[v + (1 << active)] = vertex[v] + stride[m];
      active_axis[active++] = m;
    }
  }

  FITS_HOST_DEVICE const double* next() const { return slots + static_cast<int>(slots[tab::kSize]); }
  // Cells along an active axis that a box of this level joins go by 2^level.
  FITS_HOST_DEVICE int boxes(int a, int level) const {
    return static_cast<int>((static_cast<std::int64_t>(length[active_axis[a]]) - 2 + (std::int64_t{1} << level)) >>
                            level);
  }
  // Least [axes] and greatest [axes] coordinates of a box, level 1 or more.
  FITS_HOST_DEVICE const double* box(int level, const int* position) const {
    std::int64_t number = 0;
    for (int a = active - 1; a >= 0; --a) number = number * boxes(a, level) + position[a];
    return slots + static_cast<int>(slots[tab::kFirstAxis + axes * tab::kAxisSize + level - 1]) + number * 2 * axes;
  }
};

inline constexpr int kMaxTableLevels = 30;

// Whether `count` items of `size` slots from an offset lie inside `length` slots.
FITS_HOST_DEVICE bool tab_has(double offset, std::int64_t count, std::int64_t size, int length) {
  const int at = slot_integer(offset, 1, length, 0);
  return at != 0 && count * size <= length - at;
}

// Whether the table at `table` keeps within `length` slots: then how many it has, else 0. Products stay small: each is
// checked against `length` before the next factor comes.
FITS_HOST_DEVICE int checked_table(const double* table, int length, int naxis) {
  if (length < tab::kFirstAxis) return 0;
  const int size = slot_integer(table[tab::kSize], tab::kFirstAxis, length, 0);
  const int axes = slot_integer(table[tab::kAxes], 1, kMaxTableAxes, 0);
  const int levels = slot_integer(table[tab::kLevels], 0, kMaxTableLevels, -1);
  const int monotonic = slot_integer(table[tab::kMonotonic], -1, 1, 2);
  const int fixed = tab::kFirstAxis + axes * tab::kAxisSize;
  if (size == 0 || axes == 0 || levels < 0 || monotonic == 2 || fixed + levels > size) return 0;
  std::int64_t points = 1;
  std::int64_t most = 2;
  for (int m = 0; m < axes; ++m) {
    const double* const axis = table + tab::kFirstAxis + m * tab::kAxisSize;
    const int longest = axes > 1 && size > kMaxTableLength ? kMaxTableLength : size;
    const int count = slot_integer(axis[tab::kLength], 1, longest, 0);
    if (count == 0 || slot_integer(axis[tab::kMap], 0, naxis - 1, -1) < 0) return 0;
    if (axis[tab::kSense] != 1 && axis[tab::kSense] != -1) return 0;
    if (axis[tab::kIndex] != 0 && !tab_has(axis[tab::kIndex], count, 1, size)) return 0;
    points *= count;
    if (points > size) return 0;
    most = count > most ? count : most;
  }
  if (!tab_has(table[tab::kCoordinates], points, axes, size)) return 0;
  if (monotonic != 0) return axes == 1 ? size : 0;
  // The last level is one box; so many levels and no others reach it.
  if ((most - 2) >> levels != 0 || (levels > 0 && (most - 2) >> (levels - 1) == 0)) return 0;
  for (int level = 1; level <= levels; ++level) {
    std::int64_t boxes = 1;
    for (int m = 0; m < axes; ++m) {
      const auto count = static_cast<std::int64_t>(table[tab::kFirstAxis + m * tab::kAxisSize + tab::kLength]);
      if (count > 1) boxes *= (count - 2 + (std::int64_t{1} << level)) >> level;
    }
    if (!tab_has(table[fixed + level - 1], boxes, 2 * axes, size)) return 0;
  }
  return size;
}

// Whether a whole -TAB block lies inside `length` slots from its first.
FITS_HOST_DEVICE bool tables_fit(const double* block, int length, int naxis) {
  const int count = length > 0 ? slot_integer(block[0], 1, kMaxAxes, 0) : 0;
  int at = 1;
  for (int i = 0; i < count; ++i) {
    const int size = checked_table(block + at, length - at, naxis);
    if (size == 0) return false;
    at += size;
  }
  return count > 0;
}

}  // namespace fits::wcs
