// The HDUs of a file beside the one whose world coordinates are read (wcs/companions.h).
#pragma once

#include "io/file.h"
#include "wcs/companions.h"

namespace fits::ops {

class FileCompanions final : public wcs::Companions {
 public:
  explicit FileCompanions(const io::Source& source) : source_(source) {}
  wcs::ImageTable image(std::string_view extname, std::int64_t extver) const override;
  wcs::Array cell(std::string_view extname, std::int64_t extver, std::int64_t extlevel, std::string_view ttype,
                  std::int64_t row) const override;

 private:
  const io::Source& source_;
};

}  // namespace fits::ops
