// read_columns, read_null_mask: columns of a range of rows.
#include "ops/columns.h"

#include <algorithm>

#include "format/error.h"
#include "format/tile_table.h"
#include "ops/columns_source.h"
#include "ops/source.h"
#include "tile/table_tiles.h"

namespace fits::ops {
namespace {

struct Planned {
  ScalarType dtype;
  Shape shape;  // of one row
};

Planned planned(const Column& column, Reading reading) {
  Shape shape = column.shape();
  const ElementType type = column.elements();
  if (reading == Reading::values) return {scalar_type(type), shape};
  if (type.kind == ElementKind::character) shape.pop_back();  // one for a string, not for each character
  return {ScalarType::Bool, shape};
}

void require_fixed(const Column& column) {
  require(!column.tform.variable(), column.title(), " has arrays of variable length: read them with read_ragged");
}

}  // namespace

ColumnResults::ColumnResults(const std::vector<const Column*>& columns, Reading reading, std::int64_t rows,
                             const std::optional<Text>& expected) {
  std::vector<Planned> plans;
  std::vector<ResultType> types;
  for (const Column* column : columns) {
    require_fixed(*column);
    reading == Reading::values ? column->check_values() : column->check_shape();
    plans.push_back(planned(*column, reading));
    types.push_back({plans.back().dtype, plans.back().shape.size() + 1});
  }
  require_expected(types, expected);
  parts_.reserve(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Column& column = *columns[i];
    auto reader = reading == Reading::values ? value_reader(column) : null_reader(column);
    // Masks of strings of no characters have bytes where the file has none: nothing is made of what it merely claims.
    std::int64_t bytes = 0;
    const bool huge = __builtin_mul_overflow(reader->row_size(), rows, &bytes);
    if (huge || (column.width == 0 && static_cast<std::uint64_t>(bytes) > kFreeClaim)) {
      throw FileError(Status::bad_header, column.title() + ": " + std::to_string(rows) +
                                              " rows of it would be larger than the file can tell of");
    }
    Shape shape = plans[i].shape;
    shape.insert(shape.begin(), rows);
    Tensor tensor = empty(shape, plans[i].dtype);
    auto* const data = static_cast<std::byte*>(tensor.mutable_data_ptr());
    parts_.push_back({&column, std::move(reader), std::move(tensor), data});
  }
}

std::vector<Tensor> ColumnResults::tensors() const {
  std::vector<Tensor> all;
  all.reserve(parts_.size());
  for (const Part& part : parts_) all.push_back(part.tensor);
  return all;
}

std::int64_t ColumnResults::row_size() const noexcept {
  std::int64_t size = 0;
  for (const Part& part : parts_) size += part.reader->row_size();
  return size;
}

void ColumnResults::read(std::size_t i, const std::byte* cells, std::int64_t stride, std::int64_t rows, std::int64_t to,
                         std::int64_t row) const {
  const Part& part = parts_[i];
  const std::int64_t done = part.reader->read(cells, stride, rows, part.data + to * part.reader->row_size());
  if (done == rows) return;
  const Bytes field(cells + done * stride, static_cast<std::size_t>(part.column->width));
  throw FileError(Status::bad_header, sentence("row ", row + done, ", ", part.column->title(), ": '", as_text(field),
                                               "' is no number that its format TFORMn allows (section 7.2.5)"));
}

namespace {

std::vector<Tensor> read_range(const io::Source& source, std::int64_t index, const Texts& names, std::int64_t start,
                               std::optional<std::int64_t> stop, Reading reading, const std::optional<Text>& expected) {
  const Hdu& hdu = table_hdu(source, index);
  const Table& table = source.file->table(hdu);
  const ByteReader& bytes = source.file->bytes();
  const auto columns = chosen_columns(table, names);
  if (hdu.kind == HduKind::compressed_table) {
    const CompressedTable compressed = compressed_table(bytes, hdu);
    const RowRange range(start, stop, compressed.rows);
    const ColumnResults results(columns, reading, range.count, expected);
    read_compressed_range(bytes, hdu, compressed, range, results);
    return results.tensors();
  }
  const RowRange range(start, stop, table.rows.count);
  const ColumnResults results(columns, reading, range.count, expected);
  read_plain_range(bytes, hdu, table.rows.size, range, results);
  return results.tensors();
}

using Stop = std::optional<std::int64_t>;
using Expected = std::optional<Text>;

std::vector<Tensor> read_columns(const Text& path, std::int64_t hdu, const Texts& columns, std::int64_t start,
                                 Stop stop, const Expected& expected) {
  return in_context(Name{path, hdu}, [&] {
    return read_range(io::open_file(path), hdu, columns, start, stop, Reading::values, expected);
  });
}

std::vector<Tensor> read_columns_bytes(const Tensor& data, std::int64_t hdu, const Texts& columns, std::int64_t start,
                                       Stop stop, const Expected& expected) {
  const Bytes bytes = byte_source(data, "read_columns");
  return in_context(Name{kBytesName, hdu}, [&] {
    return read_range(io::open_bytes(bytes), hdu, columns, start, stop, Reading::values, expected);
  });
}

std::vector<Tensor> read_null_mask(const Text& path, std::int64_t hdu, const Texts& columns, std::int64_t start,
                                   Stop stop, const Expected& expected) {
  return in_context(Name{path, hdu}, [&] {
    return read_range(io::open_file(path), hdu, columns, start, stop, Reading::nulls, expected);
  });
}

std::vector<Tensor> read_null_mask_bytes(const Tensor& data, std::int64_t hdu, const Texts& columns, std::int64_t start,
                                         Stop stop, const Expected& expected) {
  const Bytes bytes = byte_source(data, "read_null_mask");
  return in_context(Name{kBytesName, hdu}, [&] {
    return read_range(io::open_bytes(bytes), hdu, columns, start, stop, Reading::nulls, expected);
  });
}

// Reading happens on the host: of a tensor on a CUDA device the same kernels say so.
void add_byte_readers(Library& m) {
  m.impl("read_columns.bytes", TORCH_BOX(&read_columns_bytes));
  m.impl("read_null_mask.bytes", TORCH_BOX(&read_null_mask_bytes));
}

}  // namespace
}  // namespace fits::ops

STABLE_TORCH_LIBRARY_IMPL(fits, CompositeExplicitAutograd, m) {
  using namespace fits::ops;
  m.impl("read_columns", TORCH_BOX(&read_columns));
  m.impl("read_null_mask", TORCH_BOX(&read_null_mask));
}
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { fits::ops::add_byte_readers(m); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add_byte_readers(m); }
