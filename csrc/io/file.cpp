#include "io/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "format/error.h"
#include "io/cache.h"
#include "io/cfitsio.h"
#include "io/gzip.h"
#include "io/passed.h"
#include "io/zip.h"

namespace fits::io {
namespace {

[[noreturn]] void cannot_open() { throw FileError(Status::cannot_open, std::strerror(errno)); }

class Descriptor {
 public:
  explicit Descriptor(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) cannot_open();
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }

  // Reads at `offset` until `out` is full or the file ends; how much was read.
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) const {
    std::size_t filled = 0;
    while (filled < out.size()) {
      const auto got = ::pread(fd_, out.data() + filled, out.size() - filled, static_cast<off_t>(offset + filled));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) cannot_open();
      if (got == 0) break;
      filled += static_cast<std::size_t>(got);
    }
    return filled;
  }

  // Whether the byte at `offset` is read without waiting for the disk; true where the system does not tell.
  bool is_cached(std::uint64_t offset) const noexcept {
#ifdef RWF_NOWAIT
    std::byte byte;
    iovec place{&byte, 1};
    return ::preadv2(fd_, &place, 1, static_cast<off_t>(offset), RWF_NOWAIT) >= 0 || errno != EAGAIN;
#else
    (void)offset;
    return true;
#endif
  }

 private:
  int fd_;
};

class OwnedBytes final : public ByteReader {
 public:
  explicit OwnedBytes(Buffer buffer) : buffer_(std::move(buffer)), memory_(buffer_.bytes()) {}
  std::uint64_t size() const noexcept override { return memory_.size(); }
  Bytes view(std::uint64_t offset, std::size_t count, std::vector<std::byte>& scratch) const override {
    return memory_.view(offset, count, scratch);
  }
  Bytes in_memory() const noexcept override { return memory_.in_memory(); }

 private:
  Buffer buffer_;
  MemoryBytes memory_;
};

class MappedBytes final : public ByteReader {
 public:
  MappedBytes(const Descriptor& file, std::size_t size) : memory_(map(file, size)) {}
  ~MappedBytes() override {
    const Bytes all = memory_.in_memory();
    ::munmap(const_cast<std::byte*>(all.data()), all.size());
  }
  MappedBytes(const MappedBytes&) = delete;
  MappedBytes& operator=(const MappedBytes&) = delete;
  std::uint64_t size() const noexcept override { return memory_.size(); }
  Bytes view(std::uint64_t offset, std::size_t count, std::vector<std::byte>& scratch) const override {
    return memory_.view(offset, count, scratch);
  }
  Bytes in_memory() const noexcept override { return memory_.in_memory(); }
  bool on_disk(std::uint64_t offset, std::size_t count) const noexcept override {
    const auto pages = whole_pages(offset, count);
    // The first page and the last: what is between them came with them, as far as a glance can tell.
    unsigned char first = 1, last = 1;
    if (pages.empty() || ::mincore(pages.data(), kPage, &first) != 0) return false;
    if (pages.size() > kPage) (void)::mincore(pages.data() + pages.size() - kPage, kPage, &last);
    return (first & last & 1) == 0;
  }
  void will_need(std::uint64_t offset, std::size_t count) const noexcept override {
    const auto pages = whole_pages(offset, count);
    if (!pages.empty()) (void)::madvise(pages.data(), pages.size(), MADV_WILLNEED);
  }
  // Lets go of all pages that this process holds of the file once they are many: the system keeps them, so that they
  // are met again at the cost of a page fault. A file of no more than that many is mapped once and for all.
  void passed(std::uint64_t offset, std::size_t count) const noexcept override {
    if (passed_.size() <= kHeldPieces || !passed_.add(offset, count, kHeldPieces)) return;
    const Bytes all = memory_.in_memory();
    (void)::madvise(const_cast<std::byte*>(all.data()), all.size(), MADV_DONTNEED);
  }

 private:
  static constexpr std::size_t kPage = 4096;  // a smaller page than the system's is refused, and nothing is lost
  // The pages that hold these bytes, as the system's calls take them.
  std::span<std::byte> whole_pages(std::uint64_t offset, std::size_t count) const noexcept {
    std::vector<std::byte> none;
    const Bytes part = memory_.view(offset, count, none);
    if (part.empty()) return {};
    const auto first = reinterpret_cast<std::uintptr_t>(part.data()) / kPage * kPage;
    const auto last = (reinterpret_cast<std::uintptr_t>(part.data() + part.size()) + kPage - 1) / kPage * kPage;
    return {reinterpret_cast<std::byte*>(first), last - first};
  }
  static Bytes map(const Descriptor& file, std::size_t size) {
    void* start = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
    if (start == MAP_FAILED) cannot_open();
    return {static_cast<const std::byte*>(start), size};
  }
  MemoryBytes memory_;
  mutable PassedPieces passed_{memory_.size()};
};

class PositionedReads final : public ByteReader {
 public:
  PositionedReads(Descriptor file, std::uint64_t size) : file_(std::move(file)), size_(size) {}
  std::uint64_t size() const noexcept override { return size_; }
  Bytes view(std::uint64_t offset, std::size_t count, std::vector<std::byte>& scratch) const override {
    if (offset >= size_) return {};
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(count, size_ - offset));
    if (scratch.size() < wanted) scratch.resize(wanted);
    // Shorter than it was when opened: the caller sees a truncated file.
    return Bytes(scratch).first(file_.read_at(offset, std::span(scratch).first(wanted)));
  }
  bool on_disk(std::uint64_t offset, std::size_t count) const noexcept override {
    return !file_.is_cached(offset) || (count > 0 && !file_.is_cached(offset + count - 1));
  }
  void will_need(std::uint64_t offset, std::size_t count) const noexcept override {
    (void)::posix_fadvise(file_.get(), static_cast<off_t>(offset), static_cast<off_t>(count), POSIX_FADV_WILLNEED);
  }

 private:
  Descriptor file_;
  std::uint64_t size_;
};

