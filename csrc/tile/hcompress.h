// HCOMPRESS_1, the H-transform codec of 2-D tiles: FITS Standard 4.0, section 10.4.4; White, Postman & Lattanzi (1992,
// in Digitised Optical Sky Surveys, p. 167). Bit for bit what CFITSIO reads and writes.
//
// CFITSIO has two versions of everything: with 32-bit sums, which imcompress.c calls for ZBITPIX 8 and 16, and with
// 64-bit sums, for 32, -32 and -64. They agree where 32 bits hold every sum. Where they do not (extreme 16-bit pixels
// in tiles longer than 2^14; also streams that no encoder wrote) the first one's signed arithmetic overflows. Here is
// the second one: no sum overflows, and the low 32 bits of each pixel are kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "format/bytes.h"
#include "tile/codec.h"

namespace fits {

// What a stream says of itself in its first 25 bytes.
struct HcompressHeader {
  std::int32_t rows = 0;
  std::int32_t columns = 0;      // pixels of one row: the length along NAXIS1
  std::int32_t scale = 0;        // quantum of the coefficients; lossless if 0 or 1
  std::int64_t sum = 0;          // the transform's first coefficient, in units of scale
  std::uint8_t bit_planes[3]{};  // of the coefficients' quadrants: sums; differences along one axis; along both
};

inline constexpr std::size_t kHcompressHeaderSize = 25;

// Reads nothing behind the header and judges nothing but the two magic bytes.
TileError read_hcompress_header(Bytes stream, HcompressHeader& header) noexcept;

// Bytes of scratch for decode_hcompress, which must be aligned to 64; 0 where a length is below 1 or above 2^29, which
// it refuses. Some 13 bytes a pixel, half of which only coefficients of more than 16 bits touch.
std::size_t hcompress_scratch(std::int64_t rows, std::int64_t columns) noexcept;

// One tile of rows x columns pixels. `smooth` is the SMOOTH parameter (ZVALn) of the tile's HDU, which changes pixels
// where the stream's scale is above 1. Bytes behind the tile's last bit are legal. Too little scratch is an overrun.
TileError decode_hcompress(Bytes stream, std::int64_t rows, std::int64_t columns, bool smooth, std::int32_t* out,
                           std::span<std::byte> scratch) noexcept;

// Most bytes that encode_hcompress writes, and its scratch (aligned to 8); 0 where decode_hcompress refuses the
// lengths.
std::size_t hcompress_bound(std::int64_t rows, std::int64_t columns) noexcept;
std::size_t hcompress_encode_scratch(std::int64_t rows, std::int64_t columns) noexcept;

// Returns the bytes written: those of CFITSIO's 64-bit encoder. 0 where the lengths are refused or scratch is short.
std::size_t encode_hcompress(const std::int32_t* pixels, std::int64_t rows, std::int64_t columns, std::int32_t scale,
                             std::byte* out, std::span<std::byte> scratch) noexcept;

}  // namespace fits
