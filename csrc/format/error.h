// What can be wrong with a FITS file, as exceptions and as the status codes of the batch readers.
//
// std::out_of_range (IndexError in Python) stands for an HDU, row, column or tile that is not there;
// std::invalid_argument (ValueError) for a caller's mistake; FileError (RuntimeError) for a file that is wrong.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace fits {

// Status of one item of a batch reader (docs/operators.md). Only ever appended to.
enum class Status : std::int32_t {
  read = 0,
  empty = 1,
  cannot_open = 2,
  not_fits = 3,
  truncated = 4,
  no_such_hdu = 5,
  not_an_image = 6,
  wrong_naxis = 7,
  bad_compressed_data = 8,
  bad_header = 9,
};

class FileError : public std::runtime_error {
 public:
  FileError(Status status, const std::string& what) : std::runtime_error(what), status_(status) {}
  Status status() const noexcept { return status_; }

 private:
  Status status_;
};

class NoSuchHdu : public std::out_of_range {
 public:
  using std::out_of_range::out_of_range;
};

// A column or a row that a table does not have.
class NoSuchCell : public std::out_of_range {
 public:
  using std::out_of_range::out_of_range;
};

}  // namespace fits
