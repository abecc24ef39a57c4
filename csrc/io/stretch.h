// Which stretches of a file one call reads (TORCHFITS_MMAP=0), or one request reads ahead.
#pragma once

#include <cstdint>

namespace fits::io {

inline constexpr std::uint64_t kNear = 4096;                      // also what a disk reads at least
inline constexpr std::uint64_t kJoined = std::uint64_t{1} << 18;  // that a core's own cache holds

// Whether two stretches, `gap` bytes apart, come by one call, with what lies between them; `joined` is then the size of
// all. A call costs as much as copying some 8 KiB: 32 rows of 128 bytes that begin 512, 4096, 8192, 16384 bytes apart
// took 2.3, 10, 17, 33 us in one call and 20 to 28 us in 32.
constexpr bool read_together(std::uint64_t gap, std::uint64_t joined) noexcept {
  return gap <= kNear && joined <= kJoined;
}

// Whether two stretches of a mapped file, `gap` bytes apart, are one request to read ahead from the disk. Of 1,000
// cutouts of 32x32 the rows of 16 KiB of an image took 20 ms so and 105 one by one (200: 31 and 47); rows of 64 KiB
// asked for together made 200 of them slower (80 for 43) and 1,000 faster (35 for 72).
constexpr bool ask_together(std::uint64_t gap) noexcept { return gap <= 4 * kNear; }

}  // namespace fits::io
