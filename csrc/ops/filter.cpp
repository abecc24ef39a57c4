// filter_rows: the rows of a table that an expression selects (csrc/filter).
#include <algorithm>
#include <bit>
#include <cstring>

#include "filter/cells.h"
#include "format/error.h"
#include "format/tile_table.h"
#include "ops/shares.h"
#include "ops/source.h"
#include "ops/table.h"
#include "tile/table_tiles.h"

namespace fits::ops {
namespace {

using filter::InputReader;

constexpr std::int64_t kPieces = 8;  // of a compressed table for each thread, so that uneven ones balance

// Where an input's cells lie: the first row's, and how far apart.
struct Cells {
  const std::byte* first;
  std::int64_t stride;
};

// The rows of a table, for one thread.
class Rows {
 public:
  virtual ~Rows() = default;
  // Of the table's rows [row, row + count) the cells of input `k`.
  virtual Cells cells(std::size_t k, std::int64_t row, std::int64_t count) = 0;
};

class PlainRows final : public Rows {
 public:
  PlainRows(const ByteReader& bytes, const Hdu& hdu, std::int64_t row_size, const std::vector<InputReader>& inputs)
      : bytes_(bytes), start_(hdu.data_start), row_size_(row_size), inputs_(inputs), scratch_(inputs.size()) {}

  Cells cells(std::size_t k, std::int64_t row, std::int64_t count) override {
    const auto first = static_cast<std::uint64_t>(row * row_size_ + inputs_[k].start());
    const auto size = static_cast<std::size_t>((count - 1) * row_size_ + inputs_[k].width());
    const Bytes view = bytes_.view(start_ + first, size, scratch_[k]);
    if (view.size() < size) throw FileError(Status::truncated, "the file became shorter while it was read");
    return {view.data(), row_size_};
  }

 private:
  const ByteReader& bytes_;
  std::uint64_t start_;
  std::int64_t row_size_;
  const std::vector<InputReader>& inputs_;
  std::vector<std::vector<std::byte>> scratch_;
};

// Whole tiles of a column are decoded when one of their rows is asked for, and kept until others are.
class CompressedRows final : public Rows {
 public:
  CompressedRows(const ByteReader& bytes, const Hdu& hdu, const CompressedTable& table,
                 const std::vector<InputReader>& inputs)
      : bytes_(bytes), hdu_(hdu), table_(table), inputs_(inputs), windows_(inputs.size()) {}

  Cells cells(std::size_t k, std::int64_t row, std::int64_t count) override {
    Window& window = windows_[k];
    const Column& column = inputs_[k].column();
    const auto stored = std::ranges::find(table_.columns, column.number, &TableColumn::number);
    if (stored == table_.columns.end()) return {window.bytes.data(), 0};  // a column of no bytes
    const std::int64_t width = stored->width;
    if (row < window.first || row + count > window.first + window.rows) {
      decode(window, stored - table_.columns.begin(), width, row, count);
    }
    const std::int64_t in_column = inputs_[k].start() - stored->start;
    return {window.bytes.data() + (row - window.first) * width + in_column, width};
  }

 private:
  struct Window {
    std::int64_t first = 0, rows = 0;
    std::vector<std::byte> bytes;
  };

  void decode(Window& window, std::int64_t column, std::int64_t width, std::int64_t row, std::int64_t count) {
    const std::int64_t first = row / table_.tile_rows, last = (row + count - 1) / table_.tile_rows;
    const TableTiles tiles(bytes_, hdu_, table_, first, last + 1 - first);
    window.first = first * table_.tile_rows;
    window.rows = std::min((last + 1) * table_.tile_rows, table_.rows) - window.first;
    window.bytes.resize(static_cast<std::size_t>(window.rows * width));
    const auto columns = static_cast<std::int64_t>(table_.columns.size());
    for (std::int64_t tile = 0; tile <= last - first; ++tile) {
      const auto cells = tiles.read_cells(tile * columns + column, window.first, window.rows);
      std::memcpy(window.bytes.data() + (cells.first - window.first) * width, cells.bytes.bytes().data(),
                  static_cast<std::size_t>(cells.rows * width));
    }
  }

  const ByteReader& bytes_;
  const Hdu& hdu_;
  const CompressedTable& table_;
  const std::vector<InputReader>& inputs_;
  std::vector<Window> windows_;
};

// A filter with what it reads, for all threads.
struct Plan {
  const filter::Filter& compiled;
  const std::vector<InputReader>& inputs;
  std::int64_t table_rows;
  std::int64_t tile_rows;  // rows that are decoded together; of a plain table 1
};

// Which rows of a piece of the table are selected: a bit for each, so that a table of any size takes little memory.
class Marks {
 public:
  void append(const std::uint8_t* selected, std::int64_t rows) {
    const std::int64_t end = rows_ + rows;
    words_.resize(static_cast<std::size_t>((end + 63) / 64));
    std::int64_t i = 0;
    for (; i < rows && (rows_ + i) % 64 != 0; ++i) add(rows_ + i, selected[i]);
    for (; i + 64 <= rows; i += 64) {
      std::uint64_t word = 0;
      for (int part = 0; part < 8; ++part) word |= bits_of(selected + i + 8 * part) << (8 * part);
      words_[static_cast<std::size_t>((rows_ + i) / 64)] = word;
      count_ += std::popcount(word);
    }
    for (; i < rows; ++i) add(rows_ + i, selected[i]);
    rows_ = end;
  }
  std::int64_t count() const noexcept { return count_; }

