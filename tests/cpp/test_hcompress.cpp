// HCOMPRESS_1 against CFITSIO's own coder and decoder, and against hostile streams.
#include <algorithm>
#include <random>
#include <string>

#include "check.h"
#include "hcompress_cases.h"
#include "tile/hcompress.h"

extern "C" {
int fits_hcompress(int* pixels, int columns, int rows, int scale, char* out, long* size, int* status);
int fits_hcompress64(long long* pixels, int columns, int rows, int scale, char* out, long* size, int* status);
int fits_hdecompress(unsigned char* in, int smooth, int* pixels, int* columns, int* rows, int* scale, int* status);
int fits_hdecompress64(unsigned char* in, int smooth, long long* pixels, int* columns, int* rows, int* scale,
                       int* status);
}

using namespace fits;

namespace {

using Pixels = std::vector<std::int32_t>;
using Stream = std::vector<std::byte>;

struct Image {
  int rows, columns;
  Pixels pixels;
};

enum class Kind {
  zero,
  constant,
  faint,
  sky,
  stars,
  wide_noise,
  int16_extremes,
  int32_extremes,
  int32_noise,
  null_like
};
constexpr int kKinds = 10;

Image make_image(int rows, int columns, Kind kind, unsigned seed) {
  std::mt19937 random(seed);
  const double noise = kind == Kind::faint ? 0.4 : kind == Kind::wide_noise ? 3000 : 12;
  std::normal_distribution<double> normal(kind == Kind::faint ? 0 : 1000, noise);
  Image image{rows, columns, Pixels(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns))};
  for (auto& pixel : image.pixels) {
    const bool coin = random() % 2 != 0;
    switch (kind) {
      case Kind::zero: pixel = 0; break;
      case Kind::constant: pixel = -7; break;
      case Kind::stars: pixel = static_cast<int>(normal(random)) + (random() % 50 == 0 ? 30000 : 0); break;
      case Kind::int16_extremes: pixel = coin ? 32767 : -32768; break;
      case Kind::int32_extremes: pixel = coin ? 2147483647 : -2147483647 - 1; break;
      case Kind::int32_noise: pixel = static_cast<std::int32_t>(random()); break;
      // As quantised floats near their reserved value are.
      case Kind::null_like:
        pixel = random() % 9 == 0 ? -2147483647 : -2147483000 + static_cast<int>(normal(random));
        break;
      default: pixel = static_cast<int>(normal(random));
    }
  }
  return image;
}

Stream cfitsio_encode(const Image& image, int scale) {
  std::vector<long long> pixels(image.pixels.begin(), image.pixels.end());
  long size = static_cast<long>(pixels.size()) * 20 + 1000;
  Stream stream(static_cast<std::size_t>(size));
  int status = 0;
  fits_hcompress64(pixels.data(), image.columns, image.rows, scale, reinterpret_cast<char*>(stream.data()), &size,
                   &status);
  CHECK_EQUAL(status, 0);
  stream.resize(static_cast<std::size_t>(size));
  return stream;
}

// As imcompress.c does for ZBITPIX 32, -32 and -64.
Pixels cfitsio_decode(Stream stream, const Image& image, bool smooth) {
  std::vector<long long> pixels(image.pixels.size());
  stream.resize(stream.size() + 16);  // it reads on
  int columns = 0, rows = 0, scale = 0, status = 0;
  fits_hdecompress64(reinterpret_cast<unsigned char*>(stream.data()), smooth, pixels.data(), &columns, &rows, &scale,
                     &status);
  CHECK_EQUAL(status, 0);
  Pixels low(image.pixels.size());
  std::memcpy(low.data(), pixels.data(), low.size() * 4);
  return low;
}

// For an empty quadrant, which tiles of one row or one column have, CFITSIO allocates nothing and writes to it.
bool cfitsio_can_decode(const Image& image) {
  return std::min(image.rows, image.columns) > 1 || std::max(image.rows, image.columns) <= 60;
}

std::string describe(const Image& image, int kind, int scale, bool smooth) {
  return std::to_string(image.rows) + " x " + std::to_string(image.columns) + ", kind " + std::to_string(kind) +
         ", scale " + std::to_string(scale) + (smooth ? ", smooth" : "");
}

void check_image(const Image& image, int kind, int scale) {
  const Stream stream = cfitsio_encode(image, scale);
  if (encode(image.pixels, image.rows, image.columns, scale) != stream) {
    check::report(__FILE__, __LINE__, "another stream: " + describe(image, kind, scale, false));
  }
  for (const bool smooth : {false, true}) {
    Decoded expected{TileError::ok, image.pixels};
    if (image.pixels.size() > 1 && cfitsio_can_decode(image)) {
      expected.pixels = cfitsio_decode(stream, image, smooth);
    } else if (scale > 1) {
      expected = decode_at(0, stream, image.rows, image.columns, smooth);
    }
    if (scale <= 1) CHECK(expected.pixels == image.pixels);
    for (int level = 0; level < hcompress::levels().count; ++level) {
      if (decode_at(level, stream, image.rows, image.columns, smooth) == expected) continue;
      check::report(__FILE__, __LINE__, "level " + std::to_string(level) + ": " + describe(image, kind, scale, smooth));
    }
  }
}

