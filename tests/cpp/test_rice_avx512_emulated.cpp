// The AVX-512 Rice decoder on machines without AVX-512: the same source, its instructions played by SIMDe.
#if defined(__x86_64__) && __has_include(<simde/x86/avx512.h>)
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

#include <cstdint>

#if !defined(_mm512_cvtepi32_ps)  // SIMDe 0.7.4 and older have none
static simde__m512 emulated_cvtepi32_ps(simde__m512i a) {
  alignas(64) std::int32_t integers[16];
  alignas(64) float floats[16];
  simde_mm512_store_si512(integers, a);
  for (int i = 0; i < 16; ++i) floats[i] = static_cast<float>(integers[i]);
  return simde_mm512_load_ps(floats);
}
#define _mm512_cvtepi32_ps(a) emulated_cvtepi32_ps(a)
#endif

#define FITS_LEVEL emulated
#define FITS_TARGET
#include "tile/rice_avx512.inl"
#define FITS_TESTED
#endif

#include "test_rice_lockstep.h"

namespace {

#if defined(FITS_TESTED)
void decode(std::span<const fits::Bytes> streams, fits::RiceParameters parameters, std::int64_t count,
            const fits::RiceSink& sink, std::span<fits::TileError> errors) {
  fits::emulated::rice_decoders(parameters.bytepix).tiles(streams, parameters.blocksize, count, sink, errors);
}

TEST(sixteen_lanes_of_bytes_are_tile_by_tile) {
  rice_cases::check_lockstep<1>(&decode, 150);
  rice_cases::check_cuts<1>(&decode, 100);
}
TEST(sixteen_lanes_of_shorts_are_tile_by_tile) {
  rice_cases::check_lockstep<2>(&decode, 150);
  rice_cases::check_cuts<2>(&decode, 100);
}
TEST(sixteen_lanes_of_ints_are_tile_by_tile) {
  rice_cases::check_lockstep<4>(&decode, 150);
  rice_cases::check_cuts<4>(&decode, 100);
}
#else
TEST(simde_is_not_installed) { std::puts("the AVX-512 decoder is not run here: libsimde-dev is not installed"); }
#endif

}  // namespace
