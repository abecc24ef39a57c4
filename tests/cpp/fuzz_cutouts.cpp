// libFuzzer target: any bytes as the tiles of one image, of which many windows are read as read_cutouts does it: tile
// by tile, each decoded once as far as it is wanted, then cut. Where that finds no fault a window decoded by itself
// must have the same pixels, and what lies around the windows must stay as it was.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "format/window.h"
#include "tile/sweep.h"
#include "tile_choices.h"

namespace {

constexpr std::size_t kGuard = 64;
constexpr std::byte kUntouched{0xa5};

void must(bool condition) {
  if (!condition) std::abort();
}

fits::TileError decode(const fits::TileDecoder& decoder, const fits::TileStream& tile) {
  const std::size_t size = decoder.scratch_size(tile.codec);
  std::vector<std::byte> memory(size + 64);
  const auto past = reinterpret_cast<std::uintptr_t>(memory.data()) % 64;
  fits::TileError error = fits::TileError::ok;
  decoder({&tile, 1}, {memory.data() + (64 - past) % 64, size}, {&error, 1});
  return error;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  choices::Choices choose({data, size});
  const fits::TileImage image = choices::image_of(choose);
  const fits::TileGrid& grid = image.grid;
  const auto naxis = static_cast<std::size_t>(grid.naxis);
  const fits::Conversion conversion{image.bitpix, {}, true, static_cast<fits::Pixel>(choose.up_to(11))};
  const std::size_t pixel_size = fits::pixel_size(conversion.to);
  const auto count = 1 + choose.up_to(7);
  std::vector<std::int64_t> lengths, corners, chosen;
  std::size_t pixels = 1;
  for (std::size_t i = 0; i < naxis; ++i) {
    lengths.push_back(1 + choose.up_to(20));
    pixels *= static_cast<std::size_t>(lengths[i]);
  }
  for (std::int64_t window = 0; window < count; ++window) {
    chosen.push_back(window);
    for (std::size_t i = 0; i < naxis; ++i) corners.push_back(choose.up_to(60) - 15);
  }
  fits::TileStream stream;
  stream.codec = static_cast<fits::Codec>(1 + choose.up_to(5));
  if (choose.up_to(1) == 1) stream.zscale = 0.25, stream.zzero = 3;
  const fits::Bytes streams = choose.rest();

  const std::size_t window_size = pixels * pixel_size;
  std::vector<std::byte> out(static_cast<std::size_t>(count) * window_size + 2 * kGuard, kUntouched);
  std::vector<std::byte> tile(static_cast<std::size_t>(grid.tile_pixels()) * pixel_size);
  const fits::TileDecoder stacked(image, conversion, tile.data());
  const fits::TileWindows windows{lengths, corners};
  fits::TileSweep sweep(grid, windows, chosen);
  std::int64_t last = -1;
  for (fits::TileSweep::Touched touched; sweep.next(touched);) {
    must(touched.tile > last && touched.tile < grid.count() && !touched.windows.empty());
    last = touched.tile;
    const fits::Tile box = grid.at(touched.tile);
    stream.number = touched.tile;
    stream.wanted = fits::pixels_until_last(grid, box, windows, touched.windows);
    must(stream.wanted >= 1 && stream.wanted <= box.pixels);
    stream.bytes = streams.subspan(streams.size() * static_cast<std::size_t>(touched.tile % 3) / 3);
    if (decode(stacked, stream) != fits::TileError::ok) continue;
    fits::WindowRuns runs({box.size, naxis}, lengths);
    for (const auto window : touched.windows) {
      fits::TileWindow alone;
      std::vector<std::int64_t> start(naxis);
      for (std::size_t i = 0; i < naxis; ++i) {
        alone.start[i] = windows.corner(window)[i];
        alone.size[i] = lengths[i];
        start[i] = alone.start[i] - box.start[i];
      }
      std::vector<std::byte> expected(window_size, kUntouched);
      must(decode(fits::TileDecoder(image, alone, conversion, expected.data()), stream) == fits::TileError::ok);
      must(runs.move_to(start));
      std::byte* const at = out.data() + kGuard + static_cast<std::size_t>(window) * window_size;
      for (fits::Run run; runs.next(run);) {
        const std::size_t from = static_cast<std::size_t>(run.source) * pixel_size;
        const std::size_t to = static_cast<std::size_t>(run.target) * pixel_size;
        const std::size_t length = static_cast<std::size_t>(run.count) * pixel_size;
        must(std::memcmp(tile.data() + from, expected.data() + to, length) == 0);
        std::memcpy(at + to, tile.data() + from, length);
      }
    }
  }
  const auto untouched = [](std::byte b) { return b == kUntouched; };
  must(std::all_of(out.begin(), out.begin() + kGuard, untouched));
  must(std::all_of(out.end() - kGuard, out.end(), untouched));
  return 0;
}