constexpr int kScales[] = {0, 1, 2, 16, 100};

}  // namespace

TEST(agrees_with_cfitsio_at_every_small_size) {
  unsigned seed = 1;
  for (int rows = 1; rows <= 20; ++rows) {
    for (int columns = 1; columns <= 20; ++columns, ++seed) {
      const int kind = static_cast<int>(seed % kKinds);
      check_image(make_image(rows, columns, static_cast<Kind>(kind), seed), kind, kScales[seed / 3 % 5]);
    }
  }
}

TEST(agrees_with_cfitsio_at_larger_sizes) {
  unsigned seed = 1000;
  for (const int rows : {1, 2, 3, 16, 17, 31, 64, 129, 300}) {
    for (const int columns : {1, 2, 5, 16, 33, 63, 64, 65, 127, 128, 129, 255, 300}) {
      for (int i = 0; i < 2; ++i, seed += 7) {
        const int kind = static_cast<int>(seed % kKinds);
        check_image(make_image(rows, columns, static_cast<Kind>(kind), seed), kind, kScales[seed % 5]);
      }
    }
  }
}

TEST(agrees_with_cfitsio_for_every_kind_and_scale) {
  for (int kind = 0; kind < kKinds; ++kind) {
    for (const int scale : kScales) {
      check_image(make_image(37, 90, static_cast<Kind>(kind), 5), kind, scale);
      check_image(make_image(16, 1100, static_cast<Kind>(kind), 6), kind, scale);
    }
  }
}

// What imcompress.c calls for ZBITPIX 8 and 16. 32-bit sums hold these images.
TEST(agrees_with_the_32_bit_functions) {
  for (const Kind kind : {Kind::faint, Kind::sky, Kind::stars, Kind::int16_extremes}) {
    for (const int scale : kScales) {
      for (const bool smooth : {false, true}) {
        const Image image = make_image(33, 400, kind, 9);
        Pixels pixels = image.pixels;
        Stream stream(pixels.size() * 20 + 1000);
        long size = static_cast<long>(stream.size());
        int columns = 0, rows = 0, scale_read = 0, status = 0;
        fits_hcompress(pixels.data(), image.columns, image.rows, scale, reinterpret_cast<char*>(stream.data()), &size,
                       &status);
        CHECK_EQUAL(status, 0);
        stream.resize(static_cast<std::size_t>(size));
        CHECK(stream == encode(image.pixels, image.rows, image.columns, scale));
        const Decoded decoded = decode_at(hcompress::levels().best, stream, image.rows, image.columns, smooth);
        stream.resize(stream.size() + 16);
        fits_hdecompress(reinterpret_cast<unsigned char*>(stream.data()), smooth, pixels.data(), &columns, &rows,
                         &scale_read, &status);
        CHECK_EQUAL(status, 0);
        CHECK(decoded.pixels == pixels);
      }
    }
  }
}

TEST(a_single_pixel_is_its_sum) {
  for (const std::int32_t pixel : {0, 5, -5, 2147483647, -2147483647 - 1}) {
    CHECK(decode_at(0, encode({pixel}, 1, 1, 0), 1, 1, false).pixels == Pixels{pixel});
  }
  CHECK(decode_at(0, encode({50}, 1, 1, 4), 1, 1, false).pixels == Pixels{48});
}

TEST(header_is_read) {
  const Stream stream = cfitsio_encode(make_image(12, 34, Kind::sky, 3), 16);
  HcompressHeader header;
  CHECK_EQUAL(read_hcompress_header(stream, header), TileError::ok);
  CHECK_EQUAL(header.rows, 12);
  CHECK_EQUAL(header.columns, 34);
  CHECK_EQUAL(header.scale, 16);
  for (std::size_t size = 0; size < kHcompressHeaderSize; ++size) {
    CHECK_EQUAL(read_hcompress_header(Bytes(stream).first(size), header), TileError::short_input);
  }
  Stream other = stream;
  other[1] = std::byte{0};
  CHECK_EQUAL(read_hcompress_header(other, header), TileError::bad_code);
}

// Also what a cut leaves must be the same at each level.
TEST(streams_cut_at_every_byte) {
  for (const Kind kind : {Kind::zero, Kind::faint, Kind::stars, Kind::int32_noise}) {
    const Stream whole = cfitsio_encode(make_image(13, 70, kind, 4), 2);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const Stream cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      const Decoded plain = decode_at(0, cut, 13, 70, true);
      CHECK(plain.error != TileError::ok);
      for (int level = 1; level < hcompress::levels().count; ++level)
        CHECK(decode_at(level, cut, 13, 70, true) == plain);
    }
  }
}

