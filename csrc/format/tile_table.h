// The binary table that holds an image's tiles: one row for each, with descriptors of compressed bytes in the heap.
// FITS Standard 4.0, section 7.3.5 (descriptors), 10.1.3 (columns).
#pragma once

#include "format/bytes.h"
#include "format/hdu.h"

namespace fits {

// Throws FileError, in one sentence, unless what a decoder will believe is true: tiles and their parameters (see
// compressed_header.h), a row for each tile, descriptors that lie in the heap, HCOMPRESS streams no larger than their
// tile. An image of more than kFreeClaim bytes must also have a byte of data for kGreatestRatio of its own: nothing is
// allocated by a number that the file merely claims. The data unit must be known to be complete.
//
// CFITSIO divides by ZTILEn = 0 and BLOCKSIZE = 0, and writes past its buffers where a tile is larger than it thinks.
void require_sound_tiles(const ByteReader& bytes, const Hdu& hdu);

inline constexpr std::uint64_t kFreeClaim = std::uint64_t{64} << 20;
// PLIO_1 makes 4095 pixels of 4 bytes from one instruction of 2: the most of any codec but HCOMPRESS_1, which has no
// bound on tiles of one value.
inline constexpr std::uint64_t kGreatestRatio = 8190;

}  // namespace fits
