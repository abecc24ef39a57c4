#include "tile/shuffle.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fits {
namespace {

template <class Bits>
void unshuffle_each(const std::byte* __restrict planes, std::int64_t first, std::int64_t count,
                    std::byte* __restrict values) noexcept {
  for (std::int64_t i = first; i < count; ++i) {
    const Bits bits = unshuffled<Bits>(planes, count, i);
    __builtin_memcpy(values + i * static_cast<std::int64_t>(sizeof(Bits)), &bits, sizeof(Bits));
  }
}

template <class Bits>
void shuffle_each(const std::byte* __restrict values, std::int64_t count, std::byte* __restrict planes) noexcept {
  constexpr int kSize = sizeof(Bits);
  for (int plane = 0; plane < kSize; ++plane) {
    for (std::int64_t i = 0; i < count; ++i) {
      Bits bits;
      __builtin_memcpy(&bits, values + i * kSize, kSize);
      planes[plane * count + i] = static_cast<std::byte>(bits >> (8 * (kSize - 1 - plane)));
    }
  }
}

#if defined(__x86_64__)

#define FITS_AVX2 __attribute__((target("avx2")))

// Interleaves units of `kUnit` bytes of two registers: the low or high half of each 16-byte lane.
template <int kUnit, bool kHigh>
FITS_AVX2 inline __m256i unpack(__m256i a, __m256i b) noexcept {
  if constexpr (kUnit == 1) return kHigh ? _mm256_unpackhi_epi8(a, b) : _mm256_unpacklo_epi8(a, b);
  if constexpr (kUnit == 2) return kHigh ? _mm256_unpackhi_epi16(a, b) : _mm256_unpacklo_epi16(a, b);
  if constexpr (kUnit == 4) return kHigh ? _mm256_unpackhi_epi32(a, b) : _mm256_unpacklo_epi32(a, b);
}

// kSize registers of one byte plane each (the last plane first: x86 is little-endian), or of units made of several,
// become kSize registers of whole values: those of `part`, 0 to kSize / kUnit - 1 ... in the order of the elements.
template <int kSize, int kUnit>
FITS_AVX2 inline void interleave(__m256i (&registers)[kSize]) noexcept {
  if constexpr (kUnit < kSize) {
    constexpr int kParts = kUnit;          // groups of registers that hold the same elements
    constexpr int kEach = kSize / kParts;  // registers of a group
    __m256i next[kSize];
    for (int part = 0; part < kParts; ++part) {
      for (int i = 0; i < kEach / 2; ++i) {
        const __m256i a = registers[part * kEach + 2 * i];
        const __m256i b = registers[part * kEach + 2 * i + 1];
        next[part * kEach + i] = unpack<kUnit, false>(a, b);
        next[part * kEach + kEach / 2 + i] = unpack<kUnit, true>(a, b);
      }
    }
    interleave<kSize, 2 * kUnit>(next);
    for (int i = 0; i < kSize; ++i) registers[i] = next[i];
  }
}

template <class Bits>
FITS_AVX2 void unshuffle_avx2(const std::byte* planes, std::int64_t count, std::byte* values) noexcept {
  constexpr int kSize = sizeof(Bits);
  constexpr std::int64_t kElements = 32;
  const std::int64_t whole = count / kElements * kElements;
  for (std::int64_t first = 0; first < whole; first += kElements) {
    __m256i registers[kSize];
    for (int i = 0; i < kSize; ++i) {
      registers[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(planes + (kSize - 1 - i) * count + first));
    }
    interleave<kSize, 1>(registers);
    // Each register holds elements of the first 16 in its lower lane, of the second 16 in its upper one.
    auto* const out = reinterpret_cast<__m256i*>(values + first * kSize);
    for (int i = 0; i < kSize / 2; ++i) {
      const __m256i a = registers[2 * i];
      const __m256i b = registers[2 * i + 1];
      _mm256_storeu_si256(out + i, _mm256_permute2x128_si256(a, b, 0x20));
      _mm256_storeu_si256(out + kSize / 2 + i, _mm256_permute2x128_si256(a, b, 0x31));
    }
  }
  unshuffle_each<Bits>(planes, whole, count, values);
}

#undef FITS_AVX2
#endif

template <class Bits>
void unshuffle_at(const std::byte* planes, std::int64_t count, std::byte* values, SimdLevel level) noexcept {
#if defined(__x86_64__)
  if (level != SimdLevel::plain) return unshuffle_avx2<Bits>(planes, count, values);
#endif
  (void)level;
  unshuffle_each<Bits>(planes, 0, count, values);
}

}  // namespace

void unshuffle(const std::byte* planes, std::int64_t count, std::size_t element_size, std::byte* values,
               SimdLevel level) noexcept {
  if (count <= 0) return;
  switch (element_size) {
    case 2: return unshuffle_at<std::uint16_t>(planes, count, values, level);
    case 4: return unshuffle_at<std::uint32_t>(planes, count, values, level);
    case 8: return unshuffle_at<std::uint64_t>(planes, count, values, level);
    default: std::memcpy(values, planes, static_cast<std::size_t>(count));
  }
}

void shuffle(const std::byte* values, std::int64_t count, std::size_t element_size, std::byte* planes) noexcept {
  if (count <= 0) return;
  switch (element_size) {
    case 2: return shuffle_each<std::uint16_t>(values, count, planes);
    case 4: return shuffle_each<std::uint32_t>(values, count, planes);
    case 8: return shuffle_each<std::uint64_t>(values, count, planes);
    default: std::memcpy(planes, values, static_cast<std::size_t>(count));
  }
}

}  // namespace fits
