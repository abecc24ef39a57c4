// Columns of a table as a filter's variables, and their cells as its blocks.
#pragma once

#include <memory>

#include "filter/filter.h"
#include "format/card.h"
#include "format/cells.h"
#include "format/table.h"

namespace fits::filter {

// The names of a table and its header, as the user sees them. Other files are for who knows how to open them.
class TableNames : public Names {
 public:
  TableNames(const Table& table, HeaderView cards) noexcept : table_(table), cards_(cards) {}
  std::optional<Variable> column(std::string_view name) const override;
  std::optional<Keyword> keyword(std::string_view name) const override;

 private:
  const Table& table_;
  HeaderView cards_;
};

// Reads one input. Any thread may use it.
class InputReader {
 public:
  // Throws FileError where TNULLn is none.
  InputReader(const Column& column, const Input& input);

  std::int64_t value_size() const noexcept { return value_size_; }  // bytes of a row in Block::values
  std::int64_t null_size() const noexcept { return null_size_; }    // of its NULL marks
  bool marks_nulls() const noexcept { return nulls_ != nullptr; }
  std::int64_t start() const noexcept { return part_.start; }  // of the cells that it reads, in a row
  std::int64_t width() const noexcept { return part_.width; }
  const Column& column() const noexcept { return part_; }

  // Reads `rows` cells, `stride` bytes apart. How many were read, as CellReader::read. `scratch` has room for a row's
  // values as they are in the table, for all rows; `nulls` are written where marks_nulls().
  std::int64_t read(const std::byte* cells, std::int64_t stride, std::int64_t rows, std::byte* scratch,
                    std::byte* values, std::uint8_t* nulls) const;
  std::int64_t scratch_size() const noexcept { return widen_ == nullptr ? 0 : values_->row_size(); }

 private:
  using Widen = void (*)(const std::byte* from, std::int64_t count, std::byte* to);

  Column part_;  // the elements that are read, as a column
  std::int64_t value_size_ = 0, null_size_ = 0;
  std::unique_ptr<CellReader> values_;
  std::unique_ptr<CellReader> nulls_;  // where there can be any
  Widen widen_ = nullptr;              // where the table's values are of another type than the block's
};

}  // namespace fits::filter
