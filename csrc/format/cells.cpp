#include "format/cells.h"

#include "format/ascii_cells.h"
#include "format/cell_recipe.h"
#include "format/convert.h"
#include "format/gather.h"

namespace fits {
namespace {

class NumberCells final : public CellReader {
 public:
  explicit NumberCells(const CellRecipe& cell)
      : CellReader(cell.size()),
        converter_(cell.stored, {cell.recipe.operands.bscale, cell.recipe.operands.bzero, std::nullopt}, cell.physical,
                   ByteOrder::big_endian),
        count_(cell.count),
        size_(static_cast<std::int64_t>(pixel_size(cell.stored))),
        out_size_(static_cast<std::int64_t>(pixel_size(cell.physical))),
        // Where nothing but the byte order and the top bit changes, one value for each row is done in one step.
        single_(cell.count == 1 && !cell.recipe.arithmetic),
        flip_(cell.recipe.operands.flip) {}

  std::int64_t read(const std::byte* cells, std::int64_t stride, std::int64_t rows,
                    std::byte* out) const noexcept override {
    if (single_ && stride != size_) {
      gather_single(cells, stride, rows, out);
      return rows;
    }
    for_gathered(cells, stride, rows, count_ * size_,
                 [&](const std::byte* together, std::int64_t first, std::int64_t number) {
                   converter_(together, number * count_, out + first * count_ * out_size_);
                 });
    return rows;
  }

 private:
  void gather_single(const std::byte* cells, std::int64_t stride, std::int64_t rows, std::byte* out) const noexcept {
    switch (size_) {
      case 1: return gather_values<std::uint8_t>(cells, stride, rows, flip_, out);
      case 2: return gather_values<std::uint16_t>(cells, stride, rows, flip_, out);
      case 4: return gather_values<std::uint32_t>(cells, stride, rows, flip_, out);
      default: return gather_values<std::uint64_t>(cells, stride, rows, flip_, out);
    }
  }

  Converter converter_;
  std::int64_t count_, size_, out_size_;
  bool single_;
  std::uint64_t flip_;
};

template <class Part>
class ScaledComplexCells final : public CellReader {
 public:
  explicit ScaledComplexCells(const CellRecipe& cell)
      : CellReader(cell.size()), operands_(cell.recipe.operands), parts_(cell.count) {}

  std::int64_t read(const std::byte* cells, std::int64_t stride, std::int64_t rows,
                    std::byte* out) const noexcept override {
    constexpr bool kSwap = std::endian::native == std::endian::little;
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::byte* in = cells + row * stride;
      for (std::int64_t i = 0; i < parts_; ++i, in += sizeof(Part), out += sizeof(double)) {
        const double value = scaled_part(load<Part, kSwap>(in), i, operands_);
        std::memcpy(out, &value, sizeof(value));
      }
    }
    return rows;
  }

 private:
  Operands operands_;
  std::int64_t parts_;
};

class CharacterCells final : public CellReader {
 public:
  explicit CharacterCells(std::int64_t width) noexcept : CellReader(width) {}
  std::int64_t read(const std::byte* cells, std::int64_t stride, std::int64_t rows,
                    std::byte* out) const noexcept override {
    gather(cells, stride, rows, row_size(), out);
    return rows;
  }
};

class LogicalCells final : public CellReader {
 public:
  explicit LogicalCells(std::int64_t count) noexcept : CellReader(count) {}
  std::int64_t read(const std::byte* cells, std::int64_t stride, std::int64_t rows,
                    std::byte* out) const noexcept override {
    for_gathered(cells, stride, rows, row_size(),
                 [&](const std::byte* together, std::int64_t first, std::int64_t number) {
                   std::byte* const target = out + first * row_size();
                   for (std::int64_t i = 0; i < number * row_size(); ++i) {
                     target[i] = static_cast<std::byte>(is_true(together[i]));
                   }
                 });
    return rows;
  }
};

class BitCells final : public CellReader {
 public:
  explicit BitCells(std::int64_t bits) noexcept : CellReader(bits) {}
  std::int64_t read(const std::byte* cells, std::int64_t stride, std::int64_t rows,
                    std::byte* out) const noexcept override {
    for (std::int64_t row = 0; row < rows; ++row, cells += stride, out += row_size()) {
      const std::int64_t whole = row_size() / 8, rest = row_size() % 8;
      for (std::int64_t i = 0; i < whole; ++i) spread(cells[i], out + 8 * i);
      if (rest == 0) continue;
      std::byte last[8];
      spread(cells[whole], last);
      std::memcpy(out + 8 * whole, last, static_cast<std::size_t>(rest));
    }
    return rows;
  }

 private:
  // bit_of for all eight bits, as eight bytes: every byte of a product keeps a bit of its own, which a sum then carries
  // to its top.
  static void spread(std::byte bits, std::byte* out) noexcept {
    constexpr std::uint64_t kEach = 0x0101010101010101;
    constexpr std::uint64_t kOwn = std::endian::native == std::endian::little ? 0x0102040810204080 : 0x8040201008040201;
    const std::uint64_t own = std::to_integer<std::uint64_t>(bits) * kEach & kOwn;
    const std::uint64_t ones = (own + 0x7f * kEach) >> 7 & kEach;
    std::memcpy(out, &ones, sizeof(ones));
  }
};

std::unique_ptr<CellReader> reader_of(const CellRecipe& cell) {
  switch (cell.kind) {
    case CellKind::numbers: return std::make_unique<NumberCells>(cell);
    case CellKind::logicals: return std::make_unique<LogicalCells>(cell.count);
    case CellKind::bits: return std::make_unique<BitCells>(cell.count);
    case CellKind::scaled_complex: break;
    default: return std::make_unique<CharacterCells>(cell.count);
  }
  if (cell.stored == Pixel::f32) return std::make_unique<ScaledComplexCells<float>>(cell);
  return std::make_unique<ScaledComplexCells<double>>(cell);
}

}  // namespace

std::unique_ptr<CellReader> value_reader(const Column& column) {
  if (column.is_ascii() && column.ascii.letter != 'A') return ascii_value_reader(column);
  return reader_of(cell_recipe(column));
}

std::unique_ptr<CellReader> heap_reader(const Column& column) {
  const ElementType type = column.elements(true);
  const Scaling scaling{column.tscal, column.tzero, std::nullopt};
  return reader_of(cell_recipe(type, scaling, type.kind == ElementKind::bit ? 8 : 1));
}

}  // namespace fits
