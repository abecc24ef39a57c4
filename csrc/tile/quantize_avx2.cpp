// The loops of dequantize.h and quantize.h for x86-64 with AVX2.
#if defined(__x86_64__)
#include <immintrin.h>

#define FITS_X86
#define FITS_LEVEL avx2
#define FITS_TARGET __attribute__((target("avx2")))
#include "tile/dequantize_loops.inl"
#include "tile/quantize_loops.inl"
#endif
