// libFuzzer target: any bytes as the tiles of one image, of any geometry, codec and parameters, through the bodies of
// the CUDA kernels: the CPU's pixels and the CPU's errors. The first bytes choose; the rest is the tiles' streams.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <span>

#include "cuda_tiles.h"

namespace {

class Choices {
 public:
  explicit Choices(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  // From 0 to most.
  std::int64_t up_to(std::int64_t most) {
    if (bytes_.empty()) return 0;
    const std::int64_t value = bytes_[0] % (most + 1);
    bytes_ = bytes_.subspan(1);
    return value;
  }
  std::span<const std::byte> rest() const { return std::as_bytes(bytes_); }

 private:
  std::span<const std::uint8_t> bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fits;
  Choices choose({data, size});
  constexpr int kBitpix[] = {8, 16, 32, 64, -32, -64};
  Call call;
  std::vector<std::int64_t> shape, tile;
  const std::int64_t naxis = 1 + choose.up_to(2);
  for (std::int64_t i = 0; i < naxis; ++i) {
    shape.push_back(1 + choose.up_to(naxis == 1 ? 250 : 30));
    tile.push_back(1 + choose.up_to(40));
  }
  TileImage& image = call.image;
  image.grid = TileGrid::of(shape, tile);
  image.bitpix = kBitpix[choose.up_to(5)];
  image.zquantiz = static_cast<Quantization>(choose.up_to(3));
  image.zdither0 = static_cast<int>(1 + choose.up_to(200));
  image.rice = {1 << choose.up_to(2), 1 + choose.up_to(64)};
  image.smooth = choose.up_to(1) == 1;
  image.physical_plio = choose.up_to(1) == 1;
  if (image.bitpix > 0 && choose.up_to(1) == 1) image.blank = choose.up_to(255);
  const Scaling scaling{choose.up_to(1) == 1 ? 0.5 : 1.0, choose.up_to(1) == 1 ? 32768.0 : 0.0, image.blank};
  call.stacked = choose.up_to(3) == 0;
  const auto to = static_cast<Pixel>(choose.up_to(11));
  call.conversion = {image.bitpix, call.stacked ? Scaling{} : scaling, true,
                     call.stacked ? stored_pixel(image.bitpix) : to};
  call.pixels = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    call.window.start[i] = choose.up_to(60) - 20;
    call.window.size[i] = choose.up_to(60);
    call.pixels *= call.window.size[i];
  }
  const std::int64_t count = 1 + choose.up_to(19);
  if (call.stacked) call.pixels = count * image.grid.tile_pixels();
  const auto first = static_cast<std::int64_t>(choose.up_to(255)) % image.grid.count();
  bool exact = true;
  std::vector<double> numbers;
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < count && first + i < image.grid.count(); ++i) {
    const std::int64_t codec = 1 + choose.up_to(5);
    exact = exact && codec != 2 && codec != 3;  // a gzip stream may be wrong in two ways
    rows.insert(rows.end(), {0, 0, codec, first + i});
    numbers.push_back(choose.up_to(1) == 1 ? 0.25 : std::nan(""));
    numbers.push_back(3);
    numbers.push_back(choose.up_to(1) == 1 ? static_cast<double>(choose.up_to(255)) - 1 : std::nan(""));
  }
  const auto streams = choose.rest();
  call.data.assign(streams.begin(), streams.end());
  const auto bytes = static_cast<std::int64_t>(streams.size()), tiles = static_cast<std::int64_t>(rows.size() / 4);
  for (std::int64_t i = 0; i < tiles; ++i) {
    rows[static_cast<std::size_t>(4 * i)] = bytes * i / tiles;
    rows[static_cast<std::size_t>(4 * i + 1)] = bytes * (i + 1) / tiles - bytes * i / tiles;
  }
  call.descriptors = rows;
  call.quantisation = numbers;
  const std::string found = difference(call, exact);
  if (found.empty()) return 0;
  std::cerr << found << '\n';
  std::abort();
}
