// Byte planes of GZIP_2: the first (most significant) bytes of all values of a tile, then the second ones, and so on
// (FITS Standard 4.0, section 10.4.2).
#pragma once

#include <cstddef>
#include <cstdint>

#include "format/cast.h"
#include "format/convert.h"

namespace fits {

// Element `index` of `count` whose bytes lie in sizeof(Bits) planes, in native byte order.
template <class Bits>
FITS_HOST_DEVICE Bits unshuffled(const std::byte* planes, std::int64_t count, std::int64_t index) noexcept {
  Bits bits = 0;
  for (int plane = 0; plane < static_cast<int>(sizeof(Bits)); ++plane) {
    const auto byte = static_cast<Bits>(planes[plane * count + index]);
    bits = static_cast<Bits>(bits | byte << (8 * (static_cast<int>(sizeof(Bits)) - 1 - plane)));
  }
  return bits;
}

// Byte planes -> native values, and back: `count` elements of 1, 2, 4 or 8 bytes in one pass over memory. The two must
// not overlap. Every level gives the same bytes; writing planes is left to the compiler, since deflating them takes a
// hundred times as long.
void unshuffle(const std::byte* planes, std::int64_t count, std::size_t element_size, std::byte* values,
               SimdLevel level = simd_level()) noexcept;
void shuffle(const std::byte* values, std::int64_t count, std::size_t element_size, std::byte* planes) noexcept;

}  // namespace fits
