// CFITSIO, and the only door to it. What it owns for now: tile-compressed images in files, and files packed by
// compress(1), zip or bzip2. Its calls run one at a time: parts of it keep global state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/hdu.h"
#include "io/gzip.h"

namespace fits::io {

// True for the magic numbers of compress(1), zip and bzip2.
bool is_packed(Bytes bytes) noexcept;

// The unpacked bytes of such a file. Throws FileError, also where this CFITSIO was built without bzip2.
Buffer unpack_file(const std::string& path);

// Stored values of a window of a compressed image in native byte order: `start` and `size` in tensor order, inside the
// image; integers before BSCALE and BZERO, undefined floats as NaN. `out` has room for the window's values of
// stored_pixel(hdu.bitpix).
void read_compressed_window(const std::string& path, int index, const Hdu& hdu, const std::vector<std::int64_t>& start,
                            const std::vector<std::int64_t>& size, void* out);

}  // namespace fits::io
