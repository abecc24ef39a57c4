// What the readers of tables share: the HDU as a table, its columns by name, row ranges, and the types of their
// results.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "format/table.h"
#include "io/file.h"
#include "ops/element_type.h"
#include "ops/tensor.h"
#include "ops/text.h"

namespace fits::ops {

// The HDU as a table whose data unit is whole. Throws FileError otherwise, saying what it is.
const Hdu& table_hdu(const io::Source& source, std::int64_t index);
// The same where it is a binary table, compressed or not.
const Hdu& binary_table_hdu(const io::Source& source, std::int64_t index);

// Rows [start, stop) as a Python slice of `rows`.
struct RowRange {
  std::int64_t start = 0, count = 0;
  RowRange(std::int64_t start, std::optional<std::int64_t> stop, std::int64_t rows);
};

// The columns of these names, in their order; those of fixed width where there are no names.
std::vector<const Column*> chosen_columns(const Table& table, const Texts& names);

// "float32": torch's name in Python.
std::string dtype_name(ScalarType dtype);

// What a graph was captured with against what the file holds: dtype and number of axes of each result, "float32 1,
// uint8 2". Throws std::invalid_argument where they differ. No `expected`: nothing is asked.
struct ResultType {
  ScalarType dtype;
  std::size_t axes;
};
void require_expected(const std::vector<ResultType>& found, const std::optional<Text>& expected);

}  // namespace fits::ops
