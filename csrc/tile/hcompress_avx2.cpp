// hcompress.h's decoder for x86-64 with AVX2, where BMI2's pdep and pext are slow.
#if defined(__x86_64__)
#include <immintrin.h>

#define FITS_LEVEL avx2
#define FITS_TARGET __attribute__((target("avx2,bmi,bmi2,popcnt")))
#define FITS_AVX2
#include "tile/hcompress_decode.inl"
#endif
