// pixel_to_pixel.h's loop for x86-64 with AVX2 and FMA: eight points at a time, in two registers.
#if defined(__x86_64__)
// The standard library first: what follows the pragma is compiled for this target, and none of it may be shared.
#include <immintrin.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

#define FITS_LANES4
#include "wcs/bridge.h"
#include "wcs/pair.h"
#include "wcs/pixel_to_pixel.h"

#define FITS_LEVEL avx2
#define FITS_REAL Pair<Lanes4>
#include "wcs/pixel_to_pixel_loops.inl"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
