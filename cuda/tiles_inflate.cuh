// gzip streams (RFC 1951, RFC 1952) on a GPU: one thread of a block inflates, all of them compute the check sum. Bounds
// and rules are zlib's, which decide what is a good stream: no read past the stream or the output, no code that is
// over-subscribed, no incomplete one but a single code of one bit.
//
// Slow for one tile (a single thread of a GPU is no match for a CPU's core) and fair for thousands; it keeps the
// operators whole on a device: nothing waits for the host, whatever codec a tile has. Never yet run on a GPU.
#pragma once

#include "format/cast.h"
#include "tile/codec.h"
#include "tiles_team.cuh"

namespace fits {

inline constexpr int kInflateMostBits = 15;
inline constexpr int kInflateFastBits = 10;
inline constexpr int kInflateThreads = 64;  // of check sums, at most

// Codes of one alphabet: counts per length and symbols in order, as RFC 1951 section 3.2.2 defines them, and a table of
// the short ones: symbol * 16 + length by the next bits; 0 where the code is longer, or none.
template <int kSymbols>
struct InflateCode {
  std::uint16_t fast[1 << kInflateFastBits];
  std::uint16_t count[kInflateMostBits + 1];
  std::uint16_t symbols[kSymbols];
};

struct InflateShared {
  InflateCode<288> literals;
  InflateCode<32> distances;
  std::uint8_t lengths[320];
  std::uint32_t sums[kInflateThreads];
  // The member at hand.
  std::int64_t next;         // byte of the stream behind it
  std::int64_t first, made;  // bytes of the output before it, and after it
  std::uint32_t crc;         // as its trailer says
  TileError error;
};

struct InflateBits {
  const std::byte* next;
  const std::byte* end;
  std::uint64_t window = 0;
  int valid = 0;

