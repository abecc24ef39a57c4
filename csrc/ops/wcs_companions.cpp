#include "ops/wcs_companions.h"

#include "format/error.h"

namespace fits::ops {

wcs::ImageTable FileCompanions::image(std::string_view, std::int64_t) const {
  throw FileError(Status::bad_header, "lookup tables in images are not supported yet");
}

}  // namespace fits::ops
