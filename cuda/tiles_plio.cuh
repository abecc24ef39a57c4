// PLIO_1 on a GPU: one thread of a block reads a stretch of instructions and notes where their runs end, then all
// threads write the pixels, each looking up its run. The instructions are csrc/tile/plio.h's. Never yet run on a GPU.
#pragma once

#include "tile/plio.h"
#include "tiles_job.cuh"

namespace fits {

inline constexpr int kPlioRuns = 256;  // between two barriers

struct PlioShared {
  std::int64_t end[kPlioRuns];  // pixel behind the run, from the tile's first on
  std::int32_t before[kPlioRuns], last[kPlioRuns];
  int runs;
  std::int64_t first;  // pixel
  // Where the reader stands.
  PlioExtent list;
  std::int64_t pixel, value;
  bool lost;  // a value that the tile's type cannot hold
  bool done;
  TileError error;
};

// The next stretch of runs; `type` is that of the tile's values.
FITS_HOST_DEVICE void read_plio_runs(const TileJob& job, Pixel type, PlioShared& shared) noexcept {
  shared.runs = 0;
  shared.first = shared.pixel;
  while (shared.runs < kPlioRuns && shared.list.first < shared.list.end) {
    const std::uint16_t word = plio_word(job.stream, shared.list.first++);
    if (plio_code(word) >= kPlioCodes) {
      shared.error = TileError::bad_code;
      return;
    }
    if (plio_code(word) == static_cast<unsigned>(PlioCode::set_high)) {
      if (shared.list.first == shared.list.end) {
        shared.error = TileError::short_input;
        return;
      }
      shared.value = plio_high(word, plio_word(job.stream, shared.list.first++));
      continue;
    }
    const PlioStep step = plio_step(word);
    shared.value += step.change;
    if (step.marked && !holds(type, shared.value)) shared.lost = true;
    if (step.length > job.pixels - shared.pixel) {
      shared.error = TileError::overrun;
      return;
    }
    if (step.length == 0) continue;
    shared.pixel += step.length;
    const int run = shared.runs++;
    shared.end[run] = shared.pixel;
    shared.before[run] = step.filled ? static_cast<std::int32_t>(shared.value) : 0;
    shared.last[run] = step.marked ? static_cast<std::int32_t>(shared.value) : 0;
  }
  if (shared.list.first < shared.list.end) return;
  shared.done = true;
  if (shared.lost) shared.error = TileError::bad_code;
}

template <class Team>
FITS_KERNEL_BODY TileError decode_plio_tile(const Team& team, const TilePlan& plan, const TileJob& job,
                                            PlioShared& shared) {
  const bool physical = plan.stored == Pixel::i16 && plan.image.physical_plio;
  const Pixel type = plan.stored == Pixel::u8    ? Pixel::u8
                     : physical                  ? Pixel::u16
                     : plan.stored == Pixel::i16 ? Pixel::i16
                                                 : Pixel::i32;
  team.once([&] {
    shared.pixel = 0;
    shared.value = 1;
    shared.lost = shared.done = false;
    shared.error = plio_extent(job.stream, job.size / 2, shared.list);
  });
  const auto put = [&](std::int64_t pixel, std::int32_t value) {
    if (physical) value = static_cast<std::int16_t>(value ^ 0x8000);
    put_any(plan, job, pixel, Pixel::i32, reinterpret_cast<const std::byte*>(&value));
  };
  while (shared.error == TileError::ok && !shared.done) {
    team.once([] {});  // all have seen the above
    team.once([&] { read_plio_runs(job, type, shared); });
    if (shared.error != TileError::ok) break;
    const std::int64_t end = shared.pixel < job.needed ? shared.pixel : job.needed;
    team.each(end - shared.first, [&](std::int64_t i) {
      const std::int64_t pixel = shared.first + i;
      int low = 0, high = shared.runs - 1;  // the first run that ends behind the pixel
      while (low < high) {
        const int middle = (low + high) / 2;
        if (shared.end[middle] > pixel) {
          high = middle;
        } else {
          low = middle + 1;
        }
      }
      put(pixel, pixel + 1 == shared.end[low] ? shared.last[low] : shared.before[low]);
    });
  }
  const TileError error = shared.error;
  const std::int64_t rest = shared.pixel;
  team.once([] {});
  if (error == TileError::ok) team.each(job.needed - rest, [&](std::int64_t i) { put(rest + i, 0); });
  return error;
}

}  // namespace fits
