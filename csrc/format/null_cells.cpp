// Which cells hold no value: FITS Standard 4.0, section 7.2.2 and 7.3.2 (TNULLn), 7.3.3.
#include <charconv>
#include <cmath>

#include "format/ascii_cells.h"
#include "format/cells.h"
#include "format/error.h"
#include "format/gather.h"

namespace fits {
namespace {

constexpr bool kSwap = std::endian::native == std::endian::little;

// No value of this column can be missing.
class NoNulls final : public CellReader {
 public:
  using CellReader::CellReader;
  std::int64_t read(const std::byte*, std::int64_t, std::int64_t rows, std::byte* out) const noexcept override {
    if (rows * row_size() > 0) std::memset(out, 0, static_cast<std::size_t>(rows * row_size()));
    return rows;
  }
};

// One byte for each element for which `test` of its bits, as they are stored, is true.
template <class Bits, class Test>
class TestedCells final : public CellReader {
 public:
  TestedCells(std::int64_t count, const Test& test) noexcept : CellReader(count), test_(test) {}
  std::int64_t read(const std::byte* cells, std::int64_t stride, std::int64_t rows,
                    std::byte* out) const noexcept override {
    constexpr auto kSize = static_cast<std::int64_t>(sizeof(Bits));
    for_gathered(cells, stride, rows, row_size() * kSize,
                 [&](const std::byte* together, std::int64_t first, std::int64_t number) {
                   std::byte* const target = out + first * row_size();
                   for (std::int64_t i = 0; i < number * row_size(); ++i) {
                     target[i] = static_cast<std::byte>(test_(load<Bits, false>(together + i * kSize)));
                   }
                 });
    return rows;
  }

 private:
  Test test_;
};

template <class Bits, class Test>
std::unique_ptr<CellReader> tested(std::int64_t count, const Test& test) {
  return std::make_unique<TestedCells<Bits, Test>>(count, test);
}

template <class Bits>
std::unique_ptr<CellReader> integers_that_are(std::int64_t tnull, std::int64_t count) {
  Bits stored = static_cast<Bits>(tnull);
  if constexpr (kSwap) stored = swap_bytes(stored);
  return tested<Bits>(count, [stored](Bits bits) { return bits == stored; });
}

bool is_nan(std::uint32_t bits) noexcept { return ((kSwap ? swap_bytes(bits) : bits) & 0x7fffffffU) > 0x7f800000U; }
bool is_nan(std::uint64_t bits) noexcept {
  return ((kSwap ? swap_bytes(bits) : bits) & 0x7fffffffffffffffU) > 0x7ff0000000000000U;
}

template <class Bits>
class ComplexNulls final : public CellReader {
 public:
  using CellReader::CellReader;
  std::int64_t read(const std::byte* cells, std::int64_t stride, std::int64_t rows,
                    std::byte* out) const noexcept override {
    for (std::int64_t row = 0; row < rows; ++row, cells += stride) {
      for (std::int64_t i = 0; i < row_size(); ++i) {
        const std::byte* const parts = cells + 2 * i * static_cast<std::int64_t>(sizeof(Bits));
        const bool nan = is_nan(load<Bits, false>(parts)) || is_nan(load<Bits, false>(parts + sizeof(Bits)));
        *out++ = static_cast<std::byte>(nan);
      }
    }
    return rows;
  }
};

class BlankStrings final : public CellReader {
 public:
  BlankStrings(std::int64_t strings, std::int64_t length) noexcept : CellReader(strings), length_(length) {}
  std::int64_t read(const std::byte* cells, std::int64_t stride, std::int64_t rows,
                    std::byte* out) const noexcept override {
    for (std::int64_t row = 0; row < rows; ++row, cells += stride) {
      for (std::int64_t i = 0; i < row_size(); ++i) *out++ = static_cast<std::byte>(blank(cells + i * length_));
    }
    return rows;
  }

 private:
  // A NUL ends a string before its full length (section 7.3.3.1).
  bool blank(const std::byte* string) const noexcept {
    for (std::int64_t c = 0; c < length_ && string[c] != std::byte{0}; ++c) {
      if (string[c] != std::byte{' '}) return false;
    }
    return true;
  }

  std::int64_t length_;
};

// TNULLn of integers; one that the column cannot hold is none of its values.
std::optional<std::int64_t> null_integer(const Column& column, Pixel stored) {
  if (!column.tnull) return std::nullopt;
  std::string_view text = *column.tnull;
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return std::nullopt;
  if (error != std::errc() || end != text.data() + text.size()) {
    throw FileError(Status::bad_header, "TNULL" + std::to_string(column.number) + " = " + *column.tnull +
                                            ": must be an integer (section 7.3.2)");
  }
  return holds(stored, value) ? std::optional(value) : std::nullopt;
}

std::unique_ptr<CellReader> number_nulls(const Column& column, Pixel stored, std::int64_t count) {
  if (stored == Pixel::f32) return tested<std::uint32_t>(count, [](std::uint32_t bits) { return is_nan(bits); });
  if (stored == Pixel::f64) return tested<std::uint64_t>(count, [](std::uint64_t bits) { return is_nan(bits); });
  const auto tnull = null_integer(column, stored);
  if (!tnull) return std::make_unique<NoNulls>(count);
  switch (pixel_size(stored)) {
    case 1: return integers_that_are<std::uint8_t>(*tnull, count);
    case 2: return integers_that_are<std::uint16_t>(*tnull, count);
    case 4: return integers_that_are<std::uint32_t>(*tnull, count);
    default: return integers_that_are<std::uint64_t>(*tnull, count);
  }
}

}  // namespace

std::unique_ptr<CellReader> null_reader(const Column& column) {
  if (column.is_ascii()) return ascii_null_reader(column);
  const ElementType type = column.elements();
  const std::int64_t count = column.count();
  switch (type.kind) {
    case ElementKind::number: return number_nulls(column, type.stored, count);
    case ElementKind::complex:
      if (type.stored == Pixel::f32) return std::make_unique<ComplexNulls<std::uint32_t>>(count);
      return std::make_unique<ComplexNulls<std::uint64_t>>(count);
    case ElementKind::logical: return tested<std::uint8_t>(count, [](std::uint8_t byte) { return byte == 0; });
    case ElementKind::character: {
      std::int64_t strings = 1;
      const auto shape = column.shape();
      for (std::size_t i = 0; i + 1 < shape.size(); ++i) strings *= shape[i];
      return std::make_unique<BlankStrings>(strings, shape.back());
    }
    default: return std::make_unique<NoNulls>(count);
  }
}

}  // namespace fits
