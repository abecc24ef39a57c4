// HCOMPRESS_1 against CFITSIO's own coder and decoder.
#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "tile/hcompress.h"

extern "C" {
int fits_hcompress64(long long* pixels, int columns, int rows, int scale, char* out, long* size, int* status);
int fits_hdecompress64(unsigned char* in, int smooth, long long* pixels, int* columns, int* rows, int* scale,
                       int* status);
}

using namespace fits;

namespace {

struct Image {
  int rows, columns;
  std::vector<std::int32_t> pixels;
};

Image sky(int rows, int columns, double noise, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(1000, noise);
  Image image{rows, columns, std::vector<std::int32_t>(static_cast<std::size_t>(rows) * columns)};
  for (auto& pixel : image.pixels) pixel = static_cast<std::int32_t>(normal(random));
  return image;
}

std::vector<std::byte> cfitsio_encode(const Image& image, int scale) {
  std::vector<long long> pixels(image.pixels.begin(), image.pixels.end());
  long size = static_cast<long>(pixels.size()) * 20 + 1000;
  std::vector<std::byte> stream(static_cast<std::size_t>(size));
  int status = 0;
  fits_hcompress64(pixels.data(), image.columns, image.rows, scale, reinterpret_cast<char*>(stream.data()), &size,
                   &status);
  CHECK_EQUAL(status, 0);
  stream.resize(static_cast<std::size_t>(size));
  return stream;
}

std::vector<std::int32_t> cfitsio_decode(std::vector<std::byte> stream, const Image& image, bool smooth) {
  std::vector<long long> pixels(image.pixels.size());
  stream.resize(stream.size() + 16);
  int columns = 0, rows = 0, scale = 0, status = 0;
  fits_hdecompress64(reinterpret_cast<unsigned char*>(stream.data()), smooth, pixels.data(), &columns, &rows, &scale,
                     &status);
  CHECK_EQUAL(status, 0);
  std::vector<std::int32_t> low(image.pixels.size());
  std::memcpy(low.data(), pixels.data(), low.size() * 4);
  return low;
}

TileError decode(Bytes stream, int rows, int columns, bool smooth, std::vector<std::int32_t>& out) {
  out.assign(static_cast<std::size_t>(rows) * columns, 0);
  const std::size_t size = hcompress_scratch(rows, columns);
  const std::unique_ptr<std::byte, decltype(&std::free)> scratch(static_cast<std::byte*>(std::aligned_alloc(64, size)),
                                                                 &std::free);
  return decode_hcompress(stream, rows, columns, smooth, out.data(), {scratch.get(), size});
}

}  // namespace

TEST(decodes_what_cfitsio_decodes) {
  unsigned seed = 1;
  for (const int rows : {2, 3, 16, 17, 45}) {
    for (const int columns : {2, 5, 64, 65, 131}) {
      for (const int scale : {0, 2, 16}) {
        const Image image = sky(rows, columns, 20, seed++);
        const auto stream = cfitsio_encode(image, scale);
        for (const bool smooth : {false, true}) {
          std::vector<std::int32_t> out;
          CHECK_EQUAL(decode(stream, rows, columns, smooth, out), TileError::ok);
          CHECK(out == cfitsio_decode(stream, image, smooth));
        }
      }
    }
  }
}
