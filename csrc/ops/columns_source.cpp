#include "ops/columns_source.h"

#include <algorithm>
#include <numeric>

#include "format/error.h"
#include "ops/shares.h"
#include "tile/table_tiles.h"

namespace fits::ops {
namespace {

// Rows read together: they stay in the L2 cache while one column after the other is taken from them.
constexpr std::int64_t kBlockBytes = std::int64_t{1} << 16;
// Rows wider than this are read column by column, so that columns of one row can be read side by side.
constexpr std::int64_t kWideRow = std::int64_t{1} << 20;

// Bytes of the data unit of a table that is not compressed.
class StoredBytes {
 public:
  StoredBytes(const ByteReader& bytes, const Hdu& hdu) : bytes_(bytes), start_(hdu.data_start) {}
  const std::byte* at(std::int64_t offset, std::int64_t size, std::vector<std::byte>& scratch) const {
    const auto wanted = static_cast<std::size_t>(size);
    const Bytes view = bytes_.view(start_ + static_cast<std::uint64_t>(offset), wanted, scratch);
    if (view.size() < wanted) throw FileError(Status::truncated, "the file became shorter while it was read");
    return view.data();
  }
  void passed(std::int64_t offset, std::int64_t size) const noexcept {
    bytes_.passed(start_ + static_cast<std::uint64_t>(offset), static_cast<std::size_t>(size));
  }
  // Starts bringing a byte into the caches where that can be done.
  void prefetch(std::int64_t offset) const noexcept {
    const Bytes all = bytes_.in_memory();
    const std::uint64_t place = start_ + static_cast<std::uint64_t>(offset);
    if (place < all.size()) __builtin_prefetch(all.data() + place);
  }

 private:
  const ByteReader& bytes_;
  std::uint64_t start_;
};

void read_block(const StoredBytes& stored, std::int64_t row_size, std::int64_t first, std::int64_t count,
                std::int64_t to, const ColumnResults& results, std::vector<std::byte>& scratch) {
  const std::byte* const rows = stored.at(first * row_size, count * row_size, scratch);
  for (std::size_t i = 0; i < results.size(); ++i) {
    results.read(i, rows + results.column(i).start, row_size, count, to, first);
  }
  stored.passed(first * row_size, count * row_size);
}

void read_wide_rows(const StoredBytes& stored, std::int64_t row_size, const RowRange& range,
                    const ColumnResults& results) {
  const auto columns = static_cast<std::int64_t>(results.size());
  parallel_for(range.count * columns, [&](std::int64_t job) {
    const auto i = static_cast<std::size_t>(job % columns);
    const std::int64_t to = job / columns, row = range.start + to;
    const Column& column = results.column(i);
    std::vector<std::byte> scratch;
    const std::byte* const cell = stored.at(row * row_size + column.start, column.width, scratch);
    results.read(i, cell, row_size, 1, to, row);
  });
}

// The parts of a row that some columns need, put together: columns that lie near one another come in one move.
class RowParts {
 public:
  explicit RowParts(const ColumnResults& results) : places_(results.size()) {
    std::vector<std::size_t> order(results.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t i) { return results.column(i).start; });
    for (const std::size_t i : order) {
      const Column& column = results.column(i);
      const std::int64_t end = column.start + column.width;
      if (parts_.empty() || column.start > parts_.back().start + parts_.back().size + kNear) {
        parts_.push_back({column.start, 0, size_});
      }
      Part& part = parts_.back();
      places_[i] = part.place + column.start - part.start;
      part.size = std::max(part.size, end - part.start);
      size_ = part.place + part.size;
    }
  }

  std::int64_t size() const noexcept { return size_; }
  // Where column i starts in what take() makes.
  std::int64_t place(std::size_t i) const noexcept { return places_[i]; }

