// Cells of -TAB's tables.
#include "format/error.h"
#include "ops/wcs_companions.h"

namespace fits::ops {

wcs::Array FileCompanions::cell(std::string_view, std::int64_t, std::int64_t, std::string_view, std::int64_t) const {
  throw FileError(Status::bad_header, "-TAB axes are not supported yet");
}

}  // namespace fits::ops
