// decode_columns: raw row bytes into columns, the form of table reading that lives in graphs. CPU kernel.
#include "ops/decode_columns.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "format/cells.h"
#include "ops/shares.h"

namespace fits::ops {
namespace {

constexpr std::int64_t kBlockBytes = std::int64_t{1} << 16;  // of rows, which stay in cache for all columns

std::vector<Tensor> decode_columns(const Tensor& rows, const Texts& tforms, const Shape& columns,
                                   const std::vector<double>& tscal, const std::vector<double>& tzero) {
  const auto described = checked_columns(rows, tforms, columns, tscal, tzero);
  const Tensor together = torch::stable::contiguous(rows);
  const std::int64_t count = rows.size(0), stride = rows.size(1);
  std::vector<Tensor> decoded;
  std::vector<std::unique_ptr<CellReader>> readers;
  std::vector<std::byte*> targets;
  std::int64_t row_bytes = stride;
  for (const Column& column : described) {
    readers.push_back(value_reader(column));
    const auto [shape, dtype] = decoded_as(column, count);
    decoded.push_back(empty(shape, dtype));
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

STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { m.impl("decode_columns", TORCH_BOX(&fits::ops::decode_columns)); }
