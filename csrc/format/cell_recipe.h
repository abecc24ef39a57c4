// What becomes of the cells of one column of a binary table, decided once for CPU loops and CUDA kernels alike: FITS
// Standard 4.0, section 7.3.2 (TSCALn, TZEROn) and 7.3.3.
#pragma once

#include "format/column.h"
#include "format/recipe.h"

namespace fits {

enum class CellKind : std::uint8_t {
  characters,      // bytes, as they are
  numbers,         // by `recipe`; complex numbers without scaling, and descriptors, as pairs of them
  scaled_complex,  // TZERO + TSCAL * value as an equation of complex numbers, TZERO being real; each part a double
  logicals,        // is_true
  bits,            // bit_of
};

struct CellRecipe {
  CellKind kind = CellKind::characters;
  Pixel stored = Pixel::u8, physical = Pixel::u8;  // of one number
  std::int64_t count = 0;                          // numbers, characters, logicals or bits in a cell
  Recipe recipe;                                   // of numbers

  // Bytes of the result for each row.
  std::int64_t size() const noexcept { return count * static_cast<std::int64_t>(pixel_size(physical)); }
};

// Of `count` elements of this type.
inline CellRecipe cell_recipe(const ElementType& type, const Scaling& scaling, std::int64_t count) noexcept {
  const auto numbers = [](Pixel stored, Pixel physical, const Scaling& by, std::int64_t number) {
    return CellRecipe{CellKind::numbers, stored, physical, number, to_pixels(stored, by, physical)};
  };
  switch (type.kind) {
    case ElementKind::number: return numbers(type.stored, type.physical, scaling, count);
    case ElementKind::logical: return {CellKind::logicals, Pixel::u8, Pixel::u8, count, {}};
    case ElementKind::bit: return {CellKind::bits, Pixel::u8, Pixel::u8, count, {}};
    case ElementKind::complex: break;
    default: return {CellKind::characters, Pixel::u8, Pixel::u8, count, {}};
  }
  if (!scaling.linear()) return numbers(type.stored, type.stored, scaling, 2 * count);
  CellRecipe recipe = numbers(type.stored, Pixel::f64, scaling, 2 * count);
  recipe.kind = CellKind::scaled_complex;
  return recipe;
}

// Of one cell of the column; of descriptors (P and Q) their integers.
inline CellRecipe cell_recipe(const Column& column) noexcept {
  if (column.tform.variable()) {
    const Pixel half = column.tform.letter == 'P' ? Pixel::i32 : Pixel::i64;
    return cell_recipe({ElementKind::number, half, half}, {}, 2 * column.tform.repeat);
  }
  return cell_recipe(column.elements(), {column.tscal, column.tzero, std::nullopt}, column.count());
}

// Logicals are 'T', 'F', or 0 where they are undefined (section 7.3.3.1).
FITS_HOST_DEVICE bool is_true(std::byte logical) noexcept { return logical == std::byte{'T'}; }

// Bits, the most significant of the first byte first (section 7.3.3.2): of that byte bit `i`, 0 to 7.
FITS_HOST_DEVICE bool bit_of(std::byte byte, std::int64_t i) noexcept {
  return (static_cast<unsigned>(byte) >> (7 - i) & 1U) != 0;
}

// Part `i` of complex numbers with TSCALn and TZEROn: real ones are even.
template <class Part>
FITS_HOST_DEVICE double scaled_part(Part part, std::int64_t i, const Operands& operands) noexcept {
  return physical(static_cast<double>(part), operands.bscale, i % 2 == 0 ? operands.bzero : 0);
}

}  // namespace fits
