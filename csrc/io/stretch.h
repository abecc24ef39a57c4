// Which stretches of a file that is read by calls (TORCHFITS_MMAP=0) one call reads.
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

}  // namespace fits::io
