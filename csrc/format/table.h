// The header of a table as columns: FITS Standard 4.0, section 7.2 (ASCII tables) and 7.3 (binary tables). Of a
// compressed table its original's, from the cards that the user sees.
//
// Errors are FileErrors in one sentence that names the keyword. What passes here is believed by readers: every column
// lies in a row.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "format/card.h"
#include "format/column.h"
#include "format/hdu.h"

namespace fits {

// Rows of a table as its HDU tells them, without a look at its columns.
struct TableRows {
  std::int64_t size = 0;   // bytes of one: NAXIS1
  std::int64_t count = 0;  // NAXIS2

  // Throws FileError unless NAXIS, BITPIX and GCOUNT are a table's, and the data unit has room for the rows where
  // those of a compressed table are not in it.
  explicit TableRows(const Hdu& hdu);
  std::int64_t bytes() const noexcept { return size * count; }
};

struct Table {
  TableRows rows;
  std::vector<Column> columns;

  // `cards`: as visible_cards() gives them.
  Table(HeaderView cards, const Hdu& hdu);

  // The column of this name, letters compared without case where none is the same; "#3" is the third, whatever its
  // name. Throws NoSuchCell where there is none, and std::invalid_argument where there are several.
  const Column& column(std::string_view name) const;
};

}  // namespace fits
