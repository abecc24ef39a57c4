// decode_plio for one SIMD level. Included by plio.cpp with FITS_LEVEL (a namespace), FITS_TARGET (the attribute that
// names the instruction set) and FITS_VECTOR (bytes of one store) defined.

namespace FITS_LEVEL {
namespace {

constexpr std::size_t kVector = FITS_VECTOR;

// `length` copies of value, and others after them: most runs are short, and a store of fixed size is faster than a loop
// that ends in time. What was written too far is written again by the next run.
template <class T>
FITS_TARGET inline void fill(T* out, std::int64_t length, T value) noexcept {
  typedef T Vector __attribute__((vector_size(kVector)));
  constexpr std::int64_t kLanes = sizeof(Vector) / sizeof(T);
  const Vector vector = Vector{} + value;
  std::int64_t start = 0;
  do {
    for (std::int64_t i = start; i < start + kChunk<T>; i += kLanes) std::memcpy(out + i, &vector, sizeof vector);
    start += kChunk<T>;
  } while (start < length);
}

template <class T>
FITS_TARGET TileError decode(Bytes stream, std::int64_t count, T* out) noexcept {
  PlioExtent list;
  if (const TileError error = plio_extent(stream.data(), static_cast<std::int64_t>(stream.size() / 2), list);
      error != TileError::ok) {
    return error;
  }
  T* const end = out + std::max<std::int64_t>(count, 0);
  std::int64_t value = 1;
  std::int64_t lost = 0;  // not 0: a pixel of a value that T cannot hold
  for (std::int64_t i = list.first; i < list.end; ++i) {
    const std::uint16_t word = plio_word(stream.data(), i);
    const Operation& operation = kOperations[plio_code(word)];
    if (operation.rare) [[unlikely]] {
      if (plio_code(word) >= kPlioCodes) return TileError::bad_code;
      if (++i == list.end) return TileError::short_input;
      value = plio_high(word, plio_word(stream.data(), i));
      continue;
    }
    const std::int64_t data = plio_data(word);
    const std::int64_t length = (operation.run & data) + operation.single;
    value += operation.sign * data;  // at most 4095 a word: no stream is long enough to overflow it
    lost |= ((static_cast<T>(value) ^ value) & operation.marked) * length;  // 44 bits by 12: no overflow to 0
    const T before = static_cast<T>(value & operation.filled);
    const T last = static_cast<T>(value & operation.marked);
    if (length + kChunk<T> > end - out) [[unlikely]] {
      if (length > end - out) return TileError::overrun;
      if (length == 0) continue;
      std::fill_n(out, length - 1, before);
      out[length - 1] = last;
    } else {
      fill(out, length, before);
      out[length - (length > 0)] = last;  // of no pixels: any value, written again by the next run
    }
    out += length;
  }
  std::fill(out, end, T{0});
  return lost == 0 ? TileError::ok : TileError::bad_code;
}

}  // namespace
}  // namespace FITS_LEVEL