  void take(const StoredBytes& stored, std::int64_t row_start, std::byte* out, std::vector<std::byte>& scratch) const {
    for (const Part& part : parts_) {
      const std::byte* const in = stored.at(row_start + part.start, part.size, scratch);
      std::memcpy(out + part.place, in, static_cast<std::size_t>(part.size));
    }
  }
  void prefetch(const StoredBytes& stored, std::int64_t row_start) const noexcept {
    for (const Part& part : parts_) {
      for (std::int64_t at = 0; at < part.size; at += kLine) stored.prefetch(row_start + part.start + at);
      stored.prefetch(row_start + part.start + part.size - 1);
    }
  }

 private:
  static constexpr std::int64_t kLine = 64;
  static constexpr std::int64_t kNear = kLine;
  struct Part {
    std::int64_t start, size, place;
  };
  std::vector<Part> parts_;
  std::vector<std::int64_t> places_;
  std::int64_t size_ = 0;
};

}  // namespace

void read_plain_range(const ByteReader& bytes, const Hdu& hdu, std::int64_t row_size, const RowRange& range,
                      const ColumnResults& results) {
  if (results.row_size() == 0 || range.count == 0) return;
  const StoredBytes stored(bytes, hdu);
  if (row_size > kWideRow) return read_wide_rows(stored, row_size, range, results);
  const std::int64_t block = std::max<std::int64_t>(kBlockBytes / std::max<std::int64_t>(row_size, 1), 1);
  const Shares shares(range.count, row_size + results.row_size());
  parallel_for(shares.count(), [&](std::int64_t share) {
    std::vector<std::byte> scratch;
    const std::int64_t end = shares.bound(share + 1);
    for (std::int64_t to = shares.bound(share); to < end; to += block) {
      read_block(stored, row_size, range.start + to, std::min(block, end - to), to, results, scratch);
    }
  });
}

namespace {

// Rising rows that leave few pages between them are a way through the file; those far apart may be asked for again.
void note_passage(const StoredBytes& stored, std::int64_t row_size, std::span<const std::int64_t> rows) {
  constexpr std::int64_t kNear = std::int64_t{1} << 14;
  if (!std::ranges::is_sorted(rows)) return;
  const std::int64_t size = (rows.back() - rows.front() + 1) * row_size;
  if (size / kNear <= static_cast<std::int64_t>(rows.size())) stored.passed(rows.front() * row_size, size);
}

}  // namespace

void read_plain_rows(const ByteReader& bytes, const Hdu& hdu, std::int64_t row_size, std::span<const std::int64_t> rows,
                     const ColumnResults& results) {
  const auto count = static_cast<std::int64_t>(rows.size());
  if (results.row_size() == 0 || count == 0) return;
  constexpr std::int64_t kAhead = 16;
  const StoredBytes stored(bytes, hdu);
  const RowParts parts(results);
  const std::int64_t block = std::max<std::int64_t>(kBlockBytes / 4 / std::max<std::int64_t>(parts.size(), 1), 1);
  const Shares shares(count, parts.size() + results.row_size());
  parallel_for(shares.count(), [&](std::int64_t share) {
    const std::int64_t first = shares.bound(share), end = shares.bound(share + 1);
    std::vector<std::byte> scratch, together(static_cast<std::size_t>(std::min(block, end - first) * parts.size()));
    for (std::int64_t to = first; to < end; to += block) {
      const std::int64_t number = std::min(block, end - to);
      for (std::int64_t i = 0; i < number; ++i) {
        if (to + i + kAhead < end) {
          parts.prefetch(stored, rows[static_cast<std::size_t>(to + i + kAhead)] * row_size);
        }
        parts.take(stored, rows[static_cast<std::size_t>(to + i)] * row_size, together.data() + i * parts.size(),
                   scratch);
      }
      for (std::size_t c = 0; c < results.size(); ++c) {
        const auto read = [&](std::int64_t from, std::int64_t these) {
          results.read(c, together.data() + from * parts.size() + parts.place(c), parts.size(), these, to + from,
                       rows[static_cast<std::size_t>(to + from)]);
        };
        // Messages of ASCII tables name a row: there each is read by itself.
        if (!results.column(c).is_ascii()) {
          read(0, number);
          continue;
        }
        for (std::int64_t i = 0; i < number; ++i) read(i, 1);
      }
      note_passage(stored, row_size, rows.subspan(static_cast<std::size_t>(to), static_cast<std::size_t>(number)));
    }
  });
}

