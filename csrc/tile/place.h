// Where the pixels of one tile go: the part of it that a window wants, as runs of memory. For CPU and CUDA.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tile/grid.h"

namespace fits {

// The part of an image that is wanted, in tensor order: pixel `start` is element 0 of an array of `size`. It may reach
// outside the image on every side.
struct TileWindow {
  std::array<std::int64_t, kMostTileAxes> start{}, size{};
};

// Axes along which the window takes whole neighbouring lengths are made one, so that a whole row, or a whole tile in an
// array of its own, is one run.
class TilePlace {
 public:
  FITS_HOST_DEVICE TilePlace() noexcept {}  // of no pixel

  // `pixel_size` in bytes; `out` is the window's array.
  FITS_HOST_DEVICE TilePlace(const TileGrid& grid, const Tile& tile, const TileWindow& window, std::size_t pixel_size,
                             std::byte* out) noexcept
      : out_(out) {
    const auto pixel = static_cast<std::int64_t>(pixel_size);
    std::int64_t stride = pixel;
    for (int i = grid.naxis; i-- > 0;) {
      const auto n = static_cast<std::size_t>(i);
      // Sums would overflow where a window starts far outside; differences of what lies in the image do not.
      const std::int64_t end = tile.start[i] + tile.size[i];
      const std::int64_t first = tile.start[i] > window.start[n] ? tile.start[i] : window.start[n];
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

  // All of a tile of `pixels`, one after the other at `out`.
  FITS_HOST_DEVICE TilePlace(std::int64_t pixels, std::size_t pixel_size, std::byte* out) noexcept : out_(out) {
    add({pixels, 0, pixels, static_cast<std::int64_t>(pixel_size)});
    finish();
  }

  // Pixels of the tile up to and with the last one that is wanted; 0: none is.
  FITS_HOST_DEVICE std::int64_t needed() const noexcept { return needed_; }
  // Whether pixels [first, first + count) all go to one run of memory.
  bool in_one_run(std::int64_t first, std::int64_t count) const noexcept {
    return naxis_ == 1 && first >= axes_[0].first && first + count <= axes_[0].last;
  }
  // Of pixels that go to one run: where.
  std::byte* address(std::int64_t first) const noexcept { return out_ + (first - axes_[0].first) * axes_[0].stride; }

  // Where pixel `pixel`, in [0, needed()), goes; null where it is not wanted.
  FITS_HOST_DEVICE std::byte* at(std::int64_t pixel) const noexcept {
    std::byte* target = out_;
    for (int i = 0; i < naxis_; ++i) {
      const Axis& axis = axes_[static_cast<std::size_t>(i)];
      std::int64_t index = pixel;
      if (i + 1 < naxis_) {
        pixel = quotient(pixel, axis.size);
        index -= pixel * axis.size;
      }
      if (index < axis.first || index >= axis.last) return nullptr;
      target += (index - axis.first) * axis.stride;
    }
    return target;
  }

  // Calls run(offset, count, out) for each run among pixels [first, first + count): `offset` counts from `first`.
  template <class Take>
  void runs(std::int64_t first, std::int64_t count, const Take& take) const noexcept {
    if (in_one_run(first, count)) return take(std::int64_t{0}, count, address(first));
    const Axis& along = axes_[0];
    const std::int64_t end = first + count < needed_ ? first + count : needed_;
    for (std::int64_t at = first; at < end;) {
      const std::int64_t row = at / along.size;
      const std::int64_t begin = row * along.size;
      std::int64_t low = at - begin, high = end - begin < along.size ? end - begin : along.size;
      if (low < along.first) low = along.first;
      if (high > along.last) high = along.last;
      if (low < high) {
        if (std::byte* const target = row_address(row); target != nullptr) {
          take(begin + low - first, high - low, target + (low - along.first) * along.stride);
        }
      }
      at = begin + along.size;
    }
  }

 private:
  // Pixels [first, last) of `size` are wanted; `stride` bytes lie between neighbours.
  struct Axis {
    std::int64_t size, first, last, stride;
  };

  // Where row `row` (all axes but the innermost) begins in the window; null where it lies outside.
  std::byte* row_address(std::int64_t row) const noexcept {
    std::byte* target = out_;
    for (int i = 1; i < naxis_; ++i) {
      const Axis& axis = axes_[static_cast<std::size_t>(i)];
      const std::int64_t index = row % axis.size;
      row /= axis.size;
      if (index < axis.first || index >= axis.last) return nullptr;
      target += (index - axis.first) * axis.stride;
    }
    return target;
  }
  // 64-bit division takes a GPU some hundred instructions, and hardly a tile needs it.
  static FITS_HOST_DEVICE std::int64_t quotient(std::int64_t a, std::int64_t b) noexcept {
    if (((a | b) >> 32) != 0) return a / b;
    return static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b);
  }

  // The next axis outwards.
  FITS_HOST_DEVICE void add(Axis axis) noexcept {
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

  FITS_HOST_DEVICE void finish() noexcept {
    if (naxis_ == 0) add({1, 0, 1, 1});  // one pixel
    std::int64_t inner = 1;
    needed_ = 1;
    for (int i = 0; i < naxis_; ++i) {
      const Axis& axis = axes_[static_cast<std::size_t>(i)];
      needed_ += (axis.last - 1) * inner;
      inner *= axis.size;
    }
  }

  std::array<Axis, kMostTileAxes> axes_;  // fastest first
  int naxis_ = 0;
  std::int64_t needed_ = 0;
  std::byte* out_ = nullptr;  // of the first wanted pixel
};

}  // namespace fits
