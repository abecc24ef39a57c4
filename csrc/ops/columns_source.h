// Where the cells of a table come from: rows of the file, or tiles of a compressed table; a range of rows, or chosen
// ones. Each runs on the intra-op threads where that pays, and takes no more memory than a block of rows, or a column
// of a tile, for each.
#pragma once

#include <span>

#include "format/bytes.h"
#include "format/hdu.h"
#include "ops/columns.h"
#include "tile/table.h"

namespace fits::ops {

void read_plain_range(const ByteReader& bytes, const Hdu& hdu, std::int64_t row_size, const RowRange& range,
                      const ColumnResults& results);
void read_compressed_range(const ByteReader& bytes, const Hdu& hdu, const CompressedTable& table, const RowRange& range,
                           const ColumnResults& results);

// Every row is one of the table's.
void read_plain_rows(const ByteReader& bytes, const Hdu& hdu, std::int64_t row_size, std::span<const std::int64_t> rows,
                     const ColumnResults& results);
void read_compressed_rows(const ByteReader& bytes, const Hdu& hdu, const CompressedTable& table,
                          std::span<const std::int64_t> rows, const ColumnResults& results);

}  // namespace fits::ops
