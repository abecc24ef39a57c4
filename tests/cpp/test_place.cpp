// Where a tile's pixels go, against the definition pixel by pixel, for many grids and windows.
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "check.h"
#include "tile/place.h"

namespace {

using Lengths = std::vector<std::int64_t>;

std::int64_t product(const Lengths& lengths) {
  std::int64_t all = 1;
  for (const auto length : lengths) all *= length;
  return all;
}

fits::TileWindow window_of(const Lengths& start, const Lengths& size) {
  fits::TileWindow window;
  for (std::size_t i = 0; i < start.size(); ++i) window.start[i] = start[i], window.size[i] = size[i];
  return window;
}

// The window's pixels by their number in the image, counted from 1; 0 outside.
std::vector<std::int32_t> expected(const Lengths& shape, const Lengths& start, const Lengths& size) {
  std::vector<std::int32_t> pixels(static_cast<std::size_t>(product(size)), 0);
  for (std::size_t at = 0; at < pixels.size(); ++at) {
    auto left = static_cast<std::int64_t>(at);
    std::int64_t number = 0, stride = 1;
    bool inside = true;
    for (std::size_t i = shape.size(); i-- > 0;) {
      const std::int64_t index = start[i] + left % size[i];
      left /= size[i];
      inside = inside && index >= 0 && index < shape[i];
      number += index * stride;
      stride *= shape[i];
    }
    if (inside) pixels[at] = static_cast<std::int32_t>(number + 1);
  }
  return pixels;
}

// A tile's pixels by the same numbers, in the order of its stream.
std::vector<std::int32_t> pixels_of(const Lengths& shape, const fits::Tile& tile) {
  std::vector<std::int32_t> pixels(static_cast<std::size_t>(tile.pixels));
  for (std::size_t at = 0; at < pixels.size(); ++at) {
    auto left = static_cast<std::int64_t>(at);
    std::int64_t number = 0, stride = 1;
    for (std::size_t i = shape.size(); i-- > 0;) {
      number += (tile.start[i] + left % tile.size[i]) * stride;
      left /= tile.size[i];
      stride *= shape[i];
    }
    pixels[at] = static_cast<std::int32_t>(number + 1);
  }
  return pixels;
}

void check_window(const Lengths& shape, const Lengths& tile_shape, const Lengths& start, const Lengths& size,
                  std::int64_t strip) {
  const auto grid = fits::TileGrid::of(shape, tile_shape);
  const auto wanted = expected(shape, start, size);
  std::vector<std::int32_t> found(wanted.size(), 0);
  auto* const out = reinterpret_cast<std::byte*>(found.data());
  for (std::int64_t number = 0; number < grid.count(); ++number) {
    const fits::Tile tile = grid.at(number);
    const fits::TilePlace place(grid, tile, window_of(start, size), 4, out);
    const auto pixels = pixels_of(shape, tile);
    std::int64_t last = 0;
    for (std::int64_t first = 0; first < tile.pixels; first += strip) {
      const std::int64_t count = std::min(strip, tile.pixels - first);
      bool one_run = place.in_one_run(first, count);
      place.runs(first, count, [&](std::int64_t offset, std::int64_t length, std::byte* target) {
        CHECK(offset >= 0 && length > 0 && offset + length <= count);
        if (one_run) CHECK(offset == 0 && length == count && target == place.address(first));
        std::memcpy(target, pixels.data() + first + offset, static_cast<std::size_t>(length) * 4);
        last = first + offset + length;
        one_run = false;
      });
      CHECK(!one_run);
    }
    CHECK_EQUAL(place.needed(), last);
  }
  CHECK(found == wanted);
}

}  // namespace

TEST(windows_of_any_grid) {
  std::mt19937 random(7);
  const auto between = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  for (int i = 0; i < 4000; ++i) {
    const std::size_t naxis = static_cast<std::size_t>(between(1, 4));
    Lengths shape(naxis), tile(naxis), start(naxis), size(naxis);
    for (std::size_t axis = 0; axis < naxis; ++axis) {
      shape[axis] = between(1, naxis < 3 ? 12 : 5);
      tile[axis] = between(0, 2) == 0 ? shape[axis] : between(1, 6);
      const bool whole = between(0, 2) == 0;
      start[axis] = whole ? 0 : between(-4, shape[axis] + 2);
      size[axis] = whole ? shape[axis] : between(1, 9);
    }
    check_window(shape, tile, start, size, between(1, 9));
  }
}

TEST(whole_tiles_are_one_run) {
  std::vector<std::byte> out(4 * 64 * 64);
  const Lengths shape = {64, 64};
  const auto window = window_of({0, 0}, {64, 64});
  for (const Lengths& tile_shape : {Lengths{1, 64}, Lengths{16, 64}, Lengths{64, 64}}) {
    const auto grid = fits::TileGrid::of(shape, tile_shape);
    const fits::Tile tile = grid.at(grid.count() - 1);
    const fits::TilePlace place(grid, tile, window, 4, out.data());
    CHECK(place.in_one_run(0, tile.pixels));
    CHECK_EQUAL(place.address(0) - out.data(), 4 * 64 * tile.start[0]);
  }
}

TEST(windows_far_outside) {
  constexpr std::int64_t kFar = std::int64_t{1} << 62;
  std::vector<std::byte> out(4 * 16);
  const Lengths shape = {8, 8}, tile_shape = {4, 4};
  const auto grid = fits::TileGrid::of(shape, tile_shape);
  for (const std::int64_t far : {-2 * kFar, -kFar, kFar, 2 * (kFar - 1)}) {
    const fits::TilePlace place(grid, grid.at(3), window_of({0, far}, {4, 4}), 4, out.data());
    CHECK_EQUAL(place.needed(), 0);
  }
}
