#include "format/arrays.h"

#include <cstring>

#include "format/error.h"

namespace fits {
namespace {

char checked_letter(const Column& column) {
  const char letter = column.tform.element;
  const std::string tform = "TFORM" + std::to_string(column.number);
  if (letter == 0 || letter == 'P' || letter == 'Q') {
    throw FileError(Status::bad_header, tform +
                                            ": P and Q must be followed by the letter of the arrays' elements "
                                            "(section 7.3.5)");
  }
  if (column.tform.repeat > 1) {
    throw FileError(Status::bad_header, tform + ": a row has one descriptor of an array, or none, not " +
                                            std::to_string(column.tform.repeat) + " (section 7.3.5)");
  }
  return letter;
}

}  // namespace

HeapArrays::HeapArrays(const Column& column, std::int64_t heap_size)
    : column_(column),
      letter_(checked_letter(column)),
      heap_size_(static_cast<std::uint64_t>(heap_size)),
      reader_(heap_reader(column)),
      value_size_(letter_ == 'X' ? 1 : reader_->row_size()) {}

std::int64_t HeapArrays::count(const std::byte* cell, std::int64_t row) const {
  if (column_.width == 0) return 0;
  const auto [count, offset] = read_descriptor(cell_bytes(cell));
  if (count == 0) return 0;  // its offset means nothing
  const std::uint64_t left = offset < heap_size_ ? heap_size_ - offset : 0;
  // X has eight elements in a byte. Asked before the product, which might not fit.
  const bool countable = count <= 8 * left;
  if (!countable || static_cast<std::uint64_t>(stored_size(static_cast<std::int64_t>(count))) > left) {
    throw FileError(Status::bad_header, "row " + std::to_string(row) + ", " + column_.title() + ": an array of " +
                                            std::to_string(count) + " elements at byte " + std::to_string(offset) +
                                            " does not lie in the heap of " + std::to_string(heap_size_) +
                                            " bytes (section 7.3.5)");
  }
  return static_cast<std::int64_t>(count);
}

std::int64_t HeapArrays::offset(const std::byte* cell) const noexcept {
  return static_cast<std::int64_t>(read_descriptor(cell_bytes(cell)).offset);
}

void HeapArrays::read(const std::byte* stored, std::int64_t count, std::byte* values) const noexcept {
  if (letter_ != 'X') {
    (void)reader_->read(stored, Tform::element_size(letter_), count, values);
    return;
  }
  const std::int64_t whole = count / 8, rest = count % 8;
  (void)reader_->read(stored, 1, whole, values);
  if (rest == 0) return;
  std::byte last[8];
  (void)reader_->read(stored + whole, 1, 1, last);
  std::memcpy(values + 8 * whole, last, static_cast<std::size_t>(rest));
}

}  // namespace fits
