// Memory for all but small results. What a result leaves behind is kept for the next one of its size: the kernel must
// clear fresh memory, which takes as long as converting an image into it, and two to fifty times longer on virtual
// machines whose host takes freed memory back (docs/design.md).
//
// At most kKeptMemory bytes are kept, or TORCHFITS_CACHE_MEMORY MiB (0 keeps none). It saves work and never changes a
// result. No lock: safe in threads, and in children forked at any moment.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fits::ops {

inline constexpr std::size_t kHugePage = std::size_t{2} << 20;
inline constexpr std::size_t kWorthKeeping = std::size_t{64}
                                             << 10;  // malloc itself keeps the memory of smaller results
inline constexpr std::size_t kKeptMemory = std::size_t{256} << 20;

struct Block {
  void* start;
  std::size_t capacity;        // whole pages; from kHugePage on start is aligned to huge ones
  std::uint64_t taken_at = 0;  // when it was last taken, in bytes of results; 0: fresh
};

// A block of at least `size` bytes with any content; null where there is no memory.
Block* take_block(std::size_t size) noexcept;

// Whether `memory` lies in the block that this thread took last, and that block's lines have left the caches: as many
// bytes of results have been taken since the last time as the caches hold. False for fresh memory, whose pages the
// kernel is about to write into the caches.
bool left_caches(const void* memory) noexcept;

// Keeps the block for another take_block, or hands it to the kernel.
void give_back(Block* block) noexcept;

}  // namespace fits::ops
