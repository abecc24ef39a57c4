// Logical records of 2880 bytes (FITS Standard 4.0, section 3.1).
#pragma once

#include <cstddef>
#include <cstdint>

namespace fits {

inline constexpr std::size_t kBlockSize = 2880;

// Size rounded up to whole blocks. The caller has checked that size <= 2^63 - kBlockSize.
constexpr std::uint64_t padded(std::uint64_t size) noexcept {
  return (size + kBlockSize - 1) / kBlockSize * kBlockSize;
}

}  // namespace fits
