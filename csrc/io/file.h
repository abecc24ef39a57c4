// Files: their bytes and their HDUs.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "format/bytes.h"
#include "format/hdu.h"
#include "format/table.h"
#include "format/tile_table.h"

namespace fits::io {

// A file's bytes and the HDUs found in it so far. Shared between threads; what it holds never changes a result.
class File {
 public:
  explicit File(std::unique_ptr<const ByteReader> bytes) : bytes_(std::move(bytes)), hdus_(*bytes_) {}
  const ByteReader& bytes() const noexcept { return *bytes_; }
  HduList& hdus() noexcept { return hdus_; }
  // The table of a compressed image's tiles, found in its header when it is first asked for. Throws FileError.
  const TileTable& tiles(const Hdu& hdu);
  // The columns of a table, likewise.
  const Table& table(const Hdu& hdu);

 private:
  std::unique_ptr<const ByteReader> bytes_;
  HduList hdus_;
  std::mutex tiles_mutex_;
  std::map<std::uint64_t, TileTable> tiles_;  // by where the HDU starts; references stay good while it grows
  std::mutex tables_mutex_;
  std::map<std::uint64_t, Table> tables_;
};

// An opened source.
struct Source {
  std::shared_ptr<File> file;
};

enum class Access { read_whole, map, positioned_reads };

// How a file's bytes are got at. A regular file is mapped, except that a small one is read whole when it is met for the
// first time: one read costs less than a mapping that is used once. `mapping_allowed` is TORCHFITS_MMAP != 0.
Access choose_access(std::uint64_t size, bool regular, bool met_before, bool mapping_allowed) noexcept;

inline constexpr std::uint64_t kSmallFile = std::uint64_t{1} << 18;

// Opens a path: plain, gzipped, or packed by compress, zip or bzip2, told apart by content. Throws FileError.
// Plain regular files go through the cache (io/cache.h). One that another process truncates during a call ends the
// process with SIGBUS; TORCHFITS_MMAP=0 reads by pread instead and turns that into an error.
Source open_file(const std::string& path);

// A whole file in memory, which the caller keeps alive; inflated if it is gzipped.
Source open_bytes(Bytes bytes);

}  // namespace fits::io
