// CFITSIO, and the only door to it. What it owns: files packed by compress(1), zip or bzip2. Its calls run one at a
// time: parts of it keep global state.
#pragma once

#include <string>

#include "io/gzip.h"

namespace fits::io {

// True for the magic numbers of compress(1), zip and bzip2.
bool is_packed(Bytes bytes) noexcept;

// The unpacked bytes of such a file. Throws FileError, also where this CFITSIO was built without bzip2.
Buffer unpack_file(const std::string& path);

}  // namespace fits::io
