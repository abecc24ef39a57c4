// Files: the rule that chooses between mapping and reading, the cache's identity, gzip streams of every form.
#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "check.h"
#include "format/error.h"
#include "io/cache.h"
#include "io/file.h"
#include "io/gzip.h"
#include "io/passed.h"
#include "io/stretch.h"

using namespace fits;
using namespace fits::io;

namespace {

std::string gzipped(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Bytes bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }
std::string inflated(const std::string& stream) { return std::string(as_text(gunzip(bytes_of(stream)).bytes())); }

Status failure(const std::string& stream) {
  try {
    inflated(stream);
  } catch (const FileError& error) {
    return error.status();
  }
  return Status::read;
}

const std::string kText = [] {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += static_cast<char>(i * 2654435761u >> 24);
  return text + std::string(20000, 'z');
}();

Identity settled_identity(std::uint64_t inode) { return {1, inode, 10, 1000, 1000}; }

std::shared_ptr<File> some_file() { return open_bytes(bytes_of(kText)).file; }

}  // namespace

TEST(access_rule) {
  CHECK(choose_access(0, true, false, true) == Access::read_whole);
  CHECK(choose_access(kSmallFile, true, false, true) == Access::read_whole);
  CHECK(choose_access(kSmallFile, true, true, true) == Access::map);
  CHECK(choose_access(kSmallFile + 1, true, false, true) == Access::map);
  CHECK(choose_access(kSmallFile + 1, true, true, false) == Access::positioned_reads);
  CHECK(choose_access(kSmallFile, true, true, false) == Access::read_whole);
  CHECK(choose_access(kSmallFile + 1, false, false, true) == Access::read_whole);
}

TEST(stretches_are_read_together_where_a_call_costs_more_than_the_gap) {
  CHECK(read_together(0, 1));
  CHECK(read_together(kNear, kJoined));
  CHECK(!read_together(kNear + 1, kNear + 2));
  CHECK(!read_together(0, kJoined + 1));
}

TEST(stretches_are_asked_for_together_where_a_request_costs_more_than_the_gap) {
  CHECK(ask_together(0));
  CHECK(ask_together(16384 - 128));  // rows of 4096 pixels of 4 bytes
  CHECK(!ask_together(16384 + 1));
}

TEST(gzip_one_member_several_members_and_trailing_bytes) {
  const std::string one = gzipped(kText);
  CHECK(inflated(one) == kText);
  CHECK(inflated(one + one) == kText + kText);
  CHECK(inflated(gzipped("") + one + gzipped("")) == kText);
  CHECK(inflated(one + std::string(512, '\0')) == kText);
  CHECK(inflated(one + "trailing garbage") == kText);
  CHECK(inflated(gzipped("")).empty());
}

TEST(gzip_cut_at_every_byte) {
  const std::string stream = gzipped(kText);
  for (std::size_t size = 3; size < stream.size(); ++size) {
    CHECK(failure(stream.substr(0, size)) == Status::truncated);
    CHECK(failure(stream + stream.substr(0, size)) == Status::truncated);
  }
}

TEST(gzip_every_byte_flipped) {
  const std::string stream = gzipped(kText);
  for (std::size_t at = 10; at < stream.size(); ++at) {  // the ten bytes of header have flags that change nothing
    std::string damaged = stream;
    damaged[at] = static_cast<char>(~damaged[at]);
    CHECK(failure(damaged) != Status::read);
  }
}

TEST(gzip_size_that_lies_is_not_believed) {
  std::string stream = gzipped("short");
  for (std::size_t i = 1; i <= 4; ++i) stream[stream.size() - i] = '\x7f';
  CHECK(!claimed_size(bytes_of(stream)));
  CHECK(failure(stream) == Status::not_fits);
}

TEST(cache_forgets_files_that_changed) {
  auto& cache = FileCache::instance();
  const Identity before = settled_identity(7);
  cache.keep(before, some_file());
  CHECK(cache.find(before).file != nullptr);
  Identity after = before;
  after.mtime += 1;
  CHECK(!cache.find(after).met_before);
  CHECK(!cache.find(before).met_before);  // and the old state is gone for good
}

TEST(cache_remembers_having_met_a_file) {
  auto& cache = FileCache::instance();
  cache.keep(settled_identity(8), nullptr);
  CHECK(cache.find(settled_identity(8)).met_before);
  CHECK(cache.find(settled_identity(8)).file == nullptr);
}

