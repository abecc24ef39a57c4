// evaluate.h's loops for x86-64 with AVX2 and FMA: eight points at a time, in two registers.
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
// Four chains of operations, one after the other in the formulas, in step: 5 to 10 %.
#pragma GCC optimize("schedule-insns", "sched-pressure")
#endif

#define FITS_LANES4
#include "wcs/chain.h"
#include "wcs/evaluate.h"
#include "wcs/pair.h"

#define FITS_LEVEL avx2
#define FITS_REAL Pair<Lanes4>
#include "wcs/evaluate_loops.inl"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
