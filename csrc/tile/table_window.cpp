#include "tile/table_window.h"

#include <algorithm>
#include <cstring>

namespace fits {

const std::byte* TableWindow::cells(std::int64_t row, std::int64_t count) {
  if (row < first_ || row + count > first_ + rows_) {
    decode(row / table_.tile_rows, (row + count - 1) / table_.tile_rows);
  }
  return cells_.data() + (row - first_) * width();
}

void TableWindow::decode(std::int64_t first_tile, std::int64_t last_tile) {
  const std::int64_t first = first_tile * table_.tile_rows;
  const std::int64_t end = std::min((last_tile + 1) * table_.tile_rows, table_.rows);
  std::vector<std::byte> cells(static_cast<std::size_t>((end - first) * width()));
  for (std::int64_t tile = first_tile; tile <= last_tile; ++tile) {
    const std::int64_t start = tile * table_.tile_rows, rows = table_.rows_of(tile);
    std::byte* const out = cells.data() + (start - first) * width();
    const auto size = static_cast<std::size_t>(rows * width());
    if (start >= first_ && start + rows <= first_ + rows_) {
      std::memcpy(out, cells_.data() + (start - first_) * width(), size);
      continue;
    }
    const TableTiles tiles(bytes_, hdu_, table_, tile, 1);
    const auto decoded = tiles.read_cells(static_cast<std::int64_t>(column_), start, rows);
    std::memcpy(out, decoded.bytes.bytes().data(), size);
  }
  cells_ = std::move(cells);
  first_ = first, rows_ = end - first;
}

}  // namespace fits
