// Memory of one thread for intermediate values: 64-byte aligned, not zero-filled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/gzip.h"

namespace fits::ops {

class Scratch {
 public:
  Scratch() = default;
  explicit Scratch(std::size_t size) { (void)take(size); }

  // `size` bytes; what earlier calls gave is gone where there were fewer.
  std::span<std::byte> take(std::size_t size) {
    if (size > size_) {
      buffer_ = io::Buffer(size + 64);
      size_ = size;
    }
    return span().first(size);
  }
  std::span<std::byte> span() noexcept {
    if (size_ == 0) return {};
    const auto past = reinterpret_cast<std::uintptr_t>(buffer_.data()) % 64;
    return {buffer_.data() + (64 - past) % 64, size_};
  }

 private:
  io::Buffer buffer_;
  std::size_t size_ = 0;
};

}  // namespace fits::ops
