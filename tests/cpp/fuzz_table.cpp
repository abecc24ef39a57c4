// libFuzzer target: any bytes as a FITS file; its tables' headers, the values and nulls of their columns, and the
// arrays of their heaps. Built as fuzz_header.cpp is.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "format/arrays.h"
#include "format/bytes.h"
#include "format/cells.h"
#include "format/error.h"
#include "format/hdu.h"
#include "format/heap.h"
#include "format/table.h"

namespace {

constexpr std::int64_t kMostRows = 50;
constexpr std::int64_t kMostBytes = 1 << 20;

void must(bool condition) {
  if (!condition) std::abort();
}

// FileError is the one answer to a file that is wrong; anything else ends the run.
template <class Call>
void tolerate(const Call& call) {
  try {
    call();
  } catch (const fits::FileError& error) {
    must(error.status() != fits::Status::read && *error.what() != '\0');
  }
}

void fuzz_cells(const fits::CellReader& reader, const fits::Column& column, const fits::Table& table,
                fits::Bytes rows) {
  must(reader.row_size() >= 0);
  const std::int64_t count = std::min(table.rows.count, kMostRows);
  if (count == 0 || reader.row_size() > kMostBytes) return;
  std::vector<std::byte> out(static_cast<std::size_t>(reader.row_size() * count));
  const auto done = reader.read(rows.data() + column.start, table.rows.size, count, out.data());
  must(done >= 0 && done <= count);
}

void fuzz_arrays(const fits::Column& column, const fits::Table& table, fits::Bytes rows, fits::Bytes heap) {
  const fits::HeapArrays arrays(column, static_cast<std::int64_t>(heap.size()));
  for (std::int64_t row = 0; row < std::min(table.rows.count, kMostRows); ++row) {
    const std::byte* const cell = rows.data() + row * table.rows.size + column.start;
    const std::int64_t count = arrays.count(cell, row);
    if (count == 0 || arrays.value_size(count) > kMostBytes) continue;
    std::vector<std::byte> values(static_cast<std::size_t>(arrays.value_size(count)));
    arrays.read(heap.data() + arrays.offset(cell), count, values.data());
  }
}

void fuzz_table(fits::Bytes all, const fits::Hdu& hdu, const std::string& cards) {
  const fits::Table table(fits::HeaderView(cards), hdu);
  const auto data = all.subspan(static_cast<std::size_t>(hdu.data_start), static_cast<std::size_t>(hdu.data_size));
  for (const fits::Column& column : table.columns) {
    must(column.start >= 0 && column.width >= 0 && column.start <= table.rows.size - column.width);
    must(!column.title().empty());
    std::int64_t elements = 1;
    for (const auto length : column.shape()) elements *= length;
    if (!column.tform.variable()) must(elements == column.count());
    if (hdu.kind == fits::HduKind::compressed_table) continue;
    tolerate([&] { fuzz_cells(*fits::value_reader(column), column, table, data); });
    tolerate([&] { fuzz_cells(*fits::null_reader(column), column, table, data); });
    if (!column.tform.variable()) continue;
    tolerate([&] {
      const auto heap = fits::heap_start(fits::HeaderView(cards), "THEAP", table.rows.bytes(),
                                         static_cast<std::int64_t>(data.size()));
      fuzz_arrays(column, table, data, data.subspan(static_cast<std::size_t>(heap)));
    });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fits::Bytes all = std::as_bytes(std::span(data, size));
  const fits::MemoryBytes bytes(all);
  tolerate([&] {
    fits::HduList hdus(bytes);
    for (std::size_t i = 0; i < hdus.size(); ++i) {
      const fits::Hdu& hdu = hdus.at(static_cast<std::int64_t>(i));
      const bool whole = hdu.data_start <= size && hdu.data_size <= size - hdu.data_start;
      if (hdu.is_image() || hdu.kind == fits::HduKind::other || !whole) continue;
      tolerate([&] { fuzz_table(all, hdu, fits::visible_cards(bytes, hdu)); });
    }
  });
  return 0;
}