namespace {

// Which job of a tile reads column i of the results; none where the column has no bytes.
std::vector<std::int64_t> jobs_of_columns(const CompressedTable& table, const ColumnResults& results) {
  std::vector<std::int64_t> jobs(results.size(), -1);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto found = std::ranges::find(table.columns, results.column(i).number, &TableColumn::number);
    if (found != table.columns.end()) jobs[i] = found - table.columns.begin();
  }
  return jobs;
}

// Columns without bytes: what is read of them (masks) needs none.
void read_empty_columns(const std::vector<std::int64_t>& jobs, std::int64_t rows, const ColumnResults& results) {
  const std::byte none{};
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (jobs[i] < 0) results.read(i, &none, 0, rows, 0, 0);
  }
}

}  // namespace

void read_compressed_range(const ByteReader& bytes, const Hdu& hdu, const CompressedTable& table, const RowRange& range,
                           const ColumnResults& results) {
  if (results.row_size() == 0 || range.count == 0) return;
  const auto jobs = jobs_of_columns(table, results);
  read_empty_columns(jobs, range.count, results);
  if (table.row_size == 0) return;
  const std::int64_t first = range.start / table.tile_rows, last = (range.start + range.count - 1) / table.tile_rows;
  const TableTiles tiles(bytes, hdu, table, first, last + 1 - first);
  const auto columns = static_cast<std::int64_t>(results.size());
  const auto stored_columns = static_cast<std::int64_t>(table.columns.size());
  parallel_for((last + 1 - first) * columns, [&](std::int64_t task) {
    const auto i = static_cast<std::size_t>(task % columns);
    if (jobs[i] < 0) return;
    const auto cells = tiles.read_cells(task / columns * stored_columns + jobs[i], range.start, range.count);
    const std::int64_t width = results.column(i).width;
    results.read(i, cells.bytes.bytes().data(), width, cells.rows, cells.first - range.start, cells.first);
  });
}

void read_compressed_rows(const ByteReader& bytes, const Hdu& hdu, const CompressedTable& table,
                          std::span<const std::int64_t> rows, const ColumnResults& results) {
  if (results.row_size() == 0 || rows.empty()) return;
  const auto jobs = jobs_of_columns(table, results);
  read_empty_columns(jobs, static_cast<std::int64_t>(rows.size()), results);
  if (table.row_size == 0) return;
  // Results tile by tile: each is decoded once, whatever the order of the rows.
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return rows[i]; });
  std::vector<std::size_t> groups{0};  // where a new tile begins in `order`
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (rows[order[i]] / table.tile_rows != rows[order[i - 1]] / table.tile_rows) groups.push_back(i);
  }
  groups.push_back(order.size());
  const auto columns = static_cast<std::int64_t>(results.size());
  parallel_for((static_cast<std::int64_t>(groups.size()) - 1) * columns, [&](std::int64_t task) {
    const auto group = static_cast<std::size_t>(task / columns), i = static_cast<std::size_t>(task % columns);
    if (jobs[i] < 0) return;
    const std::int64_t tile = rows[order[groups[group]]] / table.tile_rows;
    const TableTiles tiles(bytes, hdu, table, tile, 1);
    const std::int64_t start = tile * table.tile_rows, width = results.column(i).width;
    const auto cells = tiles.read_cells(jobs[i], start, table.rows_of(tile));
    for (std::size_t at = groups[group]; at < groups[group + 1]; ++at) {
      const std::int64_t row = rows[order[at]];
      results.read(i, cells.bytes.bytes().data() + (row - start) * width, width, 1,
                   static_cast<std::int64_t>(order[at]), row);
    }
  });
}

}  // namespace fits::ops
