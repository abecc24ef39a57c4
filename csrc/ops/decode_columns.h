// What decode_columns is asked, checked: the same on every device (csrc/ops/decode_columns.cpp, cuda/columns.cu).
#pragma once

#include <utility>
#include <vector>

#include "format/column.h"
#include "ops/element_type.h"
#include "ops/text.h"

namespace fits::ops {

// The chosen columns of rows [n, NAXIS1]; `tscal` and `tzero` have one number for each format, or none.
inline std::vector<Column> checked_columns(const Tensor& rows, const Texts& tforms, const Shape& chosen,
                                           const std::vector<double>& tscal, const std::vector<double>& tzero) {
  require(rows.scalar_type() == ScalarType::Byte && rows.dim() == 2,
          "decode_columns: rows must be uint8 [n, NAXIS1], not ", torch::headeronly::toString(rows.scalar_type()),
          " of ", rows.dim(), " dimensions");
  require((tscal.empty() || tscal.size() == tforms.size()) && (tzero.empty() || tzero.size() == tforms.size()),
          "decode_columns: tscal and tzero must have a number for each of the ", tforms.size(),
          " tforms, or none; they have ", tscal.size(), " and ", tzero.size());
  std::vector<Column> all(tforms.size());
  std::int64_t width = 0;
  for (std::size_t i = 0; i < tforms.size(); ++i) {
    const auto tform = parse_tform(tforms[i]);
    require(tform.has_value(), "decode_columns: tforms[", i, "] = ", static_cast<const std::string&>(tforms[i]),
            ": must be a number of elements and one of the letters L X B I J K A E D C M P Q (section 7.3.1)");
    Column& column = all[i];
    column.number = static_cast<std::int64_t>(i) + 1;
    column.tform = *tform;
    column.start = width;
    column.width = tform->width();
    if (!tscal.empty()) column.tscal = tscal[i];
    if (!tzero.empty()) column.tzero = tzero[i];
    require(!__builtin_add_overflow(width, column.width, &width), "decode_columns: the tforms are too wide");
  }
  require(width == rows.size(1), "decode_columns: the tforms are ", width, " bytes wide and the rows ", rows.size(1));
  std::vector<Column> columns;
  columns.reserve(chosen.size());
  for (const auto index : chosen) {
    require(index >= 0 && index < static_cast<std::int64_t>(all.size()), "decode_columns: there is no column ", index,
            "; there are ", all.size(), ", counted from 0");
    columns.push_back(all[static_cast<std::size_t>(index)]);
  }
  return columns;
}

// Shape and dtype of the result for `rows` rows.
inline std::pair<Shape, ScalarType> decoded_as(const Column& column, std::int64_t rows) {
  const bool pair = column.tform.variable();
  Shape shape = pair ? Shape{2 * column.tform.repeat} : column.shape();
  shape.insert(shape.begin(), rows);
  const ScalarType dtype = !pair                        ? scalar_type(column.elements())
                           : column.tform.letter == 'P' ? ScalarType::Int
                                                        : ScalarType::Long;
  return {std::move(shape), dtype};
}

}  // namespace fits::ops
