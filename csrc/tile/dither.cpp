#include "tile/dither.h"

#include <array>

namespace fits {
namespace {

struct Tables {
  std::array<float, kRandoms> randoms{};
  std::array<double, kRandoms> doubles{};
  std::array<std::int32_t, kRandoms + 1> pixels_before{};
  std::int32_t last_seed = 0;
};

constexpr Tables make_tables() noexcept {
  Tables tables;
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

alignas(64) constexpr Tables kTables = make_tables();
static_assert(kTables.last_seed == kLastSeed);
static_assert(kTables.randoms[0] == random_of(kFirstSeed));

}  // namespace

DitherTable dither_table() noexcept { return {kTables.randoms.data(), kTables.pixels_before.data()}; }

const double* dither_randoms() noexcept { return kTables.doubles.data(); }

}  // namespace fits
