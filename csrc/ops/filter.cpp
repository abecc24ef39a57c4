// filter_rows: the rows of a table that an expression selects (csrc/filter).
#include <algorithm>
#include <bit>
#include <cstring>

#include "format/error.h"
#include "format/tile_table.h"
#include "ops/filter_cells.h"
#include "ops/filter_files.h"
#include "ops/shares.h"
#include "ops/source.h"
#include "ops/table.h"

namespace fits::ops {
namespace {

using filter::InputReader;

constexpr std::int64_t kPieces = 8;  // of a compressed table for each thread, so that uneven ones balance

// A filter with what it reads, for all threads.
struct Plan {
  const filter::Filter& compiled;
  const std::vector<InputReader>& inputs;
  std::int64_t table_rows;
  std::int64_t tile_rows;  // rows that are decoded together; of a plain table 1
};

// Which rows of a piece of the table are selected: chunks of 2^16 rows, each a bit for every row, or where few are
// selected their numbers. So it takes at most a quarter of the memory of the result.
class Marks {
 public:
  void append(const std::uint8_t* selected, std::int64_t rows) {
    for (std::int64_t done = 0; done < rows;) {
      const std::int64_t count = std::min(rows - done, kChunk - in_chunk_);
      mark(selected + done, count);
      done += count;
      if (in_chunk_ == kChunk) close();
    }
  }
  // After the last row.
  void close() {
    Chunk chunk;
    if (chunk_count_ < kFew) {
      chunk.few.reserve(static_cast<std::size_t>(chunk_count_));
      for_each_bit(words_, [&](std::int64_t row) { chunk.few.push_back(static_cast<std::uint16_t>(row)); });
    } else {
      chunk.words = words_;
    }
    chunks_.push_back(std::move(chunk));
    count_ += chunk_count_;
    in_chunk_ = chunk_count_ = 0;
    std::ranges::fill(words_, std::uint64_t{0});
  }
  std::int64_t count() const noexcept { return count_; }

  // The numbers of the selected rows, the piece's first row being `first`.
  void write(std::int64_t first, std::int64_t* out) const noexcept {
    for (const Chunk& chunk : chunks_) {
      for (const std::uint16_t row : chunk.few) *out++ = first + row;
      for_each_bit(chunk.words, [&](std::int64_t row) { *out++ = first + row; });
      first += kChunk;
    }
  }

 private:
  static constexpr std::int64_t kChunk = std::int64_t{1} << 16;
  static constexpr std::int64_t kFew = kChunk / 16;  // as numbers they take no more memory than the bits
  struct Chunk {
    std::vector<std::uint64_t> words;
    std::vector<std::uint16_t> few;
  };

  void mark(const std::uint8_t* selected, std::int64_t rows) noexcept {
    const std::int64_t end = in_chunk_ + rows;
    for (; in_chunk_ < end && in_chunk_ % 64 != 0; ++in_chunk_) add(*selected++);
    for (; in_chunk_ + 64 <= end; in_chunk_ += 64, selected += 64) {
      std::uint64_t word = 0;
      for (int part = 0; part < 8; ++part) word |= bits_of(selected + 8 * part) << (8 * part);
      words_[static_cast<std::size_t>(in_chunk_ / 64)] = word;
      chunk_count_ += std::popcount(word);
    }
    for (; in_chunk_ < end; ++in_chunk_) add(*selected++);
  }
  void add(std::uint8_t selected) noexcept {
    words_[static_cast<std::size_t>(in_chunk_ / 64)] |= std::uint64_t{selected} << (in_chunk_ % 64);
    chunk_count_ += selected;
  }
  template <class F>
  static void for_each_bit(const std::vector<std::uint64_t>& words, const F& f) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      for (std::uint64_t word = words[i]; word != 0; word &= word - 1) {
        f(static_cast<std::int64_t>(64 * i) + std::countr_zero(word));
      }
    }
  }
  // Eight bytes of 0 or 1 as eight bits: a product brings them side by side to its top.
  static std::uint64_t bits_of(const std::uint8_t* bytes) noexcept {
    std::uint64_t eight = 0;
    for (int i = 0; i < 8; ++i) eight |= std::uint64_t{bytes[i]} << (8 * i);
    return eight * 0x0102040810204080 >> 56;
  }

  std::vector<Chunk> chunks_;
  std::vector<std::uint64_t> words_ = std::vector<std::uint64_t>(kChunk / 64);  // of the chunk at hand
  std::int64_t in_chunk_ = 0, chunk_count_ = 0, count_ = 0;
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
    marks.close();
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
      if (done < inside) fail_cell(input.column(), cells, from, done);
      if (outside && !input.marks_nulls()) std::memset(nulls, 0, static_cast<std::size_t>(inside * input.null_size()));
    }
    blocks_[k] = {part.values.data(), marks && input.null_size() > 0 ? part.nulls.data() : nullptr};
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
  const filter::Filter compiled(expression, FilterNames(source, table, cards));
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
                  [&] { return compressed_rows(bytes, hdu, compressed, inputs); });
  }
  const RowRange range = believed(RowRange(start, stop, table.rows.count), table.rows.size);
  const Shares shares(range.count, table.rows.size + row_bytes);
  return select(Plan{compiled, inputs, table.rows.count, 1}, range, shares.count(),
                [&] { return plain_rows(bytes, hdu, table.rows.size, inputs); });
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
