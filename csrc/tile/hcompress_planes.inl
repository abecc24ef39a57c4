// Bit planes and signs: the stream's second part.

struct Room {
  Layout layout;
  std::byte* upper_codes;
  std::byte* lower_codes;
  std::uint32_t* flags[2];
  std::uint32_t* spare;  // a row behind the last
  Quadrant quadrants[4];
  std::uint32_t* signs[4];
};

// Decodes `count` codes. CFITSIO writes a level's last cell first: the cells are stored downward from the count-th, the
// two bits of their upper row apart from those of the lower.
FITS_TARGET inline void decode_codes(Window& window, std::int64_t count, std::byte* __restrict upper_cells,
                                     std::byte* __restrict lower_cells) noexcept {
  const std::uint32_t* __restrict many = kHuffman.many.data();
  const std::uint32_t* __restrict one = kHuffman.one.data();
  // `held` bits of the stream, which end before `next`. That is known early: so the load of what follows does not wait
  // for the last look-up.
  const std::byte* next = window.bytes + (window.bit >> 3);
  Word bits = load<Word>(next) >> (window.bit & 7);
  std::size_t held = 56 - (window.bit & 7);
  next += 7;
  std::int64_t left = 2 * count;  // bits of a row's cells still to come
  Word upper = 0, lower = 0;      // the last 32 of those that came
  const auto take = [&](const std::uint32_t* table, Word mask) FITS_TARGET_LAMBDA {
    const std::uint32_t entry = table[bits & mask];
    const std::uint32_t length = entry >> 8 & 255;
    bits >>= entry & 63;
    held -= entry & 63;
    left -= length;
    upper = upper << length | (entry >> 16 & 255);
    lower = lower << length | entry >> 24;
  };
  const auto refill = [&]() FITS_TARGET_LAMBDA {
    bits |= load<Word>(next) << held;
    next += (63 - held) >> 3;
    held |= 56;
  };
  // Overwrites the up to 29 cells behind with what they are, and up to 3 before with 0.
  const auto store = [&]() FITS_TARGET_LAMBDA {
    const Word up = upper << (left & 6), low = lower << (left & 6);
    __builtin_memcpy(upper_cells + (left >> 3), &up, 8);
    __builtin_memcpy(lower_cells + (left >> 3), &low, 8);
  };
  while (left >= 32) {
    refill();
    take(many, 4095);
    take(many, 4095);
    take(many, 4095);
    take(many, 4095);
    store();
  }
  while (left > 0) {
    refill();
    if (left >= 8) {
      take(many, 4095);
    } else {
      take(one, 63);
    }
    store();
  }
  window.bit = 8 * static_cast<std::size_t>(next - window.bytes) - held;
}

// Clears what lies behind the last column, and counts.
FITS_TARGET inline std::int64_t count_flags(std::uint32_t* flags, std::int64_t rows, std::int64_t columns) noexcept {
  const std::int64_t words = (columns + 31) / 32;
  const std::uint32_t tail = ~0u >> (32 * words - columns);
  std::int64_t count = 0;
  for (std::int64_t row = 0; row < rows; ++row, flags += words) {
    flags[words - 1] &= tail;
    for (std::int64_t i = 0; i < words; ++i) count += popcount(flags[i]);
  }
  return count;
}

struct Children {
  std::int64_t rows, words;
};

// Puts the cells that decode_codes left where flags are set, as two rows of the next level for each row of flags, with
// words `step` and rows `stride` words apart.
FITS_TARGET inline void place(const Room& room, const std::uint32_t* __restrict flags, Children children,
                              std::uint32_t* out, std::int64_t step, std::int64_t stride) noexcept {
  std::size_t bit = 0;
  for (std::int64_t row = 0; row < children.rows; row += 2) {
    std::uint32_t* __restrict upper = out + row * stride;
    std::uint32_t* __restrict lower = row + 1 < children.rows ? upper + stride : room.spare;
    for (std::int64_t i = 0; i < children.words; i += 2, ++flags, upper += 2 * step, lower += 2 * step) {
      const Word pairs = pairs_of(*flags);
      const Word up = deposit(peek_all(room.upper_codes, bit), pairs);
      const Word low = deposit(peek_all(room.lower_codes, bit), pairs);
      bit += 2 * static_cast<std::size_t>(popcount(*flags));
      upper[0] = static_cast<std::uint32_t>(up);
      lower[0] = static_cast<std::uint32_t>(low);
      if (i + 1 == children.words) continue;
      upper[step] = static_cast<std::uint32_t>(up >> 32);
      lower[step] = static_cast<std::uint32_t>(low >> 32);
    }
  }
}

FITS_TARGET inline std::uint32_t* plane_words(const Room& room, const Quadrant& q, std::int64_t row) noexcept {
  return q.words + row * room.layout.words * ((q.bit_planes + 7) & ~7);
}

