// What the tests of Rice decoding share: CFITSIO's coder as the oracle, and images that try every kind of block.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "format/bytes.h"
#include "tile/rice.h"
#include "tile/rice_block.h"

// CFITSIO's own, exported but declared in no public header.
extern "C" {
int fits_rcomp(int* values, int count, unsigned char* out, int room, int blocksize);
int fits_rcomp_short(short* values, int count, unsigned char* out, int room, int blocksize);
int fits_rcomp_byte(signed char* values, int count, unsigned char* out, int room, int blocksize);
int fits_rdecomp(unsigned char* stream, int length, unsigned* values, int count, int blocksize);
int fits_rdecomp_short(unsigned char* stream, int length, unsigned short* values, int count, int blocksize);
int fits_rdecomp_byte(unsigned char* stream, int length, unsigned char* values, int count, int blocksize);
}

namespace rice_cases {

template <int kBytepix>
using Pixel = typename fits::RiceCode<kBytepix>::Pixel;
template <int kBytepix>
using Pixels = std::vector<Pixel<kBytepix>>;
using Stream = std::vector<std::byte>;  // no spare room: AddressSanitizer sees every byte read past the end

template <int kBytepix>
Stream encode(Pixels<kBytepix> values, int blocksize) {
  const int count = static_cast<int>(values.size());
  std::vector<unsigned char> out(values.size() * (kBytepix + 1) + 64 +
                                 values.size() / static_cast<std::size_t>(blocksize));
  const int room = static_cast<int>(out.size());
  int length = 0;
  if constexpr (kBytepix == 1) {
    length = fits_rcomp_byte(reinterpret_cast<signed char*>(values.data()), count, out.data(), room, blocksize);
  } else if constexpr (kBytepix == 2) {
    length = fits_rcomp_short(values.data(), count, out.data(), room, blocksize);
  } else {
    length = fits_rcomp(values.data(), count, out.data(), room, blocksize);
  }
  if (length <= 0) throw std::runtime_error("CFITSIO does not encode this");
  Stream stream(static_cast<std::size_t>(length));
  std::memcpy(stream.data(), out.data(), stream.size());
  return stream;
}

template <int kBytepix>
Pixels<kBytepix> decode_by_cfitsio(const Stream& stream, int count, int blocksize) {
  std::vector<unsigned char> copy(stream.size() + 4096);  // it may read past the end
  std::memcpy(copy.data(), stream.data(), stream.size());
  Pixels<kBytepix> values(static_cast<std::size_t>(count));
  const int length = static_cast<int>(stream.size());
  int status = 0;
  if constexpr (kBytepix == 1) {
    status = fits_rdecomp_byte(copy.data(), length, values.data(), count, blocksize);
  } else if constexpr (kBytepix == 2) {
    auto* out = reinterpret_cast<unsigned short*>(values.data());
    status = fits_rdecomp_short(copy.data(), length, out, count, blocksize);
  } else {
    status = fits_rdecomp(copy.data(), length, reinterpret_cast<unsigned*>(values.data()), count, blocksize);
  }
  if (status != 0) throw std::runtime_error("CFITSIO does not decode its own stream");
  return values;
}

// Kinds of rows; the first kNoise + 1 numbers are noise of growing width.
enum Kind { kNoise = 12, kConstant, kRamp, kExtremes, kJumps, kMask, kMixed, kUniform, kKinds };

template <int kBytepix>
Pixels<kBytepix> row(int kind, int count, std::mt19937& random) {
  using Value = Pixel<kBytepix>;
  constexpr auto kMost = std::numeric_limits<Value>::max();
  constexpr auto kLeast = std::numeric_limits<Value>::min();
  // CFITSIO shifts mapped differences as signed int: one of 2^31 or more in a block that is not raw spoils its stream.
  constexpr Value kQuarter = kBytepix == 4 ? 4 : 1;
  Pixels<kBytepix> values(static_cast<std::size_t>(count));
  const double width = kind <= kNoise ? 0.3 * (1u << (2 * kind)) : 5;
  std::normal_distribution<double> noise(100, width);
  const auto clipped = [&](double value) {
    return static_cast<Value>(std::min<double>(std::max<double>(value, kLeast), kMost));
  };
  int level = 7;
  for (int i = 0; i < count; ++i) {
    const auto draw = static_cast<std::uint32_t>(random());
    Value& value = values[static_cast<std::size_t>(i)];
    switch (kind) {
      case kConstant: value = 42; break;
      case kRamp: value = static_cast<Value>(i * 3); break;
      case kExtremes: value = draw & 1 ? kMost : kLeast; break;
      case kJumps: value = draw % 97 == 0 ? kMost / kQuarter : clipped(noise(random)); break;
      case kMask: value = i / 50 % 7 == 3 ? 4 : 0; break;
      case kMixed:
        if (i % 32 == 0) level = static_cast<int>(draw % 34);
        value = level > 31 ? Value{9} : static_cast<Value>(static_cast<Value>(random() >> level) / kQuarter);
        break;
      case kUniform: value = static_cast<Value>(draw); break;
      default: value = clipped(noise(random));
    }
  }
  return values;
}

}  // namespace rice_cases