  FITS_HOST_DEVICE void refill() noexcept {
    for (; valid <= 56 && next < end; valid += 8) window |= static_cast<std::uint64_t>(*next++) << valid;
  }
  // Up to 16 bits, zeros behind the end: `valid` is then negative.
  FITS_HOST_DEVICE unsigned take(int bits) noexcept {
    const auto value = static_cast<unsigned>(window & ((std::uint64_t{1} << bits) - 1));
    window >>= bits;
    valid -= bits;
    return value;
  }
};

FITS_HOST_DEVICE unsigned inflate_reversed(unsigned code, int bits) noexcept {
  unsigned result = 0;
  for (int i = 0; i < bits; ++i) result = result << 1 | (code >> i & 1);
  return result;
}

// False: more codes than there is room for, or fewer.
template <int kSymbols>
FITS_HOST_DEVICE bool make_inflate_code(const std::uint8_t* lengths, int symbols, bool may_be_single,
                                        InflateCode<kSymbols>& code) noexcept {
  for (auto& entry : code.fast) entry = 0;
  for (auto& count : code.count) count = 0;
  for (int i = 0; i < symbols; ++i) ++code.count[lengths[i]];
  code.count[0] = 0;
  int left = 1, longest = 0;
  unsigned start[kInflateMostBits + 2] = {}, place[kInflateMostBits + 2] = {};
  for (int bits = 1; bits <= kInflateMostBits; ++bits) {
    left = 2 * left - code.count[bits];
    if (left < 0) return false;
    if (code.count[bits] > 0) longest = bits;
    start[bits + 1] = (start[bits] + code.count[bits]) << 1;
    place[bits + 1] = place[bits] + code.count[bits];
  }
  if (left > 0 && !(may_be_single && longest <= 1)) return false;
  for (int i = 0; i < symbols; ++i) {
    const int bits = lengths[i];
    if (bits == 0) continue;
    code.symbols[place[bits]++] = static_cast<std::uint16_t>(i);
    const unsigned reversed = inflate_reversed(start[bits]++, bits);
    if (bits > kInflateFastBits) continue;
    for (unsigned rest = reversed; rest < 1u << kInflateFastBits; rest += 1u << bits) {
      code.fast[rest] = static_cast<std::uint16_t>(i * 16 + bits);
    }
  }
  return true;
}

// The next symbol; -1 where the bits are no code. refill() comes first; the caller looks at `valid`.
template <int kSymbols>
FITS_HOST_DEVICE int inflate_symbol(InflateBits& bits, const InflateCode<kSymbols>& code) noexcept {
  const unsigned entry = code.fast[bits.window & ((1u << kInflateFastBits) - 1)];
  if (entry != 0) {
    bits.take(entry & 15);
    return static_cast<int>(entry >> 4);
  }
  int value = 0, first = 0, index = 0;
  for (int length = 1; length <= kInflateMostBits; ++length) {
    value |= static_cast<int>(bits.take(1));
    const int count = code.count[length];
    if (value - count < first) return code.symbols[index + value - first];
    index += count;
    first = (first + count) << 1;
    value <<= 1;
  }
  return -1;
}

// The codes of a dynamic block (section 3.2.7). False: damaged.
FITS_HOST_DEVICE bool read_inflate_codes(InflateBits& bits, InflateShared& shared) noexcept {
  bits.refill();
  const int literals = static_cast<int>(bits.take(5)) + 257, distances = static_cast<int>(bits.take(5)) + 1;
  const int codes = static_cast<int>(bits.take(4)) + 4;
  if (literals > 286 || distances > 30) return false;
  for (int i = 0; i < 19; ++i) shared.lengths[i] = 0;
  for (int i = 0; i < codes; ++i) {
    bits.refill();
    // 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15
    const int symbol = i < 3 ? 16 + i : i == 3 ? 0 : i % 2 == 0 ? 6 + i / 2 : 9 - i / 2;
    shared.lengths[symbol] = static_cast<std::uint8_t>(bits.take(3));
  }
  if (bits.valid < 0 || !make_inflate_code(shared.lengths, 19, false, shared.distances)) return false;
  for (int i = 0; i < literals + distances;) {
    bits.refill();
    const int symbol = inflate_symbol(bits, shared.distances);
    if (symbol < 0 || bits.valid < 0) return false;
    int repeat = 1, length = symbol;
    if (symbol >= 16) {
      if (symbol == 16 && i == 0) return false;
      length = symbol == 16 ? shared.lengths[i - 1] : 0;
      repeat = symbol == 16   ? 3 + static_cast<int>(bits.take(2))
               : symbol == 17 ? 3 + static_cast<int>(bits.take(3))
                              : 11 + static_cast<int>(bits.take(7));
    }
    if (bits.valid < 0 || repeat > literals + distances - i) return false;
    for (; repeat > 0; --repeat) shared.lengths[i++] = static_cast<std::uint8_t>(length);
  }
  return shared.lengths[256] != 0 && make_inflate_code(shared.lengths, literals, true, shared.literals) &&
         make_inflate_code(shared.lengths + literals, distances, true, shared.distances);
}

FITS_HOST_DEVICE void fixed_inflate_codes(InflateShared& shared) noexcept {
  for (int i = 0; i < 288; ++i) {
    shared.lengths[i] = static_cast<std::uint8_t>(i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8);
  }
  make_inflate_code(shared.lengths, 288, false, shared.literals);
  for (int i = 0; i < 32; ++i) shared.lengths[i] = 5;
  make_inflate_code(shared.lengths, 32, false, shared.distances);
}

// One compressed block's symbols.
FITS_HOST_DEVICE TileError inflate_symbols(InflateBits& bits, const InflateShared& shared, std::byte* out,
                                           std::int64_t& made, std::int64_t size) noexcept {
  for (;;) {
    bits.refill();
    const int symbol = inflate_symbol(bits, shared.literals);
    if (bits.valid < 0) return TileError::short_input;
    if (symbol < 0 || symbol > 285) return TileError::bad_code;
    if (symbol == 256) return TileError::ok;
    if (symbol < 256) {
      if (made == size) return TileError::overrun;
      out[made++] = static_cast<std::byte>(symbol);
      continue;
    }
    // Lengths 3 to 10 have codes of their own, then every four codes one extra bit more; 285 is 258.
    const int code = symbol - 257;
    int extra = code < 8 || code == 28 ? 0 : code / 4 - 1;
    int length = code < 8 ? 3 + code : code == 28 ? 258 : 3 + ((4 + code % 4) << extra);
    length += static_cast<int>(bits.take(extra));
    bits.refill();
    const int far = inflate_symbol(bits, shared.distances);
    if (bits.valid < 0) return TileError::short_input;
    if (far < 0 || far > 29) return TileError::bad_code;
    bits.refill();
    extra = far < 4 ? 0 : far / 2 - 1;
    std::int64_t distance = far < 4 ? 1 + far : 1 + ((2 + far % 2) << extra);
    distance += bits.take(extra);
    if (bits.valid < 0) return TileError::short_input;
    if (distance > made - shared.first) return TileError::bad_code;
    const int room = size - made < length ? static_cast<int>(size - made) : length;
    for (int i = 0; i < room; ++i) out[made + i] = out[made + i - distance];
    made += room;
    if (room < length) return TileError::overrun;
  }
}

FITS_HOST_DEVICE TileError inflate_stored(InflateBits& bits, std::byte* out, std::int64_t& made,
                                          std::int64_t size) noexcept {
  bits.take(bits.valid & 7);
  bits.refill();
  const unsigned length = bits.take(16), complement = bits.take(16);
  if (bits.valid < 0) return TileError::short_input;
  if (length != (complement ^ 0xffffu)) return TileError::bad_code;
  bits.next -= bits.valid / 8;  // whole bytes that stood ready
  bits.window = 0;
  bits.valid = 0;
  if (bits.end - bits.next < static_cast<std::int64_t>(length)) return TileError::short_input;
  if (size - made < static_cast<std::int64_t>(length)) return TileError::overrun;
  for (unsigned i = 0; i < length; ++i) out[made++] = *bits.next++;
  return TileError::ok;
}

// CRC-32 of bytes, bit by bit: many threads share them.
FITS_HOST_DEVICE std::uint32_t crc_of(const std::byte* bytes, std::int64_t size) noexcept {
  std::uint32_t crc = 0xffffffffu;
  for (std::int64_t i = 0; i < size; ++i) {
    crc ^= static_cast<std::uint32_t>(bytes[i]);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1)));
  }
  return ~crc;
}

