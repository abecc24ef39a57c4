// libFuzzer target: any bytes as the tiles of one image, of any geometry, codec and parameters, into a window of it.
// The first bytes choose; the rest is the tiles' streams, cut evenly. What lies around the window must stay as it was.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <span>
#include <vector>

#include "tile_choices.h"

namespace {

constexpr std::size_t kGuard = 64;

void must(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  choices::Choices choose({data, size});
  const fits::TileImage image = choices::image_of(choose);
  const fits::Scaling scaling{choose.up_to(1) == 1 ? 0.5 : 1.0, choose.up_to(1) == 1 ? 32768.0 : 0.0, image.blank};
  const fits::Conversion conversion{image.bitpix, scaling, true, static_cast<fits::Pixel>(choose.up_to(11))};
  const bool stacked = choose.up_to(3) == 0;
  fits::TileWindow window;
  std::size_t pixels = 1;
  for (int i = 0; i < image.grid.naxis; ++i) {
    const auto n = static_cast<std::size_t>(i);
    window.start[n] = choose.up_to(60) - 20;
    window.size[n] = choose.up_to(60);
    pixels *= static_cast<std::size_t>(window.size[n]);
  }
  std::array<fits::TileStream, 20> tiles;
  const auto count = static_cast<std::size_t>(1 + choose.up_to(19));
  for (std::size_t i = 0; i < count; ++i) {
    tiles[i].codec = static_cast<fits::Codec>(1 + choose.up_to(5));
    tiles[i].number = choose.up_to(255) % image.grid.count();
    tiles[i].slot = static_cast<std::int64_t>(i);
    if (choose.up_to(1) == 1) tiles[i].zscale = 0.25, tiles[i].zzero = 3;
    if (choose.up_to(1) == 1) tiles[i].wanted = 1 + choose.up_to(255);
    if (choose.up_to(1) == 1) tiles[i].zblank = static_cast<double>(choose.up_to(255)) - 1;
  }
  const fits::Bytes streams = choose.rest();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t first = streams.size() * i / count;
    tiles[i].bytes = streams.subspan(first, streams.size() * (i + 1) / count - first);
  }

  if (stacked) pixels = count * static_cast<std::size_t>(image.grid.tile_pixels());
  const std::size_t bytes = pixels * fits::pixel_size(conversion.to);
  std::vector<std::byte> out(bytes + 2 * kGuard, std::byte{0xa5});
  void* const target = out.data() + kGuard;
  const fits::TileDecoder decoder =
      stacked ? fits::TileDecoder(image, conversion, target) : fits::TileDecoder(image, window, conversion, target);
  std::size_t scratch_size = 0;
  for (std::size_t i = 0; i < count; ++i) scratch_size = std::max(scratch_size, decoder.scratch_size(tiles[i].codec));
  std::vector<std::byte> memory(scratch_size + 64);
  const auto past = reinterpret_cast<std::uintptr_t>(memory.data()) % 64;
  std::array<fits::TileError, 20> errors;
  decoder({tiles.data(), count}, {memory.data() + (64 - past) % 64, scratch_size}, {errors.data(), count});

  const auto untouched = [](std::byte b) { return b == std::byte{0xa5}; };
  must(std::all_of(out.begin(), out.begin() + kGuard, untouched));
  must(std::all_of(out.end() - kGuard, out.end(), untouched));
  for (std::size_t i = 0; i < count; ++i) must(errors[i] <= fits::TileError::overrun);
  return 0;
}
