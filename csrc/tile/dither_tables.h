// The tables of dither.h, made at compile time: for the host in dither.cpp, for CUDA devices in cuda/tiles_tables.cu.
#pragma once

#include <array>

#include "tile/dither.h"

namespace fits {

struct DitherTables {
  std::array<float, kRandoms> randoms{};
  std::array<double, kRandoms> doubles{};
  std::array<std::int32_t, kRandoms + 1> pixels_before{};
  std::int32_t last_seed = 0;
};

constexpr DitherTables make_dither_tables() noexcept {
  DitherTables tables;
  std::int32_t seed = 1;
  for (std::int32_t i = 0; i < kRandoms; ++i) {
    seed = next_seed(seed);
    tables.randoms[i] = random_of(seed);
    tables.doubles[i] = tables.randoms[i];
    tables.pixels_before[i + 1] = tables.pixels_before[i] + kRandoms - sequence_start(tables.randoms[i]);
  }
  tables.last_seed = seed;
  return tables;
}

}  // namespace fits
