// The heap of a binary table, and the descriptors in its rows that point into it: FITS Standard 4.0, section 7.3.5.
#pragma once

#include <cstdint>
#include <string>

#include "format/bytes.h"
#include "format/card.h"
#include "format/error.h"

namespace fits {

// A cell of a P or Q column: how many elements an array has, and the heap's byte where it starts.
struct Descriptor {
  std::uint64_t count = 0, offset = 0;
};

// `cell` is 8 bytes of a P column or 16 of a Q column. The Standard's integers are signed; a count or offset below zero
// reads as one that no heap has.
inline Descriptor read_descriptor(Bytes cell) noexcept {
  const std::size_t half = cell.size() / 2;
  Descriptor descriptor;
  for (std::size_t i = 0; i < half; ++i) {
    descriptor.count = descriptor.count << 8 | std::to_integer<std::uint64_t>(cell[i]);
    descriptor.offset = descriptor.offset << 8 | std::to_integer<std::uint64_t>(cell[half + i]);
  }
  return descriptor;
}

// Where the heap starts, counted from the table's first byte: at THEAP (or ZTHEAP, the original table's), else where
// the rows end. The table's rows have `rows_size` bytes, rows and heap together `data_size`.
inline std::int64_t heap_start(HeaderView header, const char* keyword, std::int64_t rows_size, std::int64_t data_size) {
  const auto theap = header.find(keyword) ? header.integer(keyword) : rows_size;
  if (!theap || *theap < rows_size || *theap > data_size) {
    throw FileError(
        Status::bad_header,
        std::string(keyword) + ": the heap must lie between the rows and the end of the data (section 7.3.5)");
  }
  return *theap;
}

}  // namespace fits
