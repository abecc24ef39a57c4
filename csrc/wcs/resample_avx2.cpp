// resample.h's loops for x86-64 with AVX2 and FMA.
#if defined(__x86_64__)
// The standard library first: what follows the pragma is compiled for this target, and none of it may be shared.
#include <immintrin.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

#define FITS_LANES4
#include "wcs/lanes.h"
#include "wcs/resample.h"

#define FITS_LEVEL avx2
#include "wcs/resample_loops.inl"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
