// One Rice stream by itself, for a SIMD level that has leading-zero counts and BMI2 shifts, or for any machine.
// Included with FITS_LEVEL (a namespace) and FITS_TARGET (the attribute that names the instruction set) defined.
#include <algorithm>

#include "tile/rice_block.h"
#include "tile/rice_levels.h"

namespace fits::FITS_LEVEL {
namespace {

inline constexpr std::int64_t kSingleStrip = 256;  // pixels

template <int kBytepix>
FITS_TARGET TileError decode_tile(Bytes stream, std::int64_t blocksize, std::int64_t count, void* out) noexcept {
  RiceTile<kBytepix> tile{{stream.data(), stream.data() + stream.size()}, blocksize};
  const TileError error = tile.start();
  if (error != TileError::ok) return error;
  return tile.read(count, static_cast<typename RiceTile<kBytepix>::Pixel*>(out));
}

// One tile strip by strip, as lockstep decoding hands them out, or into its place.
template <int kBytepix>
FITS_TARGET TileError decode_strips(Bytes stream, std::int64_t blocksize, std::int64_t count, const RiceSink& sink,
                                    std::int64_t number) noexcept {
  if (void* const place = sink.place_of(number); place != nullptr) {
    return decode_tile<kBytepix>(stream, blocksize, count, place);
  }
  alignas(64) typename RiceTile<kBytepix>::Pixel strip[kSingleStrip];
  RiceTile<kBytepix> tile{{stream.data(), stream.data() + stream.size()}, blocksize};
  TileError error = tile.start();
  for (std::int64_t first = 0; first < count && error == TileError::ok; first += kSingleStrip) {
    const std::int64_t length = std::min(kSingleStrip, count - first);
    error = tile.read(length, strip);
    if (error == TileError::ok) sink.take(sink.context, number, first, length, strip);
  }
  return error;
}

}  // namespace
}  // namespace fits::FITS_LEVEL
