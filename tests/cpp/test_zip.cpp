// zip archives: what is in them, and that no byte of them is trusted.
#include <zlib.h>

#include <random>
#include <string>

#include "check.h"
#include "format/error.h"
#include "io/zip.h"

using namespace fits;
using namespace fits::io;

namespace {

Bytes bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string number(std::uint32_t value, int count) {
  std::string text;
  for (; count > 0; --count, value >>= 8) text += static_cast<char>(value & 255);
  return text;
}

std::string deflated(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct Made {
  std::uint32_t flags = 0, method = 8, size = 0;
};

std::string archive(const std::string& text, Made made = {}) {
  const std::string packed = made.method == 8 ? deflated(text) : text;
  const std::uint32_t size = made.size != 0 ? made.size : static_cast<std::uint32_t>(text.size());
  const auto crc =
      static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
  const std::string sizes = number(crc, 4) + number(static_cast<std::uint32_t>(packed.size()), 4) + number(size, 4);
  const std::string what = number(20, 2) + number(made.flags, 2) + number(made.method, 2) + number(0, 4);
  const std::string name = "a.fits";
  const std::string file = std::string("PK\x03\x04", 4) + what + sizes + number(6, 2) + number(3, 2) + name + "xyz";
  const std::string entry = std::string("PK\x01\x02", 4) + number(20, 2) + what + sizes + number(6, 2) + number(0, 2) +
                            number(2, 2) + number(0, 8) + number(0, 4) + name + "!!";
  const auto start = static_cast<std::uint32_t>(file.size() + packed.size());
  const std::string end = std::string("PK\x05\x06", 4) + number(0, 4) + number(1, 2) + number(1, 2) +
                          number(static_cast<std::uint32_t>(entry.size()), 4) + number(start, 4) + number(4, 2) +
                          "PK\x05?";
  return file + packed + entry + end;
}

// What is inside, or what is said.
std::string unzipped(const std::string& text) {
  // Memory of exactly these bytes, so that a read behind them shows
  const std::vector<char> exactly(text.begin(), text.end());
  try {
    return std::string(as_text(unzip(std::as_bytes(std::span(exactly))).bytes()));
  } catch (const FileError& error) {
    return std::string("error: ") + error.what();
  }
}

const std::string kText = std::string("SIMPLE  = ") + std::string(3000, ' ') + "some pixels";

}  // namespace

TEST(a_file_stored_or_deflated) {
  CHECK(is_zip(bytes_of(archive(kText))));
  CHECK(!is_zip(bytes_of("PK\x03")));
  CHECK_EQUAL(unzipped(archive(kText)), kText);
  CHECK_EQUAL(unzipped(archive(kText, {.method = 0})), kText);
}

TEST(what_is_not_read_says_so) {
  CHECK(unzipped(archive(kText, {.method = 12})).find("method 12") != std::string::npos);
  CHECK(unzipped(archive(kText, {.flags = 1})).find("encrypted") != std::string::npos);
  CHECK(unzipped(archive(kText, {.size = 0xFFFFFFFF})).find("4 GiB") != std::string::npos);
  // Nothing is allocated for what so few bytes cannot hold
  CHECK(unzipped(archive(kText, {.size = 0xFFFFFFF0})).find("as large as it says") != std::string::npos);
  CHECK(unzipped(archive(kText, {.size = 3020})).find("no deflated file of its size") != std::string::npos);
  CHECK(unzipped(archive(kText, {.method = 0, .size = 3020})).find("contradict") != std::string::npos);
}

TEST(cut_at_every_byte) {
  const std::string whole = archive(kText);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK(unzipped(whole.substr(0, size)).starts_with("error: "));
  }
}

TEST(any_byte_changed) {
  std::mt19937 random(1);
  for (const std::uint32_t method : {0u, 8u}) {
    const std::string whole = archive(kText, {.method = method});
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const int change : {1, 0x80, 0xFF, static_cast<int>(random() % 255 + 1)}) {
        std::string changed = whole;
        changed[at] = static_cast<char>(changed[at] ^ change);
        const std::string found = unzipped(changed);
        CHECK(found == kText || found.starts_with("error: "));
      }
    }
  }
}
