// Which Rice decoders each SIMD level has. Internal to rice*.cpp: one source (rice_tile.inl, rice_lockstep.inl) is
// compiled once per level into the same binary; the machine decides at run time.
#pragma once

#include "tile/rice.h"

namespace fits {

using RiceTileDecoder = TileError (*)(Bytes stream, std::int64_t blocksize, std::int64_t count, void* out) noexcept;
using RiceTilesDecoder = void (*)(std::span<const Bytes> streams, std::int64_t blocksize, std::int64_t count,
                                  const RiceSink& sink, std::span<TileError> errors) noexcept;

struct RiceDecoders {
  RiceTileDecoder tile;
  RiceTilesDecoder tiles;
};

// bytepix must be 1, 2 or 4.
namespace plain {
RiceDecoders rice_decoders(int bytepix) noexcept;
}  // namespace plain
namespace avx2 {
RiceDecoders rice_decoders(int bytepix) noexcept;
}  // namespace avx2
namespace avx512 {
RiceDecoders rice_decoders(int bytepix) noexcept;
}  // namespace avx512
namespace emulated {  // avx512 where a test plays its instructions
RiceDecoders rice_decoders(int bytepix) noexcept;
}  // namespace emulated

}  // namespace fits
