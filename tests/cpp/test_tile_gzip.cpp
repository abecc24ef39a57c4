// GZIP_1 and GZIP_2 against zlib and CFITSIO's own files, byte planes against their definition, and streams that are
// cut, damaged, too long, too short, of several members.
#include <fitsio.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "check.h"
#include "tile/gzip.h"
#include "tile/shuffle.h"

namespace {

using fits::SimdLevel;
using fits::TileError;
using Octets = std::vector<std::byte>;

Octets random_octets(std::mt19937& random, std::size_t size, unsigned kinds = 256) {
  Octets octets(size);
  for (auto& octet : octets) octet = static_cast<std::byte>(random() % kinds);
  return octets;
}

// By zlib, as CFITSIO does; with a header of one's own where `header` is given.
Octets zlib_gzip(const Octets& octets, gz_header* header = nullptr, int level = 1) {
  z_stream stream{};
  deflateInit2(&stream, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
  if (header != nullptr) deflateSetHeader(&stream, header);
  Octets out(deflateBound(&stream, octets.size()) + 200);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(octets.data()));
  stream.avail_in = static_cast<uInt>(octets.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK_EQUAL(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Octets zlib_gunzip(const Octets& stream, std::size_t size) {
  z_stream z{};
  inflateInit2(&z, 31);
  Octets out(size + 1);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(stream.data()));
  z.avail_in = static_cast<uInt>(stream.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  CHECK_EQUAL(inflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  inflateEnd(&z);
  return out;
}

Octets joined(Octets a, const Octets& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Into memory of just the right size, so that the sanitizers see any access beyond it.
TileError inflate_as(const Octets& stream, std::size_t size, Octets& out) {
  out = Octets(size, std::byte{77});
  const Octets exact(stream);
  return fits::inflate_tile(exact, out);
}

TileError inflate_as(const Octets& stream, std::size_t size) {
  Octets out;
  return inflate_as(stream, size, out);
}

// By the words of the Standard: byte `plane` of every value, most significant first.
Octets planes_of(const Octets& native, std::size_t size) {
  const std::size_t count = native.size() / size;
  Octets planes(native.size());
  for (std::size_t i = 0; i < native.size(); ++i)
    planes[i % size * count + i / size] = native[i / size * size + (size - 1 - i % size)];
  return planes;
}

Octets big_endian(const Octets& native, std::size_t size) {
  Octets out(native);
  for (std::size_t i = 0; i < out.size(); i += size) std::reverse(out.begin() + i, out.begin() + i + size);
  return out;
}

}  // namespace

TEST(byte_planes_of_every_size_and_level) {
  std::mt19937 random(1);
  for (const std::size_t size : {1, 2, 4, 8}) {
    for (std::size_t count = 0; count < 140; ++count) {
      const auto values = random_octets(random, count * size);
      const auto planes = planes_of(values, size);
      for (const auto level : {SimdLevel::plain, SimdLevel::avx2, SimdLevel::avx512}) {
        if (level > fits::simd_level()) continue;
        Octets out(count * size);
        fits::unshuffle(planes.data(), static_cast<std::int64_t>(count), size, out.data(), level);
        CHECK(out == values);
      }
      Octets back(count * size);
      fits::shuffle(values.data(), static_cast<std::int64_t>(count), size, back.data());
      CHECK(back == planes);
    }
  }
}

TEST(tiles_of_every_size) {
  std::mt19937 random(2);
  for (const std::size_t size : {1, 2, 4, 8}) {
    for (const bool shuffled : {false, true}) {
      for (const std::size_t count : {1, 2, 31, 32, 33, 100, 1000, 4096}) {
        const auto values = random_octets(random, count * size, count % 2 == 0 ? 5 : 256);
        const auto stored = shuffled ? planes_of(values, size) : big_endian(values, size);
        Octets out(values.size());
        Octets scratch(size == 1 ? 0 : values.size());
        CHECK_EQUAL(fits::decode_gzip(zlib_gzip(stored), shuffled, size, out, scratch), TileError::ok);
        CHECK(out == values);

        Octets stream(fits::gzip_bound(values.size()));
        stream.resize(fits::encode_gzip(values, shuffled, size, stream, scratch));
        CHECK(zlib_gunzip(stream, stored.size()) == stored);
        CHECK_EQUAL(fits::decode_gzip(stream, shuffled, size, out, scratch), TileError::ok);
        CHECK(out == values);
      }
    }
  }
}

TEST(an_empty_tile) {
  const auto stream = zlib_gzip({});
  CHECK_EQUAL(inflate_as(stream, 0), TileError::ok);
  CHECK_EQUAL(inflate_as(stream, 1), TileError::short_input);
  CHECK_EQUAL(inflate_as({}, 0), TileError::short_input);
  CHECK_EQUAL(inflate_as({}, 1), TileError::short_input);
}

TEST(streams_of_other_lengths) {
  std::mt19937 random(3);
  for (const std::size_t size : {1, 100, 5000}) {
    const auto stream = zlib_gzip(random_octets(random, size, 7));
    CHECK_EQUAL(inflate_as(stream, size), TileError::ok);
    CHECK_EQUAL(inflate_as(stream, size - 1), TileError::overrun);
    CHECK_EQUAL(inflate_as(stream, 0), TileError::overrun);
    CHECK_EQUAL(inflate_as(stream, size + 1), TileError::short_input);
    CHECK_EQUAL(inflate_as(stream, 4 * size), TileError::short_input);
  }
}

TEST(header_fields) {
  std::mt19937 random(4);
  const auto octets = random_octets(random, 300, 9);
  Bytef extra[] = "extra field";
  Bytef name[] = "tile.dat";
  Bytef comment[] = "a comment";
  gz_header header{};
  header.extra = extra;
  header.extra_len = sizeof extra;
  header.name = name;
  header.comment = comment;
  header.hcrc = 1;
  header.time = 1;
  Octets out;
  CHECK_EQUAL(inflate_as(zlib_gzip(octets, &header), octets.size(), out), TileError::ok);
  CHECK(out == octets);
}

TEST(several_members_and_what_follows) {
  std::mt19937 random(5);
  const auto first = random_octets(random, 300, 9);
  const auto second = random_octets(random, 200, 9);
  const auto both = joined(zlib_gzip(first), zlib_gzip(second));
  Octets out;
  CHECK_EQUAL(inflate_as(both, 500, out), TileError::ok);
  CHECK(out == joined(first, second));
  CHECK_EQUAL(inflate_as(both, 300), TileError::overrun);
  CHECK_EQUAL(inflate_as(both, 501), TileError::short_input);
  CHECK_EQUAL(inflate_as(joined(both, zlib_gzip({})), 500), TileError::ok);
  // Padding and other bytes are no part of the stream.
  for (const auto& rest : {Octets(1), Octets(500), random_octets(random, 90, 16), Octets{std::byte{0x1f}}}) {
    CHECK_EQUAL(inflate_as(joined(zlib_gzip(first), rest), 300, out), TileError::ok);
    CHECK(out == first);
  }
  // A member that is cut or damaged is not "other bytes".
  auto cut = both;
  cut.pop_back();
  CHECK_EQUAL(inflate_as(cut, 500), TileError::short_input);
  auto damaged = both;
  damaged[damaged.size() - 6] ^= std::byte{1};
  CHECK_EQUAL(inflate_as(damaged, 500), TileError::bad_code);
}

TEST(every_prefix) {
  std::mt19937 random(6);
  for (const int level : {0, 1, 9}) {
    const auto octets = random_octets(random, 900, 5);
    const auto stream = zlib_gzip(octets, nullptr, level);
    for (std::size_t size = 0; size < stream.size(); ++size) {
      const Octets prefix(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size));
      CHECK_EQUAL(inflate_as(prefix, octets.size()), TileError::short_input);
    }
  }
}

// Every bit but those that mean nothing: flags of the text hint, time, system. The check sum sees the others.
TEST(every_bit_flipped) {
  std::mt19937 random(7);
  const auto octets = random_octets(random, 200, 11);
  const auto stream = zlib_gzip(octets);
  for (std::size_t bit = 0; bit < 8 * stream.size(); ++bit) {
    auto damaged = stream;
    damaged[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    Octets out;
    const auto error = inflate_as(damaged, octets.size(), out);
    const bool meaningless = bit == 3 * 8 || (bit >= 4 * 8 && bit < 10 * 8);
    CHECK_EQUAL(error == TileError::ok, meaningless);
    if (error == TileError::ok) CHECK(out == octets);
  }
}

TEST(random_damage) {
  std::mt19937 random(8);
  for (const std::size_t size : {2, 4, 8}) {
    const auto values = random_octets(random, 100 * size, 20);
    const auto stream = zlib_gzip(planes_of(values, size));
    int errors = 0;
    for (int round = 0; round < 3000; ++round) {
      auto damaged = stream;
      for (unsigned k = 1 + random() % 5; k > 0; --k)
        damaged[10 + random() % (stream.size() - 10)] = static_cast<std::byte>(random());
      Octets out(values.size());
      Octets scratch(values.size());
      const auto error = fits::decode_gzip(damaged, true, size, out, scratch);
      errors += error != TileError::ok ? 1 : 0;
      if (error == TileError::ok) CHECK(out == values);
    }
    CHECK(errors > 2900);
  }
}

namespace {

// Writes an image with CFITSIO, which compresses it, and decodes the tiles that it wrote.
template <class T>
void check_cfitsio_tiles(int bitpix, int datatype, int codec, const std::vector<T>& pixels, long width) {
  int status = 0;
  fitsfile* file = nullptr;
  fits_create_file(&file, "mem://", &status);
  fits_set_compression_type(file, codec, &status);
  fits_set_quantize_level(file, 0, &status);
  const auto height = static_cast<long>(pixels.size()) / width;
  long tile[] = {width, 3};
  long naxes[] = {width, height};
  fits_set_tile_dim(file, 2, tile, &status);
  fits_create_img(file, bitpix, 2, naxes, &status);
  fits_write_img(file, datatype, 1, static_cast<LONGLONG>(pixels.size()), const_cast<T*>(pixels.data()), &status);
  fits_flush_file(file, &status);
  int column = 0;
  fits_get_colnum(file, CASEINSEN, const_cast<char*>("COMPRESSED_DATA"), &column, &status);
  std::size_t first = 0;
  for (LONGLONG row = 1; first < pixels.size() && status == 0; ++row) {
    LONGLONG length = 0;
    LONGLONG offset = 0;
    fits_read_descriptll(file, column, row, &length, &offset, &status);
    Octets stream(static_cast<std::size_t>(length));
    fits_read_col(file, TBYTE, column, row, 1, length, nullptr, stream.data(), nullptr, &status);
    const std::size_t count = std::min(static_cast<std::size_t>(3 * width), pixels.size() - first);
    std::vector<T> out(count);
    Octets scratch(count * sizeof(T));
    CHECK_EQUAL(fits::decode_gzip(stream, codec == GZIP_2, sizeof(T), std::as_writable_bytes(std::span(out)), scratch),
                TileError::ok);
    CHECK(std::memcmp(out.data(), pixels.data() + first, count * sizeof(T)) == 0);
    first += count;
  }
  CHECK_EQUAL(status, 0);
  int closing = 0;
  fits_close_file(file, &closing);
}

template <class T>
void check_cfitsio(int bitpix, int datatype) {
  std::mt19937 random(9);
  for (const int codec : {GZIP_1, GZIP_2}) {
    std::vector<T> pixels(211 * 7);
    for (auto& pixel : pixels) {
      if constexpr (std::is_floating_point_v<T>) {
        pixel = static_cast<T>(std::sqrt(static_cast<double>(random() % 100000)));
      } else {
        pixel = static_cast<T>(random() % 3 == 0 ? random() : random() % 50);
      }
    }
    pixels[0] = std::numeric_limits<T>::lowest();
    pixels[1] = std::numeric_limits<T>::max();
    pixels[2] = static_cast<T>(-0.0);
    check_cfitsio_tiles(bitpix, datatype, codec, pixels, 211);
  }
}

}  // namespace

TEST(tiles_that_cfitsio_wrote) {
  check_cfitsio<std::uint8_t>(BYTE_IMG, TBYTE);
  check_cfitsio<std::int16_t>(SHORT_IMG, TSHORT);
  check_cfitsio<std::int32_t>(LONG_IMG, TINT);
  check_cfitsio<float>(FLOAT_IMG, TFLOAT);
  check_cfitsio<double>(DOUBLE_IMG, TDOUBLE);
}

// On noise, which is what images mostly are made of; zlib's level 1 is CFITSIO's.
TEST(streams_are_not_larger_than_cfitsios) {
  std::mt19937 random(10);
  std::normal_distribution<double> noise(2000, 10);
  const auto check = [&]<class T>(T) {
    std::vector<T> pixels(65536);
    for (auto& pixel : pixels) pixel = static_cast<T>(sizeof(T) == 1 ? noise(random) / 20 : noise(random));
    const auto values = std::as_bytes(std::span(pixels));
    const Octets native(values.begin(), values.end());
    for (const bool shuffled : {false, true}) {
      const auto theirs = zlib_gzip(shuffled ? planes_of(native, sizeof(T)) : big_endian(native, sizeof(T)));
      Octets ours(fits::gzip_bound(native.size()));
      Octets scratch(native.size());
      ours.resize(fits::encode_gzip(native, shuffled, sizeof(T), ours, scratch));
      CHECK(static_cast<double>(ours.size()) <= 1.01 * static_cast<double>(theirs.size()));
    }
  };
  check(std::uint8_t{});
  check(std::int16_t{});
  check(std::int32_t{});
  check(float{});
  check(double{});
}
