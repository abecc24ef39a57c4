// HCOMPRESS_1 streams, byte for byte those of CFITSIO's 64-bit encoder.
#include <algorithm>
#include <bit>
#include <cstring>

#include "tile/hcompress.h"
#include "tile/hcompress_layout.h"
#include "tile/hcompress_transform.h"

namespace fits {
namespace hcompress {
namespace {

// Offsets in the scratch.
struct EncodeLayout {
  std::size_t coefficients, sums[2], signs, cells, codes, total;
};

constexpr EncodeLayout encode_layout(std::int64_t rows, std::int64_t columns) noexcept {
  EncodeLayout l{};
  std::size_t end = 0;
  const auto place = [&end](std::int64_t size) {
    const std::size_t start = end;
    end += up_to_64(static_cast<std::size_t>(size));
    return start;
  };
  const std::int64_t cells = halved(rows, 2) * halved(columns, 2);
  l.coefficients = place(8 * rows * columns);
  l.sums[0] = place(8 * halved(rows, 1) * halved(columns, 1));
  l.sums[1] = place(8 * cells);
  l.signs = place(rows * columns / 8 + 1);
  l.cells = place(cells);
  l.codes = place(cells / 2 + 16);
  l.total = end;
  return l;
}

// Highest bit first.
class BitWriter {
 public:
  explicit BitWriter(std::byte* out) noexcept : out_(out) {}

  // count: 32 at most.
  void put(std::uint64_t bits, int count) noexcept {
    held_ = held_ << count | bits;
    for (count_ += count; count_ >= 8; count_ -= 8) *out_++ = static_cast<std::byte>(held_ >> (count_ - 8));
  }

  // Zeros up to the next byte, whose place is returned.
  std::byte* finish() noexcept {
    if (count_ > 0) put(0, 8 - count_);
    return out_;
  }

