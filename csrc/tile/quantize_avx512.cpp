// The loops of dequantize.h and quantize.h for x86-64 with AVX-512 (F, BW, DQ and VL, as convert_avx512.cpp).
#if defined(__x86_64__)
#define FITS_LEVEL avx512
#if defined(__clang__)
#define FITS_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#else
#define FITS_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")))
#endif
#include "tile/dequantize_loops.inl"
#include "tile/quantize_loops.inl"
#endif
