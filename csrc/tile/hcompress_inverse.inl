// Coefficients from bit planes, and the inverse transform.

inline constexpr std::int64_t kChunk = 512;  // columns of cells whose coefficients are made at a time: they stay in L1

// 32 coefficients from the bytes of their absolute values, lowest first, which Narrow holds with its sign.
template <class Narrow, int kBytes, class T>
FITS_TARGET inline void combine(const std::uint8_t (*bytes)[32], const std::int8_t* signs, T scale, T* out) noexcept {
  using Unsigned = std::make_unsigned_t<Narrow>;
  for (int i = 0; i < 32; ++i) {
    Unsigned value = 0;
    for (int b = 0; b < kBytes; ++b) {
      value = static_cast<Unsigned>(value | static_cast<Unsigned>(static_cast<Unsigned>(bytes[b][i]) << (8 * b)));
    }
    const auto sign = static_cast<Unsigned>(signs[i]);
    out[i] = static_cast<Narrow>((value ^ sign) - sign);
  }
  if (scale == 1) return;
  for (int i = 0; i < 32; ++i) out[i] *= scale;
}

// Coefficients of a quadrant's row, `words` words of them from word `first` on.
template <class T>
FITS_TARGET inline void assemble(const Room& room, int quadrant, std::int64_t row, std::int64_t first,
                                 std::int64_t words, T scale, T* out) noexcept {
  const Quadrant& q = room.quadrants[quadrant];
  const int step = (q.bit_planes + 7) & ~7;
  const std::uint32_t* planes = plane_words(room, q, row) + first * step;
  const std::uint32_t* signs = room.signs[quadrant] + row * room.layout.words + first;
  if (step == 0) __builtin_memset(out, 0, static_cast<std::size_t>(32 * words) * sizeof(T));
  if (step == 0) return;
  alignas(32) std::uint8_t bytes[8][32];
  alignas(32) std::int8_t sign[32];
  for (int b = step / 8; b < 8; ++b) __builtin_memset(bytes[b], 0, 32);
  for (std::int64_t i = 0; i < words; ++i, planes += step, out += 32) {
    bits_to_bytes(signs[i], sign);
    for (int b = 0; 8 * b < q.bit_planes; ++b) {
      planes_to_bytes(planes + 8 * b, q.bit_planes - 8 * b < 8 ? q.bit_planes - 8 * b : 8, bytes[b]);
    }
    if (q.bit_planes < 8) {
      combine<std::int16_t, 1>(bytes, sign, scale, out);
    } else if (q.bit_planes < 16) {
      combine<std::int16_t, 2>(bytes, sign, scale, out);
    } else if (q.bit_planes < 32) {
      combine<std::int32_t, 4>(bytes, sign, scale, out);
    } else if constexpr (sizeof(T) == 8) {
      combine<std::int64_t, 8>(bytes, sign, scale, out);
    }
  }
}

template <class T, class Out>
FITS_TARGET void inverse_columns(const T* __restrict h0, const T* __restrict hx, const T* __restrict hy,
                                 const T* __restrict hc, std::int64_t count, int level, Out* __restrict upper,
                                 Out* __restrict lower) noexcept {
  for (std::int64_t i = 0; i < count; ++i) {
    const HCell<T> cell = inverse_cell<T>({h0[i], hx[i], hy[i], hc[i]}, level);
    upper[2 * i] = static_cast<Out>(cell.p00);
    upper[2 * i + 1] = static_cast<Out>(cell.p01);
    lower[2 * i] = static_cast<Out>(cell.p10);
    lower[2 * i + 1] = static_cast<Out>(cell.p11);
  }
}

// The sums that a level starts from, and its lengths.
template <class T>
struct Level {
  int level;
  const T* h0;
  std::int64_t stride;         // of h0
  std::int64_t rows, columns;  // of the result
};

// Coefficients of one row of cells, columns [first, first + count).
template <class T>
struct Chunk {
  std::int64_t row, first, count;
  T *hx, *hy, *hc;
};

// SMOOTH = 1: moves the coefficients of those cells that have neighbours on both sides.
template <class T>
FITS_TARGET void smooth(const Level<T>& level, const Chunk<T>& chunk, std::int64_t most) noexcept {
  const T* __restrict h = level.h0 + chunk.row * level.stride + chunk.first;
  T* __restrict hx = chunk.hx;
  T* __restrict hy = chunk.hy;
  T* __restrict hc = chunk.hc;
  const bool inner_row = chunk.row > 0 && 2 * chunk.row < level.rows - 2;
  const T* above = inner_row ? h - level.stride : h;
  const T* below = inner_row ? h + level.stride : h;
  const std::int64_t start = chunk.first == 0 ? 1 : 0;
  const std::int64_t inner_end = half_up(level.columns) - 1 - chunk.first;  // 2 * column < columns - 2
  const std::int64_t end = inner_end < chunk.count ? inner_end : chunk.count;
  if (inner_row) {
    for (std::int64_t i = 0; i < chunk.count; ++i) {
      hx[i] = static_cast<T>(smoothed_slope(hx[i], above[i], h[i], below[i], most));
    }
  }
  for (std::int64_t i = start; i < end; ++i) {
    hy[i] = static_cast<T>(smoothed_slope(hy[i], h[i - 1], h[i], h[i + 1], most));
  }
  if (!inner_row) return;
  for (std::int64_t i = start; i < end; ++i) {
    hc[i] = static_cast<T>(smoothed_curvature({h[i], hx[i], hy[i], hc[i]},
                                              {above[i - 1], above[i + 1], below[i - 1], below[i + 1]}, most));
  }
}

