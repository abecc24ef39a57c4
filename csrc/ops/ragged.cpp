// read_ragged: a column of variable-length arrays as values end to end and the places where each begins.
#include <algorithm>

#include "format/arrays.h"
#include "format/error.h"
#include "format/tile_table.h"
#include "ops/columns.h"
#include "ops/rows.h"
#include "ops/shares.h"
#include "ops/source.h"
#include "tile/table_tiles.h"

namespace fits::ops {
namespace {

constexpr std::int64_t kPieceBytes = std::int64_t{1} << 20;  // of the heap, looked at together
constexpr std::int64_t kBlockBytes = std::int64_t{1} << 16;  // of the rows

using Ragged = std::tuple<Tensor, Tensor>;

// The cells of one column in a range of rows, and the heap that they point into; where a compressed table's were
// decoded, in memory.
struct ArrayColumn {
  const ByteReader* cell_bytes;
  std::uint64_t cells_start;  // of the first row's cell
  std::int64_t stride;
  const ByteReader* heap_bytes;
  std::uint64_t heap_start;

  const std::byte* view(const ByteReader& bytes, std::uint64_t start, std::int64_t size,
                        std::vector<std::byte>& scratch) const {
    const auto wanted = static_cast<std::size_t>(size);
    const Bytes found = bytes.view(start, wanted, scratch);
    if (found.size() < wanted) throw FileError(Status::truncated, "the file became shorter while it was read");
    bytes.passed(start, wanted);  // a moment early, which costs a page fault at most
    return found.data();
  }

  // Runs f(row, cell) for rows [first, end) of the range; `width` bytes of each cell are there.
  template <class F>
  void for_each_cell(std::int64_t first, std::int64_t end, std::int64_t width, const F& f) const {
    std::vector<std::byte> scratch;
    const std::int64_t block = std::max<std::int64_t>(kBlockBytes / std::max<std::int64_t>(stride, 1), 1);
    for (std::int64_t row = first; row < end; row += block) {
      const std::int64_t count = std::min(block, end - row);
      const std::byte* const cells = view(*cell_bytes, cells_start + static_cast<std::uint64_t>(row * stride),
                                          (count - 1) * stride + width, scratch);
      for (std::int64_t i = 0; i < count; ++i) f(row + i, cells + i * stride);
    }
  }
};

// Values that lie one after the other in the heap and in the result, read together.
class Run {
 public:
  Run(const ArrayColumn& column, const HeapArrays& arrays, std::byte* values)
      : column_(column), arrays_(arrays), values_(values) {}

  // The array of `count` elements at byte `offset`, whose values begin at element `to`.
  void add(std::int64_t offset, std::int64_t count, std::int64_t to) {
    if (count_ > 0 && arrays_.joins() && offset == offset_ + arrays_.stored_size(count_) && to == to_ + count_) {
      count_ += count;
      return;
    }
    finish();
    offset_ = offset, count_ = count, to_ = to;
  }

  void finish() {
    const std::int64_t most = arrays_.elements_in(kPieceBytes);
    for (std::int64_t done = 0; done < count_; done += most) {
      const std::int64_t count = std::min(most, count_ - done);
      const auto start = column_.heap_start + static_cast<std::uint64_t>(offset_ + arrays_.stored_size(done));
      const std::byte* const stored = column_.view(*column_.heap_bytes, start, arrays_.stored_size(count), scratch_);
      arrays_.read(stored, count, values_ + arrays_.value_size(to_ + done));
    }
    count_ = 0;
  }

