// rice.h's decoders for AVX-512 (F, BW, DQ, VL): 16 lanes. Included with FITS_LEVEL and FITS_TARGET defined, by
// rice_avx512.cpp and by a test that runs it on machines without AVX-512.
#define FITS_LANES FITS_TARGET inline __attribute__((always_inline))

#include <cstddef>
#include <cstdint>

namespace fits::FITS_LEVEL {
namespace {

// As rice_avx2.cpp's; masks are vectors here, too, so that one source serves both.
struct Lanes {
  using V = __m512i;
  static constexpr int kLanes = 16;

  static FITS_LANES V set(std::uint32_t value) noexcept { return _mm512_set1_epi32(static_cast<int>(value)); }
  static FITS_LANES V load(const std::uint32_t* from) noexcept { return _mm512_load_si512(from); }
  static FITS_LANES void store(void* to, V a) noexcept { _mm512_store_si512(to, a); }
  static FITS_LANES void store_anywhere(void* to, V a) noexcept { _mm512_storeu_si512(to, a); }

  static FITS_LANES V add(V a, V b) noexcept { return _mm512_add_epi32(a, b); }
  static FITS_LANES V sub(V a, V b) noexcept { return _mm512_sub_epi32(a, b); }
  static FITS_LANES V band(V a, V b) noexcept { return _mm512_and_si512(a, b); }
  static FITS_LANES V bor(V a, V b) noexcept { return _mm512_or_si512(a, b); }
  static FITS_LANES V bxor(V a, V b) noexcept { return _mm512_xor_si512(a, b); }
  static FITS_LANES V andnot(V mask, V a) noexcept { return _mm512_andnot_si512(mask, a); }
  static FITS_LANES V select(V mask, V yes, V no) noexcept { return _mm512_ternarylogic_epi32(mask, yes, no, 0xca); }
  static FITS_LANES V min(V a, V b) noexcept { return _mm512_min_epu32(a, b); }
  static FITS_LANES V max(V a, V b) noexcept { return _mm512_max_epi32(a, b); }
  static FITS_LANES V equal(V a, V b) noexcept { return _mm512_movm_epi32(_mm512_cmpeq_epi32_mask(a, b)); }
  static FITS_LANES V greater(V a, V b) noexcept { return _mm512_movm_epi32(_mm512_cmpgt_epi32_mask(a, b)); }
  static FITS_LANES unsigned bits(V mask) noexcept { return _mm512_movepi32_mask(mask); }
  template <int kBits>
  static FITS_LANES V sll(V a) noexcept {
    return _mm512_slli_epi32(a, kBits);
  }
  template <int kBits>
  static FITS_LANES V srl(V a) noexcept {
    return _mm512_srli_epi32(a, kBits);
  }
  static FITS_LANES V sllv(V a, V bits) noexcept { return _mm512_sllv_epi32(a, bits); }
  static FITS_LANES V srlv(V a, V bits) noexcept { return _mm512_srlv_epi32(a, bits); }
  static FITS_LANES V to_float(V a) noexcept { return _mm512_castps_si512(_mm512_cvtepi32_ps(a)); }

  static FITS_LANES __m128i read_two(const std::byte* const* base, const std::uint32_t* at) noexcept {
    const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(base[0] + at[0]));
    const auto* high = reinterpret_cast<const __m64*>(base[1] + at[1]);
    return _mm_castps_si128(_mm_loadh_pi(_mm_castsi128_ps(low), high));
  }
  static FITS_LANES V read_eight(const std::byte* const* base, const std::uint32_t* at) noexcept {
    __m512i all = _mm512_castsi128_si512(read_two(base, at));
    all = _mm512_inserti32x4(all, read_two(base + 4, at + 4), 1);
    all = _mm512_inserti32x4(all, read_two(base + 8, at + 8), 2);
    return _mm512_inserti32x4(all, read_two(base + 12, at + 12), 3);
  }
  static FITS_LANES void read_words(const std::byte* const* base, const std::uint32_t* at, V& first,
                                    V& second) noexcept {
    const __m512 a = _mm512_castsi512_ps(read_eight(base, at));
    const __m512 b = _mm512_castsi512_ps(read_eight(base + 2, at + 2));
    const __m512i swap = _mm512_broadcast_i32x4(_mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
    first = _mm512_shuffle_epi8(_mm512_castps_si512(_mm512_shuffle_ps(a, b, 0x88)), swap);
    second = _mm512_shuffle_epi8(_mm512_castps_si512(_mm512_shuffle_ps(a, b, 0xdd)), swap);
  }

  static FITS_LANES V merge_halves(V a, V b) noexcept {
    return _mm512_mask_blend_epi16(0xaaaaaaaau, a, _mm512_slli_epi32(b, 16));
  }
  static FITS_LANES V merge_bytes(V a, V b) noexcept {
    return _mm512_mask_blend_epi8(0xaaaaaaaaaaaaaaaaull, a, _mm512_slli_epi16(b, 8));
  }
  static FITS_LANES void transpose(V (&r)[kLanes]) noexcept {
    V t[kLanes];
    for (int i = 0; i < 16; i += 2) {
      t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
      t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
      r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
      r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
      r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
      r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    // r[4 i + j] holds rows 4 i to 4 i + 3 of lanes j, j + 4, j + 8 and j + 12 in its quarters.
    for (int j = 0; j < 4; ++j) {
      const V low = _mm512_shuffle_i32x4(r[j], r[j + 4], 0x88);
      const V low_odd = _mm512_shuffle_i32x4(r[j], r[j + 4], 0xdd);
      const V high = _mm512_shuffle_i32x4(r[j + 8], r[j + 12], 0x88);
      const V high_odd = _mm512_shuffle_i32x4(r[j + 8], r[j + 12], 0xdd);
      t[j] = _mm512_shuffle_i32x4(low, high, 0x88);
      t[j + 8] = _mm512_shuffle_i32x4(low, high, 0xdd);
      t[j + 4] = _mm512_shuffle_i32x4(low_odd, high_odd, 0x88);
      t[j + 12] = _mm512_shuffle_i32x4(low_odd, high_odd, 0xdd);
    }
    for (int i = 0; i < 16; ++i) r[i] = t[i];
  }
};

}  // namespace
}  // namespace fits::FITS_LEVEL

#include "tile/rice_lockstep.inl"
