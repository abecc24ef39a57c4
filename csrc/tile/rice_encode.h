// The writer of RICE_1 streams (FITS Standard 4.0, section 10.4.1; the decoder is tile/rice.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "format/convert.h"
#include "tile/rice.h"

namespace fits {

// The most bytes that encode_rice writes.
std::size_t rice_bound(std::int64_t count, RiceParameters parameters) noexcept;

// Writes one tile; returns its size in bytes, 0 for a count of 0. `values`: that many uint8, int16 or int32 values, as
// bytepix is 1, 2 or 4 (no other is); blocksize is at least 1. Byte for byte as CFITSIO's fits_rcomp, fits_rcomp_short
// and fits_rcomp_byte, but where those are undefined: a difference beyond 31 bits in a block of 64 pixels or more that
// is otherwise smooth. Every level gives the same bytes.
std::size_t encode_rice(const void* values, std::int64_t count, RiceParameters parameters, std::byte* out,
                        SimdLevel level = simd_level()) noexcept;

}  // namespace fits
