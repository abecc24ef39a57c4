// The same loops written out for AVX2: compilers build the masks of select() with more moves than blends take. Included
// by dequantize_loops.inl where FITS_X86 is defined; they end in the common loop for the last few values and give the
// same bits. With ZBLANK, dither 1, in cache, one core of a Zen 3: to float 3.7 against 3.0 Gpixel/s of the common
// loop, to double 3.8 against 2.4.

template <Quantization kMethod>
FITS_TARGET inline __attribute__((always_inline)) __m256d four_physical(__m256d stored, const double* randoms,
                                                                        std::int64_t i, __m256d zscale,
                                                                        __m256d zzero) noexcept {
  if constexpr (is_dithered(kMethod)) {
    stored = _mm256_add_pd(_mm256_sub_pd(stored, _mm256_loadu_pd(randoms + i)), _mm256_set1_pd(0.5));
  }
  return _mm256_add_pd(_mm256_mul_pd(stored, zscale), zzero);
}

template <Quantization kMethod, bool kBlank>
FITS_TARGET void vector_loop(const std::int32_t* __restrict values, const double* __restrict randoms,
                             std::int64_t count, const TileScaling& tile, float* __restrict out) noexcept {
  const __m256d zscale = _mm256_set1_pd(tile.zscale);
  const __m256d zzero = _mm256_set1_pd(tile.zzero);
  const __m256 nan = _mm256_set1_ps(quiet_nan<float>());
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256i stored = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values + i));
    const __m256d low = _mm256_cvtepi32_pd(_mm256_castsi256_si128(stored));
    const __m256d high = _mm256_cvtepi32_pd(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values + i + 4)));
    __m256 result = _mm256_set_m128(_mm256_cvtpd_ps(four_physical<kMethod>(high, randoms, i + 4, zscale, zzero)),
                                    _mm256_cvtpd_ps(four_physical<kMethod>(low, randoms, i, zscale, zzero)));
    if constexpr (kMethod == Quantization::subtractive_dither_2) {
      const __m256i zero = _mm256_cmpeq_epi32(stored, _mm256_set1_epi32(kZeroPixel));
      result = _mm256_andnot_ps(_mm256_castsi256_ps(zero), result);
    }
    if constexpr (kBlank) {
      const __m256i blank = _mm256_cmpeq_epi32(stored, _mm256_set1_epi32(tile.zblank));
      result = _mm256_blendv_ps(result, nan, _mm256_castsi256_ps(blank));
    }
    _mm256_storeu_ps(out + i, result);
  }
  loop<kMethod, kBlank>(values + i, is_dithered(kMethod) ? randoms + i : nullptr, count - i, tile, out + i);
}

template <Quantization kMethod, bool kBlank>
FITS_TARGET void vector_loop(const std::int32_t* __restrict values, const double* __restrict randoms,
                             std::int64_t count, const TileScaling& tile, double* __restrict out) noexcept {
  const __m256d zscale = _mm256_set1_pd(tile.zscale);
  const __m256d zzero = _mm256_set1_pd(tile.zzero);
  const __m256d zblank = _mm256_set1_pd(static_cast<double>(tile.zblank));
  std::int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const __m256d stored = _mm256_cvtepi32_pd(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values + i)));
    __m256d result = four_physical<kMethod>(stored, randoms, i, zscale, zzero);
    if constexpr (kMethod == Quantization::subtractive_dither_2) {
      result = _mm256_andnot_pd(_mm256_cmp_pd(stored, _mm256_set1_pd(kZeroPixel), _CMP_EQ_OQ), result);
    }
    if constexpr (kBlank) {
      result = _mm256_blendv_pd(result, _mm256_set1_pd(quiet_nan<double>()), _mm256_cmp_pd(stored, zblank, _CMP_EQ_OQ));
    }
    _mm256_storeu_pd(out + i, result);
  }
  loop<kMethod, kBlank>(values + i, is_dithered(kMethod) ? randoms + i : nullptr, count - i, tile, out + i);
}
