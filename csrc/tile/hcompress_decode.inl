// The decoder of one level. Included once per level with FITS_LEVEL (a namespace) and FITS_TARGET (the attribute that
// names the instruction set) defined, and FITS_BMI2 and FITS_AVX2 where it has them.
#include <bit>
#include <cstring>
#include <type_traits>

#include "tile/hcompress_layout.h"
#include "tile/hcompress_transform.h"

static_assert(std::endian::native == std::endian::little, "words of bits are read from memory as they lie there");

// A lambda is inlined into the function that holds it, which may do what the lambda alone may not.
#define FITS_TARGET_LAMBDA __attribute__((always_inline))

namespace fits::hcompress::FITS_LEVEL {
namespace {

#include "tile/hcompress_bits.inl"
//
#include "tile/hcompress_planes.inl"
//
#include "tile/hcompress_inverse.inl"

FITS_TARGET void place_quadrants(const Job& job, Room& room) noexcept {
  const Layout& l = room.layout;
  auto* words = reinterpret_cast<std::uint32_t*>(job.scratch + l.planes);
  auto* signs = reinterpret_cast<std::uint32_t*>(job.scratch + l.signs);
  for (int i = 0; i < 4; ++i) {
    const int planes = job.bit_planes[static_cast<std::size_t>((i + 1) / 2)];
    room.quadrants[i] = {i < 2 ? l.rows : job.rows / 2, i % 2 == 0 ? l.columns : job.columns / 2, planes, words};
    room.signs[i] = signs + i * l.rows * l.words;
    words += l.rows * l.words * ((planes + 7) & ~7);
  }
}

// Bit planes and signs into the scratch.
FITS_TARGET TileError read_bits(const Job& job, Room& room) noexcept {
  const Layout& l = room.layout = layout(job.rows, job.columns);
  room.upper_codes = job.scratch + l.codes;
  room.lower_codes = room.upper_codes + l.codes_size;
  room.flags[0] = reinterpret_cast<std::uint32_t*>(job.scratch + l.flags);
  room.flags[1] = room.flags[0] + l.flags_size / 4;
  room.spare = reinterpret_cast<std::uint32_t*>(job.scratch + l.spare);
  place_quadrants(job, room);
  Window window{job.stream, job.scratch + l.window, l.window_data, l.window_size, l.most_plane_bits / 8 + 64};
  fill(window);
  if (const TileError error = read_planes(window, room); error != TileError::ok) return error;
  return read_signs(window, job, room);
}

}  // namespace

FITS_TARGET TileError decode(const Job& job) noexcept {
  Room room{};
  if (const TileError error = read_bits(job, room); error != TileError::ok) return error;
  if (job.steps == 0) {
    job.out[0] = static_cast<std::int32_t>(job.sum);  // a single pixel; CFITSIO shifts by -1 bits and makes it 0
  } else if (job.wide) {
    inverse<std::int64_t>(job, room, job.scratch + room.layout.sums);
  } else {
    inverse<std::int32_t>(job, room, job.scratch + room.layout.sums);
  }
  return TileError::ok;
}

}  // namespace fits::hcompress::FITS_LEVEL

#undef FITS_TARGET_LAMBDA
