// gzip streams (RFC 1952) and what deflates besides, whole, in memory: libdeflate, and zlib where a stream has what
// libdeflate does not take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "format/bytes.h"

namespace fits::io {

// Bytes that this process owns; not zero-filled when made.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size) : data_(std::make_unique_for_overwrite<std::byte[]>(size)), size_(size) {}
  std::byte* data() noexcept { return data_.get(); }
  Bytes bytes() const noexcept { return {data_.get(), size_}; }
  std::size_t size() const noexcept { return size_; }
  void shrink(std::size_t size) noexcept { size_ = size; }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t size_ = 0;
};

bool is_gzip(Bytes bytes) noexcept;

// What the stream says its size is (ISIZE, modulo 2^32), if a stream of this length can inflate to that much. A hint:
// nothing is allocated by it beyond what Deflate's greatest ratio allows.
std::optional<std::size_t> claimed_size(Bytes gzipped) noexcept;

// Inflates every member into `out`, which should become full: whether the stream is of as many bytes, of less (or ends
// too early) or more, or is no gzip stream or damaged. What follows the last member is left alone. `out` is undefined
// unless it is `exactly`. zlib, which gives the second opinion on what libdeflate refuses, allocates some 40 kB.
enum class Inflated : std::uint8_t { exactly, less, more, damaged };
Inflated gunzip_into(Bytes gzipped, std::span<std::byte> out) noexcept;

// Inflates every member. Zeros and other bytes after the last member are left alone, as gzip(1) does.
// Throws FileError(truncated or not_fits) in one sentence.
Buffer gunzip(Bytes gzipped);

// For other formats that deflate: one stream without gzip's frame (RFC 1951) that must fill `out`; whether a stream of
// `packed` bytes can hold `size`; and the checksum of RFC 1952.
bool inflate_into(Bytes deflated, std::span<std::byte> out) noexcept;
bool can_inflate_to(std::size_t packed, std::size_t size) noexcept;
std::uint32_t crc32_of(Bytes bytes) noexcept;

// The most bytes that gzip_into writes for `size` bytes.
std::size_t gzipped_bound(std::size_t size) noexcept;

// Deflates into one member without a name or time; its size, or 0 where there is no memory for the compressor. `level`
// is libdeflate's. `out` has gzipped_bound(bytes.size()) bytes.
std::size_t gzip_into(Bytes bytes, int level, std::span<std::byte> out) noexcept;

}  // namespace fits::io
