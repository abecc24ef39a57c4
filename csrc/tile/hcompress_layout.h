// Where decode_hcompress keeps what in its scratch, and what its levels share. Internal to hcompress*.{cpp,inl}.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "tile/hcompress.h"

namespace fits::hcompress {

inline constexpr std::int64_t kLongestSide = std::int64_t{1} << 29;  // 33 + 29 bit planes fit 64-bit sums

constexpr std::int64_t half_up(std::int64_t length) noexcept { return (length + 1) / 2; }

// Steps of the transform: the longer side is halved (rounding up) so many times until it is 1.
constexpr int step_count(std::int64_t rows, std::int64_t columns) noexcept {
  return std::bit_width(static_cast<std::uint64_t>((rows > columns ? rows : columns) - 1));
}

constexpr std::int64_t halved(std::int64_t length, int times) noexcept {
  return (length + (std::int64_t{1} << times) - 1) >> times;
}

// Sums of 32-bit pixels gain two bits in the first step and one in each further.
constexpr int most_bit_planes(int steps) noexcept { return 33 + steps; }

// One of the four parts of the transform, in the stream's order: sums (with all coarser levels inside), differences
// along the rows, along the columns, and along both.
struct Quadrant {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  int bit_planes = 0;
  std::uint32_t* words = nullptr;  // see Layout
};

// Bit planes are kept as 32-bit words of 32 pixels of a row (the first in the lowest bit), all planes of such a word
// side by side: [row][word][plane], a quadrant's number of planes rounded up to a multiple of 8. Sign bits likewise,
// as [row][word]. Rows of coefficients and sums are as long as the words' pixels.
struct Layout {
  std::int64_t rows, columns;            // of a quadrant: half of the tile's, rounded up
  std::int64_t words;                    // per row
  std::int64_t stride;                   // 32 * words
  std::size_t most_plane_bits;           // of the stream that one bit plane of a quadrant or one row's signs take
  std::size_t window_size, window_data;  // bytes of the window, of those the ones that hold stream
  std::size_t planes, signs, codes, codes_size, flags, flags_size, spare, window, sums,
      total;  // offsets in the scratch
};

constexpr std::size_t up_to_64(std::size_t size) noexcept { return (size + 63) & ~std::size_t{63}; }

constexpr Layout layout(std::int64_t tile_rows, std::int64_t tile_columns) noexcept {
  Layout l{};
  l.rows = half_up(tile_rows);
  l.columns = half_up(tile_columns);
  l.words = (l.columns + 31) / 32;
  l.stride = 32 * l.words;
  const std::int64_t cell_rows = half_up(l.rows), cell_columns = half_up(l.columns);
  std::int64_t nodes = 1;
  for (std::int64_t r = cell_rows, c = cell_columns; r > 1 || c > 1; r = half_up(r), c = half_up(c)) nodes += r * c;
  // Codes have 6 bits at most.
  const std::int64_t plane_bits = 6 * nodes + 16;
  l.most_plane_bits = static_cast<std::size_t>(plane_bits > tile_columns ? plane_bits : tile_columns);
  // A few planes' bytes at a time, and zeros as many as a stream that ends early may still ask for.
  l.window_data = up_to_64(l.most_plane_bits / 2 + 4096);
  l.window_size = l.window_data + up_to_64(l.most_plane_bits / 8 + 128);
  const auto words = static_cast<std::size_t>(4 * l.rows * l.words);
  const auto planes = static_cast<std::size_t>((most_bit_planes(step_count(tile_rows, tile_columns)) + 7) & ~7);
  l.codes_size = up_to_64(static_cast<std::size_t>(cell_rows * cell_columns) / 4 + 32);
  l.flags_size = up_to_64(static_cast<std::size_t>(cell_rows * ((cell_columns + 31) / 32)) * 4);
  const auto pixels = static_cast<std::size_t>(l.rows * l.stride);
  std::size_t end = 0;
  const auto place = [&end](std::size_t size) {
    const std::size_t start = end;
    end += up_to_64(size);
    return start;
  };
  l.signs = place(words * 4);
  l.window = place(l.window_size);
  l.flags = place(2 * l.flags_size);
  l.codes = place(2 * l.codes_size);
  l.sums = place(pixels * 8 * 3);  // coefficients of quadrant 0; sums of every other level, twice
  l.spare = place(static_cast<std::size_t>(l.words) * planes * 4);
  l.planes = place(words * planes * 4);  // last: hardly ever are there so many, and what is not touched costs nothing
  l.total = end;
  return l;
}

// A tile whose header has been judged.
struct Job {
  Bytes stream;  // behind the header
  std::int64_t rows = 0, columns = 0;
  int steps = 0;
  std::array<int, 3> bit_planes{};
  std::int64_t scale = 1;
  std::int64_t sum = 0;  // times scale
  bool smooth = false;
  bool wide = false;  // whether sums need 64 bits
  std::byte* scratch = nullptr;
  std::int32_t* out = nullptr;
};

// The code of a cell (p00 in bit 3, p01, p10, p11 in bit 0), its first bit the highest. FITS Standard 4.0, section
// 10.4.4.
struct HuffmanCode {
  std::uint8_t bits, length;
};

inline constexpr HuffmanCode kCodes[16] = {
    {0b111110, 6}, {0b000, 3},   {0b001, 3},  {0b1000, 4},  {0b010, 3},  {0b1001, 4},  {0b11010, 5},  {0b11011, 5},
    {0b011, 3},    {0b11100, 5}, {0b1010, 4}, {0b11101, 5}, {0b1011, 4}, {0b11110, 5}, {0b111111, 6}, {0b1100, 4}};

// The codes of a cell's four bits, read from the lowest bit on (as CFITSIO reads bytes from the highest bit on: here
// each byte of the stream is turned round first). Bits of a cell: p00 in the lowest, p01, p10, p11.
struct HuffmanTables {
  // By the next 12 bits, as many whole codes as they hold: bits 0-7 their length, 8-15 twice their number, 16-23
  // p00 and p01 of the cells, 24-31 p10 and p11; the first cell in the highest of the bits used.
  std::array<std::uint32_t, 4096> many;
  std::array<std::uint32_t, 64> one;  // by the next 6 bits, the same of one code
};

extern const HuffmanTables kHuffman;

// By eight flags: for each of eight places the number of flags before it, or 128 where its own is not set.
struct PlaceTable {
  std::uint8_t bytes[256][8];
};

extern const PlaceTable kPlaces;

// The three levels; `avx2` is for machines whose BMI2 instructions pdep and pext are slow (AMD's Zen 1 and 2).
namespace plain {
TileError decode(const Job& job) noexcept;
}
namespace avx2 {
TileError decode(const Job& job) noexcept;
}
namespace bmi2 {
TileError decode(const Job& job) noexcept;
}

// Judges a stream's header against the tile and makes the job of it. Any level may then do it.
TileError prepare(Bytes stream, std::int64_t rows, std::int64_t columns, bool smooth, std::int32_t* out,
                  std::span<std::byte> scratch, Job& job) noexcept;

// Those that this machine can run.
struct Levels {
  TileError (*decode[3])(const Job& job) noexcept;
  int count;
  int best;
};
Levels levels() noexcept;

}  // namespace fits::hcompress
