// The random numbers of subtractive dithering, and which of them a pixel takes. FITS Standard 4.0, section 10.2 and
// appendix I; Park & Miller, CACM 31 (1988) 1192; Pence et al., PASP 122 (2010) 1065. Formulas are shared with CUDA.
//
// Tile number t (from 0) starts a sequence at place int(500 * random[s]) of the table, s = (t + ZDITHER0 - 1) mod
// 10000, and takes a number per pixel, undefined pixels and exact zeros included. At the end of the table the next
// sequence starts, s + 1, again mod 10000.
//
// That is what CFITSIO computes (imcompress.c, unquantize_*, which count rows and seeds from 1 and take 1 off); tests
// compare with what it reads.
#pragma once

#include <cstdint>

#include "format/pixel.h"

namespace fits {

inline constexpr std::int32_t kRandoms = 10000;
inline constexpr std::int32_t kFirstSeed = 16807;      // that of random 0
inline constexpr std::int32_t kLastSeed = 1043618065;  // that of random 9999: the Standard's check of a generator

// 16807^(n+1) mod 2^31 - 1, one from the other.
FITS_HOST_DEVICE constexpr std::int32_t next_seed(std::int32_t seed) noexcept {
  return static_cast<std::int32_t>(std::int64_t{16807} * seed % 2147483647);
}

// Rounded to float, as CFITSIO keeps the numbers: results depend on it.
FITS_HOST_DEVICE constexpr float random_of(std::int32_t seed) noexcept {
  return static_cast<float>(static_cast<double>(seed) / 2147483647.0);
}

FITS_HOST_DEVICE constexpr std::int32_t sequence_start(float random) noexcept {
  return static_cast<std::int32_t>(random * 500.0F);
}

// The tables, on one device. They are made at compile time; a device gets copies of them.
struct DitherTable {
  const float* randoms = nullptr;               // kRandoms
  const std::int32_t* pixels_before = nullptr;  // kRandoms + 1: how many pixels the sequences before this one serve
};

DitherTable dither_table() noexcept;
const double* dither_randoms() noexcept;  // the same floats as doubles: saves the loops a conversion

// The number that the next pixel takes.
struct DitherPlace {
  std::int32_t sequence = 0;  // [0, kRandoms)
  std::int32_t next = 0;      // index into randoms, [0, kRandoms)
};

FITS_HOST_DEVICE DitherPlace start_of(const DitherTable& table, std::int32_t sequence) noexcept {
  return {sequence, sequence_start(table.randoms[sequence])};
}

// Any zdither0 is taken mod 10000. The Standard allows 1 to 10000; below 1 CFITSIO reads outside its table.
FITS_HOST_DEVICE DitherPlace first_place(const DitherTable& table, std::int64_t zdither0,
                                         std::int64_t tile_number) noexcept {
  const std::int64_t sum = tile_number % kRandoms + zdither0 % kRandoms + 2 * kRandoms - 1;
  return start_of(table, static_cast<std::int32_t>(sum % kRandoms));
}

// The place `pixels` further on (at least 0), without walking there: for windows that begin inside a tile, and for
// threads that share one.
FITS_HOST_DEVICE DitherPlace place_after(const DitherTable& table, DitherPlace from, std::int64_t pixels) noexcept {
  const std::int32_t all = table.pixels_before[kRandoms];
  const std::int64_t used = from.next - start_of(table, from.sequence).next;
  const auto target = static_cast<std::int32_t>((table.pixels_before[from.sequence] + used + pixels % all) % all);
  std::int32_t low = 0;  // pixels_before[low] <= target < pixels_before[high]
  std::int32_t high = kRandoms;
  while (high - low > 1) {
    const std::int32_t middle = (low + high) / 2;
    if (table.pixels_before[middle] <= target) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return {low, start_of(table, low).next + target - table.pixels_before[low]};
}

// The pixels of one tile in their order, on the host: hands out the numbers they take.
class DitherRun {
 public:
  DitherRun() noexcept = default;
  DitherRun(std::int64_t zdither0, std::int64_t tile_number) noexcept
      : place_(first_place(dither_table(), zdither0, tile_number)) {}

  // take(first, count, randoms) for the next `count` pixels, in pieces whose numbers lie side by side.
  template <class Take>
  void operator()(std::int64_t count, Take take) noexcept {
    for (std::int64_t first = 0; first < count;) {
      const std::int64_t left = kRandoms - place_.next;
      const std::int64_t piece = count - first < left ? count - first : left;
      take(first, piece, dither_randoms() + place_.next);
      first += piece;
      place_.next += static_cast<std::int32_t>(piece);
      if (place_.next == kRandoms) place_ = start_of(dither_table(), (place_.sequence + 1) % kRandoms);
    }
  }

  void skip(std::int64_t count) noexcept { place_ = place_after(dither_table(), place_, count); }

 private:
  DitherPlace place_;
};

}  // namespace fits
