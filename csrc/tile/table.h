// Compressed tables: FITS Standard 4.0, section 10.3. A tile is ZTILELEN rows of the original table; each of its
// columns is compressed by itself, transposed, and each tile is a row of the stored table, whose cells are descriptors
// of the compressed columns in the heap. Here: what the header says of it, and where the compressed bytes are; decoding
// them is in table_column.h.
//
// Errors are FileErrors in one sentence. What passes here is believed by the decoders: every stream lies in the data
// unit and is long enough for the bytes that it must make.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/bytes.h"
#include "format/hdu.h"
#include "format/tform.h"
#include "tile/codec.h"

namespace fits {

// Deflate makes at most 258 bytes from 2 bits, RICE_1 at most 32 values of 4 bytes from 5: no codec of tables makes
// more from a byte.
inline constexpr std::int64_t kMostBytesFromOne = 1032;

// One column that has bytes. Those of zero width have no stream, and often no ZCTYPn.
struct TableColumn {
  std::int64_t number = 0;  // n of TTYPEn
  Tform tform;              // ZFORMn: the original format
  Codec codec = Codec::gzip_1;
  std::int64_t start = 0, width = 0;      // bytes in a row of the original table
  std::int64_t cell = 0, cell_size = 16;  // of its descriptor in a row of the stored table

  // Bytes of the column's stream for each row. Variable-length arrays: the original descriptors of all the rows, then
  // a Q descriptor of each compressed array, gzipped together (section 10.3.6).
  std::int64_t stream_width() const noexcept { return tform.variable() ? width + 16 : width; }
};

// Compressed bytes, counted from the data unit's first byte.
struct Stream {
  std::int64_t offset = 0, size = 0;
};

struct CompressedTable {
  std::int64_t row_size = 0, rows = 0;  // of the original table: ZNAXIS1, ZNAXIS2
  std::int64_t heap_size = 0;           // of the original table: ZPCOUNT without the gap before THEAP
  std::int64_t tile_rows = 1;           // ZTILELEN, cut to the table
  std::int64_t stored_row_size = 0;     // NAXIS1
  std::int64_t stored_heap_start = 0, stored_heap_size = 0;  // in the data unit
  std::vector<TableColumn> columns;

  // A table without bytes in its rows has no tiles to look at.
  std::int64_t tiles() const noexcept { return row_size == 0 ? 0 : (rows + tile_rows - 1) / tile_rows; }
  std::int64_t rows_of(std::int64_t tile) const noexcept {
    const std::int64_t left = rows - tile * tile_rows;
    return left < tile_rows ? left : tile_rows;
  }
};

// `hdu` is of kind compressed_table, its data unit known to be complete.
CompressedTable compressed_table(const ByteReader& bytes, const Hdu& hdu);

// The streams of tiles [first, first + count): columns.size() for each tile, in the order of `columns`.
std::vector<Stream> table_streams(const ByteReader& bytes, const Hdu& hdu, const CompressedTable& table,
                                  std::int64_t first, std::int64_t count);

// The codec's name in messages, and the column: "tile 3, column 5 (GZIP_2)".
std::string stream_name(const TableColumn& column, std::int64_t tile);

}  // namespace fits
