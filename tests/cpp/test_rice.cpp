// Rice decoding: CFITSIO's streams give CFITSIO's pixels, one tile alone and many in lockstep; streams that are cut or
// corrupt give an error or the same pixels at every SIMD level, and nothing is read past their end (AddressSanitizer).
#include "test_rice_lockstep.h"
#include "tile/rice.h"

namespace {

using namespace rice_cases;
using fits::SimdLevel;
using fits::TileError;

constexpr int kCounts[] = {1, 2, 3, 7, 31, 32, 33, 63, 64, 65, 100, 255, 256, 257, 300, 1000, 4096};
constexpr int kBlocksizes[] = {32, 16, 1, 2, 7, 8, 20, 33, 64, 100, 1000};

template <int kBytepix>
void check_one_tile() {
  std::mt19937 random(1);
  for (const int blocksize : kBlocksizes) {
    for (const int count : kCounts) {
      for (int kind = 0; kind < kKinds; ++kind) {
        const auto values = row<kBytepix>(kind, count, random);
        const Stream stream = encode<kBytepix>(values, blocksize);
        Pixels<kBytepix> found(values.size());
        CHECK(fits::decode_rice(stream, {kBytepix, blocksize}, count, found.data()) == TileError::ok);
        CHECK(found == values);
        CHECK(decode_by_cfitsio<kBytepix>(stream, count, blocksize) == values);
      }
    }
  }
}

TEST(one_tile_of_bytes_as_cfitsio) { check_one_tile<1>(); }
TEST(one_tile_of_shorts_as_cfitsio) { check_one_tile<2>(); }
TEST(one_tile_of_ints_as_cfitsio) { check_one_tile<4>(); }

template <SimdLevel kLevel>
void decode(std::span<const fits::Bytes> streams, fits::RiceParameters parameters, std::int64_t count,
            const fits::RiceSink& sink, std::span<TileError> errors) {
  fits::decode_rice(streams, parameters, count, sink, errors, kLevel);
}

void decode_at_best(std::span<const fits::Bytes> streams, fits::RiceParameters parameters, std::int64_t count,
                    const fits::RiceSink& sink, std::span<TileError> errors) {
  fits::decode_rice(streams, parameters, count, sink, errors);
}

template <int kBytepix>
void check_levels() {
  constexpr DecodeTiles kLevels[] = {&decode<SimdLevel::plain>, &decode<SimdLevel::avx2>, &decode<SimdLevel::avx512>};
  for (int level = 0; level <= static_cast<int>(fits::simd_level()); ++level) {
    check_lockstep<kBytepix>(kLevels[level], 700);
    check_cuts<kBytepix>(kLevels[level], 300);
  }
}

TEST(lockstep_of_bytes_is_tile_by_tile) { check_levels<1>(); }
TEST(lockstep_of_shorts_is_tile_by_tile) { check_levels<2>(); }
TEST(lockstep_of_ints_is_tile_by_tile) { check_levels<4>(); }

// FITS Standard 4.0, section 10.4.1: codes above 26 do not exist where BYTEPIX is 4.
TEST(codes_without_meaning) {
  for (int code = 27; code < 32; ++code) {
    Stream stream(64);
    stream[4] = static_cast<std::byte>(code << 3);
    std::int32_t pixels[8];
    CHECK(fits::decode_rice(stream, {}, 8, pixels) == TileError::bad_code);
    check_same<4>(&decode_at_best, std::vector<Stream>(9, stream), 8, 32);
  }
}

TEST(parameters_without_meaning) {
  const Stream stream(64);
  const fits::Bytes streams[] = {stream};
  std::int32_t pixels[8];
  TileError errors[] = {TileError::ok};
  for (const fits::RiceParameters wrong : {fits::RiceParameters{3, 32}, {8, 32}, {0, 32}, {4, 0}, {4, -1}}) {
    CHECK(fits::decode_rice(stream, wrong, 8, pixels) == TileError::bad_code);
    fits::decode_rice(streams, wrong, 8, {nullptr, nullptr}, errors);
    CHECK(errors[0] == TileError::bad_code);
  }
}

// A number of zeros that no 32-bit window holds: 2^20 of them, in the middle of blocks that are read quickly.
TEST(a_symbol_of_a_million_zeros) {
  Stream stream(200000);
  stream[4] = std::byte{1 << 3 | 4};  // k = 0, and the first difference is 0: a one
  stream[140000] = std::byte{0x7f};
  for (std::size_t i = 140001; i < 140010; ++i) stream[i] = std::byte{0xff};
  std::int32_t pixels[32];
  CHECK(fits::decode_rice(stream, {}, 32, pixels) == TileError::ok && pixels[0] == 0 && pixels[1] == -559982);
  std::vector<Stream> streams(16, stream);
  streams[5] = encode<4>(Pixels<4>(32, 77), 32);
  check_same<4>(&decode<SimdLevel::plain>, streams, 32, 32);
  check_same<4>(&decode_at_best, streams, 32, 32);
}

}  // namespace
