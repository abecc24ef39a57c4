// The streams of compressed tables, decoded into big-endian rows and heap: FITS Standard 4.0, section 10.3.
//
// GZIP_2 shuffles the bytes of I, J, E, K and D. What the Standard leaves open is done as CFITSIO writes it: columns of
// C and M are gzipped as they are, of arrays in the heap those of C are shuffled in units of 8 bytes and those of M
// not. (funpack 4.2 refuses the former, which fpack makes.) RICE_1 has blocks of 32 values of the column's own width.
#pragma once

#include <cstdint>
#include <span>

#include "format/bytes.h"
#include "format/heap.h"
#include "tile/codec.h"
#include "tile/table.h"

namespace fits {

// One column of one tile: `decoded` is filled with rows * stream_width bytes, still in the codec's order.
TileError decode_column(const TableColumn& column, Bytes stream, std::int64_t rows,
                        std::span<std::byte> decoded) noexcept;

// Rows [first, first + count) of what decode_column made of `rows` rows: big-endian, each to its place. `out` is the
// column's first byte in the first of these rows, the next row row_size bytes further on. Of variable-length arrays
// these are the original descriptors.
void place_column(const TableColumn& column, Bytes decoded, std::int64_t rows, std::int64_t first, std::int64_t count,
                  std::byte* out, std::int64_t row_size) noexcept;

// A variable-length array of one row: in the original heap, and its compressed bytes in the stored one.
struct TableArray {
  Descriptor original, stored;
};

// Of row `row`, from what decode_column made of `rows` rows.
TableArray table_array(const TableColumn& column, Bytes decoded, std::int64_t rows, std::int64_t row) noexcept;

// Writes an array's elements to `out`, big-endian: as many bytes as `decoded` has, which is scratch, aligned for 8. A
// stream of just as many bytes is not compressed (section 10.3.6). `out` is written once and not read, so that tables
// may have arrays that share bytes of the heap.
TileError decode_array(const TableColumn& column, Bytes stream, std::span<std::byte> decoded, std::byte* out) noexcept;

}  // namespace fits
