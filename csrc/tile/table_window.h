// A way through one column of a compressed table: rows asked for in stretches, each tile decoded once as long as they
// rise.
#pragma once

#include <cstddef>
#include <vector>

#include "tile/table_tiles.h"

namespace fits {

class TableWindow {
 public:
  // Column table.columns[column]. What it is given must outlive it.
  TableWindow(const ByteReader& bytes, const Hdu& hdu, const CompressedTable& table, std::size_t column)
      : bytes_(bytes), hdu_(hdu), table_(table), column_(column) {}

  // The cells of rows [row, row + count) of the table, big-endian and one after the other; valid until the next call.
  // The tiles that hold them are kept until rows of others are asked for. Throws FileError.
  const std::byte* cells(std::int64_t row, std::int64_t count);

 private:
  std::int64_t width() const noexcept { return table_.columns[column_].width; }
  void decode(std::int64_t first_tile, std::int64_t last_tile);

  const ByteReader& bytes_;
  const Hdu& hdu_;
  const CompressedTable& table_;
  std::size_t column_;
  std::int64_t first_ = 0, rows_ = 0;  // what cells_ holds: rows [first_, first_ + rows_), whole tiles
  std::vector<std::byte> cells_;
};

}  // namespace fits
