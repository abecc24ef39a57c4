// Memory for large results. What a result leaves behind is kept for the next one of its size: the kernel must clear
// fresh memory, which takes as long as converting an image into it, and two to fifty times longer on virtual machines
// whose host takes freed memory back (docs/design.md).
//
// At most kKeptMemory bytes are kept, or TORCHFITS_CACHE_MEMORY MiB (0 keeps none). It saves work and never changes a
// result. No lock: safe in threads, and in children forked at any moment.
#pragma once

#include <cstddef>

namespace fits::ops {

inline constexpr std::size_t kHugePage = std::size_t{2} << 20;
inline constexpr std::size_t kWorthKeeping = kHugePage;  // of smaller results malloc itself keeps the memory
inline constexpr std::size_t kKeptMemory = std::size_t{256} << 20;

struct Block {
  void* start;
  std::size_t capacity;  // whole pages; start aligned to huge ones
};

// A block of at least `size` bytes with any content; null where there is no memory.
Block* take_block(std::size_t size) noexcept;

// Keeps the block for another take_block, or hands it to the kernel.
void give_back(Block* block) noexcept;

}  // namespace fits::ops
