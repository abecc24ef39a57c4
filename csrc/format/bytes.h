// A file's bytes, wherever they lie, and big-endian values in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace fits {

using Bytes = std::span<const std::byte>;

inline std::string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Random access to the bytes of one file. Implementations: MemoryBytes below, files in csrc/io.
class ByteReader {
 public:
  virtual ~ByteReader() = default;
  virtual std::uint64_t size() const noexcept = 0;
  // The bytes [offset, offset + count), cut at the end of the file. Valid as long as the reader and `scratch`, which
  // implementations that must copy copy into.
  virtual Bytes view(std::uint64_t offset, std::size_t count, std::vector<std::byte>& scratch) const = 0;
  // All bytes, where they lie in memory (a mapping among it); empty where the reader must copy.
  virtual Bytes in_memory() const noexcept { return {}; }
  // Whether these bytes would have to be waited for, as far as the system tells; and advice that they will be wanted.
  virtual bool on_disk(std::uint64_t, std::size_t) const noexcept { return false; }
  virtual void will_need(std::uint64_t, std::size_t) const noexcept {}
  // Says that these bytes have been read in passing, on the way through a file that may be larger than memory.
  virtual void passed(std::uint64_t, std::size_t) const noexcept {}
};

class MemoryBytes final : public ByteReader {
 public:
  explicit MemoryBytes(Bytes bytes) noexcept : bytes_(bytes) {}
  std::uint64_t size() const noexcept override { return bytes_.size(); }
  Bytes in_memory() const noexcept override { return bytes_; }
  Bytes view(std::uint64_t offset, std::size_t count, std::vector<std::byte>&) const override {
    if (offset >= bytes_.size()) return {};
    const std::size_t left = bytes_.size() - static_cast<std::size_t>(offset);
    return bytes_.subspan(static_cast<std::size_t>(offset), count < left ? count : left);
  }

 private:
  Bytes bytes_;
};

}  // namespace fits
