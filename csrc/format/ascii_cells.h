// Fields of ASCII tables: FITS Standard 4.0, section 7.2.5. Internal to cells.cpp and null_cells.cpp.
//
// Numbers are read exactly: to the nearest double. A field of blanks is 0; blanks inside a number count for nothing; a
// real number without a decimal point has one before its last d digits (Fw.d), as the Standard and CFITSIO have it and
// astropy has not. A field that holds the text of TNULLn is NaN, of integers 0, as in astropy.
#pragma once

#include <memory>

#include "format/cells.h"

namespace fits {

// Of columns of numbers: characters are read as those of binary tables.
std::unique_ptr<CellReader> ascii_value_reader(const Column& column);
std::unique_ptr<CellReader> ascii_null_reader(const Column& column);

}  // namespace fits
