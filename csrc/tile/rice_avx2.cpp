// rice.h's decoders for x86-64 with AVX2 (and BMI and LZCNT, which all of these have): 8 lanes.
#if defined(__x86_64__)
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define FITS_LEVEL avx2
#define FITS_TARGET __attribute__((target("avx2,bmi,bmi2,lzcnt")))
#define FITS_LANES FITS_TARGET inline __attribute__((always_inline))

namespace fits::avx2 {
namespace {

// Vectors of one 32-bit unsigned number per lane. Comparisons are signed, shifts by 32 or more give 0; of 8 bytes or
// more may be read at each address.
struct Lanes {
  using V = __m256i;
  static constexpr int kLanes = 8;

  static FITS_LANES V set(std::uint32_t value) noexcept { return _mm256_set1_epi32(static_cast<int>(value)); }
  static FITS_LANES V load(const std::uint32_t* from) noexcept {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
  }
  static FITS_LANES void store(void* to, V a) noexcept { _mm256_store_si256(static_cast<__m256i*>(to), a); }
  static FITS_LANES void store_anywhere(void* to, V a) noexcept { _mm256_storeu_si256(static_cast<__m256i*>(to), a); }

  static FITS_LANES V add(V a, V b) noexcept { return _mm256_add_epi32(a, b); }
  static FITS_LANES V sub(V a, V b) noexcept { return _mm256_sub_epi32(a, b); }
  static FITS_LANES V band(V a, V b) noexcept { return _mm256_and_si256(a, b); }
  static FITS_LANES V bor(V a, V b) noexcept { return _mm256_or_si256(a, b); }
  static FITS_LANES V bxor(V a, V b) noexcept { return _mm256_xor_si256(a, b); }
  static FITS_LANES V andnot(V mask, V a) noexcept { return _mm256_andnot_si256(mask, a); }
  static FITS_LANES V select(V mask, V yes, V no) noexcept { return _mm256_blendv_epi8(no, yes, mask); }
  static FITS_LANES V min(V a, V b) noexcept { return _mm256_min_epu32(a, b); }
  static FITS_LANES V max(V a, V b) noexcept { return _mm256_max_epi32(a, b); }
  static FITS_LANES V equal(V a, V b) noexcept { return _mm256_cmpeq_epi32(a, b); }
  static FITS_LANES V greater(V a, V b) noexcept { return _mm256_cmpgt_epi32(a, b); }
  static FITS_LANES unsigned bits(V mask) noexcept {
    return static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(mask)));
  }
  template <int kBits>
  static FITS_LANES V sll(V a) noexcept {
    return _mm256_slli_epi32(a, kBits);
  }
  template <int kBits>
  static FITS_LANES V srl(V a) noexcept {
    return _mm256_srli_epi32(a, kBits);
  }
  static FITS_LANES V sllv(V a, V bits) noexcept { return _mm256_sllv_epi32(a, bits); }
  static FITS_LANES V srlv(V a, V bits) noexcept { return _mm256_srlv_epi32(a, bits); }
  // The bits of the float that equals a, 0 <= a < 2^24.
  static FITS_LANES V to_float(V a) noexcept { return _mm256_castps_si256(_mm256_cvtepi32_ps(a)); }

  static FITS_LANES __m128i read_two(const std::byte* first, const std::byte* second) noexcept {
    const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(first));
    return _mm_castps_si128(_mm_loadh_pi(_mm_castsi128_ps(low), reinterpret_cast<const __m64*>(second)));
  }
  // The big-endian words at base + at, and those after them. By scalar loads: a lane's base is a 64-bit address, and a
  // gather (not measured here) would need two of four lanes each.
  static FITS_LANES void read_words(const std::byte* const* base, const std::uint32_t* at, V& first,
                                    V& second) noexcept {
    const __m128i a = read_two(base[0] + at[0], base[1] + at[1]);
    const __m128i b = read_two(base[2] + at[2], base[3] + at[3]);
    const __m128i c = read_two(base[4] + at[4], base[5] + at[5]);
    const __m128i d = read_two(base[6] + at[6], base[7] + at[7]);
    const __m256 ac = _mm256_castsi256_ps(_mm256_set_m128i(c, a));
    const __m256 bd = _mm256_castsi256_ps(_mm256_set_m128i(d, b));
    const __m256i swap =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
    first = _mm256_shuffle_epi8(_mm256_castps_si256(_mm256_shuffle_ps(ac, bd, 0x88)), swap);
    second = _mm256_shuffle_epi8(_mm256_castps_si256(_mm256_shuffle_ps(ac, bd, 0xdd)), swap);
  }

  // The low 16 bits of each: a's below b's. The low bytes of each 16 bits: a's below b's.
  static FITS_LANES V merge_halves(V a, V b) noexcept { return _mm256_blend_epi16(a, _mm256_slli_epi32(b, 16), 0xaa); }
  static FITS_LANES V merge_bytes(V a, V b) noexcept {
    return _mm256_blendv_epi8(a, _mm256_slli_epi16(b, 8), _mm256_set1_epi16(static_cast<short>(0xff00)));
  }
  static FITS_LANES void transpose(V (&r)[kLanes]) noexcept {
    V t[kLanes];
    for (int i = 0; i < 8; i += 2) {
      t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
      t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
      r[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
      r[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
      r[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
      r[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; ++i) {
      t[i] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x20);
      t[i + 4] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x31);
    }
    for (int i = 0; i < 8; ++i) r[i] = t[i];
  }
};

}  // namespace
}  // namespace fits::avx2

#include "tile/rice_lockstep.inl"
#endif
