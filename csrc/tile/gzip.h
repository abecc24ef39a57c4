// GZIP_1 and GZIP_2: a tile's big-endian bytes, or the byte planes of them, as a gzip stream (FITS Standard 4.0,
// sections 10.4.2 and 10.4.4; RFC 1951, 1952).
//
// A tile is elements of 1, 2, 4 or 8 bytes, integers or floats alike. How many bytes a stream's elements have is
// BITPIX's affair (of the quantised or the stored values): neither codec says it. CFITSIO tells it from the stream's
// length instead, and so reads tiles of wider or narrower integers than ZBITPIX; io::claimed_size gives that length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "format/bytes.h"
#include "tile/codec.h"

namespace fits {

// The bytes of the stream as they are, which must be just as many as `out` has. short_input: fewer, or the stream ends
// early. overrun: more. bad_code: damaged, or its check sum (CRC-32) is not that of its bytes. Bytes after the stream
// are legal; further gzip members are more of it.
TileError inflate_tile(Bytes stream, std::span<std::byte> out) noexcept;

// The elements of one tile in native byte order; byte planes first put together where `shuffled` (GZIP_2). out.size()
// is a multiple of element_size. `scratch` has out.size() bytes, or none are needed where element_size is 1.
TileError decode_gzip(Bytes stream, bool shuffled, std::size_t element_size, std::span<std::byte> out,
                      std::span<std::byte> scratch) noexcept;

// The most bytes that encode_gzip writes for a tile of `size` bytes.
std::size_t gzip_bound(std::size_t size) noexcept;

// Writes one tile of native elements; returns its size in bytes, or 0 where there is no memory. `out` has
// gzip_bound(values.size()) bytes, `scratch` values.size(), or none where element_size is 1. The stream is not
// CFITSIO's (libdeflate's matcher is not zlib's) but at most 1 % larger, mostly smaller.
std::size_t encode_gzip(Bytes values, bool shuffled, std::size_t element_size, std::span<std::byte> out,
                        std::span<std::byte> scratch) noexcept;

}  // namespace fits