  // The numbers of the selected rows, the piece's first row being `first`.
  void write(std::int64_t first, std::int64_t* out) const noexcept {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      for (std::uint64_t word = words_[i]; word != 0; word &= word - 1) {
        *out++ = first + static_cast<std::int64_t>(64 * i) + std::countr_zero(word);
      }
    }
  }

 private:
  void add(std::int64_t row, std::uint8_t selected) noexcept {
    words_[static_cast<std::size_t>(row / 64)] |= std::uint64_t{selected} << (row % 64);
    count_ += selected;
  }
  // Eight bytes of 0 or 1 as eight bits: a product brings them side by side to its top.
  static std::uint64_t bits_of(const std::uint8_t* bytes) noexcept {
    std::uint64_t eight = 0;
    for (int i = 0; i < 8; ++i) eight |= std::uint64_t{bytes[i]} << (8 * i);
    return eight * 0x0102040810204080 >> 56;
  }

  std::vector<std::uint64_t> words_;
  std::int64_t rows_ = 0, count_ = 0;
};

// One thread's work: rows into blocks, blocks into marks.
class Worker {
 public:
  Worker(const Plan& plan, Rows& rows)
      : plan_(plan), rows_(rows), evaluator_(plan.compiled), blocks_(plan.inputs.size()), parts_(plan.inputs.size()) {}

  // Which of the table's rows [first, first + count) are selected.
  void select(std::int64_t first, std::int64_t count, Marks& marks) {
    const std::int64_t most = plan_.compiled.block_rows(), tile = plan_.tile_rows;
    std::vector<std::uint8_t> selected(static_cast<std::size_t>(std::min(most, count)));
    for (std::int64_t row = first, rows = 0; row < first + count; row += rows) {
      rows = std::min(most, first + count - row);
      if (tile > 1) rows = std::min(rows, tile - row % tile);  // no block needs two tiles of a column
      for (std::size_t k = 0; k < blocks_.size(); ++k) read(k, row, rows);
      evaluator_.run(row + 1, rows, blocks_, selected.data());
      marks.append(selected.data(), rows);
    }
  }

 private:
  struct Part {
    std::vector<std::byte> values, scratch;
    std::vector<std::uint8_t> nulls;
  };

  void read(std::size_t k, std::int64_t row, std::int64_t rows) {
    const InputReader& input = plan_.inputs[k];
    const std::int64_t offset = plan_.compiled.inputs()[k].row_offset;
    // Rows outside of the table are NULL, and bits there 0.
    const std::int64_t from = std::clamp<std::int64_t>(row + offset, 0, plan_.table_rows);
    const std::int64_t to = std::clamp<std::int64_t>(row + offset + rows, from, plan_.table_rows);
    const std::int64_t before = std::min(std::max<std::int64_t>(-(row + offset), 0), rows), inside = to - from;
    Part& part = parts_[k];
    part.values.resize(static_cast<std::size_t>(rows * input.value_size()));
    part.scratch.resize(static_cast<std::size_t>(rows * input.scratch_size()));
    const bool outside = inside < rows, marks = input.marks_nulls() || outside;
    if (marks) part.nulls.resize(static_cast<std::size_t>(rows * input.null_size()));
    if (outside) {
      std::ranges::fill(part.values, std::byte{});
      std::ranges::fill(part.nulls, std::uint8_t{1});
    }
    std::uint8_t* const nulls = part.nulls.data() + before * input.null_size();
    if (inside > 0) {
      const Cells cells = rows_.cells(k, from, inside);
      const std::int64_t done = input.read(cells.first, cells.stride, inside, part.scratch.data(),
                                           part.values.data() + before * input.value_size(), nulls);
      if (done < inside) fail(input.column(), cells, from, done);
      if (outside && !input.marks_nulls()) std::memset(nulls, 0, static_cast<std::size_t>(inside * input.null_size()));
    }
    blocks_[k] = {part.values.data(), marks && input.null_size() > 0 ? part.nulls.data() : nullptr};
  }

  [[noreturn]] static void fail(const Column& column, const Cells& cells, std::int64_t row, std::int64_t done) {
    const Bytes field(cells.first + done * cells.stride, static_cast<std::size_t>(column.width));
    throw FileError(Status::bad_header, sentence("row ", row + done, ", ", column.title(), ": '", as_text(field),
                                                 "' is no number that its format TFORMn allows (section 7.2.5)"));
  }

