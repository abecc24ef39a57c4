// Rows and heap of a binary table as bytes, compressed ones as their original's, for every reader of tables.
#pragma once

#include <optional>

#include "io/file.h"
#include "ops/tensor.h"

namespace fits::ops {

// Rows [start, stop) as Python's slice, uint8 [rows, NAXIS1]. Throws FileError where the HDU is no binary table.
Tensor read_rows_of(const io::Source& source, std::int64_t index, std::int64_t start, std::optional<std::int64_t> stop);

// The heap, uint8 [bytes], descriptors' offset 0 first.
Tensor read_heap_of(const io::Source& source, std::int64_t index);

}  // namespace fits::ops