TEST(cache_does_not_keep_what_changed_within_two_seconds) {
  auto& cache = FileCache::instance();
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  Identity fresh = settled_identity(9);
  fresh.mtime = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec - 1'500'000'000;
  cache.keep(fresh, some_file());
  CHECK(!cache.find(fresh).met_before);
  fresh.mtime += 1'000'000'000'000;  // a clock that runs ahead
  cache.keep(fresh, some_file());
  CHECK(!cache.find(fresh).met_before);
}

TEST(cache_is_bounded) {
  auto& cache = FileCache::instance();
  for (std::uint64_t i = 0; i < kCacheEntries + 10; ++i) cache.keep(settled_identity(100 + i), nullptr);
  CHECK(!cache.find(settled_identity(100)).met_before);
  CHECK(cache.find(settled_identity(100 + kCacheEntries + 9)).met_before);
  Identity large = settled_identity(50);
  large.size = kCacheBytes;
  cache.keep(large, some_file());
  Identity other = settled_identity(51);
  cache.keep(other, some_file());  // together too many mapped bytes: the older one goes
  CHECK(!cache.find(large).met_before);
  CHECK(cache.find(other).met_before);
}

TEST(paths_that_cannot_be_read) {
  for (const char* path : {"/nonexistent/file.fits", "/"}) {
    bool refused = false;
    try {
      open_file(path);
    } catch (const FileError& error) {
      refused = error.status() == Status::cannot_open;
    }
    CHECK(refused);
  }
}

TEST(a_file_that_shrinks_under_positioned_reads_is_cut_off_not_garbage) {
  const auto path = std::filesystem::temp_directory_path() / "torchfits_test_file_shrinks";
  std::ofstream(path) << std::string(2 * kSmallFile, 'x');
  setenv("TORCHFITS_MMAP", "0", 1);
  const Source source = open_file(path);
  std::filesystem::resize_file(path, kSmallFile);
  std::vector<std::byte> scratch;
  CHECK_EQUAL(source.file->bytes().view(kSmallFile - 10, 100, scratch).size(), 10u);
  unsetenv("TORCHFITS_MMAP");
  std::filesystem::remove(path);
}

TEST(pieces_read_in_passing_are_counted_once_and_then_forgotten_together) {
  PassedPieces passed(10 * kPassedPiece - 5);
  CHECK_EQUAL(passed.size(), 10u);
  CHECK(!passed.add(0, 0, 0));
  CHECK(!passed.add(0, 3 * kPassedPiece, 3));
  for (int again = 0; again < 5; ++again) CHECK(!passed.add(kPassedPiece, kPassedPiece + 7, 3));
  CHECK(passed.add(3 * kPassedPiece - 1, 2, 3));          // the fourth
  CHECK(!passed.add(0, 3 * kPassedPiece, 3));             // of which nothing is left
  CHECK(passed.add(0, 10 * kPassedPiece - 5, 3));         // more than there may be, at once
  CHECK(!passed.add(9 * kPassedPiece, kPassedPiece, 3));  // past the end there is nothing to count
}

TEST(a_mapping_has_the_same_bytes_after_its_pages_were_let_go) {
  const auto path = std::filesystem::temp_directory_path() / "torchfits_test_file_passed";
  const std::uint64_t size = (kHeldPieces + 3) * kPassedPiece;
  std::ofstream(path) << "begin";
  std::filesystem::resize_file(path, size);  // a hole
  {
    std::fstream file(path, std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(size - 3));
    file << "end";
  }
  const Source source = open_file(path);
  const ByteReader& bytes = source.file->bytes();
  std::vector<std::byte> scratch;
  const Bytes first = bytes.view(0, 5, scratch);
  const auto held = [] {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
      if (word == "RssFile:" && status >> word) return std::stoull(word) << 10;
    }
    return 0ull;
  };
  const auto before = held();
  std::size_t sum = 0;
  unsigned long long most = 0;
  for (int again = 0; again < 3; ++again) {
    for (std::uint64_t at = 0; at < size; at += kPassedPiece) {
      for (const std::byte byte : bytes.view(at, kPassedPiece, scratch)) sum += static_cast<std::size_t>(byte);
      bytes.passed(at, kPassedPiece);
      most = std::max(most, held());
    }
  }
  CHECK_EQUAL(sum, 3u * ('b' + 'e' + 'g' + 'i' + 'n' + 'e' + 'n' + 'd'));
  CHECK(as_text(first) == "begin");
  CHECK(most - before <= (kHeldPieces + 2) * kPassedPiece);
  std::filesystem::remove(path);
}
