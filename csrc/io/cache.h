// The one cache under the operators: opened files, with their mapping and the HDUs found so far.
//
// Keyed by device, inode, size, mtime and ctime in nanoseconds, which every call checks by stat. A file that changed
// less than 2 s ago is not kept: a second change within the clock's tick could not be seen (as with git's index). At
// most kCacheEntries files and kCacheBytes of mappings, least recently used first out; emptied in a forked child;
// TORCHFITS_CACHE_FILES=0 turns it off. It saves work and never changes a result.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "io/file.h"

namespace fits::io {

inline constexpr std::size_t kCacheEntries = 4096;
inline constexpr std::uint64_t kCacheBytes = std::uint64_t{1} << 38;  // of address space, not of memory

// What tells one state of a file from another.
struct Identity {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t mtime = 0, ctime = 0;  // nanoseconds

  static Identity of(const struct stat& status) noexcept;
  bool operator==(const Identity&) const = default;
  // Whether a change from now on would show: mtime and ctime both lie at least 2 s back.
  bool settled() const noexcept;
};

class FileCache {
 public:
  static FileCache& instance();
  static bool enabled() noexcept;

  struct Found {
    std::shared_ptr<File> file;  // empty where only that the file was met is known
    bool met_before = false;
  };
  Found find(const Identity& identity);
  // `file` may be empty: then only that the file was met is remembered.
  void keep(const Identity& identity, std::shared_ptr<File> file);

 private:
  FileCache();
  struct Entry {
    Identity identity;
    std::shared_ptr<File> file;
    std::uint64_t mapped() const noexcept { return file ? identity.size : 0; }
  };
  using Entries = std::list<Entry>;
  struct HashInode {
    std::size_t operator()(const std::pair<std::uint64_t, std::uint64_t>& key) const noexcept {
      return key.second * 0x9e3779b97f4a7c15u ^ key.first;
    }
  };
  void drop(Entries::iterator entry);
  void forget_in_child() noexcept;

  std::mutex mutex_;
  Entries entries_;  // most recently used first
  std::unordered_map<std::pair<std::uint64_t, std::uint64_t>, Entries::iterator, HashInode> by_inode_;
  std::uint64_t mapped_ = 0;
};

}  // namespace fits::io
