// Columns of tables as tensors: what read_columns, read_rows and read_null_mask have in common.
#pragma once

#include <memory>
#include <vector>

#include "format/cells.h"
#include "io/file.h"
#include "ops/table.h"

namespace fits::ops {

// What is made of a column: its values, or which of them are missing.
enum class Reading : std::uint8_t { values, nulls };

// The results of one call, one for each column, and how rows get into them.
class ColumnResults {
 public:
  // Memory for `rows` rows of each column. Throws where a column has arrays of variable length, or where `expected`
  // (see require_expected) is not what comes out.
  ColumnResults(const std::vector<const Column*>& columns, Reading reading, std::int64_t rows,
                const std::optional<Text>& expected);

  std::size_t size() const noexcept { return parts_.size(); }
  const Column& column(std::size_t i) const noexcept { return *parts_[i].column; }
  std::vector<Tensor> tensors() const;
  // Bytes of all results for one row.
  std::int64_t row_size() const noexcept;
  // Reads column i of rows that lie `stride` bytes apart, from its cell in the first of them, into rows [to, to + rows)
  // of the result. `row` is the table's number of the first, for messages.
  void read(std::size_t i, const std::byte* cells, std::int64_t stride, std::int64_t rows, std::int64_t to,
            std::int64_t row) const;

 private:
  struct Part {
    const Column* column;
    std::unique_ptr<CellReader> reader;
    Tensor tensor;
    std::byte* data;
  };
  std::vector<Part> parts_;
};

}  // namespace fits::ops
