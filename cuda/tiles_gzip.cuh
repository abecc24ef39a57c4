// GZIP_1, GZIP_2 and NOCOMPRESS on a GPU: bytes inflated into scratch, then put together, dequantised or scaled and
// placed by all threads of a block. Never yet run on a GPU.
#pragma once

#include "tile/nocompress.h"
#include "tile/shuffle.h"
#include "tiles_inflate.cuh"
#include "tiles_job.cuh"

namespace fits {

// How many bytes a value of a GZIP tile has, as TileDecoder::decode_gzip_tile tells it: from what the stream says its
// size is, else from BITPIX.
FITS_HOST_DEVICE std::int64_t gzip_value_size(const TilePlan& plan, const TileJob& job) noexcept {
  constexpr std::int64_t kSmallestMember = 18;
  constexpr std::int64_t kGreatestRatio = 1032;  // of Deflate
  const auto stored = static_cast<std::int64_t>(pixel_size(plan.stored));
  const std::int64_t size = job.quantised ? 4 : stored;
  if (job.size < kSmallestMember) return size;
  std::int64_t claim = 0;
  for (int i = 1; i <= 4; ++i) claim = claim << 8 | static_cast<std::int64_t>(job.stream[job.size - i]);
  const std::int64_t widest = stored > 4 ? stored : 4;
  if (claim / kGreatestRatio > job.size || claim % job.pixels != 0 || claim / job.pixels > widest) return size;
  return claim / job.pixels;
}

// How the bytes of a tile's values lie.
enum class TileBytes : std::uint8_t { big_endian, shuffled, uncompressed };

// Value `index`, in native byte order.
template <class Bits>
FITS_HOST_DEVICE void put_bytes(const TilePlan& plan, const TileJob& job, Pixel type, const std::byte* bytes,
                                TileBytes kind, std::int64_t index) noexcept {
  Bits bits = kind == TileBytes::shuffled ? unshuffled<Bits>(bytes, job.pixels, index)
                                          : load<Bits, true>(bytes + index * sizeof(Bits));
  if constexpr (sizeof(Bits) >= 4) {
    using Float = std::conditional_t<sizeof(Bits) == 4, float, double>;
    const bool floating = type == (sizeof(Bits) == 4 ? Pixel::f32 : Pixel::f64);
    if (kind == TileBytes::uncompressed && floating) bits = bit_cast<Bits>(unmarked(bit_cast<Float>(bits)));
  }
  put_any(plan, job, index, type, reinterpret_cast<const std::byte*>(&bits));
}

template <class Team>
FITS_KERNEL_BODY void put_all_bytes(const Team& team, const TilePlan& plan, const TileJob& job, Pixel type,
                                    const std::byte* bytes, TileBytes kind) {
  team.each(job.needed, [&](std::int64_t i) {
    switch (pixel_size(type)) {
      case 1: return put_bytes<std::uint8_t>(plan, job, type, bytes, kind, i);
      case 2: return put_bytes<std::uint16_t>(plan, job, type, bytes, kind, i);
      case 4: return put_bytes<std::uint32_t>(plan, job, type, bytes, kind, i);
      default: return put_bytes<std::uint64_t>(plan, job, type, bytes, kind, i);
    }
  });
}

template <class Team>
FITS_KERNEL_BODY TileError decode_gzip_tile(const Team& team, const TilePlan& plan, const TileJob& job,
                                            std::byte* scratch, InflateShared& shared) {
  const std::int64_t size = gzip_value_size(plan, job);
  Pixel type{};
  if (!value_type(plan, job, size, type)) return TileError::overrun;
  const TileError error = inflate_gzip(team, job.stream, job.size, scratch, job.pixels * size, shared);
  const bool shuffled = job.codec == Codec::gzip_2 && size > 1;
  if (error == TileError::ok) {
    put_all_bytes(team, plan, job, type, scratch, shuffled ? TileBytes::shuffled : TileBytes::big_endian);
  }
  return error;
}

template <class Team>
FITS_KERNEL_BODY TileError copy_tile(const Team& team, const TilePlan& plan, const TileJob& job) {
  const std::int64_t size = job.size / job.pixels;
  if (size == 0) return TileError::short_input;
  Pixel type{};
  if (!value_type(plan, job, size, type) || size * job.pixels != job.size) return TileError::overrun;
  put_all_bytes(team, plan, job, type, job.stream, TileBytes::uncompressed);
  return TileError::ok;
}

}  // namespace fits
