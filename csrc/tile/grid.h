// How an image is cut into tiles: FITS Standard 4.0, section 10.1.1. Tile 0 holds the first pixel, tiles are counted
// along NAXIS1 first, and those at the far end of an axis are cut off there. Here all lengths are in tensor order.
#pragma once

#include <cstdint>
#include <span>

#include "format/pixel.h"

namespace fits {

inline constexpr int kMostTileAxes = 16;  // of images with more, the leading axes of length 1 can be left out

// One tile: where its first pixel lies in the image, and its lengths.
struct Tile {
  std::int64_t start[kMostTileAxes],
      size[kMostTileAxes];  // of the grid's axes; zeroing the others would cost more than these
  std::int64_t pixels = 0;
};

// Trivially copyable, so that a kernel can take it by value.
struct TileGrid {
  int naxis = 0;
  std::array<std::int64_t, kMostTileAxes> shape{}, tile_shape{},
      tiles{};  // of the image, of a whole tile, their number

  // Lengths must be positive, tile lengths at least 1; both of one rank of at most kMostTileAxes.
  static TileGrid of(std::span<const std::int64_t> shape, std::span<const std::int64_t> tile_shape) noexcept {
    TileGrid grid;
    grid.naxis = static_cast<int>(shape.size());
    for (int i = 0; i < grid.naxis; ++i) {
      grid.shape[i] = shape[i];
      grid.tile_shape[i] = tile_shape[i] < shape[i] ? tile_shape[i] : shape[i];
      grid.tiles[i] = (shape[i] + grid.tile_shape[i] - 1) / grid.tile_shape[i];
    }
    return grid;
  }

  FITS_HOST_DEVICE std::int64_t count() const noexcept {
    std::int64_t all = 1;
    for (int i = 0; i < naxis; ++i) all *= tiles[i];
    return all;
  }

  // Pixels of a tile that no edge cuts.
  FITS_HOST_DEVICE std::int64_t tile_pixels() const noexcept {
    std::int64_t all = 1;
    for (int i = 0; i < naxis; ++i) all *= tile_shape[i];
    return all;
  }

  // Tile `number`, in [0, count()).
  FITS_HOST_DEVICE Tile at(std::int64_t number) const noexcept {
    Tile tile;
    tile.pixels = 1;
    for (int i = naxis - 1; i >= 0; --i) {
      tile.start[i] = number % tiles[i] * tile_shape[i];
      number /= tiles[i];
      const std::int64_t left = shape[i] - tile.start[i];
      tile.size[i] = left < tile_shape[i] ? left : tile_shape[i];
      tile.pixels *= tile.size[i];
    }
    return tile;
  }
};

}  // namespace fits
