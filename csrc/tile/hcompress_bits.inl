// The bit operations of one level: with BMI2 where FITS_BMI2 is defined, with AVX2 where FITS_AVX2 is.

using Word = std::uint64_t;

inline constexpr Word kUpper = 0x3333333333333333;  // p00 and p01 of 16 cells

template <class T>
FITS_TARGET inline T load(const void* from) noexcept {
  T value;
  __builtin_memcpy(&value, from, sizeof(T));
  return value;
}

// 16 cells as 32 pixels of two rows.
struct TwoRows {
  std::uint32_t upper, lower;
};

#if defined(FITS_BMI2)

FITS_TARGET inline TwoRows split(Word cells) noexcept {
  return {static_cast<std::uint32_t>(_pext_u64(cells, kUpper)), static_cast<std::uint32_t>(_pext_u64(cells, ~kUpper))};
}

// The two bits of each of 32 flags.
FITS_TARGET inline Word pairs_of(std::uint32_t flags) noexcept { return _pdep_u64(flags, 0x5555555555555555) * 3; }

// The lowest bits go, in order, to where the mask has ones.
FITS_TARGET inline Word deposit(Word bits, Word mask) noexcept { return _pdep_u64(bits, mask); }

FITS_TARGET inline int popcount(std::uint32_t word) noexcept { return _mm_popcnt_u32(word); }

#else

FITS_TARGET inline std::uint32_t squeeze_pairs(Word x) noexcept {
  x &= kUpper;
  x = (x | x >> 2) & 0x0F0F0F0F0F0F0F0F;
  x = (x | x >> 4) & 0x00FF00FF00FF00FF;
  x = (x | x >> 8) & 0x0000FFFF0000FFFF;
  return static_cast<std::uint32_t>(x | x >> 16);
}

FITS_TARGET inline TwoRows split(Word cells) noexcept { return {squeeze_pairs(cells), squeeze_pairs(cells >> 2)}; }

FITS_TARGET inline int popcount(std::uint32_t word) noexcept { return std::popcount(word); }

#if defined(FITS_AVX2)

// Which of the first bytes goes to each of 16 places: those whose flag is set take them in order, others get zero.
FITS_TARGET inline __m128i places(std::uint32_t flags) noexcept {
  const std::uint8_t* low = kPlaces.bytes[flags & 255];
  const std::uint8_t* high = kPlaces.bytes[flags >> 8];
  const __m128i later = _mm_set1_epi8(static_cast<char>(std::popcount(flags & 255)));
  return _mm_unpacklo_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(low)),
                            _mm_add_epi8(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(high)), later));
}

FITS_TARGET inline std::uint32_t deposit_16_bits(std::uint32_t bits, std::uint32_t mask) noexcept {
  const __m128i one = _mm_set1_epi64x(static_cast<long long>(0x8040201008040201));
  const __m128i spread = _mm_shuffle_epi8(_mm_cvtsi32_si128(static_cast<int>(bits)),
                                          _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
  const __m128i bytes = _mm_cmpeq_epi8(_mm_and_si128(spread, one), one);
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_shuffle_epi8(bytes, places(mask))));
}

FITS_TARGET inline Word deposit(Word bits, Word mask) noexcept {
  Word result = 0;
  for (int i = 0; i < 64; i += 16) {
    const auto part = static_cast<std::uint32_t>(mask >> i & 0xFFFF);
    result |= static_cast<Word>(deposit_16_bits(static_cast<std::uint32_t>(bits), part)) << i;
    bits >>= popcount(part);
  }
  return result;
}

#else

FITS_TARGET inline Word deposit(Word bits, Word mask) noexcept {
  Word result = 0;
  for (; mask != 0; mask &= mask - 1, bits >>= 1) result |= (mask & -mask) & -(bits & 1);
  return result;
}

#endif

FITS_TARGET inline Word pairs_of(std::uint32_t flags) noexcept {
  Word x = flags;
  x = (x | x << 16) & 0x0000FFFF0000FFFF;
  x = (x | x << 8) & 0x00FF00FF00FF00FF;
  x = (x | x << 4) & 0x0F0F0F0F0F0F0F0F;
  x = (x | x << 2) & 0x3333333333333333;
  return ((x | x << 1) & 0x5555555555555555) * 3;
}

#endif

#if defined(FITS_AVX2)

// Exchanges the bits of `mask` with those `distance` above.
FITS_TARGET inline __m256i swap_bits(__m256i x, int distance, Word mask) noexcept {
  const __m256i other = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64(x, distance)),
                                         _mm256_set1_epi64x(static_cast<long long>(mask)));
  return _mm256_xor_si256(_mm256_xor_si256(x, other), _mm256_slli_epi64(other, distance));
}

