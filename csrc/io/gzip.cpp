#include "io/gzip.h"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "format/error.h"

namespace fits::io {
namespace {

constexpr std::size_t kMinMember = 18;        // 10 bytes of header, 8 of trailer (RFC 1952, section 2.3)
constexpr std::size_t kGreatestRatio = 1032;  // of Deflate: 258 bytes from 2 bits
constexpr std::size_t kFirstGuess = 1 << 16;

struct FreeDecompressor {
  void operator()(libdeflate_decompressor* d) const noexcept { libdeflate_free_decompressor(d); }
};

libdeflate_decompressor* decompressor() {
  thread_local const std::unique_ptr<libdeflate_decompressor, FreeDecompressor> instance(
      libdeflate_alloc_decompressor());
  return instance.get();
}

struct FreeCompressor {
  void operator()(libdeflate_compressor* c) const noexcept { libdeflate_free_compressor(c); }
};

// One per thread, of the level that it last used: a tile's writer stays with one.
libdeflate_compressor* compressor(int level) {
  thread_local std::unique_ptr<libdeflate_compressor, FreeCompressor> instance;
  thread_local int level_of_instance = 0;
  if (instance == nullptr || level_of_instance != level) {
    instance.reset(libdeflate_alloc_compressor(level));
    level_of_instance = level;
  }
  return instance.get();
}

struct Member {
  libdeflate_result result;
  std::size_t used;  // of the stream
  std::size_t made;
};

// The stream's first member, into at most `out`.
Member inflate_member(Bytes gzipped, std::span<std::byte> out) noexcept {
  Member member{LIBDEFLATE_BAD_DATA, 0, 0};
  if (auto* const d = decompressor(); d != nullptr) {
    member.result = libdeflate_gzip_decompress_ex(d, gzipped.data(), gzipped.size(), out.data(), out.size(),
                                                  &member.used, &member.made);
  }
  return member;
}

// zlib's streaming interface: several members, trailing bytes, any size, exact errors.
class Inflater {
 public:
  explicit Inflater(Bytes gzipped) : left_(gzipped) {
    if (inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  Buffer run(std::size_t guess) {
    Buffer out(guess);
    std::size_t filled = 0;
    while (true) {
      if (filled == out.size()) grow(out, filled);
      filled += step({out.data() + filled, out.size() - filled});
      if (!member_ended_) continue;
      if (!next_member()) break;
    }
    out.shrink(filled);
    return out;
  }

  Inflated fill(std::span<std::byte> out) {
    while (true) {
      std::byte spare;  // that a full `out` is not all shows in one byte more
      const bool full = out.empty();
      const std::size_t made = step(full ? std::span(&spare, 1) : out);
      if (full && made > 0) return Inflated::more;
      out = out.subspan(made);
      if (member_ended_ && !next_member()) return out.empty() ? Inflated::exactly : Inflated::less;
    }
  }

 private:
  static void grow(Buffer& out, std::size_t filled) {
    Buffer larger(std::max(2 * out.size(), kFirstGuess));
    if (filled > 0) std::memcpy(larger.data(), out.data(), filled);
    out = std::move(larger);
  }

  // Inflates into `out`; how much of it was filled.
  std::size_t step(std::span<std::byte> out) {
    constexpr std::size_t kMost = std::size_t{1} << 30;  // zlib counts in 32 bits
    const std::size_t given = std::min(left_.size(), kMost);
    const std::size_t room = std::min(out.size(), kMost);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(left_.data()));
    stream_.avail_in = static_cast<uInt>(given);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(room);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    left_ = left_.subspan(given - stream_.avail_in);
    const std::size_t made = room - stream_.avail_out;
    member_ended_ = result == Z_STREAM_END;
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result == Z_DATA_ERROR || result == Z_NEED_DICT) {
      throw FileError(Status::not_fits, std::string("the gzip stream is damaged: ") +
                                            (stream_.msg != nullptr ? stream_.msg : "it needs a dictionary"));
    }
    if (!member_ended_ && left_.empty() && made < room) {
      throw FileError(Status::truncated, "the gzip stream ends before its last member does");
    }
    return made;
  }

  bool next_member() {
    if (!is_gzip(left_)) return false;
    inflateReset(&stream_);
    return true;
  }

  z_stream stream_{};
  Bytes left_;
  bool member_ended_ = false;
};

// zlib takes what libdeflate may refuse, and tells a stream that is cut from one that is damaged.
Inflated fill_by_zlib(Bytes gzipped, std::span<std::byte> out) noexcept {
  try {
    return Inflater(gzipped).fill(out);
  } catch (const FileError& error) {
    return error.status() == Status::truncated ? Inflated::less : Inflated::damaged;
  } catch (const std::exception&) {  // no memory for zlib's state: what libdeflate says stands
    return Inflated::damaged;
  }
}

}  // namespace

bool is_gzip(Bytes bytes) noexcept {
  return bytes.size() >= 3 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b} && bytes[2] == std::byte{8};
}

std::optional<std::size_t> claimed_size(Bytes gzipped) noexcept {
  if (gzipped.size() < kMinMember) return std::nullopt;
  const auto* trailer = reinterpret_cast<const unsigned char*>(gzipped.data() + gzipped.size() - 4);
  const std::size_t size = trailer[0] | trailer[1] << 8 | trailer[2] << 16 | std::size_t{trailer[3]} << 24;
  if (!can_inflate_to(gzipped.size(), size)) return std::nullopt;
  return size;
}

bool can_inflate_to(std::size_t packed, std::size_t size) noexcept { return size / kGreatestRatio <= packed; }

bool inflate_into(Bytes deflated, std::span<std::byte> out) noexcept {
  auto* const d = decompressor();
  return d != nullptr && libdeflate_deflate_decompress(d, deflated.data(), deflated.size(), out.data(), out.size(),
                                                       nullptr) == LIBDEFLATE_SUCCESS;
}

std::uint32_t crc32_of(Bytes bytes) noexcept { return libdeflate_crc32(0, bytes.data(), bytes.size()); }

Inflated gunzip_into(Bytes gzipped, std::span<std::byte> out) noexcept {
  do {
    const Member member = inflate_member(gzipped, out);
    // Whatever it says: it takes a stream that is cut for one that goes on with zeros, and so for one that is too long.
    if (member.result != LIBDEFLATE_SUCCESS) return fill_by_zlib(gzipped, out);
    gzipped = gzipped.subspan(member.used);
    out = out.subspan(member.made);
  } while (is_gzip(gzipped));
  return out.empty() ? Inflated::exactly : Inflated::less;
}

Buffer gunzip(Bytes gzipped) {
  const auto size = claimed_size(gzipped);
  if (size) {
    Buffer out(*size);
    const Member member = inflate_member(gzipped, {out.data(), out.size()});
    if (member.result == LIBDEFLATE_SUCCESS && member.used == gzipped.size() && member.made == *size) return out;
  }
  // Not one plain member of the size it claims.
  return Inflater(gzipped).run(std::max(4 * gzipped.size(), kFirstGuess));
}

std::size_t gzipped_bound(std::size_t size) noexcept { return libdeflate_gzip_compress_bound(nullptr, size); }

std::size_t gzip_into(Bytes bytes, int level, std::span<std::byte> out) noexcept {
  auto* const c = compressor(level);
  return c == nullptr ? 0 : libdeflate_gzip_compress(c, bytes.data(), bytes.size(), out.data(), out.size());
}

}  // namespace fits::io
