// libFuzzer target: any bytes as Rice streams of several tiles. Tile by tile and in lockstep must give the same errors
// and the same pixels at every SIMD level; AddressSanitizer sees what is read past a stream or written past a tile.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "tile/rice.h"

namespace {

void must(bool condition) {
  if (!condition) std::abort();
}

struct Arrivals {
  std::size_t size;  // of a pixel
  std::vector<std::vector<std::byte>> tiles;

  static void take(void* context, std::int64_t tile, std::int64_t first, std::int64_t count,
                   const void* values) noexcept {
    auto& self = *static_cast<Arrivals*>(context);
    auto& pixels = self.tiles[static_cast<std::size_t>(tile)];
    must(static_cast<std::size_t>(first) * self.size == pixels.size() && count > 0);
    const auto* from = static_cast<const std::byte*>(values);
    pixels.insert(pixels.end(), from, from + static_cast<std::size_t>(count) * self.size);
  }
};

}  // namespace

// Five bytes of parameters, then the streams, cut into equal parts; the last is shorter.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 5) return 0;
  constexpr int kBytepix[] = {1, 2, 4};
  constexpr int kBlocksizes[] = {32, 16, 32, 32, 1, 7, 64, 300};
  const fits::RiceParameters parameters{kBytepix[data[0] % 3], kBlocksizes[data[1] % 8]};
  const std::int64_t count = 1 + (data[2] | (data[3] & 3) << 8);
  const std::size_t tiles = 1 + data[4] % 20;
  data += 5;
  size -= 5;

  std::vector<std::vector<std::byte>> copies;  // so that each ends where memory ends
  for (std::size_t i = 0; i < tiles; ++i) {
    const std::size_t part = (size + tiles - 1) / tiles;
    const std::size_t first = std::min(size, i * part), last = std::min(size, first + part);
    const auto* bytes = reinterpret_cast<const std::byte*>(data);
    copies.emplace_back(bytes + first, bytes + last);
  }
  const std::vector<fits::Bytes> streams(copies.begin(), copies.end());
  const auto pixel_size = static_cast<std::size_t>(parameters.bytepix);
  const std::size_t whole = static_cast<std::size_t>(count) * pixel_size;

  std::vector<std::vector<std::byte>> alone(tiles, std::vector<std::byte>(whole));
  std::vector<fits::TileError> expected(tiles);
  for (std::size_t i = 0; i < tiles; ++i) {
    expected[i] = fits::decode_rice(streams[i], parameters, count, alone[i].data());
  }
  for (int level = 0; level <= static_cast<int>(fits::simd_level()); ++level) {
    Arrivals arrivals{pixel_size, std::vector<std::vector<std::byte>>(tiles)};
    std::vector<fits::TileError> errors(tiles, fits::TileError::overrun);
    fits::decode_rice(streams, parameters, count, {&arrivals, &Arrivals::take}, errors,
                      static_cast<fits::SimdLevel>(level));
    must(errors == expected);
    for (std::size_t i = 0; i < tiles; ++i) {
      must(errors[i] == fits::TileError::ok ? arrivals.tiles[i] == alone[i] : arrivals.tiles[i].size() < whole);
    }
  }
  return 0;
}
