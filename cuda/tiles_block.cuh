// All codecs but RICE_1: one tile at a time by the threads of a block; and what becomes of tiles that are wrong.
#pragma once

#include "tiles_gzip.cuh"
#include "tiles_hcompress.cuh"
#include "tiles_plio.cuh"

namespace fits {

// What the threads of a block share, whatever the codec. Bytes, since shared memory is not constructed.
struct BlockShared {
  template <class T>
  FITS_HOST_DEVICE T& as() noexcept {
    static_assert(sizeof(T) <= sizeof(bytes) && alignof(T) <= 16);
    return *reinterpret_cast<T*>(bytes);
  }
  alignas(16) std::byte bytes[sizeof(InflateShared) > sizeof(PlioShared) ? sizeof(InflateShared) : sizeof(PlioShared)];
};

template <class Team>
FITS_KERNEL_BODY TileError decode_block_tile(const Team& team, const TilePlan& plan, const TileJob& job,
                                             std::byte* scratch, std::int64_t size, BlockShared& shared) {
  switch (job.codec) {
    case Codec::gzip_1:
    case Codec::gzip_2: return decode_gzip_tile(team, plan, job, scratch, shared.as<InflateShared>());
    case Codec::hcompress_1: return decode_hcompress_tile(team, plan, job, scratch, size, shared.as<HcompressShared>());
    case Codec::plio_1: return decode_plio_tile(team, plan, job, shared.as<PlioShared>());
    case Codec::nocompress: return copy_tile(team, plan, job);
    default: return TileError::ok;  // RICE_1: done before
  }
}

// Tile of `job`, unless it is of RICE_1; pixels of a wrong tile of any codec are NaN, 0 in integers.
template <class Team>
FITS_KERNEL_BODY void finish_tile(const Team& team, const TilePlan& plan, const TileJob& job, std::int32_t* error,
                                  std::byte* scratch, std::int64_t size, BlockShared& shared) {
  if (job.needed == 0) return;
  std::int32_t found = *error;
  team.once([] {});  // all have read it
  if (found == 0) {
    found = static_cast<std::int32_t>(decode_block_tile(team, plan, job, scratch, size, shared));
    team.once([&] { *error = found; });
  }
  if (found == 0) return;
  team.each(job.needed, [&](std::int64_t i) {
    if (std::byte* const out = job.place.at(i); out != nullptr) put_nothing(plan.to, out);
  });
}

}  // namespace fits