  const Plan& plan_;
  Rows& rows_;
  filter::Evaluator evaluator_;
  std::vector<filter::Block> blocks_;
  std::vector<Part> parts_;
};

// Pieces of the rows side by side, or one after the other where a row depends on those before it. Pieces end where
// tiles do.
template <class MakeRows>
Tensor select(const Plan& plan, const RowRange& range, std::int64_t pieces, const MakeRows& make_rows) {
  const std::int64_t skipped = range.start % plan.tile_rows;
  const std::int64_t tiles = (skipped + range.count + plan.tile_rows - 1) / plan.tile_rows;
  pieces = plan.compiled.sequential() ? 1 : std::clamp<std::int64_t>(pieces, 1, std::max<std::int64_t>(tiles, 1));
  std::vector<Marks> marks(static_cast<std::size_t>(pieces));
  const auto bound = [&](std::int64_t piece) {
    const std::int64_t tile = tiles / pieces * piece + std::min(piece, tiles % pieces);
    return std::clamp<std::int64_t>(tile * plan.tile_rows - skipped, 0, range.count);
  };
  parallel_for(pieces, [&](std::int64_t piece) {
    const auto rows = make_rows();
    Worker worker(plan, *rows);
    worker.select(range.start + bound(piece), bound(piece + 1) - bound(piece), marks[static_cast<std::size_t>(piece)]);
  });
  std::vector<std::int64_t> places{0};
  for (const Marks& part : marks) places.push_back(places.back() + part.count());
  Tensor rows = empty({places.back()}, ScalarType::Long);
  auto* const out = static_cast<std::int64_t*>(rows.mutable_data_ptr());
  parallel_for(pieces, [&](std::int64_t piece) {
    const auto k = static_cast<std::size_t>(piece);
    marks[k].write(range.start + bound(piece), out + places[k]);
  });
  return rows;
}

// Rows without bytes are as many as the header claims: nothing is made of that.
RowRange believed(const RowRange& range, std::int64_t row_size) {
  if (row_size > 0 || static_cast<std::uint64_t>(range.count) <= kFreeClaim) return range;
  throw FileError(Status::bad_header, sentence(range.count, " rows without a byte are more than a table has"));
}

Tensor filter_table(const io::Source& source, std::int64_t index, const Text& expression, std::int64_t start,
                    std::optional<std::int64_t> stop) {
  const Hdu& hdu = table_hdu(source, index);
  const ByteReader& bytes = source.file->bytes();
  const Table& table = source.file->table(hdu);
  const std::string cards = visible_cards(bytes, hdu);
  const filter::Filter compiled(expression, filter::TableNames(table, HeaderView(cards)));
  std::vector<InputReader> inputs;
  std::int64_t row_bytes = 0;
  for (const filter::Input& input : compiled.inputs()) {
    inputs.emplace_back(table.columns[static_cast<std::size_t>(input.column)], input);
    row_bytes += inputs.back().value_size();
  }
  if (hdu.kind == HduKind::compressed_table) {
    const CompressedTable compressed = compressed_table(bytes, hdu);
    const RowRange range = believed(RowRange(start, stop, compressed.rows), compressed.row_size);
    const Plan plan{compiled, inputs, compressed.rows, std::max<std::int64_t>(compressed.tile_rows, 1)};
    return select(plan, range, kPieces * thread_count(),
                  [&] { return std::make_unique<CompressedRows>(bytes, hdu, compressed, inputs); });
  }
  const RowRange range = believed(RowRange(start, stop, table.rows.count), table.rows.size);
  const Shares shares(range.count, table.rows.size + row_bytes);
  return select(Plan{compiled, inputs, table.rows.count, 1}, range, shares.count(),
                [&] { return std::make_unique<PlainRows>(bytes, hdu, table.rows.size, inputs); });
}

Tensor filter_rows(const Text& path, std::int64_t hdu, const Text& expression, std::int64_t start,
                   std::optional<std::int64_t> stop) {
  return in_context(Name{path, hdu}, [&] { return filter_table(io::open_file(path), hdu, expression, start, stop); });
}

Tensor filter_rows_bytes(const Tensor& data, std::int64_t hdu, const Text& expression, std::int64_t start,
                         std::optional<std::int64_t> stop) {
  const Bytes bytes = byte_source(data, "filter_rows");
  return in_context(Name{kBytesName, hdu},
                    [&] { return filter_table(io::open_bytes(bytes), hdu, expression, start, stop); });
}

}  // namespace
}  // namespace fits::ops

STABLE_TORCH_LIBRARY_IMPL(fits, CompositeExplicitAutograd, m) {
  m.impl("filter_rows", TORCH_BOX(&fits::ops::filter_rows));
}
// Reading happens on the host: of a tensor on a CUDA device the same kernel says so.
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { m.impl("filter_rows.bytes", TORCH_BOX(&fits::ops::filter_rows_bytes)); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { m.impl("filter_rows.bytes", TORCH_BOX(&fits::ops::filter_rows_bytes)); }