// Of 32 pixels the byte that `count` (1 to 8) of their bit planes make, the first plane lowest. words: 8 are readable.
FITS_TARGET inline void planes_to_bytes(const std::uint32_t* words, int count, std::uint8_t* bytes) noexcept {
  alignas(32) static constexpr std::int32_t kOnes[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  const __m256i kept = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kOnes + 8 - count));
  __m256i x = _mm256_and_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(words)), kept);
  // First the 8 bytes of 8 pixels side by side, then each such square of bits transposed.
  const __m256i gather = _mm256_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,  //
                                          0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  x = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(x, gather), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  x = swap_bits(x, 7, 0x00AA00AA00AA00AA);
  x = swap_bits(x, 14, 0x0000CCCC0000CCCC);
  x = swap_bits(x, 28, 0x00000000F0F0F0F0);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes), x);
}

// -1 where a pixel's bit is set, else 0.
FITS_TARGET inline void bits_to_bytes(std::uint32_t word, std::int8_t* bytes) noexcept {
  const __m256i spread = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,  //
                                          2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
  const __m256i bit = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201));
  const __m256i x = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(word)), spread);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes), _mm256_cmpeq_epi8(_mm256_and_si256(x, bit), bit));
}

#else

FITS_TARGET inline void planes_to_bytes(const std::uint32_t* words, int count, std::uint8_t* bytes) noexcept {
  for (int part = 0; part < 4; ++part) {
    Word x = 0;
    for (int plane = 0; plane < count; ++plane) x |= static_cast<Word>(words[plane] >> (8 * part) & 255) << (8 * plane);
    Word other = (x ^ x >> 7) & 0x00AA00AA00AA00AA;  // the square of bits transposed
    x ^= other ^ other << 7;
    other = (x ^ x >> 14) & 0x0000CCCC0000CCCC;
    x ^= other ^ other << 14;
    other = (x ^ x >> 28) & 0x00000000F0F0F0F0;
    x ^= other ^ other << 28;
    __builtin_memcpy(bytes + 8 * part, &x, 8);
  }
}

FITS_TARGET inline void bits_to_bytes(std::uint32_t word, std::int8_t* bytes) noexcept {
  for (int i = 0; i < 32; ++i) bytes[i] = static_cast<std::int8_t>(-static_cast<int>(word >> i & 1));
}

#endif

// The stream with every byte's bits turned round, so that the first bit is the lowest of a little-endian word. Not more
// than `data` bytes of it are held at a time; behind the stream's last byte there are zeros enough for one bit plane.
struct Window {
  Bytes stream;
  std::byte* bytes;
  std::size_t data, size, plane;  // bytes: of the stream that it may hold, all, and of the longest bit plane
  std::size_t first = 0;          // byte of the stream that bytes[0] is
  std::size_t held = 0;
  std::size_t bit = 0;  // position, from bytes[0] on
};

FITS_TARGET inline void fill(Window& window) noexcept {
  window.first += window.bit >> 3;
  window.bit &= 7;
  const std::size_t left = window.stream.size() - window.first;
  window.held = left < window.data ? left : window.data;
  const std::byte* __restrict from = window.stream.data() + window.first;
  std::byte* __restrict to = window.bytes;
  const std::size_t held = window.held;
  std::size_t i = 0;
  const auto turned = [](Word x) FITS_TARGET_LAMBDA {
    x = (x >> 1 & 0x5555555555555555) | (x & 0x5555555555555555) << 1;
    x = (x >> 2 & 0x3333333333333333) | (x & 0x3333333333333333) << 2;
    return (x >> 4 & 0x0F0F0F0F0F0F0F0F) | (x & 0x0F0F0F0F0F0F0F0F) << 4;
  };
  for (; i + 8 <= held; i += 8) {
    const Word word = turned(load<Word>(from + i));
    __builtin_memcpy(to + i, &word, 8);
  }
  for (; i < held; ++i) {
    to[i] = static_cast<std::byte>(turned(static_cast<Word>(from[i])));
  }
  if (held == left) __builtin_memset(to + i, 0, window.size - window.data);
}

// Sees to it that one bit plane more can be read. False if what was read so far went beyond the stream's end.
FITS_TARGET inline bool reserve(Window& window) noexcept {
  const std::size_t left = window.stream.size() - window.first;
  if (window.bit > 8 * left) return false;
  if (window.held < left && (window.bit >> 3) + window.plane > window.held) fill(window);
  return true;
}

// The next 57 bits and more.
FITS_TARGET inline Word peek(const Window& window, std::size_t bit) noexcept {
  return load<Word>(window.bytes + (bit >> 3)) >> (bit & 7);
}

// The next 64.
FITS_TARGET inline Word peek_all(const std::byte* bytes, std::size_t bit) noexcept {
  const std::byte* at = bytes + (bit >> 3);
  return load<Word>(at) >> (bit & 7) | load<Word>(at + 1) << (8 - (bit & 7));
}
