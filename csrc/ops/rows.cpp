// read_row_bytes, read_heap_bytes: binary tables as bytes, compressed ones as their original's.
#include "ops/rows.h"

#include <algorithm>
#include <cstring>

#include "format/heap.h"
#include "ops/source.h"
#include "ops/table.h"
#include "tile/table_tiles.h"

namespace fits::ops {
namespace {

constexpr std::int64_t kTogether = std::int64_t{1} << 20;  // bytes

// Bytes of the data unit as they are, shared between threads.
void copy_bytes(const ByteReader& bytes, const Hdu& hdu, std::int64_t offset, std::int64_t size, void* out) {
  auto* const target = static_cast<std::byte*>(out);
  const Pieces pieces(target, size, 1);
  parallel_for(pieces.count(), [&](std::int64_t piece) {
    std::vector<std::byte> scratch;
    const std::int64_t end = pieces.bound(piece + 1);
    for (std::int64_t first = pieces.bound(piece); first < end; first += kTogether) {
      const auto count = static_cast<std::size_t>(std::min(kTogether, end - first));
      const std::uint64_t start = hdu.data_start + static_cast<std::uint64_t>(offset + first);
      const Bytes part = bytes.view(start, count, scratch);
      if (part.size() < count) throw FileError(Status::truncated, "the file became shorter while it was read");
      std::memcpy(target + first, part.data(), count);
      bytes.passed(start, count);
    }
  });
}

// Runs f(job) for every column of every tile: those of a small table one after the other, where `out`, to which they
// write `size` bytes, is not worth a thread.
template <class F>
void for_each_job(const TableTiles& tiles, const void* out, std::int64_t size, const F& f) {
  const std::int64_t jobs = tiles.jobs();
  if (jobs == 0) return;
  const Pieces pieces(out, jobs, static_cast<std::size_t>(size / jobs + 1));
  parallel_for(pieces.count(), [&](std::int64_t piece) {
    for (std::int64_t job = pieces.bound(piece); job < pieces.bound(piece + 1); ++job) f(job);
  });
}

// Rows [start, start + count) of the original table.
Tensor decompressed_rows(const ByteReader& bytes, const Hdu& hdu, const CompressedTable& table, std::int64_t start,
                         std::int64_t count) {
  if (count == 0 || table.row_size == 0) return empty({count, table.row_size}, ScalarType::Byte);
  const std::int64_t first = start / table.tile_rows, last = (start + count - 1) / table.tile_rows;
  const TableTiles tiles(bytes, hdu, table, first, last + 1 - first);
  Tensor out = empty({count, table.row_size}, ScalarType::Byte);
  auto* const rows = static_cast<std::byte*>(out.mutable_data_ptr());
  for_each_job(tiles, rows, count * table.row_size,
               [&](std::int64_t job) { tiles.read_rows(job, start, count, rows); });
  return out;
}

// The original heap: each array where its descriptor in the rows says, 0 between them.
Tensor decompressed_heap(const ByteReader& bytes, const Hdu& hdu, const CompressedTable& table) {
  const TableTiles tiles(bytes, hdu, table, 0, table.tiles());
  Tensor out = empty({table.heap_size}, ScalarType::Byte);
  auto* const heap = static_cast<std::byte*>(out.mutable_data_ptr());
  if (table.heap_size > 0) std::memset(heap, 0, static_cast<std::size_t>(table.heap_size));
  for_each_job(tiles, heap, table.heap_size, [&](std::int64_t job) { tiles.read_arrays(job, heap); });
  return out;
}

}  // namespace

Tensor read_rows_of(const io::Source& source, std::int64_t index, std::int64_t start,
                    std::optional<std::int64_t> stop) {
  const Hdu& hdu = binary_table_hdu(source, index);
  const ByteReader& bytes = source.file->bytes();
  if (hdu.kind == HduKind::compressed_table) {
    const CompressedTable table = compressed_table(bytes, hdu);
    const RowRange range(start, stop, table.rows);
    return decompressed_rows(bytes, hdu, table, range.start, range.count);
  }
  const TableRows rows(hdu);
  const RowRange range(start, stop, rows.count);
  Tensor out = empty({range.count, rows.size}, ScalarType::Byte);
  copy_bytes(bytes, hdu, range.start * rows.size, range.count * rows.size, out.mutable_data_ptr());
  return out;
}

Tensor read_heap_of(const io::Source& source, std::int64_t index) {
  const Hdu& hdu = binary_table_hdu(source, index);
  const ByteReader& bytes = source.file->bytes();
  if (hdu.kind == HduKind::compressed_table) return decompressed_heap(bytes, hdu, compressed_table(bytes, hdu));
  const auto size = static_cast<std::int64_t>(hdu.data_size);
  const std::string cards = stored_cards(bytes, hdu);
  const std::int64_t heap = heap_start(HeaderView(cards), "THEAP", TableRows(hdu).bytes(), size);
  Tensor out = empty({size - heap}, ScalarType::Byte);
  copy_bytes(bytes, hdu, heap, size - heap, out.mutable_data_ptr());
  return out;
}

namespace {

Tensor read_row_bytes(const Text& path, std::int64_t hdu, std::int64_t start, std::optional<std::int64_t> stop) {
  return in_context(Name{path, hdu}, [&] { return read_rows_of(io::open_file(path), hdu, start, stop); });
}

Tensor read_row_bytes_bytes(const Tensor& data, std::int64_t hdu, std::int64_t start,
                            std::optional<std::int64_t> stop) {
  const Bytes bytes = byte_source(data, "read_row_bytes");
  return in_context(Name{kBytesName, hdu}, [&] { return read_rows_of(io::open_bytes(bytes), hdu, start, stop); });
}

Tensor read_heap_bytes(const Text& path, std::int64_t hdu) {
  return in_context(Name{path, hdu}, [&] { return read_heap_of(io::open_file(path), hdu); });
}

Tensor read_heap_bytes_bytes(const Tensor& data, std::int64_t hdu) {
  const Bytes bytes = byte_source(data, "read_heap_bytes");
  return in_context(Name{kBytesName, hdu}, [&] { return read_heap_of(io::open_bytes(bytes), hdu); });
}

// Reading happens on the host: of a tensor on a CUDA device the same kernels say so.
void add_byte_readers(Library& m) {
  m.impl("read_row_bytes.bytes", TORCH_BOX(&read_row_bytes_bytes));
  m.impl("read_heap_bytes.bytes", TORCH_BOX(&read_heap_bytes_bytes));
}

}  // namespace
}  // namespace fits::ops

STABLE_TORCH_LIBRARY_IMPL(fits, CompositeExplicitAutograd, m) {
  using namespace fits::ops;
  m.impl("read_row_bytes", TORCH_BOX(&read_row_bytes));
  m.impl("read_heap_bytes", TORCH_BOX(&read_heap_bytes));
}
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { fits::ops::add_byte_readers(m); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add_byte_readers(m); }
