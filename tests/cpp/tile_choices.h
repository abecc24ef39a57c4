// A compressed image as the first bytes of a fuzzer's input choose it: any geometry, BITPIX and parameters.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tile/decode.h"

namespace choices {

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
  fits::Bytes rest() const { return std::as_bytes(bytes_); }

 private:
  std::span<const std::uint8_t> bytes_;
};

inline fits::TileImage image_of(Choices& choose) {
  constexpr int kBitpix[] = {8, 16, 32, 64, -32, -64};
  constexpr int kBytepix[] = {1, 2, 4, 3};
  fits::TileImage image;
  std::vector<std::int64_t> shape, tile;
  const std::int64_t naxis = 1 + choose.up_to(2);
  for (std::int64_t i = 0; i < naxis; ++i) {
    shape.push_back(1 + choose.up_to(naxis == 1 ? 250 : 40));
    tile.push_back(1 + choose.up_to(50));
  }
  image.grid = fits::TileGrid::of(shape, tile);
  image.bitpix = kBitpix[choose.up_to(5)];
  image.zquantiz = static_cast<fits::Quantization>(choose.up_to(3));
  image.zdither0 = static_cast<int>(1 + choose.up_to(200));
  image.rice = {kBytepix[choose.up_to(3)], choose.up_to(64)};
  image.smooth = choose.up_to(1) == 1;
  image.physical_plio = choose.up_to(1) == 1;
  if (image.bitpix > 0 && choose.up_to(1) == 1) image.blank = choose.up_to(255);
  return image;
}

}  // namespace choices
