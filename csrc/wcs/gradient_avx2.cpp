// gradient.h's loop for x86-64 with AVX2 and FMA.
#if defined(__x86_64__)
// The standard library first: what follows the pragma is compiled for this target, and none of it may be shared.
#include <immintrin.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

#define FITS_LANES4
#include "wcs/chain.h"
#include "wcs/dual.h"
#include "wcs/gradient.h"
#include "wcs/reverse.h"

#define FITS_LEVEL avx2
#define FITS_REAL Lanes4
#define FITS_SLOT double
#include "wcs/gradient_first.inl"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