 private:
  const ArrayColumn& column_;
  const HeapArrays& arrays_;
  std::byte* values_;
  std::int64_t offset_ = 0, count_ = 0, to_ = 0;
  std::vector<std::byte> scratch_;
};

// Where each array begins among the values. `most`: bytes of values that a file of this size may ask for. Arrays may
// share bytes of the heap, but nothing is allocated by a number that the file merely claims.
Tensor array_offsets(const ArrayColumn& column, const HeapArrays& arrays, std::int64_t width, const RowRange& range,
                     std::uint64_t most) {
  Tensor offsets = empty({range.count + 1}, ScalarType::Long);
  auto* const starts = static_cast<std::int64_t*>(offsets.mutable_data_ptr());
  const Shares shares(range.count, column.stride + 8);
  parallel_for(shares.count(), [&](std::int64_t share) {
    column.for_each_cell(
        shares.bound(share), shares.bound(share + 1), width,
        [&](std::int64_t row, const std::byte* cell) { starts[row + 1] = arrays.count(cell, range.start + row); });
  });
  starts[0] = 0;
  std::uint64_t total = 0;
  const std::uint64_t limit = most / static_cast<std::uint64_t>(arrays.value_size(1));
  for (std::int64_t row = 1; row <= range.count; ++row) {
    total += static_cast<std::uint64_t>(starts[row]);
    if (total > limit) {
      throw FileError(Status::bad_header,
                      "the arrays share so much of the heap that together they are larger than a file of this size "
                      "should ask for: read fewer rows at a time");
    }
    starts[row] = static_cast<std::int64_t>(total);
  }
  return offsets;
}

Ragged read_arrays(const ArrayColumn& column, const HeapArrays& arrays, const Column& described, const RowRange& range,
                   std::uint64_t most) {
  Tensor offsets = array_offsets(column, arrays, described.width, range, most);
  const auto* const starts = static_cast<const std::int64_t*>(offsets.const_data_ptr());
  Tensor values = empty({starts[range.count]}, scalar_type(described.elements(true)));
  auto* const out = static_cast<std::byte*>(values.mutable_data_ptr());
  const std::int64_t bytes = arrays.value_size(starts[range.count]);
  const Shares shares(range.count, column.stride + bytes / std::max<std::int64_t>(range.count, 1));
  parallel_for(shares.count(), [&](std::int64_t share) {
    Run run(column, arrays, out);
    column.for_each_cell(shares.bound(share), shares.bound(share + 1), described.width,
                         [&](std::int64_t row, const std::byte* cell) {
                           const std::int64_t count = starts[row + 1] - starts[row];
                           if (count > 0) run.add(arrays.offset(cell), count, starts[row]);
                         });
    run.finish();
  });
  return {std::move(values), std::move(offsets)};
}

std::uint64_t most_values(const Hdu& hdu) {
  return std::max(kFreeClaim, std::uint64_t{kMostBytesFromOne} * hdu.data_size);
}

Ragged read_compressed(const ByteReader& bytes, const Hdu& hdu, const Column& column, std::int64_t start,
                       std::optional<std::int64_t> stop) {
  const CompressedTable table = compressed_table(bytes, hdu);
  const RowRange range(start, stop, table.rows);
  const HeapArrays arrays(column, table.heap_size);
  const auto found = std::ranges::find(table.columns, column.number, &TableColumn::number);
  const MemoryBytes nothing{Bytes{}};
  if (range.count == 0 || found == table.columns.end()) {
    return read_arrays({&nothing, 0, 0, &nothing, 0}, arrays, column, range, most_values(hdu));
  }
  const std::int64_t first = range.start / table.tile_rows, last = (range.start + range.count - 1) / table.tile_rows;
  const TableTiles tiles(bytes, hdu, table, first, last + 1 - first);
  const auto columns = static_cast<std::int64_t>(table.columns.size());
  const std::int64_t job = found - table.columns.begin();
  io::Buffer cells(static_cast<std::size_t>(range.count * column.width));
  Tensor heap = empty({table.heap_size}, ScalarType::Byte);
  auto* const heap_bytes = static_cast<std::byte*>(heap.mutable_data_ptr());
  parallel_for(last + 1 - first, [&](std::int64_t tile) {
    const auto part = tiles.read_cells(tile * columns + job, range.start, range.count);
    std::ranges::copy(part.bytes.bytes(), cells.data() + (part.first - range.start) * column.width);
    tiles.read_arrays(tile * columns + job, heap_bytes);
  });
  const MemoryBytes cell_reader(cells.bytes());
  const MemoryBytes heap_reader(Bytes(heap_bytes, static_cast<std::size_t>(table.heap_size)));
  return read_arrays({&cell_reader, 0, column.width, &heap_reader, 0}, arrays, column, range, most_values(hdu));
}

Ragged read_ragged_of(const io::Source& source, std::int64_t index, const Text& name, std::int64_t start,
                      std::optional<std::int64_t> stop, const std::optional<Text>& expected) {
  const Hdu& hdu = binary_table_hdu(source, index);
  const Table& table = source.file->table(hdu);
  const ByteReader& bytes = source.file->bytes();
  const Column& column = table.column(name);
  require(column.tform.variable(), column.title(), " has cells of fixed width: read them with read_columns");
  column.check_values();
  require_expected({{scalar_type(column.elements(true)), 1}}, expected);
  if (hdu.kind == HduKind::compressed_table) return read_compressed(bytes, hdu, column, start, stop);
  const RowRange range(start, stop, table.rows.count);
  const std::string cards = stored_cards(bytes, hdu);
  const auto size = static_cast<std::int64_t>(hdu.data_size);
  const std::int64_t heap = heap_start(HeaderView(cards), "THEAP", table.rows.bytes(), size);
  const HeapArrays arrays(column, size - heap);
  const std::int64_t first = range.start * table.rows.size + column.start;
  const ArrayColumn places{&bytes, hdu.data_start + static_cast<std::uint64_t>(first), table.rows.size, &bytes,
                           hdu.data_start + static_cast<std::uint64_t>(heap)};
  return read_arrays(places, arrays, column, range, most_values(hdu));
}

Ragged read_ragged(const Text& path, std::int64_t hdu, const Text& column, std::int64_t start,
                   std::optional<std::int64_t> stop, const std::optional<Text>& expected) {
  return in_context(Name{path, hdu},
                    [&] { return read_ragged_of(io::open_file(path), hdu, column, start, stop, expected); });
}

Ragged read_ragged_bytes(const Tensor& data, std::int64_t hdu, const Text& column, std::int64_t start,
                         std::optional<std::int64_t> stop, const std::optional<Text>& expected) {
  const Bytes bytes = byte_source(data, "read_ragged");
  return in_context(Name{kBytesName, hdu},
                    [&] { return read_ragged_of(io::open_bytes(bytes), hdu, column, start, stop, expected); });
}

// Reading happens on the host: of a tensor on a CUDA device the same kernels say so.
void add_byte_readers(Library& m) { m.impl("read_ragged.bytes", TORCH_BOX(&read_ragged_bytes)); }

}  // namespace
}  // namespace fits::ops

STABLE_TORCH_LIBRARY_IMPL(fits, CompositeExplicitAutograd, m) {
  m.impl("read_ragged", TORCH_BOX(&fits::ops::read_ragged));
}
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { fits::ops::add_byte_readers(m); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add_byte_readers(m); }
