// What a RICE_1 stream is coded with.
#pragma once

#include <cstdint>

namespace fits {

// ZNAMEi = 'BYTEPIX' (1, 2 or 4; 4 where it is missing) and 'BLOCKSIZE' (the Standard writes 16 or 32).
struct RiceParameters {
  int bytepix = 4;
  std::int64_t blocksize = 32;
};

}  // namespace fits
