// rice.h's decoders for x86-64 with AVX-512: 16 lanes.
#if defined(__x86_64__)
// g++ 12 takes the undefined operands inside its own intrinsics for a mistake of ours (GCC bug 105593).
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#define FITS_LEVEL avx512
#define FITS_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,bmi,bmi2,lzcnt")))
#include "tile/rice_avx512.inl"
#endif
