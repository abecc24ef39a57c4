// libFuzzer target: any bytes as a tile's gzip stream, and any bytes as Deflate data in a stream whose check sum is
// right, against zlib; then the bytes as a tile of elements, written and read again.
#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

#include "io/gzip.h"
#include "tile/gzip.h"

namespace {

using fits::TileError;
using Octets = std::vector<std::byte>;

void must(bool condition) {
  if (!condition) std::abort();
}

struct Member {
  Octets octets;
  std::size_t used;
};

// One member (window bits 31) or bare Deflate data (-15) by zlib; nothing where it is damaged, cut, or of more than
// `most` bytes.
std::optional<Member> by_zlib(fits::Bytes stream, int window_bits, std::size_t most) {
  z_stream z{};
  must(inflateInit2(&z, window_bits) == Z_OK);
  Member member{Octets(most + 1), 0};
  z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(stream.data()));
  z.avail_in = static_cast<uInt>(stream.size());
  z.next_out = reinterpret_cast<Bytef*>(member.octets.data());
  z.avail_out = static_cast<uInt>(most + 1);
  const bool whole = inflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out <= most;
  member.octets.resize(z.total_out);
  member.used = z.total_in;
  inflateEnd(&z);
  return whole ? std::optional(member) : std::nullopt;
}

// What the whole stream is, were it a tile of `most` bytes or less.
std::optional<Octets> all_members(fits::Bytes stream, std::size_t most) {
  Octets all;
  do {
    const auto member = by_zlib(stream, 31, most - all.size());
    if (!member) return std::nullopt;
    all.insert(all.end(), member->octets.begin(), member->octets.end());
    stream = stream.subspan(member->used);
  } while (fits::io::is_gzip(stream));
  return all;
}

void fuzz_stream(const Octets& stream, std::size_t size) {
  Octets out(size);
  const TileError error = fits::inflate_tile(stream, out);
  const auto expected = all_members(stream, size);
  must((error == TileError::ok) == (expected && expected->size() == size));
  if (error == TileError::ok) must(out == *expected);
  if (expected && expected->size() < size) must(error == TileError::short_input);
}

// As the body of a member of the right check sum and length.
void fuzz_body(const Octets& body) {
  const auto inflated = by_zlib(body, -15, 1 << 16);
  if (!inflated) return;
  Octets stream = {std::byte{0x1f}, std::byte{0x8b}, std::byte{8}};
  stream.resize(10);
  stream.insert(stream.end(), body.begin(), body.begin() + static_cast<std::ptrdiff_t>(inflated->used));
  const auto* octets = reinterpret_cast<const Bytef*>(inflated->octets.data());
  const auto size = static_cast<std::uint32_t>(inflated->octets.size());
  for (const auto word : {static_cast<std::uint32_t>(crc32(0, octets, size)), size}) {
    for (int shift = 0; shift < 32; shift += 8) stream.push_back(static_cast<std::byte>(word >> shift));
  }
  fuzz_stream(stream, size);
  fuzz_stream(stream, size + 1);
  if (size > 0) fuzz_stream(stream, size - 1);
}

void round_trip(Octets values, std::size_t element_size, bool shuffled) {
  values.resize(values.size() / element_size * element_size);
  Octets scratch(values.size());
  Octets stream(fits::gzip_bound(values.size()));
  stream.resize(fits::encode_gzip(values, shuffled, element_size, stream, scratch));
  Octets back(values.size());
  must(fits::decode_gzip(stream, shuffled, element_size, back, scratch) == TileError::ok);
  must(back == values);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const Octets octets(reinterpret_cast<const std::byte*>(data + 3), reinterpret_cast<const std::byte*>(data + size));
  fuzz_stream(octets, data[1] | data[2] << 8);
  fuzz_body(octets);
  round_trip(octets, std::size_t{1} << (data[0] & 3), (data[0] & 4) != 0);
  return 0;
}
