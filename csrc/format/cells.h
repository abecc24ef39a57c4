// The cells of one column, from the rows of a table to an array of native values: gathered, swapped, scaled and cast in
// one pass. FITS Standard 4.0, section 7.2.5 (ASCII tables), 7.3.2 (TSCALn, TZEROn, TNULLn) and 7.3.3 (binary tables).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "format/column.h"

namespace fits {

// What becomes of the cells of one column. Holds no memory of the table; any thread may run it.
class CellReader {
 public:
  explicit CellReader(std::int64_t row_size) noexcept : row_size_(row_size) {}
  virtual ~CellReader() = default;
  CellReader(const CellReader&) = delete;
  CellReader& operator=(const CellReader&) = delete;

  // Reads `rows` cells: `cells` is the column's first byte in the first row, and a row is `stride` bytes after the one
  // before it. How many were read: fewer than `rows` where the next one of an ASCII table holds no value.
  virtual std::int64_t read(const std::byte* cells, std::int64_t stride, std::int64_t rows,
                            std::byte* out) const noexcept = 0;
  // Bytes of the result for each row.
  std::int64_t row_size() const noexcept { return row_size_; }

 private:
  std::int64_t row_size_;
};

// Physical values: numbers of column.elements().physical; complex ones as pairs; logicals, bits as bytes of 0 and 1;
// characters as they are. Of descriptors (P and Q) their two integers, native.
std::unique_ptr<CellReader> value_reader(const Column& column);
// The same of elements that lie one after the other in the heap; each is a row to the reader, of bits each byte.
std::unique_ptr<CellReader> heap_reader(const Column& column);

// Bytes of 1 where an element has no value: integers that are TNULLn, NaN (of a complex number in either part),
// logicals of 0, strings that are blank or begin with NUL, fields of an ASCII table that hold the text of TNULLn; else
// 0. One for each element, of characters one for each string. Throws FileError where TNULLn of integers is none.
std::unique_ptr<CellReader> null_reader(const Column& column);

}  // namespace fits
