// What the tests and the fuzzer of HCOMPRESS_1 share: memory of exact size, so that ASan sees any step beside it, and
// the decoder at each level.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "tile/hcompress.h"
#include "tile/hcompress_layout.h"

namespace fits {

class Scratch {
 public:
  explicit Scratch(std::size_t size)
      : size_(size), bytes_(static_cast<std::byte*>(std::aligned_alloc(64, (size + 63) / 64 * 64)), &std::free) {
    std::memset(bytes_.get(), 0xA5, size);  // no level may lean on what it finds there
  }
  std::span<std::byte> all() const { return {bytes_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<std::byte, decltype(&std::free)> bytes_;
};

struct Decoded {
  TileError error = TileError::ok;
  std::vector<std::int32_t> pixels;  // none unless ok
  bool operator==(const Decoded&) const = default;
};

inline Decoded decode_at(int level, Bytes stream, std::int64_t rows, std::int64_t columns, bool smooth) {
  const Scratch scratch(hcompress_scratch(rows, columns));
  Decoded result;
  result.pixels.resize(static_cast<std::size_t>(rows * columns));
  hcompress::Job job;
  result.error = hcompress::prepare(stream, rows, columns, smooth, result.pixels.data(), scratch.all(), job);
  if (result.error == TileError::ok) result.error = hcompress::levels().decode[level](job);
  if (result.error != TileError::ok) result.pixels.clear();
  return result;
}

inline std::vector<std::byte> encode(const std::vector<std::int32_t>& pixels, std::int64_t rows, std::int64_t columns,
                                     std::int32_t scale) {
  const Scratch scratch(hcompress_encode_scratch(rows, columns));
  std::vector<std::byte> stream(hcompress_bound(rows, columns));
  stream.resize(encode_hcompress(pixels.data(), rows, columns, scale, stream.data(), scratch.all()));
  return stream;
}

}  // namespace fits
