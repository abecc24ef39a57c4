#include "tile/hcompress.h"

#include "format/convert.h"
#include "tile/hcompress_job.h"

namespace fits {
namespace hcompress {
namespace {

constexpr PlaceTable make_places() noexcept {
  PlaceTable table{};
  for (unsigned flags = 0; flags < 256; ++flags) {
    std::uint8_t before = 0;
    for (unsigned i = 0; i < 8; ++i) table.bytes[flags][i] = (flags >> i & 1) != 0 ? before++ : 128;
  }
  return table;
}

}  // namespace

constinit const HuffmanTables kHuffman = make_huffman_tables();
constinit const PlaceTable kPlaces = make_places();

Levels levels() noexcept {
#if defined(__x86_64__)
  // Whoever has AVX2 has BMI2, but for a few that hardly exist.
  if (simd_level() != SimdLevel::plain && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("popcnt")) {
    const bool slow = __builtin_cpu_is("znver1") || __builtin_cpu_is("znver2") || __builtin_cpu_is("bdver4");
    return {{&plain::decode, &avx2::decode, &bmi2::decode}, 3, slow ? 1 : 2};
  }
#endif
  return {{&plain::decode}, 1, 0};
}

TileError prepare(Bytes stream, std::int64_t rows, std::int64_t columns, bool smooth, std::int32_t* out,
                  std::span<std::byte> scratch, Job& job) noexcept {
  return prepare_job(stream, rows, columns, smooth, out, scratch.data(), scratch.size(), job);
}

}  // namespace hcompress

TileError read_hcompress_header(Bytes stream, HcompressHeader& header) noexcept {
  return hcompress::read_header(stream, header);
}

std::size_t hcompress_scratch(std::int64_t rows, std::int64_t columns) noexcept {
  return hcompress::scratch_size(rows, columns);
}

TileError decode_hcompress(Bytes stream, std::int64_t rows, std::int64_t columns, bool smooth, std::int32_t* out,
                           std::span<std::byte> scratch) noexcept {
  static const hcompress::Levels levels = hcompress::levels();
  hcompress::Job job;
  const TileError error = hcompress::prepare(stream, rows, columns, smooth, out, scratch, job);
  return error == TileError::ok ? levels.decode[levels.best](job) : error;
}

}  // namespace fits
