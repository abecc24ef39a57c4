// read_rows: columns of chosen rows, in any order.
#include "format/error.h"
#include "ops/columns_source.h"
#include "ops/source.h"

namespace fits::ops {
namespace {

// Row numbers from 0, those below 0 from the end, as a tensor's index.
std::vector<std::int64_t> checked_rows(std::span<const std::int64_t> rows, std::int64_t count) {
  std::vector<std::int64_t> checked(rows.begin(), rows.end());
  for (std::int64_t& row : checked) {
    if (row < -count || row >= count) {
      throw NoSuchCell(sentence("there is no row ", row, ": the table has ", count, count == 1 ? " row" : " rows"));
    }
    if (row < 0) row += count;
  }
  return checked;
}

std::vector<Tensor> read_chosen(const io::Source& source, std::int64_t index, std::span<const std::int64_t> rows,
                                const Texts& names, const std::optional<Text>& expected) {
  const Hdu& hdu = table_hdu(source, index);
  const Table& table = source.file->table(hdu);
  const ByteReader& bytes = source.file->bytes();
  const auto columns = chosen_columns(table, names);
  const auto checked = checked_rows(rows, table.rows.count);
  const auto count = static_cast<std::int64_t>(rows.size());
  if (hdu.kind == HduKind::compressed_table) {
    const CompressedTable compressed = compressed_table(bytes, hdu);
    const ColumnResults results(columns, Reading::values, count, expected);
    read_compressed_rows(bytes, hdu, compressed, checked, results);
    return results.tensors();
  }
  const ColumnResults results(columns, Reading::values, count, expected);
  read_plain_rows(bytes, hdu, table.rows.size, checked, results);
  return results.tensors();
}

std::span<const std::int64_t> row_numbers(const Tensor& rows) {
  const auto numbers = index_source(rows, "read_rows", "rows");
  require(rows.dim() == 1, "read_rows: rows must have one dimension, not ", rows.dim());
  return numbers;
}

std::vector<Tensor> read_rows(const Text& path, std::int64_t hdu, const Tensor& rows, const Texts& columns,
                              const std::optional<Text>& expected) {
  const auto numbers = row_numbers(rows);
  return in_context(Name{path, hdu}, [&] { return read_chosen(io::open_file(path), hdu, numbers, columns, expected); });
}

std::vector<Tensor> read_rows_bytes(const Tensor& data, std::int64_t hdu, const Tensor& rows, const Texts& columns,
                                    const std::optional<Text>& expected) {
  const Bytes bytes = byte_source(data, "read_rows");
  const auto numbers = row_numbers(rows);
  return in_context(Name{kBytesName, hdu},
                    [&] { return read_chosen(io::open_bytes(bytes), hdu, numbers, columns, expected); });
}

// Reading happens on the host: of a tensor on a CUDA device the same kernels say so.
void add_readers(Library& m) {
  m.impl("read_rows", TORCH_BOX(&read_rows));
  m.impl("read_rows.bytes", TORCH_BOX(&read_rows_bytes));
}

}  // namespace
}  // namespace fits::ops

STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { fits::ops::add_readers(m); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add_readers(m); }
