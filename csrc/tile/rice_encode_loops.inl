// encode_rice for one SIMD level. Included by rice_encode.cpp with FITS_LEVEL (a namespace) and FITS_TARGET (the
// attribute that names the instruction set) defined, and FITS_X86 where put_quads below is written out.

namespace FITS_LEVEL {
namespace {

// The mapped differences of a chunk of pixels; zeros after the last.
struct Chunk {
  alignas(32) std::uint32_t values[kChunk];
  std::uint64_t sum;
  std::uint32_t highest;
};

// pixels[-1] is read: the pixel before.
template <class T>
FITS_TARGET inline void map(const T* __restrict pixels, std::int64_t count, Chunk& __restrict chunk) noexcept {
  std::conditional_t<sizeof(T) == 4, std::uint64_t, std::uint32_t> sum = 0;
  std::uint32_t highest = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t value = mapped(pixels[i], pixels[i - 1]);
    chunk.values[i] = value;
    sum += value;
    highest = std::max(highest, value);
  }
  chunk.sum = sum;
  chunk.highest = highest;
}

// The first pixel of a tile is its own pixel before.
template <class T>
FITS_TARGET inline void map(const T* pixels, std::int64_t first, std::int64_t count, Chunk& chunk) noexcept {
  if (first == 0) {
    T head[kChunk + 1];
    head[0] = pixels[0];
    std::memcpy(head + 1, pixels, static_cast<std::size_t>(count) * sizeof(T));
    map(head + 1, count, chunk);
  } else if (count == kChunk) {
    map(pixels + first, kChunk, chunk);  // of known length: no loop for the rest
  } else {
    map(pixels + first, count, chunk);
  }
}

#if defined(FITS_X86)
// Four codes at a time, 32 pixels: each lane's code moved by the length of the next, twice.
FITS_TARGET inline BitWriter put_quads(const std::uint32_t* values, const RiceCode& form, BitWriter writer) noexcept {
  const __m128i split = _mm_cvtsi32_si128(static_cast<int>(form.split));
  const __m256i mask = _mm256_set1_epi32(static_cast<int>(form.mask));
  const __m256i one = _mm256_set1_epi32(static_cast<int>(form.one));
  const __m256i fixed = _mm256_set1_epi32(static_cast<int>(form.fixed));
  const __m256i low = _mm256_set1_epi64x(0xffffffff);
  __m256i codes[4];
  __m256i lengths[4];
  for (int i = 0; i < 4; ++i) {
    const __m256i value = _mm256_load_si256(reinterpret_cast<const __m256i*>(values + 8 * i));
    const __m256i code = _mm256_or_si256(_mm256_and_si256(value, mask), one);
    const __m256i length = _mm256_add_epi32(_mm256_srl_epi32(value, split), fixed);
    const __m256i second = _mm256_srli_epi64(length, 32);
    codes[i] = _mm256_or_si256(_mm256_sllv_epi64(_mm256_and_si256(code, low), second), _mm256_srli_epi64(code, 32));
    lengths[i] = _mm256_add_epi64(_mm256_and_si256(length, low), second);
  }
  alignas(32) std::uint64_t code[8];
  alignas(32) std::uint64_t length[8];
  for (int i = 0; i < 2; ++i) {
    // Pairs 0 and 2, then 1 and 3, of both: quads come out as 0, 2, 1, 3.
    const __m256i second = _mm256_unpackhi_epi64(lengths[2 * i], lengths[2 * i + 1]);
    const __m256i first = _mm256_unpacklo_epi64(lengths[2 * i], lengths[2 * i + 1]);
    const __m256i joined =
        _mm256_or_si256(_mm256_sllv_epi64(_mm256_unpacklo_epi64(codes[2 * i], codes[2 * i + 1]), second),
                        _mm256_unpackhi_epi64(codes[2 * i], codes[2 * i + 1]));
    _mm256_store_si256(reinterpret_cast<__m256i*>(code + 4 * i), joined);
    _mm256_store_si256(reinterpret_cast<__m256i*>(length + 4 * i), _mm256_add_epi64(first, second));
  }
  for (const int i : {0, 2, 1, 3, 4, 6, 5, 7}) writer.put(code[i], length[i]);
  return writer;
}
#endif

// kTogether codes at a time, at most kMostBits of them all: one put takes as long as another.
template <int kTogether>
FITS_TARGET inline BitWriter put_groups(const std::uint32_t* values, std::int64_t count, const RiceCode& form,
                                        BitWriter writer) noexcept {
  std::int64_t i = 0;
  for (; i + kTogether <= count; i += kTogether) {
    std::uint64_t code = 0;
    std::uint64_t length = 0;
    for (int j = 0; j < kTogether; ++j) {
      code = code << form.length(values[i + j]) | form.code(values[i + j]);
      length += form.length(values[i + j]);
    }
    writer.put(code, length);
  }
  for (; i < count; ++i) writer.put(form.code(values[i]), form.length(values[i]));
  return writer;
}

// The writer goes by value: what it stores might else be its own members, for all that the compiler knows.
FITS_TARGET inline BitWriter put_chunk(const Chunk& chunk, std::int64_t count, const RiceCode& form,
                                       BitWriter writer) noexcept {
  const std::uint64_t longest = form.length(chunk.highest);
  if (longest <= kMostBits / 4) {
#if defined(FITS_X86)
    if (count == kChunk) return put_quads(chunk.values, form, writer);
#endif
    return put_groups<4>(chunk.values, count, form, writer);
  }
  if (longest <= kMostBits / 2) return put_groups<2>(chunk.values, count, form, writer);
  for (std::int64_t i = 0; i < count; ++i) {
    writer.put_long(form.code(chunk.values[i]), form.length(chunk.values[i]));
  }
  return writer;
}

template <class T>
FITS_TARGET std::size_t encode(const T* pixels, std::int64_t count, std::int64_t blocksize, std::byte* out) noexcept {
  BitWriter writer(out);
  writer.put(static_cast<std::make_unsigned_t<T>>(pixels[0]), 8 * sizeof(T));
  Chunk chunk;
  for (std::int64_t block = 0; block < count; block += std::min(blocksize, count - block)) {
    const std::int64_t pixels_here = std::min(blocksize, count - block);
    std::uint64_t sum = 0;
    for (std::int64_t at = 0; at < pixels_here; at += kChunk) {
      map(pixels, block + at, std::min(kChunk, pixels_here - at), chunk);
      sum += chunk.sum;
    }
    const unsigned split = split_level(sum, pixels_here);
    const RiceCode form = split < RiceForm<T>::kRawSplit ? RiceCode::of_split(split) : RiceCode::raw(8 * sizeof(T));
    if (sum == 0) {
      writer.put(0, RiceForm<T>::kSplitBits);
      continue;
    }
    writer.put(std::min(split, RiceForm<T>::kRawSplit) + 1, RiceForm<T>::kSplitBits);
    for (std::int64_t at = 0; at < pixels_here; at += kChunk) {
      const std::int64_t here = std::min(kChunk, pixels_here - at);
      if (pixels_here > kChunk) map(pixels, block + at, here, chunk);  // else it still holds the block
      writer = put_chunk(chunk, here, form, writer);
    }
  }
  return writer.finish();
}

}  // namespace
}  // namespace FITS_LEVEL
