// Tiles of a compressed table, read from the file one column of one tile at a time: rows and heap of the original
// table. FITS Standard 4.0, section 10.3. Which thread does which is the caller's affair.
#pragma once

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "format/bytes.h"
#include "format/hdu.h"
#include "io/gzip.h"
#include "tile/table.h"
#include "tile/table_column.h"

namespace fits {

// Throws FileErrors that name tile, column and row. What it is given must outlive it.
class TableTiles {
 public:
  // Tiles [first, first + count) of the table; their descriptors are checked here.
  TableTiles(const ByteReader& bytes, const Hdu& hdu, const CompressedTable& table, std::int64_t first,
             std::int64_t count);

  // How many jobs: one for each column of each tile. Jobs may run at the same time.
  std::int64_t jobs() const noexcept { return static_cast<std::int64_t>(streams_.size()); }

  // Writes what rows [start, start + count) have of the job's column to its places in `rows`, which begins with row
  // `start` and has room for all of them. At least one of these rows is in the job's tile.
  void read_rows(std::int64_t job, std::int64_t start, std::int64_t count, std::byte* rows) const;

  // The cells of the job's column alone, big-endian and one after the other: those of rows [start, start + count) that
  // are in its tile.
  struct Cells {
    std::int64_t first = 0, rows = 0;  // of the table
    io::Buffer bytes;
  };
  Cells read_cells(std::int64_t job, std::int64_t start, std::int64_t count) const;

  // Writes the job's variable-length arrays, if its column has any, to their places in the original `heap`, which has
  // room for table.heap_size bytes.
  void read_arrays(std::int64_t job, std::byte* heap) const;

 private:
  std::int64_t columns() const noexcept { return static_cast<std::int64_t>(table_.columns.size()); }
  std::int64_t tile(std::int64_t job) const noexcept { return first_ + job / columns(); }
  const TableColumn& column(std::int64_t job) const noexcept {
    return table_.columns[static_cast<std::size_t>(job % columns())];
  }
  // Of rows [start, start + count) those in the job's tile: the first, and how many.
  std::pair<std::int64_t, std::int64_t> rows_in(std::int64_t job, std::int64_t start,
                                                std::int64_t count) const noexcept;
  io::Buffer decoded(std::int64_t job, std::vector<std::byte>& scratch) const;
  Bytes stream(Stream place, std::vector<std::byte>& scratch) const;
  template <class Where>
  std::int64_t checked_size(const TableColumn& column, const TableArray& array, const Where& where) const;

  const ByteReader& bytes_;
  const Hdu& hdu_;
  const CompressedTable& table_;
  std::int64_t first_;
  std::vector<Stream> streams_;
  mutable std::atomic<std::int64_t> budget_;  // bytes of arrays that the file may still ask for
};

}  // namespace fits
