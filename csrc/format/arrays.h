// The arrays of one P or Q column: descriptors in the rows, elements in the heap. FITS Standard 4.0, section 7.3.5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "format/cells.h"
#include "format/column.h"
#include "format/heap.h"

namespace fits {

class HeapArrays {
 public:
  // Throws FileError where TFORMn does not say what the arrays hold.
  HeapArrays(const Column& column, std::int64_t heap_size);

  // Elements of the array that row `row` has, from its cell. Throws FileError, naming row and column, unless the array
  // lies in the heap.
  std::int64_t count(const std::byte* cell, std::int64_t row) const;
  // Where the array begins in the heap, of one that has elements.
  std::int64_t offset(const std::byte* cell) const noexcept;
  // Bytes in the heap of `count` elements, and of them as native values.
  std::int64_t stored_size(std::int64_t count) const noexcept { return Tform::array_size(letter_, count); }
  std::int64_t value_size(std::int64_t count) const noexcept { return count * value_size_; }
  // Whether an array's elements may be read together with those of the next one where that follows it in the heap.
  bool joins() const noexcept { return letter_ != 'X'; }
  // How many elements `bytes` of a long array hold: whole ones.
  std::int64_t elements_in(std::int64_t bytes) const noexcept {
    return letter_ == 'X' ? 8 * bytes : bytes / Tform::element_size(letter_);
  }
  // Native values of `count` elements; of bits the first is the top one of a byte.
  void read(const std::byte* stored, std::int64_t count, std::byte* values) const noexcept;

 private:
  Bytes cell_bytes(const std::byte* cell) const noexcept { return {cell, static_cast<std::size_t>(column_.width)}; }

  const Column& column_;
  char letter_;
  std::uint64_t heap_size_;
  std::unique_ptr<CellReader> reader_;
  std::int64_t value_size_;
};

}  // namespace fits
