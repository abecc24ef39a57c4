// decode_columns: raw row bytes into columns, the form of table reading that lives in graphs.
#include <algorithm>
#include <memory>
#include <vector>

#include "format/cells.h"
#include "ops/shares.h"
#include "ops/table.h"

namespace fits::ops {
namespace {

// The chosen columns of rows [n, NAXIS1]; `tscal` and `tzero` have one number for each format, or none.
std::vector<Column> described_columns(const Tensor& rows, const Texts& tforms, const Shape& chosen,
                                      const std::vector<double>& tscal, const std::vector<double>& tzero) {
  require(rows.scalar_type() == ScalarType::Byte && rows.dim() == 2,
          "decode_columns: rows must be uint8 [n, NAXIS1], not ", torch::headeronly::toString(rows.scalar_type()),
          " of ", rows.dim(), " dimensions");
  require((tscal.empty() || tscal.size() == tforms.size()) && (tzero.empty() || tzero.size() == tforms.size()),
          "decode_columns: tscal and tzero must have a number for each of the ", tforms.size(),
          " tforms, or none; they have ", tscal.size(), " and ", tzero.size());
  std::vector<Column> all(tforms.size());
  std::int64_t width = 0;
  for (std::size_t i = 0; i < tforms.size(); ++i) {
    const auto tform = parse_tform(tforms[i]);
    require(tform.has_value(), "decode_columns: tforms[", i, "] = ", static_cast<const std::string&>(tforms[i]),
            ": must be a number of elements and one of the letters L X B I J K A E D C M P Q (section 7.3.1)");
    Column& column = all[i];
    column.number = static_cast<std::int64_t>(i) + 1;
    column.tform = *tform;
    column.start = width;
    column.width = tform->width();
    if (!tscal.empty()) column.tscal = tscal[i];
    if (!tzero.empty()) column.tzero = tzero[i];
    require(!__builtin_add_overflow(width, column.width, &width), "decode_columns: the tforms are too wide");
  }
  require(width == rows.size(1), "decode_columns: the tforms are ", width, " bytes wide and the rows ", rows.size(1));
  std::vector<Column> columns;
  columns.reserve(chosen.size());
  for (const auto index : chosen) {
    require(index >= 0 && index < static_cast<std::int64_t>(all.size()), "decode_columns: there is no column ", index,
            "; there are ", all.size(), ", counted from 0");
    columns.push_back(all[static_cast<std::size_t>(index)]);
  }
  return columns;
}

constexpr std::int64_t kBlockBytes = std::int64_t{1} << 16;  // of rows, which stay in cache for all columns

Tensor empty_column(const Column& column, std::int64_t rows) {
  const bool pair = column.tform.variable();
  Shape shape = pair ? Shape{2 * column.tform.repeat} : column.shape();
  shape.insert(shape.begin(), rows);
  const ScalarType dtype = !pair                        ? scalar_type(column.elements())
                           : column.tform.letter == 'P' ? ScalarType::Int
                                                        : ScalarType::Long;
  return empty(shape, dtype);
}

std::vector<Tensor> decode_columns(const Tensor& rows, const Texts& tforms, const Shape& columns,
                                   const std::vector<double>& tscal, const std::vector<double>& tzero) {
  require(rows.is_cpu(),
          "decode_columns: rows is on another device; columns are made on the host: bring it there with "
          ".cpu()");
  const auto described = described_columns(rows, tforms, columns, tscal, tzero);
  const Tensor together = torch::stable::contiguous(rows);
  const std::int64_t count = rows.size(0), stride = rows.size(1);
  std::vector<Tensor> decoded;
  std::vector<std::unique_ptr<CellReader>> readers;
  std::vector<std::byte*> targets;
  std::int64_t row_bytes = stride;
  for (const Column& column : described) {
    readers.push_back(value_reader(column));
    decoded.push_back(empty_column(column, count));
    targets.push_back(static_cast<std::byte*>(decoded.back().mutable_data_ptr()));
    row_bytes += readers.back()->row_size();
  }
  const auto* const cells = static_cast<const std::byte*>(together.const_data_ptr());
  const std::int64_t block = std::max<std::int64_t>(kBlockBytes / std::max<std::int64_t>(stride, 1), 1);
  const Shares shares(count, row_bytes);
  parallel_for(shares.count(), [&](std::int64_t share) {
    const std::int64_t end = shares.bound(share + 1);
    for (std::int64_t row = shares.bound(share); row < end; row += block) {
      const std::int64_t number = std::min(block, end - row);
      for (std::size_t i = 0; i < described.size(); ++i) {
        (void)readers[i]->read(cells + row * stride + described[i].start, stride, number,
                               targets[i] + row * readers[i]->row_size());
      }
    }
  });
  return decoded;
}

}  // namespace
}  // namespace fits::ops

// Of a tensor on a CUDA device the same kernel says what to do.
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { m.impl("decode_columns", TORCH_BOX(&fits::ops::decode_columns)); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { m.impl("decode_columns", TORCH_BOX(&fits::ops::decode_columns)); }