// Product of two polynomials modulo that of CRC-32; the highest bit is the lowest power.
FITS_HOST_DEVICE std::uint32_t crc_product(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t product = 0;
  for (int i = 31; i >= 0; --i) {
    product ^= b & (0u - (a >> i & 1));
    b = (b >> 1) ^ (0xedb88320u & (0u - (b & 1)));
  }
  return product;
}

// The check sum of bytes of which the first part's is `crc`, apart from what the `size` bytes behind add: crc * x^(8
// size).
FITS_HOST_DEVICE std::uint32_t crc_shifted(std::uint32_t crc, std::int64_t size) noexcept {
  std::uint32_t power = 0x00800000u;  // x^8
  for (; size > 0; size >>= 1) {
    if ((size & 1) != 0) crc = crc_product(crc, power);
    power = crc_product(power, power);
  }
  return crc;
}

// Bytes of the header of a gzip member; negative: -1 ends too early, -2 damaged.
FITS_HOST_DEVICE std::int64_t gzip_header(const std::byte* bytes, std::int64_t size) noexcept {
  const auto byte = [&](std::int64_t i) { return static_cast<unsigned>(bytes[i]); };
  if (size < 10) return -1;
  if (byte(0) != 0x1f || byte(1) != 0x8b || byte(2) != 8 || (byte(3) & 0xe0) != 0) return -2;
  const unsigned flags = byte(3);
  std::int64_t at = 10;
  if ((flags & 4) != 0) {
    if (size - at < 2) return -1;
    at += 2 + (byte(at) | byte(at + 1) << 8);
  }
  for (const unsigned text : {8u, 16u}) {
    if ((flags & text) == 0) continue;
    while (at < size && byte(at) != 0) ++at;
    ++at;
  }
  if (at > size) return -1;
  if ((flags & 2) != 0) {
    if (size - at < 2) return -1;
    if ((crc_of(bytes, at) & 0xffffu) != (byte(at) | byte(at + 1) << 8)) return -2;
    at += 2;
  }
  return at;
}

