// The writer of RICE_1 against CFITSIO's, byte for byte: pixels of every width, blocks of every length.
#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "check.h"
#include "tile/rice_encode.h"

extern "C" {
int fits_rcomp(int* pixels, int count, unsigned char* out, int size, int blocksize);
int fits_rcomp_short(short* pixels, int count, unsigned char* out, int size, int blocksize);
int fits_rcomp_byte(signed char* pixels, int count, unsigned char* out, int size, int blocksize);
int fits_rdecomp(unsigned char* stream, int size, unsigned* pixels, int count, int blocksize);
}

namespace {

using fits::SimdLevel;
using Octets = std::vector<unsigned char>;

int cfitsio(std::vector<std::int32_t> p, Octets& out, int blocksize) {
  return fits_rcomp(p.data(), static_cast<int>(p.size()), out.data(), static_cast<int>(out.size()), blocksize);
}
int cfitsio(std::vector<std::int16_t> p, Octets& out, int blocksize) {
  return fits_rcomp_short(p.data(), static_cast<int>(p.size()), out.data(), static_cast<int>(out.size()), blocksize);
}
int cfitsio(std::vector<std::uint8_t> p, Octets& out, int blocksize) {
  return fits_rcomp_byte(reinterpret_cast<signed char*>(p.data()), static_cast<int>(p.size()), out.data(),
                         static_cast<int>(out.size()), blocksize);
}

// Into memory of just the promised size, so that the sanitizers see a bound that is too small.
template <class T>
Octets encoded(const std::vector<T>& pixels, std::int64_t blocksize, SimdLevel level = fits::simd_level()) {
  const fits::RiceParameters parameters{sizeof(T), blocksize};
  const auto count = static_cast<std::int64_t>(pixels.size());
  Octets out(fits::rice_bound(count, parameters));
  const std::vector<T> exact(pixels);
  out.resize(fits::encode_rice(exact.data(), count, parameters, reinterpret_cast<std::byte*>(out.data()), level));
  return out;
}

template <class T>
void check_as_cfitsio(const std::vector<T>& pixels, int blocksize) {
  Octets expected(pixels.size() * 2 * sizeof(T) + 1000);
  const int size = cfitsio(pixels, expected, blocksize);
  CHECK(size > 0);
  expected.resize(static_cast<std::size_t>(std::max(size, 0)));
  CHECK(encoded(pixels, blocksize) == expected);
  CHECK(encoded(pixels, blocksize, SimdLevel::plain) == expected);
}

// Walks whose steps are up to `spread`, now and then flat or jumping anywhere (blocks of all three kinds in one tile).
template <class T>
std::vector<T> walk(std::mt19937& random, std::size_t count, std::uint32_t spread, bool jumps) {
  std::vector<T> pixels(count);
  std::uint32_t value = random() % 1000;
  bool flat = false;
  for (auto& pixel : pixels) {
    if (random() % 70 == 0) flat = !flat;
    if (!flat) value += random() % (spread + 1) - spread / 2;
    if (jumps && random() % 50 == 0) value = random() >> 3;  // of less than 31 bits: see longest_differences
    pixel = static_cast<T>(value);
  }
  return pixels;
}

template <class T>
void check_walks(unsigned seed) {
  std::mt19937 random(seed);
  for (int round = 0; round < 1500; ++round) {
    const std::uint32_t spreads[] = {0, 1, 2, 10, 60, 250, 5000, 60000, 1u << 20, 1u << 28};
    const int blocksizes[] = {16, 32, 1, 7, 31, 33, 64, 100};
    const auto pixels = walk<T>(random, 1 + random() % 500, spreads[random() % 10], random() % 4 == 0);
    check_as_cfitsio(pixels, blocksizes[random() % (sizeof(T) == 4 ? 6 : 8)]);
  }
}

}  // namespace

TEST(bytes_as_cfitsio) { check_walks<std::uint8_t>(1); }
TEST(shorts_as_cfitsio) { check_walks<std::int16_t>(2); }
TEST(integers_as_cfitsio) { check_walks<std::int32_t>(3); }

TEST(every_short_length) {
  std::mt19937 random(4);
  for (std::size_t count = 1; count < 140; ++count) {
    check_as_cfitsio(walk<std::int16_t>(random, count, 40, true), 32);
    check_as_cfitsio(walk<std::int32_t>(random, count, 40, false), 32);
    check_as_cfitsio(walk<std::uint8_t>(random, count, 40, false), 16);
  }
  CHECK(encoded(std::vector<std::int32_t>{}, 32).empty());
}

TEST(extremes) {
  const auto alternate = []<class T>(T low, T high, std::size_t count) {
    std::vector<T> pixels(count);
    for (std::size_t i = 0; i < count; ++i) pixels[i] = i % 2 == 0 ? low : high;
    return pixels;
  };
  for (const std::size_t count : {1, 2, 31, 32, 33, 64, 1000}) {
    check_as_cfitsio(alternate(std::uint8_t{0}, std::uint8_t{255}, count), 32);
    check_as_cfitsio(alternate(std::uint8_t{0}, std::uint8_t{128}, count), 32);
    check_as_cfitsio(alternate(std::int16_t{-32768}, std::int16_t{32767}, count), 32);
    check_as_cfitsio(alternate(std::int16_t{-32768}, std::int16_t{0}, count), 32);
    check_as_cfitsio(alternate(std::int32_t{INT32_MIN}, std::int32_t{INT32_MAX}, count), 32);
    check_as_cfitsio(alternate(std::int32_t{INT32_MIN}, std::int32_t{0}, count), 32);
  }
}

// The mean difference at every power of two: where the split level changes, and where raw begins.
TEST(every_split_level) {
  for (int bits = 0; bits < 31; ++bits) {
    for (const int offset : {-1, 0, 1}) {
      const std::uint32_t step = (1U << bits) + static_cast<std::uint32_t>(offset);
      for (const std::size_t flat : {0, 1, 16, 31}) {  // pixels of the block that do not differ
        std::vector<std::int32_t> pixels(96);
        for (std::size_t i = 0; i < pixels.size(); ++i) {
          pixels[i] = i % 32 >= flat && i % 2 == 1 ? static_cast<std::int32_t>(step & 0x7fffffff) : 0;
        }
        check_as_cfitsio(pixels, 32);
        check_as_cfitsio(std::vector<std::int16_t>(pixels.begin(), pixels.end()), 32);
        check_as_cfitsio(std::vector<std::uint8_t>(pixels.begin(), pixels.end()), 16);
      }
    }
  }
}

// CFITSIO shifts a negative number here (a difference of 32 bits, mapped, in a smooth block): what it writes is
// undefined. Ours is read back by its decoder.
TEST(longest_differences) {
  std::vector<std::int32_t> pixels(300, 5);
  pixels[100] = INT32_MIN;
  for (const int blocksize : {128, 300}) {
    auto stream = encoded(pixels, blocksize);
    CHECK(stream == encoded(pixels, blocksize, SimdLevel::plain));
    std::vector<unsigned> back(pixels.size());
    CHECK_EQUAL(fits_rdecomp(stream.data(), static_cast<int>(stream.size()), back.data(), static_cast<int>(back.size()),
                             blocksize),
                0);
    CHECK(std::equal(back.begin(), back.end(), pixels.begin(),
                     [](unsigned a, std::int32_t b) { return static_cast<std::int32_t>(a) == b; }));
  }
}
