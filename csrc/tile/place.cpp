#include "tile/place.h"

#include <algorithm>

namespace fits {

TilePlace::TilePlace(const TileGrid& grid, const Tile& tile, const TileWindow& window, std::size_t pixel_size,
                     std::byte* out) noexcept
    : out_(out) {
  const auto pixel = static_cast<std::int64_t>(pixel_size);
  std::int64_t stride = pixel;
  for (int i = grid.naxis; i-- > 0;) {
    const auto n = static_cast<std::size_t>(i);
    // Sums would overflow where a window starts far outside; differences of what lies in the image do not.
    const std::int64_t end = tile.start[i] + tile.size[i];
    const std::int64_t first = std::max(tile.start[i], window.start[n]);
    const std::int64_t last = window.start[n] > end - window.size[n] ? end : window.start[n] + window.size[n];
    if (first >= last) {
      naxis_ = 0;
      return;
    }
    out_ += (first - window.start[n]) * stride;
    if (tile.size[i] > 1) {
      if (naxis_ == 0 && stride != pixel) add({1, 0, 1, pixel});  // runs are made of neighbours: here of one pixel
      add({tile.size[i], first - tile.start[i], last - tile.start[i], stride});
    }
    stride *= window.size[n];
  }
  finish();
}

TilePlace::TilePlace(std::int64_t pixels, std::size_t pixel_size, std::byte* out) noexcept : out_(out) {
  add({pixels, 0, pixels, static_cast<std::int64_t>(pixel_size)});
  finish();
}

// The next axis outwards.
void TilePlace::add(Axis axis) noexcept {
  if (naxis_ > 0) {
    Axis& inner = axes_[static_cast<std::size_t>(naxis_ - 1)];
    const bool whole = inner.first == 0 && inner.last == inner.size;
    if (whole && axis.stride == inner.size * inner.stride) {
      inner = {axis.size * inner.size, axis.first * inner.size, axis.last * inner.size, inner.stride};
      return;
    }
  }
  axes_[static_cast<std::size_t>(naxis_++)] = axis;
}

void TilePlace::finish() noexcept {
  if (naxis_ == 0) add({1, 0, 1, 1});  // one pixel
  std::int64_t inner = 1;
  needed_ = 1;
  for (int i = 0; i < naxis_; ++i) {
    const Axis& axis = axes_[static_cast<std::size_t>(i)];
    needed_ += (axis.last - 1) * inner;
    inner *= axis.size;
  }
}

}  // namespace fits
