// Bit planes and signs: the stream's second part.

// Decodes `count` codes. CFITSIO writes a level's last cell first: the cells are stored downward from the count-th.
FITS_TARGET inline void decode_codes(Window& window, std::int64_t count, std::byte* cells) noexcept {
  const std::uint32_t* many = kHuffman.many.data();
  std::size_t bit = window.bit;
  std::int64_t left = 4 * count;  // bits of cells still to come
  Word last = 0;                  // the last 16 of those that came
  const auto take = [&](Word& bits, const std::uint32_t* table, Word mask) FITS_TARGET_LAMBDA {
    const std::uint32_t entry = table[bits & mask];
    bits >>= entry & 63;
    bit += entry & 63;
    left -= entry >> 8 & 255;
    last = last << (entry >> 8 & 255) | entry >> 16;
  };
  // Overwrites the up to 15 cells behind with what they are, and one before with 0.
  const auto store = [&]() FITS_TARGET_LAMBDA {
    const Word word = last << (left & 4);
    __builtin_memcpy(cells + (left >> 3), &word, 8);
  };
  while (left >= 64) {
    Word bits = peek(window, bit);
    take(bits, many, 4095);
    take(bits, many, 4095);
    store();
    take(bits, many, 4095);
    take(bits, many, 4095);
    store();
  }
  while (left > 0) {
    Word bits = peek(window, bit);
    if (left >= 16) {
      take(bits, many, 4095);
    } else {
      take(bits, kHuffman.one.data(), 63);
    }
    store();
  }
  window.bit = bit;
}

// From each cell of a level the flags of its four children. `columns` of the children; `flags` is [row][parents' word].
// Returns how many are set.
FITS_TARGET inline std::int64_t flag_children(const Word* parents, std::int64_t parent_stride, std::int64_t rows,
                                              std::int64_t columns, std::uint32_t* flags) noexcept {
  const std::int64_t words = (columns + 31) / 32;
  const std::uint32_t tail = ~0u >> (32 * words - columns);
  std::int64_t count = 0;
  for (std::int64_t row = 0; row < rows; row += 2) {
    const Word* parent = parents + row / 2 * parent_stride;
    std::uint32_t* upper = flags + row * words;
    std::uint32_t* lower = row + 1 < rows ? upper + words : nullptr;
    for (std::int64_t i = 0; i < words; ++i) {
      const TwoRows two = split(parent[i]);
      const std::uint32_t inside = i + 1 == words ? tail : ~0u;
      upper[i] = two.upper & inside;
      count += popcount(upper[i]);
      if (lower != nullptr) {
        lower[i] = two.lower & inside;
        count += popcount(lower[i]);
      }
    }
  }
  return count;
}

struct Room {
  Layout layout;
  std::byte* codes;
  std::uint32_t* flags;
  Word* cells;
  std::uint32_t* spare;  // a row behind the last
  Quadrant quadrants[4];
  std::uint32_t* signs[4];
};

FITS_TARGET inline std::uint32_t* plane_words(const Room& room, const Quadrant& q, std::int64_t row) noexcept {
  return q.words + row * room.layout.words * ((q.bit_planes + 7) & ~7);
}

FITS_TARGET inline void store_cells(Word cells, std::uint32_t* upper, std::uint32_t* lower) noexcept {
  const TwoRows two = split(cells);
  *upper = two.upper;
  *lower = two.lower;
}

// Puts the decoded cells where flags are set. Two words of children per word of flags.
FITS_TARGET inline void place_children(const std::byte* codes, const std::uint32_t* __restrict flags,
                                       std::int64_t words, Word* __restrict children) noexcept {
  std::size_t bit = 0;
  for (std::int64_t i = 0; i < words; ++i) {
    const std::uint32_t low = flags[i] & 0xFFFF, high = flags[i] >> 16;
    children[2 * i] = deposit_cells(peek_all(codes, bit), low);
    bit += 4 * static_cast<std::size_t>(popcount(low));
    children[2 * i + 1] = deposit_cells(peek_all(codes, bit), high);
    bit += 4 * static_cast<std::size_t>(popcount(high));
  }
}

// The same for the finest cells, into the plane.
FITS_TARGET inline void place_pixels(const std::byte* codes, const std::uint32_t* __restrict flags, const Room& room,
                                     const Quadrant& q, int plane) noexcept {
  const std::int64_t words = (q.columns + 31) / 32, step = (q.bit_planes + 7) & ~7;
  std::size_t bit = 0;
  for (std::int64_t row = 0; row < q.rows; row += 2) {
    std::uint32_t* __restrict upper = plane_words(room, q, row) + plane;
    std::uint32_t* __restrict lower = row + 1 < q.rows ? plane_words(room, q, row + 1) + plane : room.spare;
    for (std::int64_t i = 0; i < words; i += 2, ++flags) {
      const std::uint32_t low = *flags & 0xFFFF, high = *flags >> 16;
      const TwoRows left = split(deposit_cells(peek_all(codes, bit), low));
      bit += 4 * static_cast<std::size_t>(popcount(low));
      upper[i * step] = left.upper;
      lower[i * step] = left.lower;
      if (i + 1 == words) continue;
      const TwoRows right = split(deposit_cells(peek_all(codes, bit), high));
      bit += 4 * static_cast<std::size_t>(popcount(high));
      upper[(i + 1) * step] = right.upper;
      lower[(i + 1) * step] = right.lower;
    }
  }
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

// A plane written as a quadtree: the root's code, then level by level the codes of the cells that are not empty.
FITS_TARGET inline TileError read_tree(Window& window, const Room& room, const Quadrant& q, int plane) noexcept {
  const std::uint32_t root = kHuffman.one[peek(window, window.bit) & 63];
  window.bit += root & 63;
  if (q.rows == 0 || q.columns == 0) return root >> 16 == 0 ? TileError::ok : TileError::bad_code;
  Word* parents = room.cells;
  Word* children = room.cells + half_up(room.layout.rows) * room.layout.cell_words;
  parents[0] = root >> 16;
  std::int64_t stride = 2;
  const int levels = step_count(q.rows, q.columns);
  if (levels <= 1) {
    store_cells(parents[0], plane_words(room, q, 0) + plane,
                q.rows > 1 ? plane_words(room, q, 1) + plane : room.spare);
    return TileError::ok;
  }
  for (int level = levels - 1;; --level) {
    const std::int64_t rows = halved(q.rows, level), columns = halved(q.columns, level);
    const std::int64_t words = (columns + 31) / 32;
    const std::int64_t count = flag_children(parents, stride, rows, columns, room.flags);
    decode_codes(window, count, room.codes);
    if (level == 1) break;
    place_children(room.codes, room.flags, rows * words, children);
    stride = 2 * words;
    Word* const swapped = parents;
    parents = children;
    children = swapped;
  }
  place_pixels(room.codes, room.flags, room, q, plane);
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
        signs[i] = deposit_bits(peek(window, window.bit), nonzero);
        window.bit += static_cast<std::size_t>(popcount(nonzero));
      }
    }
  }
  return window.bit > 8 * (window.stream.size() - window.first) ? TileError::short_input : TileError::ok;
}