// Fills the chunk's buffers: at level 0 from the planes, else from the coefficients of quadrant 0.
template <class T>
FITS_TARGET inline void gather(const Job& job, const Room& room, const T* coefficients, const Level<T>& level,
                               Chunk<T>& chunk) noexcept {
  const std::int64_t half_rows = half_up(level.rows), half_columns = half_up(level.columns);
  const std::int64_t right = level.columns / 2 - chunk.first;  // columns of hy and hc from here on
  const std::int64_t count_y = right < 0 ? 0 : right < chunk.count ? right : chunk.count;
  const bool cut_row = 2 * chunk.row + 1 >= level.rows;
  if (level.level == 0) {
    const T scale = static_cast<T>(job.scale);
    const std::int64_t word = chunk.first / 32, words = (chunk.count + 31) / 32, words_y = (count_y + 31) / 32;
    assemble(room, 1, chunk.row, word, words_y, scale, chunk.hy);
    if (!cut_row) assemble(room, 2, chunk.row, word, words, scale, chunk.hx);
    if (!cut_row) assemble(room, 3, chunk.row, word, words_y, scale, chunk.hc);
  } else {
    const T* upper = coefficients + chunk.row * room.layout.stride + chunk.first;
    const T* lower = upper + half_rows * room.layout.stride;
    const auto copy = [](T* to, const T* from, std::int64_t count) FITS_TARGET_LAMBDA {
      __builtin_memcpy(to, from, static_cast<std::size_t>(count) * sizeof(T));
    };
    copy(chunk.hy, upper + half_columns, count_y);
    if (!cut_row) copy(chunk.hx, lower, chunk.count);
    if (!cut_row) copy(chunk.hc, lower + half_columns, count_y);
  }
  if (count_y < chunk.count) chunk.hy[count_y] = chunk.hc[count_y] = 0;
  if (!cut_row) return;
  __builtin_memset(chunk.hx, 0, static_cast<std::size_t>(chunk.count) * sizeof(T));
  __builtin_memset(chunk.hc, 0, static_cast<std::size_t>(chunk.count) * sizeof(T));
}

template <class T, class Out>
FITS_TARGET void inverse_level(const Job& job, const Room& room, const T* coefficients, const Level<T>& level, Out* out,
                               std::int64_t out_stride) noexcept {
  alignas(64) T buffer[3][kChunk];
  alignas(64) Out spare[2 * kChunk];  // the row behind the last
  const std::int64_t half_rows = half_up(level.rows), half_columns = half_up(level.columns);
  for (std::int64_t row = 0; row < half_rows; ++row) {
    for (std::int64_t first = 0; first < half_columns; first += kChunk) {
      const std::int64_t count = half_columns - first < kChunk ? half_columns - first : kChunk;
      Chunk<T> chunk{row, first, count, buffer[0], buffer[1], buffer[2]};
      gather(job, room, coefficients, level, chunk);
      if (job.smooth) smooth(level, chunk, job.scale / 2);
      const T* h0 = level.h0 + row * level.stride + first;
      const bool cut_row = 2 * row + 1 >= level.rows, cut_column = 2 * (first + count) > level.columns;
      Out* upper = out + 2 * row * out_stride + 2 * first;
      Out* lower = cut_row ? spare : upper + out_stride;
      const std::int64_t whole = count - cut_column;
      inverse_columns(h0, chunk.hx, chunk.hy, chunk.hc, whole, level.level, upper, lower);
      if (!cut_column) continue;
      const HCell<T> cell = inverse_cell<T>({h0[whole], chunk.hx[whole], 0, 0}, level.level);
      upper[2 * whole] = static_cast<Out>(cell.p00);
      lower[2 * whole] = static_cast<Out>(cell.p10);
    }
  }
}

template <class T>
FITS_TARGET void inverse(const Job& job, const Room& room, std::byte* memory) noexcept {
  const Layout& l = room.layout;
  const std::int64_t pixels = l.rows * l.stride;
  T* const coefficients = reinterpret_cast<T*>(memory);
  T* const sums[2] = {coefficients + pixels, coefficients + 2 * pixels};
  for (std::int64_t row = 0; row < l.rows; ++row) {
    assemble(room, 0, row, 0, l.words, static_cast<T>(job.scale), coefficients + row * l.stride);
  }
  const T* h0 = sums[job.steps & 1];
  sums[job.steps & 1][0] = round_to(static_cast<T>(job.sum), power_of_two<T>(job.steps + 1));
  for (int step = job.steps - 1; step > 0; --step) {
    T* const out = sums[step & 1];
    inverse_level(job, room, coefficients, {step, h0, l.stride, halved(job.rows, step), halved(job.columns, step)}, out,
                  l.stride);
    h0 = out;
  }
  inverse_level(job, room, coefficients, {0, h0, l.stride, job.rows, job.columns}, job.out, job.columns);
}
