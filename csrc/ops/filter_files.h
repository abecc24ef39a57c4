// What the names of a filter mean where it is not only the table's: region files, and good time intervals of other
// extensions and files.
#pragma once

#include <string>

#include "filter/cells.h"
#include "filter/intervals.h"
#include "filter/region.h"
#include "io/cfitsio.h"
#include "io/file.h"

namespace fits::ops {

// `cards` are the table's, as the user sees them. All must outlive the names. A file that is not named, "[GTI]" and
// "+2" are the source itself, also where it is in memory; any other name is a path, with "[GTI]" or "+2" after it.
class FilterNames final : public filter::TableNames {
 public:
  FilterNames(const io::Source& source, const Table& table, const std::string& cards)
      : TableNames(table, HeaderView(cards)), source_(source), table_(table), cards_(cards) {}

  filter::Region region(std::string_view file, const std::optional<filter::ColumnPair>& columns) const override;
  filter::Intervals intervals(std::string_view file, std::string_view start, std::string_view stop) const override;

 private:
  const io::Source& source_;
  const Table& table_;
  HeaderView cards_;
};

// The sky on the plane of two columns, from TCTYPn, TCRVLn, TCRPXn, TCDLTn and TCROTn, or the matrices TCDn_m and
// TPCn_m, as CFITSIO's fits_read_tbl_coord has it. Empty where the first column has no projection, or the axes are
// skewed.
std::optional<io::SkyPlane> sky_plane(HeaderView cards, std::int64_t x_column, std::int64_t y_column);

// A region from an extension in the way of the ASC Region Specification: columns X, Y, SHAPE, R, ROTANG and, perhaps,
// COMPONENT. `plane` is that of the filtered table. Throws FileError.
filter::Region read_region_table(const io::Source& source, std::int64_t hdu, const std::optional<io::SkyPlane>& plane);

// A column's values as doubles, NULL ones as NaN.
struct Reals {
  std::vector<double> values;
  std::int64_t each = 1;  // elements of a row
};

// Whole columns of a table of any kind. Throws FileError, NoSuchCell.
class WholeTable {
 public:
  WholeTable(const io::Source& source, std::int64_t hdu);
  HeaderView cards() const noexcept { return HeaderView(cards_); }
  const Table& table() const noexcept { return table_; }
  std::int64_t rows() const noexcept { return rows_; }
  Reals reals(const Column& column) const;
  std::vector<std::string> strings(const Column& column) const;  // without blanks at the end

 private:
  const io::Source& source_;
  const Hdu& hdu_;
  const Table& table_;
  std::string cards_;
  std::int64_t rows_;

  template <class Take>
  void read(const Column& column, filter::Type type, const Take& take) const;
};

}  // namespace fits::ops