FITS_TARGET inline void store_cells(Word cells, std::uint32_t* upper, std::uint32_t* lower) noexcept {
  const TwoRows two = split(cells);
  *upper = two.upper;
  *lower = two.lower;
}

// A plane that is written as it is: rows of cells one after another, without padding.
FITS_TARGET inline void read_direct(Window& window, const Room& room, const Quadrant& q, int plane) noexcept {
  const int step = (q.bit_planes + 7) & ~7;
  const std::int64_t cells = half_up(q.columns);
  for (std::int64_t row = 0; row < q.rows; row += 2) {
    std::uint32_t* upper = plane_words(room, q, row) + plane;
    std::uint32_t* lower = row + 1 < q.rows ? plane_words(room, q, row + 1) + plane : room.spare;
    for (std::int64_t cell = 0; cell < cells; cell += 16) {
      const std::int64_t bits = 4 * (cells - cell < 16 ? cells - cell : 16);
      store_cells(peek_all(window.bytes, window.bit) & ~Word{0} >> (64 - bits), upper, lower);
      window.bit += static_cast<std::size_t>(bits);
      upper += step;
      lower += step;
    }
  }
}

// A plane written as a quadtree: the root's code, then level by level the codes of the cells that are not empty. A
// cell's four bits tell which of the four cells under it are not; those of the finest are the plane.
FITS_TARGET inline TileError read_tree(Window& window, const Room& room, const Quadrant& q, int plane) noexcept {
  if (q.rows == 0 || q.columns == 0) {
    const std::uint32_t root = kHuffman.one[peek(window, window.bit) & 63];
    window.bit += root & 63;
    return root >> 16 == 0 ? TileError::ok : TileError::bad_code;
  }
  std::uint32_t* flags = room.flags[0];
  std::uint32_t* next = room.flags[1];
  flags[0] = 1;
  const int levels = step_count(q.rows, q.columns);
  for (int level = levels > 0 ? levels : 1; level > 0; --level) {
    const Children children{halved(q.rows, level - 1), (halved(q.columns, level - 1) + 31) / 32};
    const std::int64_t count = count_flags(flags, halved(q.rows, level), halved(q.columns, level));
    decode_codes(window, count, room.upper_codes, room.lower_codes);
    if (level == 1) {
      const int step = (q.bit_planes + 7) & ~7;
      place(room, flags, children, plane_words(room, q, 0) + plane, step, room.layout.words * step);
    } else {
      place(room, flags, children, next, 1, children.words);
    }
    std::uint32_t* const swapped = flags;
    flags = next;
    next = swapped;
  }
  return TileError::ok;
}

FITS_TARGET inline TileError read_planes(Window& window, const Room& room) noexcept {
  for (const Quadrant& q : room.quadrants) {
    for (int plane = q.bit_planes - 1; plane >= 0; --plane) {
      if (!reserve(window)) return TileError::short_input;
      const Word kind = peek(window, window.bit) & 15;
      window.bit += 4;
      if (kind == 0) {
        read_direct(window, room, q, plane);
      } else if (kind != 15) {
        return TileError::bad_code;
      } else if (const TileError error = read_tree(window, room, q, plane); error != TileError::ok) {
        return error;
      }
    }
  }
  if (!reserve(window)) return TileError::short_input;
  if ((peek(window, window.bit) & 15) != 0) return TileError::bad_code;
  window.bit = (window.bit + 4 + 7) & ~std::size_t{7};  // the signs start at a byte
  return TileError::ok;
}

// One bit per coefficient that is not zero, in raster order of the whole tile.
FITS_TARGET inline TileError read_signs(Window& window, const Job& job, const Room& room) noexcept {
  const Layout& l = room.layout;
  for (std::int64_t row = 0; row < job.rows; ++row) {
    if (!reserve(window)) return TileError::short_input;
    for (int side = 0; side < 2; ++side) {
      const std::int64_t lower = row >= l.rows;
      const Quadrant& q = room.quadrants[2 * lower + side];
      const std::int64_t words = (q.columns + 31) / 32, own_row = row - lower * l.rows;
      const std::uint32_t* planes = plane_words(room, q, own_row);
      std::uint32_t* signs = room.signs[2 * lower + side] + own_row * l.words;
      for (std::int64_t i = 0; i < words; ++i, planes += (q.bit_planes + 7) & ~7) {
        std::uint32_t nonzero = 0;
        for (int plane = 0; plane < q.bit_planes; ++plane) nonzero |= planes[plane];
        if (i + 1 == words) nonzero &= ~0u >> (32 * words - q.columns);
        signs[i] = static_cast<std::uint32_t>(deposit(peek(window, window.bit), nonzero));
        window.bit += static_cast<std::size_t>(popcount(nonzero));
      }
    }
  }
  return window.bit > 8 * (window.stream.size() - window.first) ? TileError::short_input : TileError::ok;
}
