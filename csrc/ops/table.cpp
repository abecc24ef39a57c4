#include "ops/table.h"

#include <algorithm>

#include "format/error.h"
#include "ops/image.h"

namespace fits::ops {
namespace {

// Python's slice of `length`: from the end where negative, cut to what there is.
std::int64_t slice_bound(std::int64_t at, std::int64_t length) {
  return at < 0 ? std::max<std::int64_t>(at + length, 0) : std::min(at, length);
}

[[noreturn]] void refuse(const Hdu& hdu, const char* wanted) {
  const char* kind = hdu.kind == HduKind::ascii_table ? "an ASCII table"
                     : hdu.is_image()                 ? "an image"
                                                      : "an extension of an unknown type";
  throw FileError(Status::bad_header, sentence("the HDU is ", kind, ", not ", wanted));
}

bool is_binary(const Hdu& hdu) noexcept {
  return hdu.kind == HduKind::binary_table || hdu.kind == HduKind::compressed_table;
}

}  // namespace

const Hdu& table_hdu(const io::Source& source, std::int64_t index) {
  const Hdu& hdu = source.file->hdus().at(index);
  if (!is_binary(hdu) && hdu.kind != HduKind::ascii_table) refuse(hdu, "a table");
  require_data(source, hdu);
  return hdu;
}

const Hdu& binary_table_hdu(const io::Source& source, std::int64_t index) {
  const Hdu& hdu = source.file->hdus().at(index);
  if (!is_binary(hdu)) refuse(hdu, "a binary table");
  require_data(source, hdu);
  return hdu;
}

RowRange::RowRange(std::int64_t first, std::optional<std::int64_t> stop, std::int64_t rows)
    : start(slice_bound(first, rows)),
      count(std::max<std::int64_t>(slice_bound(stop.value_or(rows), rows) - start, 0)) {}

std::vector<const Column*> chosen_columns(const Table& table, const Texts& names) {
  std::vector<const Column*> chosen;
  chosen.reserve(names.empty() ? table.columns.size() : names.size());
  for (const Text& name : names) chosen.push_back(&table.column(name));
  if (!names.empty()) return chosen;
  for (const Column& column : table.columns) {
    if (!column.tform.variable()) chosen.push_back(&column);
  }
  return chosen;
}

std::string dtype_name(ScalarType dtype) {
  switch (dtype) {
    case ScalarType::Bool: return "bool";
    case ScalarType::Byte: return "uint8";
    case ScalarType::Char: return "int8";
    case ScalarType::Short: return "int16";
    case ScalarType::UInt16: return "uint16";
    case ScalarType::Int: return "int32";
    case ScalarType::UInt32: return "uint32";
    case ScalarType::Long: return "int64";
    case ScalarType::UInt64: return "uint64";
    case ScalarType::Float: return "float32";
    case ScalarType::Double: return "float64";
    case ScalarType::ComplexFloat: return "complex64";
    case ScalarType::ComplexDouble: return "complex128";
    default: return torch::headeronly::toString(dtype);
  }
}

void require_expected(const std::vector<ResultType>& found, const std::optional<Text>& expected) {
  if (!expected) return;
  std::string text;
  for (const auto& [dtype, axes] : found) text += sentence(text.empty() ? "" : ", ", dtype_name(dtype), " ", axes);
  require(text == *expected, "the columns are (dtype and axes) '", text, "' and the graph was captured with '",
          static_cast<const std::string&>(*expected), "'; capture it again");
}

}  // namespace fits::ops