bool mapping_allowed() noexcept {
  const char* setting = std::getenv("TORCHFITS_MMAP");
  return setting == nullptr || std::string_view(setting) != "0";
}

Buffer read_whole(const Descriptor& file, std::size_t size) {
  Buffer buffer(size);
  buffer.shrink(file.read_at(0, {buffer.data(), size}));
  return buffer;
}

// Pipes and other files that have no size and no positions.
Buffer read_stream(const Descriptor& file) {
  std::vector<std::byte> all;
  std::size_t filled = 0;
  while (true) {
    if (all.size() - filled < kSmallFile) all.resize(std::max<std::size_t>(2 * all.size(), 2 * kSmallFile));
    const auto got = ::read(file.get(), all.data() + filled, all.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) cannot_open();
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  Buffer buffer(filled);
  if (filled > 0) std::memcpy(buffer.data(), all.data(), filled);
  return buffer;
}

std::unique_ptr<const ByteReader> reader_for(Descriptor file, std::uint64_t size, Access access) {
  switch (access) {
    case Access::read_whole: return std::make_unique<OwnedBytes>(read_whole(file, static_cast<std::size_t>(size)));
    case Access::map: return std::make_unique<MappedBytes>(file, static_cast<std::size_t>(size));
    case Access::positioned_reads: return std::make_unique<PositionedReads>(std::move(file), size);
  }
  return nullptr;
}

// The bytes inside, where the file is gzipped or packed; empty where it is plain.
std::unique_ptr<const ByteReader> unpacked(const ByteReader& stored, const std::string& path) {
  std::vector<std::byte> scratch;
  const Bytes magic = stored.view(0, 4, scratch);
  if (is_gzip(magic)) {
    std::vector<std::byte> all;
    return std::make_unique<OwnedBytes>(gunzip(stored.view(0, static_cast<std::size_t>(stored.size()), all)));
  }
  if (is_zip(magic)) {
    std::vector<std::byte> all;
    return std::make_unique<OwnedBytes>(unzip(stored.view(0, static_cast<std::size_t>(stored.size()), all)));
  }
  if (!is_packed(magic)) return nullptr;
  if (path.empty()) {
    throw FileError(Status::not_fits,
                    "data packed by compress or bzip2 is read from files only: write it to a file and pass its path");
  }
  return std::make_unique<OwnedBytes>(unpack_file(path));
}

struct stat status_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) cannot_open();
  if (S_ISDIR(status.st_mode)) throw FileError(Status::cannot_open, "this is a directory");
  return status;
}

std::shared_ptr<File> open_regular(const std::string& path, const struct stat& seen) {
  const bool caching = FileCache::enabled();
  FileCache::Found found;
  if (caching) {
    found = FileCache::instance().find(Identity::of(seen));
    if (found.file && mapping_allowed()) return found.file;
  }
  Descriptor file(path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) cannot_open();
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const Access access = choose_access(size, true, found.met_before, mapping_allowed());
  auto stored = reader_for(std::move(file), size, access);
  if (auto inside = unpacked(*stored, path)) return std::make_shared<File>(std::move(inside));
  auto opened = std::make_shared<File>(std::move(stored));
  if (caching && access != Access::positioned_reads) {
    FileCache::instance().keep(Identity::of(status), access == Access::map ? opened : nullptr);
  }
  return opened;
}

}  // namespace

const TileTable& File::tiles(const Hdu& hdu) {
  const std::lock_guard lock(tiles_mutex_);
  const auto found = tiles_.find(hdu.header_start);
  return found != tiles_.end() ? found->second : tiles_.try_emplace(hdu.header_start, *bytes_, hdu).first->second;
}

const Table& File::table(const Hdu& hdu) {
  const std::lock_guard lock(tables_mutex_);
  const auto found = tables_.find(hdu.header_start);
  if (found != tables_.end()) return found->second;
  const std::string cards = visible_cards(*bytes_, hdu);
  return tables_.try_emplace(hdu.header_start, HeaderView(cards), hdu).first->second;
}

Access choose_access(std::uint64_t size, bool regular, bool met_before, bool mapping_allowed) noexcept {
  if (!regular || size == 0) return Access::read_whole;
  if (size <= kSmallFile && !(met_before && mapping_allowed)) return Access::read_whole;
  return mapping_allowed ? Access::map : Access::positioned_reads;
}

Source open_file(const std::string& path) {
  const auto status = status_of(path);
  if (S_ISREG(status.st_mode)) return {open_regular(path, status)};
  auto stored = std::make_unique<OwnedBytes>(read_stream(Descriptor(path)));
  if (auto inside = unpacked(*stored, "")) return {std::make_shared<File>(std::move(inside))};
  return {std::make_shared<File>(std::move(stored))};
}

Source open_bytes(Bytes bytes) {
  auto stored = std::make_unique<MemoryBytes>(bytes);
  if (auto inside = unpacked(*stored, "")) return {std::make_shared<File>(std::move(inside))};
  return {std::make_shared<File>(std::move(stored))};
}

}  // namespace fits::io
