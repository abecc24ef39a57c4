#include "tile/table_tiles.h"

#include <algorithm>

#include "format/error.h"
#include "format/tile_table.h"

namespace fits {
namespace {

[[noreturn]] void bad(const std::string& what) { throw FileError(Status::bad_compressed_data, what); }

std::string text(std::int64_t number) { return std::to_string(number); }
std::string text(std::uint64_t number) { return std::to_string(number); }

}  // namespace

TableTiles::TableTiles(const ByteReader& bytes, const Hdu& hdu, const CompressedTable& table, std::int64_t first,
                       std::int64_t count)
    : bytes_(bytes),
      hdu_(hdu),
      table_(table),
      first_(first),
      streams_(table_streams(bytes, hdu, table, first, count)),
      budget_(static_cast<std::int64_t>(std::max(kFreeClaim, std::uint64_t{kMostBytesFromOne} * hdu.data_size))) {}

void TableTiles::read_rows(std::int64_t job, std::int64_t start, std::int64_t count, std::byte* rows) const {
  std::vector<std::byte> scratch;
  const io::Buffer bytes = decoded(job, scratch);
  const auto [first, number] = rows_in(job, start, count);
  place_column(column(job), bytes.bytes(), table_.rows_of(tile(job)), first - tile(job) * table_.tile_rows, number,
               rows + (first - start) * table_.row_size + column(job).start, table_.row_size);
}

TableTiles::Cells TableTiles::read_cells(std::int64_t job, std::int64_t start, std::int64_t count) const {
  std::vector<std::byte> scratch;
  const io::Buffer bytes = decoded(job, scratch);
  const auto [first, number] = rows_in(job, start, count);
  const std::int64_t width = column(job).width;
  Cells cells{first, number, io::Buffer(static_cast<std::size_t>(number * width))};
  place_column(column(job), bytes.bytes(), table_.rows_of(tile(job)), first - tile(job) * table_.tile_rows, number,
               cells.bytes.data(), width);
  return cells;
}

std::pair<std::int64_t, std::int64_t> TableTiles::rows_in(std::int64_t job, std::int64_t start,
                                                          std::int64_t count) const noexcept {
  const std::int64_t tile_start = tile(job) * table_.tile_rows, tile_rows = table_.rows_of(tile(job));
  const std::int64_t from = std::max(start, tile_start), to = std::min(start + count, tile_start + tile_rows);
  return {from, to - from};
}

void TableTiles::read_arrays(std::int64_t job, std::byte* heap) const {
  if (!column(job).tform.variable()) return;
  std::vector<std::byte> scratch;
  const io::Buffer descriptors = decoded(job, scratch);
  const std::int64_t rows = table_.rows_of(tile(job));
  std::vector<std::uint64_t> array;  // aligned for every type
  for (std::int64_t row = 0; row < rows; ++row) {
    const TableArray found = table_array(column(job), descriptors.bytes(), rows, row);
    if (found.original.count == 0) continue;
    const auto where = [&] {
      return stream_name(column(job), tile(job)) + ", row " + text(tile(job) * table_.tile_rows + row) + ": ";
    };
    const auto size = static_cast<std::size_t>(checked_size(column(job), found, where));
    array.resize((size + 7) / 8);
    const Bytes compressed = stream({table_.stored_heap_start + static_cast<std::int64_t>(found.stored.offset),
                                     static_cast<std::int64_t>(found.stored.count)},
                                    scratch);
    const TileError error = decode_array(column(job), compressed, std::as_writable_bytes(std::span(array)).first(size),
                                         heap + found.original.offset);
    if (error != TileError::ok) {
      bad(where() + std::string(tile_error_text(error)) + " (" + text(found.stored.count) + " bytes for " +
          text(std::uint64_t{size}) + ")");
    }
  }
}

io::Buffer TableTiles::decoded(std::int64_t job, std::vector<std::byte>& scratch) const {
  const std::int64_t rows = table_.rows_of(tile(job));
  io::Buffer out(static_cast<std::size_t>(rows * column(job).stream_width()));
  const Stream place = streams_[static_cast<std::size_t>(job)];
  const TileError error = decode_column(column(job), stream(place, scratch), rows, {out.data(), out.size()});
  if (error != TileError::ok) {
    bad(stream_name(column(job), tile(job)) + ": " + std::string(tile_error_text(error)) + " (" + text(place.size) +
        " bytes for " + text(rows) + " rows of " + text(column(job).stream_width()) + ")");
  }
  return out;
}

Bytes TableTiles::stream(Stream place, std::vector<std::byte>& scratch) const {
  const auto wanted = static_cast<std::size_t>(place.size);
  const std::uint64_t start = hdu_.data_start + static_cast<std::uint64_t>(place.offset);
  const Bytes view = bytes_.view(start, wanted, scratch);
  if (view.size() < wanted) throw FileError(Status::truncated, "the file became shorter while it was read");
  bytes_.passed(start, wanted);  // a moment early, which costs a page fault at most
  return view;
}

// The array's bytes. Both of its descriptors are known to lie in their heaps then, and its stream to be long enough.
template <class Where>
std::int64_t TableTiles::checked_size(const TableColumn& column, const TableArray& array, const Where& where) const {
  const Descriptor original = array.original, stored = array.stored;
  const auto heap = static_cast<std::uint64_t>(table_.heap_size);
  const std::uint64_t most = heap > original.offset ? heap - original.offset : 0;
  const bool countable = original.count <= 8 * most;  // X has 8 elements in a byte
  const std::int64_t size =
      countable ? Tform::array_size(column.tform.element, static_cast<std::int64_t>(original.count)) : 0;
  if (!countable || static_cast<std::uint64_t>(size) > most) {
    bad(where() + "an array of " + text(original.count) + " elements at byte " + text(original.offset) +
        " does not lie in the original heap of " + text(heap) + " bytes (section 7.3.5)");
  }
  const auto stored_heap = static_cast<std::uint64_t>(table_.stored_heap_size);
  if (stored.offset > stored_heap || stored.count > stored_heap - stored.offset) {
    bad(where() + text(stored.count) + " bytes at byte " + text(stored.offset) + " do not lie in the heap of " +
        text(stored_heap) + " bytes (section 7.3.5)");
  }
  if (stored.count == 0) {
    bad(where() + "the array of " + text(original.count) +
        " elements is not in the file (fpack leaves out arrays of bits)");
  }
  if (static_cast<std::uint64_t>(size / kMostBytesFromOne) > stored.count) {
    bad(where() + text(stored.count) + " bytes cannot hold an array of " + text(size));
  }
  // Arrays may share bytes of the heap, but a small file must not make work for hours.
  if ((budget_ -= size) < 0) bad("the arrays together are larger than any codec makes of the file's bytes");
  return size;
}

}  // namespace fits
