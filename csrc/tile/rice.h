// RICE_1: the differences of neighbouring pixels in Rice's code, block by block. FITS Standard 4.0, section 10.4.1;
// Rice, Yeh & Miller (1993), "Algorithms for a very high speed universal noiseless coding module", JPL 91-3.
#pragma once

#include <cstdint>
#include <span>

#include "format/bytes.h"
#include "format/convert.h"
#include "tile/codec.h"

namespace fits {

// ZNAMEi = 'BYTEPIX' (1, 2 or 4; 4 where it is missing) and 'BLOCKSIZE' (the Standard writes 16 or 32; any length from
// 1 on is read). Other values give bad_code.
struct RiceParameters {
  int bytepix = 4;
  std::int64_t blocksize = 32;
};

// One tile of `count` pixels. `out`: that many uint8, int16 or int32 values, as bytepix is 1, 2 or 4. Bytes after the
// last block are legal, and so a count of fewer pixels than the stream holds gives the first of them.
TileError decode_rice(Bytes stream, RiceParameters parameters, std::int64_t count, void* out) noexcept;

// Where the pixels of many tiles go: `values` are `count` pixels (of the type above) of tile `tile` from its pixel
// `first` on; they lie in the L1 cache until the call returns.
struct RiceSink {
  void* context;
  void (*take)(void* context, std::int64_t tile, std::int64_t first, std::int64_t count, const void* values) noexcept;
  // Where all pixels of a tile go, one behind the other and as they are: of each tile, null where they are to be taken
  // instead. May itself be null.
  void* const* places = nullptr;

  void* place_of(std::int64_t tile) const noexcept { return places == nullptr ? nullptr : places[tile]; }
};

// Many tiles of one length, one per SIMD lane: several times as fast as one tile alone. Each tile's pixels arrive in
// order, in strips, those of different tiles interleaved; a tile that fails gets no more strips (and what is in its
// place is undefined). errors[i] is tile i's
// result. `errors` is as long as `streams`. Every level gives the same pixels and the same errors (the pixels before an
// error may differ).
void decode_rice(std::span<const Bytes> streams, RiceParameters parameters, std::int64_t count, const RiceSink& sink,
                 std::span<TileError> errors, SimdLevel level = simd_level()) noexcept;

}  // namespace fits
