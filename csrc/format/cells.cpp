#include "format/cells.h"

#include "format/ascii_cells.h"
#include "format/convert.h"
#include "format/gather.h"

namespace fits {
namespace {

Scaling scaling_of(const Column& column) noexcept { return {column.tscal, column.tzero, std::nullopt}; }

class NumberCells final : public CellReader {
 public:
  // `count` numbers in each cell.
  NumberCells(Pixel stored, Pixel physical, const Scaling& scaling, std::int64_t count)
      : CellReader(count * static_cast<std::int64_t>(pixel_size(physical))),
        converter_(stored, scaling, physical, ByteOrder::big_endian),
        count_(count),
        size_(static_cast<std::int64_t>(pixel_size(stored))),
        out_size_(static_cast<std::int64_t>(pixel_size(physical))) {
    // Where nothing but the byte order and the top bit changes, one value for each row is done in one step.
    const bool linear = scaling.linear() && is_floating(physical);
    single_ = count == 1 && !linear;
    if (scaling.linear() && !linear) flip_ = std::uint64_t{1} << (8 * size_ - 1);
  }

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
  bool single_ = false;
  std::uint64_t flip_ = 0;
};

// TZERO + TSCAL * value, as an equation of complex numbers: TZERO is real.
template <class Part>
class ScaledComplexCells final : public CellReader {
 public:
  ScaledComplexCells(const Scaling& scaling, std::int64_t count)
      : CellReader(count * 16), scaling_(scaling), count_(count) {}

  std::int64_t read(const std::byte* cells, std::int64_t stride, std::int64_t rows,
                    std::byte* out) const noexcept override {
    constexpr bool kSwap = std::endian::native == std::endian::little;
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::byte* in = cells + row * stride;
      for (std::int64_t i = 0; i < 2 * count_; ++i, in += sizeof(Part), out += sizeof(double)) {
        const double zero = i % 2 == 0 ? scaling_.bzero : 0;
        const double value = physical(static_cast<double>(load<Part, kSwap>(in)), scaling_.bscale, zero);
        std::memcpy(out, &value, sizeof(value));
      }
    }
    return rows;
  }

 private:
  Scaling scaling_;
  std::int64_t count_;
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

// Bytes that are `value` become 1, others 0: logicals are 'T', undefined ones 0 (section 7.3.3.1).
class EqualCells final : public CellReader {
 public:
  EqualCells(std::int64_t count, char value) noexcept : CellReader(count), value_(value) {}
  std::int64_t read(const std::byte* cells, std::int64_t stride, std::int64_t rows,
                    std::byte* out) const noexcept override {
    for_gathered(cells, stride, rows, row_size(),
                 [&](const std::byte* together, std::int64_t first, std::int64_t number) {
                   std::byte* const target = out + first * row_size();
                   for (std::int64_t i = 0; i < number * row_size(); ++i) {
                     target[i] = static_cast<std::byte>(together[i] == static_cast<std::byte>(value_));
                   }
                 });
    return rows;
  }

 private:
  char value_;
};

// Bits, the most significant of the first byte first (section 7.3.3.2).
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
  // Eight bits as eight bytes: every byte of a product keeps a bit of its own, which a sum then carries to its top.
  static void spread(std::byte bits, std::byte* out) noexcept {
    constexpr std::uint64_t kEach = 0x0101010101010101;
    constexpr std::uint64_t kOwn = std::endian::native == std::endian::little ? 0x0102040810204080 : 0x8040201008040201;
    const std::uint64_t own = std::to_integer<std::uint64_t>(bits) * kEach & kOwn;
    const std::uint64_t ones = (own + 0x7f * kEach) >> 7 & kEach;
    std::memcpy(out, &ones, sizeof(ones));
  }
};

std::unique_ptr<CellReader> reader_of(const ElementType& type, const Scaling& scaling, std::int64_t count) {
  switch (type.kind) {
    case ElementKind::number: return std::make_unique<NumberCells>(type.stored, type.physical, scaling, count);
    case ElementKind::logical: return std::make_unique<EqualCells>(count, 'T');
    case ElementKind::bit: return std::make_unique<BitCells>(count);
    case ElementKind::complex: break;
    default: return std::make_unique<CharacterCells>(count);
  }
  if (!scaling.linear()) return std::make_unique<NumberCells>(type.stored, type.stored, scaling, 2 * count);
  if (type.stored == Pixel::f32) return std::make_unique<ScaledComplexCells<float>>(scaling, count);
  return std::make_unique<ScaledComplexCells<double>>(scaling, count);
}

}  // namespace

std::unique_ptr<CellReader> value_reader(const Column& column) {
  if (column.is_ascii() && column.ascii.letter != 'A') return ascii_value_reader(column);
  if (column.tform.variable()) {
    const Pixel half = column.tform.letter == 'P' ? Pixel::i32 : Pixel::i64;
    return std::make_unique<NumberCells>(half, half, Scaling{}, 2 * column.tform.repeat);
  }
  return reader_of(column.elements(), scaling_of(column), column.count());
}

std::unique_ptr<CellReader> heap_reader(const Column& column) {
  const ElementType type = column.elements(true);
  return reader_of(type, scaling_of(column), type.kind == ElementKind::bit ? 8 : 1);
}

}  // namespace fits
