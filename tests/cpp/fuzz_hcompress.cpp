// HCOMPRESS_1: any stream gives the same at each level, without a step beside the memory; and what is encoded from any
// pixels is decoded to them.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "hcompress_cases.h"

using namespace fits;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_stream(Bytes bytes, std::int64_t rows, std::int64_t columns, bool smooth) {
  std::vector<std::byte> stream(bytes.begin(), bytes.end());
  if (stream.size() >= 10) {  // else hardly any stream would have the tile's lengths
    const int lengths[8] = {0, 0, 0, static_cast<int>(rows), 0, 0, 0, static_cast<int>(columns)};
    stream[0] = std::byte{0xDD};
    stream[1] = std::byte{0x99};
    for (std::size_t i = 0; i < 8; ++i) stream[2 + i] = static_cast<std::byte>(lengths[i]);
  }
  stream.shrink_to_fit();
  const Decoded plain = decode_at(0, stream, rows, columns, smooth);
  for (int level = 1; level < hcompress::levels().count; ++level) {
    require(decode_at(level, stream, rows, columns, smooth) == plain);
  }
}

void check_pixels(Bytes bytes, std::int64_t columns, bool narrow) {
  const std::size_t size = narrow ? 2 : 4;
  const std::int64_t rows = std::min<std::int64_t>(static_cast<std::int64_t>(bytes.size() / size) / columns, 255);
  if (rows == 0) return;
  std::vector<std::int32_t> pixels(static_cast<std::size_t>(rows * columns));
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    std::int16_t half = 0;
    if (narrow) std::memcpy(&half, &bytes[i * size], size);
    pixels[i] = half;
    if (!narrow) std::memcpy(&pixels[i], &bytes[i * size], size);
  }
  const auto stream = encode(pixels, rows, columns, 0);
  for (int level = 0; level < hcompress::levels().count; ++level) {
    require(decode_at(level, stream, rows, columns, true) == Decoded{TileError::ok, pixels});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const Bytes bytes(reinterpret_cast<const std::byte*>(data + 3), size - 3);
  const std::int64_t rows = std::max<int>(data[0], 1), columns = std::max<int>(data[1], 1);
  if (data[2] % 4 < 2) {
    check_stream(bytes, rows, columns, data[2] % 2 != 0);
  } else {
    check_pixels(bytes, columns, data[2] % 2 != 0);
  }
  return 0;
}
