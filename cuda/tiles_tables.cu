#include "tile/dither_tables.h"
#include "tiles_tables.cuh"

namespace fits {
namespace {

struct Tables {
  std::array<float, kRandoms> randoms{};
  std::array<std::int32_t, kRandoms + 1> pixels_before{};
};

constexpr Tables make_tables() noexcept {
  const DitherTables tables = make_dither_tables();
  return {tables.randoms, tables.pixels_before};
}

__device__ const Tables kTables = make_tables();

}  // namespace

cudaError_t device_dither_table(DitherTable& table) {
  void* address = nullptr;
  const cudaError_t error = cudaGetSymbolAddress(&address, kTables);
  const auto* const randoms = static_cast<const float*>(address);
  table = {randoms, reinterpret_cast<const std::int32_t*>(randoms + kRandoms)};
  return error;
}

}  // namespace fits
