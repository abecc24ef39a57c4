// HCOMPRESS_1: the tables of its codes, and a stream's header judged, for CPU and CUDA. Internal to
// hcompress*.{cpp,inl} and cuda/tiles_hcompress.cuh.
#pragma once

#include "format/pixel.h"
#include "tile/hcompress_layout.h"

namespace fits::hcompress {

constexpr std::uint32_t reversed(std::uint32_t bits, int count) noexcept {
  std::uint32_t result = 0;
  for (int i = 0; i < count; ++i) result = result << 1 | (bits >> i & 1);
  return result;
}

constexpr HuffmanTables make_huffman_tables() noexcept {
  HuffmanTables tables{};
  for (std::uint32_t value = 0; value < 16; ++value) {
    const std::uint32_t length = kCodes[value].length;
    const std::uint32_t bits = reversed(kCodes[value].bits, kCodes[value].length);
    for (std::uint32_t rest = 0; rest < 64; rest += 1u << length) {
      const std::uint32_t cell = reversed(value, 4);
      tables.one[rest | bits] = length | 2u << 8 | (cell & 3) << 16 | cell >> 2 << 24;
    }
  }
  for (std::uint32_t bits = 0; bits < 4096; ++bits) {
    std::uint32_t length = 0, count = 0, upper = 0, lower = 0;
    for (;;) {
      const std::uint32_t one = tables.one[bits >> length & 63];
      if (length + (one & 63) > 12) break;
      length += one & 63;
      upper = upper << 2 | (one >> 16 & 3);
      lower = lower << 2 | one >> 24;
      ++count;
    }
    tables.many[bits] = length | count << 9 | upper << 16 | lower << 24;
  }
  return tables;
}

FITS_HOST_DEVICE std::uint64_t big_endian(const std::byte* bytes, int count) noexcept {
  std::uint64_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | static_cast<std::uint64_t>(bytes[i]);
  return value;
}

__extension__ using Wide = unsigned __int128;
__extension__ using SignedWide = __int128;

// The most that a sum may reach within a tile. Let B bound h0 and C the other coefficients, rounding and low bits
// included. A step makes sums of at most B + 3 C and halves them, so that every B stays below max(B, 4 C) of the first
// step, and every sum below that plus 3 C. (Smoothing moves a coefficient by half the scale: 2^planes times the scale
// bounds it still.)
FITS_HOST_DEVICE Wide most_sum(const Job& job) noexcept {
  const auto magnitude = job.sum < 0 ? -static_cast<Wide>(job.sum) : static_cast<Wide>(job.sum);
  int planes = 0;
  for (const int n : job.bit_planes) planes = n > planes ? n : planes;
  const Wide rounding = static_cast<Wide>(1) << (job.steps + 3);
  const Wide coefficient = (static_cast<Wide>(job.scale) << planes) + rounding;
  const Wide h0 = magnitude + rounding;
  return (h0 > 4 * coefficient ? h0 : 4 * coefficient) + 4 * coefficient;
}

FITS_HOST_DEVICE TileError read_header(Bytes stream, HcompressHeader& header) noexcept {
  if (stream.size() < kHcompressHeaderSize) return TileError::short_input;
  if (big_endian(stream.data(), 2) != 0xDD99) return TileError::bad_code;
  header.rows = static_cast<std::int32_t>(big_endian(stream.data() + 2, 4));
  header.columns = static_cast<std::int32_t>(big_endian(stream.data() + 6, 4));
  header.scale = static_cast<std::int32_t>(big_endian(stream.data() + 10, 4));
  header.sum = static_cast<std::int64_t>(big_endian(stream.data() + 14, 8));
  for (std::size_t i = 0; i < 3; ++i) header.bit_planes[i] = static_cast<std::uint8_t>(stream.data()[22 + i]);
  return TileError::ok;
}

FITS_HOST_DEVICE std::size_t scratch_size(std::int64_t rows, std::int64_t columns) noexcept {
  if (rows < 1 || columns < 1 || rows > kLongestSide || columns > kLongestSide) return 0;
  return layout(rows, columns).total;
}

// prepare() of hcompress_layout.h.
FITS_HOST_DEVICE TileError prepare_job(Bytes stream, std::int64_t rows, std::int64_t columns, bool smooth,
                                       std::int32_t* out, std::byte* scratch, std::size_t size, Job& job) noexcept {
  HcompressHeader header;
  if (const TileError error = read_header(stream, header); error != TileError::ok) return error;
  const std::size_t needed = scratch_size(rows, columns);
  if (needed == 0 || size < needed) return TileError::overrun;
  if (header.rows != rows || header.columns != columns) return TileError::overrun;
  job = {};
  job.stream = stream.subspan(kHcompressHeaderSize);
  job.rows = rows;
  job.columns = columns;
  job.steps = step_count(rows, columns);
  job.scale = header.scale > 1 ? header.scale : 1;
  for (std::size_t i = 0; i < 3; ++i) {
    job.bit_planes[i] = header.bit_planes[i];
    if (job.bit_planes[i] > most_bit_planes(job.steps)) return TileError::bad_code;
  }
  const auto sum = static_cast<SignedWide>(header.sum) * job.scale;
  job.sum = static_cast<std::int64_t>(sum);
  if (job.sum != sum) return TileError::bad_code;
  job.smooth = smooth && job.scale > 1;
  const Wide most = most_sum(job);
  // Smoothing computes in 64 bits with up to 2^7 times such sums.
  if (most >> (job.smooth ? 55 : 63) != 0) return TileError::bad_code;
  job.wide = most >> 31 != 0;
  job.scratch = scratch;
  job.out = out;
  return TileError::ok;
}

}  // namespace fits::hcompress
