#include "tile/sweep.h"

#include <algorithm>

namespace fits {

TileSweep::TileSweep(const TileGrid& grid, const TileWindows& windows, std::span<const std::int64_t> chosen)
    : grid_(grid), windows_(windows) {
  const auto naxis = static_cast<std::size_t>(grid.naxis);
  const auto touches = [&](std::int64_t window) {
    const auto corner = windows_.corner(window);
    for (std::size_t i = 0; i < naxis; ++i) {
      const std::int64_t length = windows_.size[i];
      // corner + length > 0, without the sum, which could overflow
      if (length <= 0 || corner[i] >= grid_.shape[i] || (corner[i] < 0 && corner[i] <= -length)) return false;
    }
    return true;
  };
  std::ranges::copy_if(chosen, std::back_inserter(all_), touches);
  std::int64_t stride = 1;
  for (std::size_t i = naxis; i-- > 0;) {
    if (grid_.tiles[i] > 1) levels_.push_back({i, stride, {}});
    stride *= grid_.tiles[i];
  }
  std::ranges::reverse(levels_);
  done_ = all_.empty();
}

std::int64_t TileSweep::first_tile(std::int64_t window, std::size_t axis) const noexcept {
  return std::max<std::int64_t>(windows_.corner(window)[axis], 0) / grid_.tile_shape[axis];
}

std::int64_t TileSweep::last_tile(std::int64_t window, std::size_t axis) const noexcept {
  const std::int64_t corner = windows_.corner(window)[axis], length = windows_.size[axis], end = grid_.shape[axis];
  const std::int64_t last = corner > end - length ? end : corner + length;
  return (last - 1) / grid_.tile_shape[axis];
}

// Begins a level anew: before its first tile.
void TileSweep::enter(Level& level, std::span<const std::int64_t> windows) {
  level.windows.assign(windows.begin(), windows.end());
  const auto begins = [&](std::int64_t window) { return windows_.corner(window)[level.axis]; };
  if (!std::ranges::is_sorted(level.windows, {}, begins)) std::ranges::sort(level.windows, {}, begins);
  level.low = level.high = 0;
  level.tile = -1;
}

// To the level's next tile that a window touches.
bool TileSweep::advance(Level& level) noexcept {
  const auto& windows = level.windows;
  ++level.tile;
  while (level.low < windows.size() && last_tile(windows[level.low], level.axis) < level.tile) ++level.low;
  if (level.low == windows.size()) return false;
  level.tile = std::max(level.tile, first_tile(windows[level.low], level.axis));
  level.high = std::max(level.high, level.low);
  while (level.high < windows.size() && first_tile(windows[level.high], level.axis) <= level.tile) ++level.high;
  return true;
}

bool TileSweep::next(Touched& touched) {
  if (done_) return false;
  const auto chosen = [&](std::size_t level) {
    const Level& outer = levels_[level];
    return std::span<const std::int64_t>(outer.windows).subspan(outer.low, outer.high - outer.low);
  };
  std::size_t depth = levels_.size();
  if (!started_) {
    started_ = true;
    depth = 0;
    if (!levels_.empty()) enter(levels_[0], all_);
  } else {
    // The innermost axis that has another tile.
    while (depth > 0 && !advance(levels_[depth - 1])) --depth;
    if (depth == 0) {
      done_ = true;
      return false;
    }
    if (depth < levels_.size()) enter(levels_[depth], chosen(depth - 1));
  }
  // Every axis inside it starts with the first of its windows: there is one, since all share pixels with the image.
  for (; depth < levels_.size(); ++depth) {
    advance(levels_[depth]);
    if (depth + 1 < levels_.size()) enter(levels_[depth + 1], chosen(depth));
  }
  touched.tile = 0;
  for (const Level& level : levels_) touched.tile += level.tile * level.stride;
  touched.windows = levels_.empty() ? std::span<const std::int64_t>(all_) : chosen(levels_.size() - 1);
  return true;
}

std::int64_t pixels_until_last(const TileGrid& grid, const Tile& tile, const TileWindows& windows,
                               std::span<const std::int64_t> chosen) noexcept {
  std::int64_t most = 0;
  for (const auto window : chosen) {
    const auto corner = windows.corner(window);
    std::int64_t last = 0;
    for (int i = 0; i < grid.naxis; ++i) {
      const auto n = static_cast<std::size_t>(i);
      const std::int64_t end = tile.start[i] + tile.size[i];
      const std::int64_t wanted = corner[n] > end - windows.size[n] ? end : corner[n] + windows.size[n];
      last = last * tile.size[i] + (wanted - 1 - tile.start[i]);
    }
    most = std::max(most, last + 1);
  }
  return most;
}

}  // namespace fits
