#include "ops/filter_cells.h"

#include <algorithm>
#include <optional>

#include "format/error.h"
#include "ops/tensor.h"
#include "tile/table_window.h"

namespace fits::ops {
namespace {

using filter::InputReader;

class PlainRows final : public Rows {
 public:
  PlainRows(const ByteReader& bytes, const Hdu& hdu, std::int64_t row_size, const std::vector<InputReader>& inputs)
      : bytes_(bytes), start_(hdu.data_start), row_size_(row_size), inputs_(inputs), scratch_(inputs.size()) {}

  Cells cells(std::size_t k, std::int64_t row, std::int64_t count) override {
    const auto first = static_cast<std::uint64_t>(row * row_size_ + inputs_[k].start());
    const auto size = static_cast<std::size_t>((count - 1) * row_size_ + inputs_[k].width());
    const Bytes view = bytes_.view(start_ + first, size, scratch_[k]);
    if (view.size() < size) throw FileError(Status::truncated, "the file became shorter while it was read");
    bytes_.passed(start_ + first, size);  // a moment early, which costs a page fault at most
    return {view.data(), row_size_};
  }

 private:
  const ByteReader& bytes_;
  std::uint64_t start_;
  std::int64_t row_size_;
  const std::vector<InputReader>& inputs_;
  std::vector<std::vector<std::byte>> scratch_;
};

class CompressedRows final : public Rows {
 public:
  CompressedRows(const ByteReader& bytes, const Hdu& hdu, const CompressedTable& table,
                 const std::vector<InputReader>& inputs) {
    for (const InputReader& input : inputs) {
      const auto stored = std::ranges::find(table.columns, input.column().number, &TableColumn::number);
      if (stored == table.columns.end()) {
        columns_.emplace_back(std::nullopt);  // a column of no bytes
        continue;
      }
      const auto number = static_cast<std::size_t>(stored - table.columns.begin());
      columns_.push_back(Input{{bytes, hdu, table, number}, input.start() - stored->start, stored->width});
    }
  }

  Cells cells(std::size_t k, std::int64_t row, std::int64_t count) override {
    if (!columns_[k]) return {&nothing_, 0};
    Input& input = *columns_[k];
    return {input.window.cells(row, count) + input.start, input.width};
  }

 private:
  struct Input {
    TableWindow window;
    std::int64_t start, width;  // of what is read in the column's cells, and of these
  };
  std::byte nothing_{};
  std::vector<std::optional<Input>> columns_;
};

}  // namespace

std::unique_ptr<Rows> plain_rows(const ByteReader& bytes, const Hdu& hdu, std::int64_t row_size,
                                 const std::vector<InputReader>& inputs) {
  return std::make_unique<PlainRows>(bytes, hdu, row_size, inputs);
}

std::unique_ptr<Rows> compressed_rows(const ByteReader& bytes, const Hdu& hdu, const CompressedTable& table,
                                      const std::vector<InputReader>& inputs) {
  return std::make_unique<CompressedRows>(bytes, hdu, table, inputs);
}

void fail_cell(const Column& column, const Cells& cells, std::int64_t row, std::int64_t done) {
  const Bytes field(cells.first + done * cells.stride, static_cast<std::size_t>(column.width));
  throw FileError(Status::bad_header, sentence("row ", row + done, ", ", column.title(), ": '", as_text(field),
                                               "' is no number that its format TFORMn allows (section 7.2.5)"));
}

}  // namespace fits::ops
