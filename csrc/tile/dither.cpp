#include "tile/dither.h"

#include "tile/dither_tables.h"

namespace fits {
namespace {

alignas(64) constexpr DitherTables kTables = make_dither_tables();
static_assert(kTables.last_seed == kLastSeed);
static_assert(kTables.randoms[0] == random_of(kFirstSeed));

}  // namespace

DitherTable dither_table() noexcept { return {kTables.randoms.data(), kTables.pixels_before.data()}; }

const double* dither_randoms() noexcept { return kTables.doubles.data(); }

}  // namespace fits
