#include "io/cache.h"

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace fits::io {
namespace {

std::int64_t nanoseconds(const timespec& t) noexcept { return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec; }

}  // namespace

Identity Identity::of(const struct stat& status) noexcept {
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size), nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim)};
}

bool Identity::settled() const noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return nanoseconds(now) - std::max(mtime, ctime) >= 2'000'000'000;
}

FileCache& FileCache::instance() {
  static FileCache& cache = *new FileCache;  // never destroyed: threads may still read while the process exits
  return cache;
}

bool FileCache::enabled() noexcept {
  const char* setting = std::getenv("TORCHFITS_CACHE_FILES");
  return setting == nullptr || std::string_view(setting) != "0";
}

FileCache::FileCache() {
  pthread_atfork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                 [] {
                   instance().forget_in_child();
                   instance().mutex_.unlock();
                 });
}

void FileCache::forget_in_child() noexcept {
  // Files' own locks may be held by threads that the child does not have: the entries are left alone for good, unused.
  [[maybe_unused]] static Entries* abandoned = nullptr;
  abandoned = new Entries(std::move(entries_));
  entries_.clear();
  by_inode_.clear();
  mapped_ = 0;
}

FileCache::Found FileCache::find(const Identity& identity) {
  const std::lock_guard lock(mutex_);
  const auto found = by_inode_.find({identity.device, identity.inode});
  if (found == by_inode_.end()) return {};
  const auto entry = found->second;
  if (entry->identity != identity) {
    drop(entry);
    return {};
  }
  entries_.splice(entries_.begin(), entries_, entry);
  return {entry->file, true};
}

void FileCache::keep(const Identity& identity, std::shared_ptr<File> file) {
  if (!identity.settled()) return;
  const std::lock_guard lock(mutex_);
  const std::pair key{identity.device, identity.inode};
  if (const auto found = by_inode_.find(key); found != by_inode_.end()) drop(found->second);
  entries_.push_front({identity, std::move(file)});
  by_inode_[key] = entries_.begin();
  mapped_ += entries_.front().mapped();
  while (entries_.size() > 1 && (entries_.size() > kCacheEntries || mapped_ > kCacheBytes)) {
    drop(std::prev(entries_.end()));
  }
}

void FileCache::drop(Entries::iterator entry) {
  mapped_ -= entry->mapped();
  by_inode_.erase({entry->identity.device, entry->identity.inode});
  entries_.erase(entry);
}

}  // namespace fits::io