 private:
  std::byte* out_;
  std::uint64_t held_ = 0;  // its lowest count_ bits are still to be written
  int count_ = 0;
};

// One step: `in` has rows x columns sums (at level 0 pixels). The sums of its cells go to `sums`, their other
// coefficients to where they stay in the transform, whose rows have `stride` elements.
template <class In>
void forward_level(const In* in, std::int64_t rows, std::int64_t columns, int level, std::int64_t* sums,
                   std::int64_t* transform, std::int64_t stride) noexcept {
  const std::int64_t half_rows = half_up(rows), half_columns = half_up(columns);
  for (std::int64_t row = 0; row < half_rows; ++row) {
    const bool cut_row = 2 * row + 1 == rows;
    const In* upper = in + 2 * row * columns;
    const In* lower = cut_row ? upper : upper + columns;
    std::int64_t* h0 = sums + row * half_columns;
    std::int64_t* hy = transform + row * stride + half_columns;
    std::int64_t* hx = cut_row ? h0 : transform + (half_rows + row) * stride;  // a row that is cut has no hx, no hc
    std::int64_t* hc = cut_row ? hy : hx + half_columns;
    const std::int64_t whole = columns / 2;
    for (std::int64_t i = 0; i < whole; ++i) {
      const auto c =
          forward_cell<std::int64_t>({upper[2 * i], upper[2 * i + 1], lower[2 * i], lower[2 * i + 1]}, level);
      hx[i] = c.hx;
      hc[i] = c.hc;
      h0[i] = c.h0;
      hy[i] = c.hy;
    }
    if (whole == half_columns) continue;
    const auto c =
        forward_cell<std::int64_t>({upper[2 * whole], upper[2 * whole], lower[2 * whole], lower[2 * whole]}, level);
    hx[whole] = c.hx;
    h0[whole] = c.h0;
  }
}

void transform(const std::int32_t* pixels, std::int64_t rows, std::int64_t columns, std::int64_t* coefficients,
               std::int64_t* const sums[2]) noexcept {
  const int steps = step_count(rows, columns);
  if (steps == 0) coefficients[0] = pixels[0];
  for (int level = 0; level < steps; ++level) {
    const std::int64_t r = halved(rows, level), c = halved(columns, level);
    std::int64_t* to = level + 1 == steps ? coefficients : sums[level & 1];
    if (level == 0) {
      forward_level(pixels, r, c, level, to, coefficients, columns);
    } else {
      forward_level(sums[(level - 1) & 1], r, c, level, to, coefficients, columns);
    }
  }
}

// Rounds to multiples of the scale.
void digitize(std::int64_t* coefficients, std::int64_t count, std::int64_t scale) noexcept {
  if (scale <= 1) return;
  const std::int64_t half = (scale + 1) / 2 - 1;
  for (std::int64_t i = 0; i < count; ++i) {
    coefficients[i] = (coefficients[i] > 0 ? coefficients[i] + half : coefficients[i] - half) / scale;
  }
}

// Takes the signs of what is not zero out of the coefficients. Returns where the bits end.
std::byte* take_signs(std::int64_t* coefficients, std::int64_t count, std::byte* signs) noexcept {
  BitWriter writer(signs);
  for (std::int64_t i = 0; i < count; ++i) {
    if (coefficients[i] == 0) continue;
    writer.put(coefficients[i] < 0, 1);
    if (coefficients[i] < 0) coefficients[i] = -coefficients[i];
  }
  return writer.finish();
}

struct Part {
  const std::int64_t* coefficients;
  std::int64_t stride, rows, columns;
};

int bit_planes(const Part& part) noexcept {
  std::int64_t all = 0;
  for (std::int64_t row = 0; row < part.rows; ++row) {
    for (std::int64_t i = 0; i < part.columns; ++i) all |= part.coefficients[row * part.stride + i];
  }
  return std::bit_width(static_cast<std::uint64_t>(all));
}

// Cells of one bit plane: p00 in bit 3, p01, p10, p11 in bit 0.
void cells_of_plane(const Part& part, int plane, std::uint8_t* cells) noexcept {
  const auto bit = [plane](std::int64_t value) { return static_cast<std::uint8_t>(value >> plane & 1); };
  for (std::int64_t row = 0; row < part.rows; row += 2) {
    const std::int64_t* upper = part.coefficients + row * part.stride;
    const bool cut_row = row + 1 == part.rows;
    const std::int64_t* lower = cut_row ? upper : upper + part.stride;
    const std::uint8_t kept = cut_row ? 12 : 15;
    for (std::int64_t i = 0; i < part.columns / 2; ++i) {
      const int cell =
          bit(upper[2 * i]) << 3 | bit(upper[2 * i + 1]) << 2 | bit(lower[2 * i]) << 1 | bit(lower[2 * i + 1]);
      *cells++ = static_cast<std::uint8_t>(cell & kept);
    }
    const std::int64_t last = part.columns - 1;
    if (part.columns % 2 != 0)
      *cells++ = static_cast<std::uint8_t>((bit(upper[last]) << 3 | bit(lower[last]) << 1) & kept);
  }
}

// The next coarser level's cells, in place: which of four neighbours are not empty.
void reduce(std::uint8_t* cells, std::int64_t rows, std::int64_t columns) noexcept {
  std::uint8_t* out = cells;
  for (std::int64_t row = 0; row < rows; row += 2) {
    const std::uint8_t* upper = cells + row * columns;
    const bool cut_row = row + 1 == rows;
    for (std::int64_t i = 0; i < columns; i += 2) {
      const bool cut_column = i + 1 == columns;
      const std::uint8_t* p = upper + i;
      const int p00 = p[0] != 0, p01 = !cut_column && p[1] != 0, p10 = !cut_row && p[columns] != 0;
      const int p11 = !cut_row && !cut_column && p[columns + 1] != 0;
      *out++ = static_cast<std::uint8_t>(p00 << 3 | p01 << 2 | p10 << 1 | p11);
    }
  }
}

// A plane's codes, kept from the lowest bit on, for they are written last to first.
struct CodeBuffer {
  std::byte* bytes;
  std::int64_t limit;  // so many bytes are one too many
  std::int64_t size = 0;
  std::uint64_t held = 0;
  int count = 0;
};

// False where the codes take as much as the plane itself.
bool add_codes(CodeBuffer& buffer, const std::uint8_t* cells, std::int64_t count) noexcept {
  std::int64_t size = buffer.size;
  std::uint64_t held = buffer.held;
  int bits = buffer.count;
  for (std::int64_t i = 0; i < count; ++i) {
    if (cells[i] == 0) continue;
    const HuffmanCode code = kCodes[cells[i]];
    held |= static_cast<std::uint64_t>(code.bits) << bits;
    bits += code.length;
    if (bits < 8) continue;
    buffer.bytes[size++] = static_cast<std::byte>(held);
    if (size >= buffer.limit) return false;
    held >>= 8;
    bits -= 8;
  }
  buffer.size = size;
  buffer.held = held;
  buffer.count = bits;
  return true;
}

bool encode_tree(const Part& part, std::uint8_t* cells, CodeBuffer& buffer) noexcept {
  const int levels = std::max(step_count(part.rows, part.columns), 1);
  for (int level = 1; level <= levels; ++level) {
    const std::int64_t rows = halved(part.rows, level), columns = halved(part.columns, level);
    if (level > 1) reduce(cells, halved(part.rows, level - 1), halved(part.columns, level - 1));
    if (!add_codes(buffer, cells, rows * columns)) return false;
  }
  return true;
}

void encode_plane(const Part& part, int plane, std::uint8_t* cells, std::byte* codes, BitWriter& out) noexcept {
  const std::int64_t count = half_up(part.rows) * half_up(part.columns);
  cells_of_plane(part, plane, cells);
  CodeBuffer buffer{codes, (count + 1) / 2};
  if (!encode_tree(part, cells, buffer)) {
    cells_of_plane(part, plane, cells);
    out.put(0, 4);
    for (std::int64_t i = 0; i < count; ++i) out.put(cells[i], 4);
    return;
  }
  out.put(15, 4);
  if (buffer.size == 0 && buffer.count == 0) out.put(kCodes[0].bits, kCodes[0].length);  // an empty plane
  out.put(buffer.held, buffer.count);
  for (std::int64_t i = buffer.size - 1; i >= 0; --i) out.put(static_cast<std::uint64_t>(buffer.bytes[i]), 8);
}

void put_big_endian(std::byte* out, std::int64_t value, int count) noexcept {
  for (int i = 0; i < count; ++i) out[i] = static_cast<std::byte>(value >> (8 * (count - 1 - i)));
}

}  // namespace
}  // namespace hcompress

using namespace hcompress;

std::size_t hcompress_bound(std::int64_t rows, std::int64_t columns) noexcept {
  if (hcompress_scratch(rows, columns) == 0) return 0;
  // Four bits a cell and a nybble before each plane; codes are not written where they take more.
  const std::int64_t cells = 4 * halved(rows, 2) * halved(columns, 2);
  const std::int64_t plane_bytes = (cells + 4) / 2 + 8;
  return kHcompressHeaderSize +
         static_cast<std::size_t>(most_bit_planes(step_count(rows, columns)) * plane_bytes + rows * columns / 8 + 2);
}

std::size_t hcompress_encode_scratch(std::int64_t rows, std::int64_t columns) noexcept {
  return hcompress_scratch(rows, columns) == 0 ? 0 : encode_layout(rows, columns).total;
}

std::size_t encode_hcompress(const std::int32_t* pixels, std::int64_t rows, std::int64_t columns, std::int32_t scale,
                             std::byte* out, std::span<std::byte> scratch) noexcept {
  const std::size_t needed = hcompress_encode_scratch(rows, columns);
  if (needed == 0 || scratch.size() < needed) return 0;
  const EncodeLayout l = encode_layout(rows, columns);
  auto* const a = reinterpret_cast<std::int64_t*>(scratch.data() + l.coefficients);
  std::int64_t* const sums[2] = {reinterpret_cast<std::int64_t*>(scratch.data() + l.sums[0]),
                                 reinterpret_cast<std::int64_t*>(scratch.data() + l.sums[1])};
  transform(pixels, rows, columns, a, sums);
  digitize(a, rows * columns, scale);
  put_big_endian(out, 0xDD99, 2);
  put_big_endian(out + 2, rows, 4);
  put_big_endian(out + 6, columns, 4);
  put_big_endian(out + 10, scale, 4);
  put_big_endian(out + 14, a[0], 8);
  a[0] = 0;
  std::byte* const signs = scratch.data() + l.signs;
  const std::byte* const signs_end = take_signs(a, rows * columns, signs);

  const std::int64_t r = half_up(rows), c = half_up(columns);
  const Part parts[4] = {{a, columns, r, c},
                         {a + c, columns, r, columns / 2},
                         {a + r * columns, columns, rows / 2, c},
                         {a + r * columns + c, columns, rows / 2, columns / 2}};
  const int planes[4] = {bit_planes(parts[0]), std::max(bit_planes(parts[1]), bit_planes(parts[2])), 0,
                         bit_planes(parts[3])};
  for (const int i : {0, 1, 3}) out[22 + (i + 1) / 2] = static_cast<std::byte>(planes[i]);
  BitWriter writer(out + kHcompressHeaderSize);
  for (int i = 0; i < 4; ++i) {
    for (int plane = planes[i == 2 ? 1 : i] - 1; plane >= 0; --plane) {
      encode_plane(parts[i], plane, reinterpret_cast<std::uint8_t*>(scratch.data() + l.cells), scratch.data() + l.codes,
                   writer);
    }
  }
  writer.put(0, 4);
  std::byte* const end = writer.finish();
  std::memcpy(end, signs, static_cast<std::size_t>(signs_end - signs));
  return static_cast<std::size_t>(end - out + (signs_end - signs));
}

}  // namespace fits
