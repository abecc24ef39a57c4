// zip archives that hold one file (PKWARE's APPNOTE 6.3, without encryption and without ZIP64).
#pragma once

#include "format/bytes.h"
#include "io/gzip.h"

namespace fits::io {

bool is_zip(Bytes bytes) noexcept;

// The file in an archive, stored or deflated; folders beside it do not count. Throws FileError in one sentence for an
// archive that is damaged, that holds none or several files, or one packed in another way.
Buffer unzip(Bytes archive);

}  // namespace fits::io
