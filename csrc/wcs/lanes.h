// Numbers that the formulas of this folder are written in: one double, or several side by side in a SIMD register.
//
// Each formula is a template over `Real`, compiled once for double (any machine, and CUDA) and once for each kind of
// lanes. Contraction is off in the build: a product is fused with a sum where fma() says so and nowhere else, and every
// operation here is exact or correctly rounded, so that all of them give the same bits.
#pragma once

#include <cstdint>

#include "format/pixel.h"

// Masks of one number are bool; & and | of them are meant, since masks of lanes have no others.
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wbitwise-instead-of-logical"
#endif

// A file that is compiled for AVX2 and FMA defines FITS_LANES4 (not __AVX2__: clang's target attribute does not).
#if defined(FITS_LANES4)
#include <immintrin.h>
#endif

namespace fits::wcs {

// ---- one number

FITS_HOST_DEVICE double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
FITS_HOST_DEVICE double sqrt(double a) { return __builtin_sqrt(a); }
FITS_HOST_DEVICE double abs(double a) { return __builtin_fabs(a); }
FITS_HOST_DEVICE double floor(double a) { return __builtin_floor(a); }
FITS_HOST_DEVICE double round(double a) { return __builtin_rint(a); }      // ties to even
FITS_HOST_DEVICE float narrow(double a) { return static_cast<float>(a); }  // the nearest float32
FITS_HOST_DEVICE double widen(float a) { return static_cast<double>(a); }
FITS_HOST_DEVICE double copysign(double a, double sign) { return __builtin_copysign(a, sign); }
FITS_HOST_DEVICE double with_sign_of(double a, double b) { return __builtin_copysign(a, b); }  // a not negative
FITS_HOST_DEVICE double select(bool mask, double a, double b) { return mask ? a : b; }
FITS_HOST_DEVICE double only(bool mask, double a) { return mask ? a : 0.0; }
FITS_HOST_DEVICE double unless(bool mask, double a) { return mask ? 0.0 : a; }
FITS_HOST_DEVICE bool are_numbers(double a, double b) { return a == a && b == b; }
// NaN where the mask is true, else a.
FITS_HOST_DEVICE double nan_where(bool mask, double a) {
  return mask ? __builtin_bit_cast(double, ~std::uint64_t{0}) : a;
}
// Signs as numbers, 0.0 or -0.0: that of a; that which bit kBit of an integer says, of held() below; a with its own
// changed where `sign` is negative; a where `sign` is negative, else b.
FITS_HOST_DEVICE double sign_of(double a) { return __builtin_copysign(0.0, a); }
template <int kBit>
FITS_HOST_DEVICE double sign_of_bit(double held) {
  return __builtin_bit_cast(double, __builtin_bit_cast(std::uint64_t, held) >> kBit << 63);
}
FITS_HOST_DEVICE double flip(double a, double sign) {
  return __builtin_bit_cast(double, __builtin_bit_cast(std::uint64_t, a) ^ __builtin_bit_cast(std::uint64_t, sign));
}
FITS_HOST_DEVICE double select_negative(double sign, double a, double b) {
  return __builtin_bit_cast(std::uint64_t, sign) >> 63 != 0 ? a : b;
}
FITS_HOST_DEVICE bool any(bool mask) { return mask; }
FITS_HOST_DEVICE bool all(bool mask) { return mask; }
// Bit i: lane i, of `kWidth` lanes.
template <int kWidth>
FITS_HOST_DEVICE unsigned bits(bool mask) {
  return mask ? 1 : 0;
}
FITS_HOST_DEVICE void store(double* to, double a) { *to = a; }
// The smaller and the larger of two; where one of them is NaN, the second.
FITS_HOST_DEVICE double min(double a, double b) { return a < b ? a : b; }
FITS_HOST_DEVICE double max(double a, double b) { return a > b ? a : b; }
// Points of two coordinates each, x0 y0 x1 y1 ..., to lanes and back.
FITS_HOST_DEVICE void load_pairs(const double* from, double& x, double& y) {
  x = from[0];
  y = from[1];
}
FITS_HOST_DEVICE void store_pairs(double* to, double x, double y) {
  to[0] = x;
  to[1] = y;
}
// 2^k for integral k in [-1022, 1023]: the low bits of 2^52 + 1023 + k become the exponent.
FITS_HOST_DEVICE double power_of_two(double k) {
  return __builtin_bit_cast(double, __builtin_bit_cast(std::uint64_t, k + (0x1p52 + 1023)) << 52);
}
// k of a positive normal number 2^k * [1, 2).
FITS_HOST_DEVICE double exponent(double a) {
  const std::uint64_t biased = __builtin_bit_cast(std::uint64_t, a) >> 52;
  return __builtin_bit_cast(double, biased | 0x4330000000000000u) - (0x1p52 + 1023);
}

template <class Real>
struct LaneTraits {  // of double
  using Mask = bool;
  using Single = float;
  static constexpr int kCount = 1;
  FITS_HOST_DEVICE static double load(const double* from) { return *from; }
  FITS_HOST_DEVICE static bool always() { return true; }
};
// What a comparison of Reals gives: combined by & | and !, asked by any() and all(), used by select().
template <class Real>
using MaskOf = typename LaneTraits<Real>::Mask;
// As many float32 numbers, made by narrow(): + - * alone, each rounded to float32.
template <class Real>
using SingleOf = typename LaneTraits<Real>::Single;
template <class Real>
inline constexpr int kLanes = LaneTraits<Real>::kCount;
template <class Real>
FITS_HOST_DEVICE Real load(const double* from) {
  return LaneTraits<Real>::load(from);
}
// Elements of a table, for each lane its own: table[index], for integers index that the caller has bounded.
FITS_HOST_DEVICE double gather(const double* table, double index) { return table[static_cast<int>(index)]; }
// The mask that is true everywhere.
template <class Real>
FITS_HOST_DEVICE MaskOf<Real> always() {
  return LaneTraits<Real>::always();
}

#if defined(FITS_LANES4)
// ---- four numbers. Only where the instructions are: such files are compiled for them (see evaluate_avx2.cpp).

struct Mask4 {
  __m256d bits;
};

struct Lanes4 {
  __m256d v;

