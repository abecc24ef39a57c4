#include "tile/table_column.h"

#include <bit>
#include <cstring>

#include "tile/gzip.h"
#include "tile/rice.h"

namespace fits {
namespace {

constexpr std::int64_t kRiceBlock = 32;  // CFITSIO's, and no keyword of tables says otherwise
constexpr std::size_t kArrayCell = 16;   // a Q descriptor

// How a codec's bytes lie: as in the file; GZIP_2: the first bytes of all values, then the second ones, and so on;
// RICE_1: native integers.
enum class Order : std::uint8_t { file, planes, native };

struct Layout {
  Order order = Order::file;
  std::int64_t unit = 1;  // bytes of one value
};

std::int64_t shuffled_unit(char letter, bool in_heap) noexcept {
  if (letter == 'C') return in_heap ? 8 : 1;
  return letter == 'M' ? 1 : Tform::element_size(letter);
}

Layout layout_of(Codec codec, char letter, bool in_heap) noexcept {
  const std::int64_t unit = codec == Codec::gzip_2 ? shuffled_unit(letter, in_heap) : Tform::element_size(letter);
  if (unit == 1) return {};
  if (codec == Codec::gzip_2) return {Order::planes, unit};
  return codec == Codec::rice_1 ? Layout{Order::native, unit} : Layout{};
}

TileError decode(Codec codec, std::int64_t unit, Bytes stream, std::span<std::byte> out) noexcept {
  if (codec == Codec::rice_1) {
    const RiceParameters parameters{static_cast<int>(unit), kRiceBlock};
    return decode_rice(stream, parameters, static_cast<std::int64_t>(out.size()) / unit, out.data());
  }
  if (codec != Codec::nocompress) return inflate_tile(stream, out);
  if (stream.size() != out.size()) return stream.size() < out.size() ? TileError::short_input : TileError::overrun;
  std::memcpy(out.data(), stream.data(), out.size());
  return TileError::ok;
}

template <int kUnit>
void copy_value(const std::byte* from, std::int64_t stride, std::byte* to) noexcept {
  for (int b = 0; b < kUnit; ++b) to[b] = from[b * stride];
}

// Values of `kUnit` bytes, `per_row` of them in each row. Byte b of a value is `stride` after byte b - 1, one value
// `step` after the other: planes and native integers alike.
template <int kUnit>
void place_values(const std::byte* from, std::int64_t step, std::int64_t stride, std::int64_t per_row,
                  std::int64_t rows, std::byte* out, std::int64_t row_size) noexcept {
  for (std::int64_t row = 0; row < rows; ++row, out += row_size) {
    for (std::int64_t i = 0; i < per_row; ++i, from += step) copy_value<kUnit>(from, stride, out + i * kUnit);
  }
}

// Values [first, first + per_row * rows) of the `total` in `decoded`.
void place(Layout layout, const std::byte* decoded, std::int64_t total, std::int64_t first, std::int64_t per_row,
           std::int64_t rows, std::byte* out, std::int64_t row_size) noexcept {
  const bool planes = layout.order == Order::planes;
  const bool reversed = layout.order == Order::native && std::endian::native == std::endian::little;
  const std::int64_t step = planes ? 1 : layout.unit;
  const std::int64_t stride = planes ? total : reversed ? -1 : 1;
  const std::byte* const from = decoded + first * step + (reversed ? layout.unit - 1 : 0);
  switch (layout.unit) {
    case 2: return place_values<2>(from, step, stride, per_row, rows, out, row_size);
    case 4: return place_values<4>(from, step, stride, per_row, rows, out, row_size);
    default: return place_values<8>(from, step, stride, per_row, rows, out, row_size);
  }
}

}  // namespace

TileError decode_column(const TableColumn& column, Bytes stream, std::int64_t rows,
                        std::span<std::byte> decoded) noexcept {
  const auto size = static_cast<std::size_t>(rows * column.stream_width());
  if (decoded.size() != size) return TileError::overrun;
  if (column.tform.variable()) return decode(Codec::gzip_1, 1, stream, decoded);
  return decode(column.codec, Tform::element_size(column.tform.letter), stream, decoded);
}

void place_column(const TableColumn& column, Bytes decoded, std::int64_t rows, std::int64_t first, std::int64_t count,
                  std::byte* out, std::int64_t row_size) noexcept {
  const Layout layout = column.tform.variable() ? Layout{} : layout_of(column.codec, column.tform.letter, false);
  if (layout.order != Order::file) {
    const std::int64_t per_row = column.width / layout.unit;
    return place(layout, decoded.data(), rows * per_row, first * per_row, per_row, count, out, row_size);
  }
  const std::byte* from = decoded.data() + first * column.width;
  for (std::int64_t row = 0; row < count; ++row, from += column.width, out += row_size) {
    std::memcpy(out, from, static_cast<std::size_t>(column.width));
  }
}

TableArray table_array(const TableColumn& column, Bytes decoded, std::int64_t rows, std::int64_t row) noexcept {
  const auto width = static_cast<std::size_t>(column.width);
  const auto before = static_cast<std::size_t>(row), all = static_cast<std::size_t>(rows);
  return {read_descriptor(decoded.subspan(before * width, width)),
          read_descriptor(decoded.subspan(all * width + before * kArrayCell, kArrayCell))};
}

TileError decode_array(const TableColumn& column, Bytes stream, std::span<std::byte> decoded, std::byte* out) noexcept {
  const char letter = column.tform.element;
  const bool stored = stream.size() == decoded.size();
  const Layout layout = stored ? Layout{} : layout_of(column.codec, letter, true);
  const TileError error = decode(stored ? Codec::nocompress : column.codec, layout.unit, stream, decoded);
  if (error != TileError::ok) return error;
  if (layout.order == Order::file) {
    std::memcpy(out, decoded.data(), decoded.size());
  } else {
    const auto count = static_cast<std::int64_t>(decoded.size()) / layout.unit;
    place(layout, decoded.data(), count, 0, count, 1, out, 0);
  }
  return TileError::ok;
}

}  // namespace fits
