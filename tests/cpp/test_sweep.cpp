// TileSweep against the definition: every tile that a window touches, once, in order, with exactly those windows.
#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "check.h"
#include "tile/sweep.h"

using namespace fits;
using Lengths = std::vector<std::int64_t>;

namespace {

constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max();

using Plan = std::vector<std::pair<std::int64_t, std::set<std::int64_t>>>;

Plan by_sweep(const TileGrid& grid, const Lengths& size, const Lengths& corners, const Lengths& chosen) {
  TileSweep sweep(grid, {size, corners}, chosen);
  Plan plan;
  for (TileSweep::Touched touched; sweep.next(touched);) {
    const std::set<std::int64_t> windows(touched.windows.begin(), touched.windows.end());
    CHECK_EQUAL(windows.size(), touched.windows.size());
    plan.push_back({touched.tile, windows});
  }
  TileSweep::Touched nothing;
  CHECK(!sweep.next(nothing));
  return plan;
}

// Whether a window shares a pixel with a box, in arithmetic that cannot overflow.
bool share(const Tile& box, const Lengths& size, std::span<const std::int64_t> corner) {
  for (std::size_t i = 0; i < size.size(); ++i) {
    const auto first = static_cast<__int128>(corner[i]), last = first + size[i];
    if (std::max<__int128>(first, box.start[i]) >= std::min<__int128>(last, box.start[i] + box.size[i])) return false;
  }
  return true;
}

Plan by_definition(const TileGrid& grid, const Lengths& size, const Lengths& corners, const Lengths& chosen) {
  const TileWindows windows{size, corners};
  Plan plan;
  for (std::int64_t tile = 0; tile < grid.count(); ++tile) {
    std::set<std::int64_t> touching;
    for (const auto window : chosen) {
      if (share(grid.at(tile), size, windows.corner(window))) touching.insert(window);
    }
    if (!touching.empty()) plan.push_back({tile, touching});
  }
  return plan;
}

// The last pixel of a tile that a window wants, by looking at each.
std::int64_t last_wanted(const TileGrid& grid, const Tile& tile, const TileWindows& windows,
                         const std::set<std::int64_t>& chosen) {
  std::int64_t last = 0;
  for (std::int64_t pixel = 0; pixel < tile.pixels; ++pixel) {
    for (const auto window : chosen) {
      bool wanted = true;
      std::int64_t rest = pixel;
      for (int i = grid.naxis; i-- > 0;) {
        const auto n = static_cast<std::size_t>(i);
        const auto at = static_cast<__int128>(tile.start[i] + rest % tile.size[i]);
        rest /= tile.size[i];
        wanted = wanted && at >= windows.corner(window)[n] &&
                 at < static_cast<__int128>(windows.corner(window)[n]) + windows.size[n];
      }
      if (wanted) last = pixel + 1;
    }
  }
  return last;
}

void compare(const Lengths& shape, const Lengths& tile, const Lengths& size, const Lengths& corners) {
  const TileGrid grid = TileGrid::of(shape, tile);
  Lengths chosen(corners.size() / size.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = static_cast<std::int64_t>(chosen.size() - 1 - i);
  const Plan plan = by_sweep(grid, size, corners, chosen);
  CHECK(plan == by_definition(grid, size, corners, chosen));
  const TileWindows windows{size, corners};
  for (const auto& [number, touching] : plan) {
    const Lengths listed(touching.begin(), touching.end());
    const Tile box = grid.at(number);
    if (box.pixels > 10000) continue;  // too many to look at each
    CHECK_EQUAL(pixels_until_last(grid, box, windows, listed), last_wanted(grid, box, windows, touching));
  }
}

}  // namespace

TEST(random_windows_in_one_to_four_axes) {
  std::mt19937 random(1);
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(high - low + 1));
  };
  for (int round = 0; round < 400; ++round) {
    const auto naxis = static_cast<std::size_t>(pick(1, 4));
    Lengths shape, tile, size, corners;
    for (std::size_t i = 0; i < naxis; ++i) {
      shape.push_back(pick(1, naxis == 1 ? 60 : 9));
      tile.push_back(pick(1, 6));
      size.push_back(pick(1, 7));
    }
    const std::int64_t count = pick(0, 12);
    for (std::int64_t w = 0; w < count; ++w) {
      for (std::size_t i = 0; i < naxis; ++i) corners.push_back(pick(-8, shape[i] + 2));
    }
    compare(shape, tile, size, corners);
  }
}

TEST(row_tiles_and_one_tile) {
  compare({16, 9}, {1, 9}, {4, 3}, {0, 0, 0, 0, 15, 8, -3, -2, 7, 2, 7, 2});
  compare({16, 9}, {16, 9}, {4, 3}, {0, 0, 12, 6, 13, 7});
  compare({2, 16, 9}, {1, 1, 9}, {1, 4, 3}, {0, 0, 0, 1, 0, 0, 1, 3, 0, 0, 15, 1});
}

TEST(corners_of_any_number_do_not_overflow) {
  const Lengths shape{5, 7}, tile{2, 3};
  for (const std::int64_t far : {kFar, -kFar, -kFar - 1, kFar - 1, std::int64_t{1} << 62}) {
    compare(shape, tile, {3, 3}, {far, 0, 0, far, 1, 1, far, far});
    compare(shape, tile, {kFar, 3}, {0, 0, -1, 2, far, 0});
  }
  compare({kFar / 4}, {kFar / 8}, {10}, {0, kFar / 8 - 1, kFar / 4 - 1, kFar});
}

TEST(windows_without_pixels_touch_nothing) {
  compare({5, 7}, {2, 3}, {0, 3}, {0, 0, 1, 1});
  compare({5, 7}, {2, 3}, {1, 1}, {});
}

TEST(a_subset_takes_part) {
  const TileGrid grid = TileGrid::of(Lengths{4, 4}, Lengths{2, 2});
  const Lengths corners{0, 0, 2, 2, 0, 2, 1, 1};
  CHECK(by_sweep(grid, {1, 1}, corners, {3, 1}) == (Plan{{0, {3}}, {3, {1}}}));
  CHECK(by_sweep(grid, {1, 1}, corners, {}).empty());
}
