// One column of a table: where its cells lie in a row, and what they hold. FITS Standard 4.0, section 7.2 (ASCII
// tables) and 7.3 (binary tables).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/pixel.h"
#include "format/tform.h"

namespace fits {

// What a column's elements are, once read.
enum class ElementKind : std::uint8_t {
  number,
  complex,
  logical,
  bit,
  character,
  array,  // a descriptor of an array in the heap (P and Q)
};

struct ElementType {
  ElementKind kind = ElementKind::number;
  Pixel stored = Pixel::u8;    // as in the row; of a complex number each of its two parts
  Pixel physical = Pixel::u8;  // as read
};

// Iw, Fw.d, Ew.d, Dw.d or Aw of an ASCII table (section 7.2.1, table 15), and J, as others write integers of 64 bits.
struct AsciiFormat {
  char letter = 0;
  std::int64_t width = 0;
  std::int64_t decimals = 0;
};

// Empty where the text is no format of a column of an ASCII table.
std::optional<AsciiFormat> parse_ascii_tform(std::string_view text) noexcept;

struct Column {
  std::int64_t number = 0;            // n of TTYPEn
  std::string name;                   // TTYPEn, or empty
  std::int64_t start = 0, width = 0;  // bytes in a row
  Tform tform;                        // of a binary table
  AsciiFormat ascii;                  // of an ASCII table; letter 0 in a binary one
  double tscal = 1, tzero = 0;        // TSCALn, TZEROn
  std::optional<std::string> tnull;   // the text of TNULLn
  std::vector<std::int64_t> tdim;     // TDIMn in FITS order; empty where there is none that fits
  std::string bad_shape;              // what is wrong with TDIMn, if anything: it concerns who reads cells
  std::string bad_scaling;            // what is wrong with TSCALn or TZEROn, likewise

  bool is_ascii() const noexcept { return ascii.letter != 0; }
  bool scaled() const noexcept { return tscal != 1 || tzero != 0; }
  // "column 3 (FLUX)", for messages.
  std::string title() const;
  // What its elements are; of P and Q: what those of the arrays are, where `in_heap`.
  ElementType elements(bool in_heap = false) const noexcept;
  // A cell's axes as a tensor's: slowest first, none where it is one number. Those of strings end with their length.
  // Of a TDIM that asks for fewer elements than there are the first ones are taken, as astropy does.
  std::vector<std::int64_t> shape() const;
  // Elements of a cell that are read: as many as `shape` has.
  std::int64_t count() const noexcept;
  // Throw FileError where there is something wrong with what cells, and their values, are read by.
  void check_shape() const;
  void check_values() const;
};

}  // namespace fits
