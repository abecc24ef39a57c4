// Where the cells of a filter's inputs come from: the rows of a table, or the tiles of a compressed one.
#pragma once

#include <memory>
#include <vector>

#include "filter/cells.h"
#include "format/bytes.h"
#include "format/hdu.h"
#include "tile/table.h"

namespace fits::ops {

// Where an input's cells lie: the first row's, and how far apart.
struct Cells {
  const std::byte* first;
  std::int64_t stride;
};

// The rows of a table, for one thread. What they are made from must outlive them.
class Rows {
 public:
  virtual ~Rows() = default;
  // Of the table's rows [row, row + count) the cells of input `k`.
  virtual Cells cells(std::size_t k, std::int64_t row, std::int64_t count) = 0;
};

std::unique_ptr<Rows> plain_rows(const ByteReader& bytes, const Hdu& hdu, std::int64_t row_size,
                                 const std::vector<filter::InputReader>& inputs);
// Whole tiles of a column are decoded when one of their rows is asked for, and kept until others are.
std::unique_ptr<Rows> compressed_rows(const ByteReader& bytes, const Hdu& hdu, const CompressedTable& table,
                                      const std::vector<filter::InputReader>& inputs);

// A row of an ASCII table holds no number where a column has one. Throws FileError.
[[noreturn]] void fail_cell(const Column& column, const Cells& cells, std::int64_t row, std::int64_t done);

}  // namespace fits::ops
