// convert.h's loops for x86-64 with AVX-512 (F, BW, DQ and VL: every such machine but the first Xeon Phi).
#if defined(__x86_64__)
#include <immintrin.h>

#define FITS_X86
#define FITS_LEVEL avx512
#if defined(__clang__)
#define FITS_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,f16c")))
#else
#define FITS_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,f16c,prefer-vector-width=512")))
#endif
#include "format/convert_loops.inl"
#endif