// The member at shared.next, into out[shared.made, size).
FITS_HOST_DEVICE TileError inflate_member(const std::byte* stream, std::int64_t size, std::byte* out,
                                          std::int64_t out_size, InflateShared& shared) noexcept {
  const std::int64_t header = gzip_header(stream + shared.next, size - shared.next);
  if (header < 0) return header == -1 ? TileError::short_input : TileError::bad_code;
  InflateBits bits{stream + shared.next + header, stream + size};
  shared.first = shared.made;
  std::int64_t made = shared.made;
  for (bool last = false; !last;) {
    bits.refill();
    last = bits.take(1) != 0;
    const unsigned kind = bits.take(2);
    if (bits.valid < 0) return TileError::short_input;
    TileError error = TileError::bad_code;
    if (kind == 0) {
      error = inflate_stored(bits, out, made, out_size);
    } else if (kind == 1) {
      fixed_inflate_codes(shared);
      error = inflate_symbols(bits, shared, out, made, out_size);
    } else if (kind == 2) {
      if (!read_inflate_codes(bits, shared)) return bits.valid < 0 ? TileError::short_input : TileError::bad_code;
      error = inflate_symbols(bits, shared, out, made, out_size);
    }
    if (error != TileError::ok) return error;
  }
  const std::byte* const trailer = bits.next - bits.valid / 8;
  if (stream + size - trailer < 8) return TileError::short_input;
  const auto word = [&](int at) {
    std::uint32_t value = 0;
    for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<std::uint32_t>(trailer[at + i]);
    return value;
  };
  shared.crc = word(0);
  shared.made = made;
  shared.next = trailer + 8 - stream;
  return word(4) == static_cast<std::uint32_t>(made - shared.first) ? TileError::ok : TileError::bad_code;
}

// Inflates every member into `out`, of which they must be exactly.
template <class Team>
FITS_KERNEL_BODY TileError inflate_gzip(const Team& team, const std::byte* stream, std::int64_t size, std::byte* out,
                                        std::int64_t out_size, InflateShared& shared) {
  team.once([&] {
    shared.next = 0;
    shared.made = 0;
    shared.error = TileError::ok;
  });
  bool more = true;
  while (more) {
    team.once([&] { shared.error = inflate_member(stream, size, out, out_size, shared); });
    if (shared.error != TileError::ok) break;
    const std::int64_t first = shared.first, count = shared.made - first;
    const std::int64_t piece = (count + kInflateThreads - 1) / kInflateThreads;
    team.each(kInflateThreads, [&](std::int64_t i) {
      const std::int64_t begin = i * piece < count ? i * piece : count;
      const std::int64_t end = begin + piece < count ? begin + piece : count;
      shared.sums[i] = crc_shifted(crc_of(out + first + begin, end - begin), count - end);
    });
    team.once([&] {
      std::uint32_t crc = 0;
      for (const std::uint32_t sum : shared.sums) crc ^= sum;
      if (crc != shared.crc) shared.error = TileError::bad_code;
    });
    if (shared.error != TileError::ok) break;
    more =
        size - shared.next >= 2 && stream[shared.next] == std::byte{0x1f} && stream[shared.next + 1] == std::byte{0x8b};
    team.once([] {});
  }
  TileError error = shared.error;
  if (error == TileError::ok && shared.made != out_size) error = TileError::short_input;
  team.once([] {});
  return error;
}

}  // namespace fits