// Among them are codes for cells that an odd length has cut off, which no encoder writes and CFITSIO skips.
TEST(corrupt_streams_give_the_same_at_each_level) {
  std::mt19937 random(8);
  int failed = 0, decoded = 0;
  for (int i = 0; i < 3000; ++i) {
    const int rows = 1 + static_cast<int>(random() % 40), columns = 1 + static_cast<int>(random() % 90);
    const Image image = make_image(rows, columns, static_cast<Kind>(random() % kKinds), random());
    Stream stream = encode(image.pixels, rows, columns, kScales[random() % 5]);
    for (unsigned flips = 1 + random() % 6; flips > 0; --flips) {
      stream[10 + random() % (stream.size() - 10)] ^= static_cast<std::byte>(1u << random() % 8);
    }
    const bool smooth = random() % 2 != 0;
    const Decoded plain = decode_at(0, stream, rows, columns, smooth);
    ++(plain.error == TileError::ok ? decoded : failed);
    for (int level = 1; level < hcompress::levels().count; ++level) {
      CHECK(decode_at(level, stream, rows, columns, smooth) == plain);
    }
    // What stays inside the stream here does so there.
    if (plain.error == TileError::ok && image.pixels.size() > 1 && cfitsio_can_decode(image)) {
      CHECK(plain.pixels == cfitsio_decode(stream, image, smooth));
    }
  }
  CHECK(failed > 300);
  CHECK(decoded > 300);
}

TEST(hostile_headers) {
  const Image image = make_image(20, 30, Kind::sky, 2);
  const Stream good = encode(image.pixels, 20, 30, 16);
  const auto decode_with = [&](std::size_t at, std::initializer_list<int> bytes) {
    Stream stream = good;
    for (const int byte : bytes) stream[at++] = static_cast<std::byte>(byte);
    const Decoded plain = decode_at(0, stream, 20, 30, true);
    for (int level = 1; level < hcompress::levels().count; ++level)
      CHECK(decode_at(level, stream, 20, 30, true) == plain);
    return plain.error;
  };
  CHECK_EQUAL(decode_with(2, {0x7F, 0xFF, 0xFF, 0xFF}), TileError::overrun);  // rows
  CHECK_EQUAL(decode_with(2, {0x80, 0, 0, 0}), TileError::overrun);
  CHECK_EQUAL(decode_with(2, {0, 0, 0, 30, 0, 0, 0, 20}), TileError::overrun);                   // exchanged
  CHECK_EQUAL(decode_with(6, {0, 0, 0, 0}), TileError::overrun);                                 // columns
  CHECK_EQUAL(decode_with(10, {0x80, 0, 0, 0}), TileError::ok);                                  // scale: not above 1
  CHECK_EQUAL(decode_with(14, {0x7F, 255, 255, 255, 255, 255, 255, 255}), TileError::bad_code);  // sum
  CHECK_EQUAL(decode_with(14, {0x80, 0, 0, 0, 0, 0, 0, 0}), TileError::bad_code);
  for (std::size_t quadrant = 22; quadrant < 25; ++quadrant) {
    CHECK_EQUAL(decode_with(quadrant, {255}), TileError::bad_code);
    CHECK_EQUAL(decode_with(quadrant, {39}), TileError::bad_code);  // 33 + 5 steps
    CHECK(decode_with(quadrant, {38}) != TileError::ok);
  }
  CHECK(decode_with(10, {0x7F, 255, 255, 255, 0x7F, 255}) != TileError::ok);
}

TEST(lengths_and_scratch_are_checked) {
  for (const std::int64_t length : {std::int64_t{0}, std::int64_t{-1}, (std::int64_t{1} << 29) + 1}) {
    CHECK_EQUAL(hcompress_scratch(length, 4), 0u);
    CHECK_EQUAL(hcompress_bound(4, length), 0u);
    CHECK_EQUAL(hcompress_encode_scratch(length, 4), 0u);
  }
  const Image image = make_image(8, 8, Kind::sky, 2);
  Stream stream = encode(image.pixels, 8, 8, 0);
  Pixels out(64);
  const Scratch scratch(hcompress_scratch(8, 8));
  CHECK_EQUAL(decode_hcompress(stream, 8, 8, false, out.data(), scratch.all()), TileError::ok);
  CHECK(out == image.pixels);
  CHECK_EQUAL(decode_hcompress(stream, 8, 8, false, out.data(), scratch.all().subspan(64)), TileError::overrun);
  CHECK_EQUAL(decode_hcompress(stream, 0, 8, false, out.data(), scratch.all()), TileError::overrun);
  stream.resize(stream.size() + 3, std::byte{0xFF});  // what follows is not the tile's
  CHECK_EQUAL(decode_hcompress(stream, 8, 8, false, out.data(), scratch.all()), TileError::ok);
  CHECK(out == image.pixels);
  CHECK_EQUAL(encode_hcompress(image.pixels.data(), 8, 8, 0, stream.data(), scratch.all().first(64)), 0u);
}

// The stream is turned round piece by piece: here in many, with planes of every kind across the seams.
TEST(a_stream_longer_than_its_window) {
  const Image image = make_image(300, 300, Kind::int32_noise, 77);
  const Stream stream = encode(image.pixels, 300, 300, 0);
  CHECK(stream.size() > 3 * hcompress::layout(300, 300).window_data);
  for (int level = 0; level < hcompress::levels().count; ++level) {
    CHECK(decode_at(level, stream, 300, 300, false).pixels == image.pixels);
  }
}