  Lanes4() = default;
  __attribute__((always_inline)) Lanes4(__m256d vector) : v(vector) {}  // NOLINT: a vector is lanes
  __attribute__((always_inline)) Lanes4(double value)
      : v(_mm256_set1_pd(value)) {}  // NOLINT: a number is lanes of one value
};

struct Single4 {
  __m128 v;

  Single4() = default;
  __attribute__((always_inline)) Single4(__m128 vector) : v(vector) {}            // NOLINT: a vector is lanes
  __attribute__((always_inline)) Single4(float value) : v(_mm_set1_ps(value)) {}  // NOLINT: as Lanes4's
};

template <>
struct LaneTraits<Lanes4> {
  using Mask = Mask4;
  using Single = Single4;
  static constexpr int kCount = 4;
  FITS_HOST_DEVICE static Lanes4 load(const double* from) { return _mm256_loadu_pd(from); }
  FITS_HOST_DEVICE static Mask4 always() { return {_mm256_castsi256_pd(_mm256_set1_epi64x(-1))}; }
};

FITS_HOST_DEVICE Lanes4 operator+(Lanes4 a, Lanes4 b) { return _mm256_add_pd(a.v, b.v); }
FITS_HOST_DEVICE Lanes4 operator-(Lanes4 a, Lanes4 b) { return _mm256_sub_pd(a.v, b.v); }
FITS_HOST_DEVICE Lanes4 operator*(Lanes4 a, Lanes4 b) { return _mm256_mul_pd(a.v, b.v); }
FITS_HOST_DEVICE Lanes4 operator/(Lanes4 a, Lanes4 b) { return _mm256_div_pd(a.v, b.v); }
FITS_HOST_DEVICE Lanes4 operator-(Lanes4 a) { return _mm256_xor_pd(a.v, _mm256_set1_pd(-0.0)); }
FITS_HOST_DEVICE Mask4 operator<(Lanes4 a, Lanes4 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_LT_OQ)}; }
FITS_HOST_DEVICE Mask4 operator<=(Lanes4 a, Lanes4 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_LE_OQ)}; }
FITS_HOST_DEVICE Mask4 operator>(Lanes4 a, Lanes4 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_GT_OQ)}; }
FITS_HOST_DEVICE Mask4 operator>=(Lanes4 a, Lanes4 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_GE_OQ)}; }
FITS_HOST_DEVICE Mask4 operator==(Lanes4 a, Lanes4 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_EQ_OQ)}; }
FITS_HOST_DEVICE Mask4 operator!=(Lanes4 a, Lanes4 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_NEQ_UQ)}; }
FITS_HOST_DEVICE Mask4 operator&(Mask4 a, Mask4 b) { return {_mm256_and_pd(a.bits, b.bits)}; }
FITS_HOST_DEVICE Mask4 operator|(Mask4 a, Mask4 b) { return {_mm256_or_pd(a.bits, b.bits)}; }
FITS_HOST_DEVICE Mask4 operator!(Mask4 a) {
  return {_mm256_xor_pd(a.bits, _mm256_castsi256_pd(_mm256_set1_epi64x(-1)))};
}
FITS_HOST_DEVICE Lanes4 fma(Lanes4 a, Lanes4 b, Lanes4 c) { return _mm256_fmadd_pd(a.v, b.v, c.v); }
FITS_HOST_DEVICE Lanes4 sqrt(Lanes4 a) { return _mm256_sqrt_pd(a.v); }
FITS_HOST_DEVICE Lanes4 abs(Lanes4 a) { return _mm256_andnot_pd(_mm256_set1_pd(-0.0), a.v); }
FITS_HOST_DEVICE Lanes4 floor(Lanes4 a) { return _mm256_floor_pd(a.v); }
FITS_HOST_DEVICE Lanes4 round(Lanes4 a) { return _mm256_round_pd(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
FITS_HOST_DEVICE Single4 narrow(Lanes4 a) { return _mm256_cvtpd_ps(a.v); }
FITS_HOST_DEVICE Lanes4 widen(Single4 a) { return _mm256_cvtps_pd(a.v); }
FITS_HOST_DEVICE Single4 operator+(Single4 a, Single4 b) { return _mm_add_ps(a.v, b.v); }
FITS_HOST_DEVICE Single4 operator-(Single4 a, Single4 b) { return _mm_sub_ps(a.v, b.v); }
FITS_HOST_DEVICE Single4 operator*(Single4 a, Single4 b) { return _mm_mul_ps(a.v, b.v); }
FITS_HOST_DEVICE Lanes4 copysign(Lanes4 a, Lanes4 sign) {
  const __m256d bit = _mm256_set1_pd(-0.0);
  return _mm256_or_pd(_mm256_andnot_pd(bit, a.v), _mm256_and_pd(bit, sign.v));
}
FITS_HOST_DEVICE Lanes4 with_sign_of(Lanes4 a, Lanes4 b) {
  return _mm256_or_pd(a.v, _mm256_and_pd(_mm256_set1_pd(-0.0), b.v));
}
FITS_HOST_DEVICE Lanes4 select(Mask4 mask, Lanes4 a, Lanes4 b) { return _mm256_blendv_pd(b.v, a.v, mask.bits); }
FITS_HOST_DEVICE Lanes4 only(Mask4 mask, Lanes4 a) { return _mm256_and_pd(mask.bits, a.v); }
FITS_HOST_DEVICE Lanes4 unless(Mask4 mask, Lanes4 a) { return _mm256_andnot_pd(mask.bits, a.v); }
FITS_HOST_DEVICE Lanes4 nan_where(Mask4 mask, Lanes4 a) { return _mm256_or_pd(mask.bits, a.v); }
FITS_HOST_DEVICE Mask4 are_numbers(Lanes4 a, Lanes4 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_ORD_Q)}; }
FITS_HOST_DEVICE Lanes4 sign_of(Lanes4 a) { return _mm256_and_pd(_mm256_set1_pd(-0.0), a.v); }
template <int kBit>
FITS_HOST_DEVICE Lanes4 sign_of_bit(Lanes4 held) {
  const __m256d shifted = _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(held.v), 63 - kBit));
  return kBit == 0 ? shifted : _mm256_and_pd(_mm256_set1_pd(-0.0), shifted);
}
FITS_HOST_DEVICE Lanes4 flip(Lanes4 a, Lanes4 sign) { return _mm256_xor_pd(a.v, sign.v); }
FITS_HOST_DEVICE Lanes4 select_negative(Lanes4 sign, Lanes4 a, Lanes4 b) { return _mm256_blendv_pd(b.v, a.v, sign.v); }
FITS_HOST_DEVICE bool any(Mask4 mask) { return _mm256_movemask_pd(mask.bits) != 0; }
FITS_HOST_DEVICE bool all(Mask4 mask) { return _mm256_movemask_pd(mask.bits) == 15; }
template <int kWidth>
FITS_HOST_DEVICE unsigned bits(Mask4 mask) {
  return static_cast<unsigned>(_mm256_movemask_pd(mask.bits));
}
FITS_HOST_DEVICE void store(double* to, Lanes4 a) { _mm256_storeu_pd(to, a.v); }
FITS_HOST_DEVICE Lanes4 min(Lanes4 a, Lanes4 b) { return _mm256_min_pd(a.v, b.v); }
FITS_HOST_DEVICE Lanes4 max(Lanes4 a, Lanes4 b) { return _mm256_max_pd(a.v, b.v); }
FITS_HOST_DEVICE Lanes4 gather(const double* table, Lanes4 index) {
  const __m128i at = _mm256_cvttpd_epi32(index.v);
  const std::uint64_t low = static_cast<std::uint64_t>(_mm_cvtsi128_si64(at)),
                      high = static_cast<std::uint64_t>(_mm_extract_epi64(at, 1));
  const __m128d a = _mm_loadh_pd(_mm_load_sd(table + (low & 0xffffffff)), table + (low >> 32));
  const __m128d b = _mm_loadh_pd(_mm_load_sd(table + (high & 0xffffffff)), table + (high >> 32));
  return _mm256_insertf128_pd(_mm256_castpd128_pd256(a), b, 1);
}
FITS_HOST_DEVICE void load_pairs(const double* from, Lanes4& x, Lanes4& y) {
  const __m256d low = _mm256_loadu_pd(from), high = _mm256_loadu_pd(from + 4);
  const __m256d even = _mm256_permute2f128_pd(low, high, 0x20), odd = _mm256_permute2f128_pd(low, high, 0x31);
  x = _mm256_unpacklo_pd(even, odd);
  y = _mm256_unpackhi_pd(even, odd);
}
FITS_HOST_DEVICE void store_pairs(double* to, Lanes4 x, Lanes4 y) {
  const __m256d even = _mm256_unpacklo_pd(x.v, y.v), odd = _mm256_unpackhi_pd(x.v, y.v);
  _mm256_storeu_pd(to, _mm256_permute2f128_pd(even, odd, 0x20));
  _mm256_storeu_pd(to + 4, _mm256_permute2f128_pd(even, odd, 0x31));
}
FITS_HOST_DEVICE Lanes4 power_of_two(Lanes4 k) {
  const __m256d shifted = _mm256_add_pd(k.v, _mm256_set1_pd(0x1p52 + 1023));
  return _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(shifted), 52));
}
FITS_HOST_DEVICE Lanes4 exponent(Lanes4 a) {
  const __m256i biased = _mm256_srli_epi64(_mm256_castpd_si256(a.v), 52);
  const __m256i number = _mm256_or_si256(biased, _mm256_set1_epi64x(0x4330000000000000));
  return _mm256_sub_pd(_mm256_castsi256_pd(number), _mm256_set1_pd(0x1p52 + 1023));
}
#endif

// ---- of all kinds

// The integer nearest to a b, |a b| < 2^51, held in the low bits of a number; and that integer (ties to even).
template <class Real>
FITS_HOST_DEVICE Real held_product(Real a, Real b) {
  return fma(a, b, Real(0x1.8p52));
}
template <class Real>
FITS_HOST_DEVICE Real integer_of(Real held) {
  return held - Real(0x1.8p52);
}

template <class Real>
FITS_HOST_DEVICE Real not_a_number() {
  return Real(__builtin_nan(""));
}

}  // namespace fits::wcs
