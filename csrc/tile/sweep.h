// Which tiles of an image many windows of one size need: tile by tile, each once, with the windows that touch it.
//
// The plan behind read_cutouts of compressed images (FITS Standard 4.0, section 10): a tile is decoded once, however
// many windows want a part of it. Nothing is listed beforehand, since tiles times windows may be more than memory
// holds: what is kept is for each axis the windows that touch the current tiles of the axes outside it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "format/window.h"
#include "tile/grid.h"

namespace fits {

// Windows of one size on one image; corners are [windows, naxis], in tensor order, and may be any numbers.
struct TileWindows {
  std::span<const std::int64_t> size, corners;
  std::size_t count() const noexcept { return corners.size() / size.size(); }
  std::span<const std::int64_t> corner(std::int64_t window) const noexcept {
    return corners.subspan(static_cast<std::size_t>(window) * size.size(), size.size());
  }
};

class TileSweep {
 public:
  // `chosen`: the windows that take part. What `windows` points to must outlive the sweep.
  TileSweep(const TileGrid& grid, const TileWindows& windows, std::span<const std::int64_t> chosen);

  struct Touched {
    std::int64_t tile = 0;
    std::span<const std::int64_t> windows;  // until the next call
  };
  // The next tile that a window touches, by rising number; false after the last one.
  bool next(Touched& touched);

 private:
  // One axis along which there is more than one tile. Since all windows have one length, those that touch a tile are
  // neighbours in the order of where they begin: [low, high) of `windows`.
  struct Level {
    std::size_t axis;
    std::int64_t stride;  // from one tile's number to that of the next along the axis
    std::vector<std::int64_t> windows;
    std::size_t low = 0, high = 0;
    std::int64_t tile = 0;
  };

  std::int64_t first_tile(std::int64_t window, std::size_t axis) const noexcept;
  std::int64_t last_tile(std::int64_t window, std::size_t axis) const noexcept;
  void enter(Level& level, std::span<const std::int64_t> windows);
  bool advance(Level& level) noexcept;

  TileGrid grid_;
  TileWindows windows_;
  std::vector<std::int64_t> all_;  // that share a pixel with the image
  std::vector<Level> levels_;      // slowest first
  bool started_ = false, done_ = false;
};

// How many of a tile's pixels, from its first on, must be decoded for these windows, which all touch it.
std::int64_t pixels_until_last(const TileGrid& grid, const Tile& tile, const TileWindows& windows,
                               std::span<const std::int64_t> chosen) noexcept;

}  // namespace fits
