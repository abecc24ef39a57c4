#include "io/zip.h"

#include <algorithm>
#include <optional>
#include <string>

#include "format/error.h"

namespace fits::io {
namespace {

// Records of APPNOTE: signatures, and their lengths without names and comments.
constexpr std::string_view kLocalFile = "PK\x03\x04";  // section 4.3.7
constexpr std::string_view kEntry = "PK\x01\x02";      // section 4.3.12
constexpr std::string_view kEnd = "PK\x05\x06";        // section 4.3.16
constexpr std::size_t kLocalFileSize = 30, kEntrySize = 46, kEndSize = 22;
constexpr std::size_t kLongestComment = 65535;
constexpr std::uint32_t kInZip64 = 0xFFFFFFFF;

[[noreturn]] void damaged(const char* what) {
  throw FileError(Status::not_fits, std::string("the zip archive is damaged: ") + what);
}

// A little-endian number of `count` bytes; the caller has checked that they are there.
std::uint32_t number(Bytes bytes, std::size_t at, int count) noexcept {
  std::uint32_t value = 0;
  for (int i = count; i-- > 0;) value = value << 8 | static_cast<std::uint32_t>(bytes[at + static_cast<unsigned>(i)]);
  return value;
}

bool stands_at(Bytes bytes, std::size_t at, std::string_view signature, std::size_t size) noexcept {
  return at <= bytes.size() && bytes.size() - at >= size && as_text(bytes.subspan(at, signature.size())) == signature;
}

struct Entry {
  std::uint32_t flags, method, crc, packed_size, size, start;
};

// Where the record at the end begins: behind it stands a comment of any text.
std::size_t end_record(Bytes archive) {
  if (archive.size() >= kEndSize) {
    const std::size_t last = archive.size() - kEndSize, first = last - std::min(last, kLongestComment);
    for (std::size_t at = last + 1; at-- > first;) {
      if (stands_at(archive, at, kEnd, kEndSize) && number(archive, at + 20, 2) == last - at) return at;
    }
  }
  throw FileError(Status::truncated, "the zip archive ends before its directory does");
}

Entry the_file(Bytes archive) {
  const std::size_t end = end_record(archive);
  std::size_t at = number(archive, end + 16, 4);
  if (at == kInZip64) {
    throw FileError(Status::not_fits, "the zip archive is of the kind for more than 4 GiB; unpack it before");
  }
  std::optional<Entry> found;
  int files = 0;
  for (std::uint32_t i = number(archive, end + 10, 2); i > 0; --i) {
    if (!stands_at(archive, at, kEntry, kEntrySize)) damaged("an entry of its directory is missing");
    const std::size_t name_size = number(archive, at + 28, 2);
    const std::size_t record = kEntrySize + name_size + number(archive, at + 30, 2) + number(archive, at + 32, 2);
    if (archive.size() - at < record) damaged("an entry of its directory is cut off");
    const bool folder = name_size > 0 && archive[at + kEntrySize + name_size - 1] == std::byte{'/'};
    if (!folder && files++ == 0) {
      found = Entry{number(archive, at + 8, 2),  number(archive, at + 10, 2), number(archive, at + 16, 4),
                    number(archive, at + 20, 4), number(archive, at + 24, 4), number(archive, at + 42, 4)};
    }
    at += record;
  }
  if (files != 1) {
    throw FileError(Status::not_fits,
                    "the zip archive holds " + std::to_string(files) + " files; unpack the one that is meant");
  }
  return *found;
}

}  // namespace

bool is_zip(Bytes bytes) noexcept { return stands_at(bytes, 0, kLocalFile, kLocalFile.size()); }

Buffer unzip(Bytes archive) {
  const Entry entry = the_file(archive);
  if (entry.start == kInZip64 || entry.size == kInZip64 || entry.packed_size == kInZip64) {
    throw FileError(Status::not_fits, "the zip archive holds a file of more than 4 GiB; unpack it before");
  }
  if ((entry.flags & 1) != 0) throw FileError(Status::not_fits, "the zip archive is encrypted; unpack it before");
  const std::size_t start = entry.start;
  if (!stands_at(archive, start, kLocalFile, kLocalFileSize)) damaged("its file is not where its directory says");
  const std::size_t before = kLocalFileSize + number(archive, start + 26, 2) + number(archive, start + 28, 2);
  if (archive.size() - start < before || archive.size() - start - before < entry.packed_size) {
    damaged("its file is cut off");
  }
  const Bytes packed = archive.subspan(start + before, entry.packed_size);
  Buffer out;
  if (entry.method == 0) {
    if (packed.size() != entry.size) damaged("the sizes of its file contradict each other");
    out = Buffer(entry.size);
    std::ranges::copy(packed, out.data());
  } else if (entry.method == 8) {
    if (!can_inflate_to(packed.size(), entry.size)) damaged("its file cannot be as large as it says");
    out = Buffer(entry.size);
    if (!inflate_into(packed, {out.data(), out.size()})) damaged("what it holds is no deflated file of its size");
  } else {
    throw FileError(Status::not_fits, "the zip archive is packed by method " + std::to_string(entry.method) +
                                          "; 0 (stored) and 8 (deflated) are read: unpack it before");
  }
  if (crc32_of(out.bytes()) != entry.crc) damaged("the checksum of its file is wrong");
  return out;
}

}  // namespace fits::io
