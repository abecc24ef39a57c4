// convert.h against a reference that shares nothing with it: stored bytes are put together one by one, integers are
// exact in 128 bits, and each result type is reached by the rule that convert.h states.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "check.h"
#include "format/convert.h"

using namespace fits;

namespace {

using Bytes = std::vector<std::byte>;
using Wide = __int128;

constexpr Pixel kPixels[] = {Pixel::u8,  Pixel::i8,  Pixel::i16, Pixel::u16,  Pixel::i32, Pixel::u32,
                             Pixel::i64, Pixel::u64, Pixel::f16, Pixel::bf16, Pixel::f32, Pixel::f64};
constexpr int kBitpix[] = {8, 16, 32, 64, -32, -64};

// An exact value: an integer, or a double (every float is one).
struct Number {
  bool integral = true;
  Wide integer = 0;
  double real = 0;
  bool quiet_nan = false;  // what BLANK becomes
};

std::uint64_t gather(const std::byte* bytes, std::size_t size, bool big_endian) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t shift = 8 * (big_endian ? size - 1 - i : i);
    bits |= static_cast<std::uint64_t>(bytes[i]) << shift;
  }
  return bits;
}

// A float of `mantissa` stored bits and the exponent range of `bias`.
double decode_float(std::uint64_t bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const auto exponent = static_cast<int>(bits >> mantissa_bits & ((1u << exponent_bits) - 1));
  const auto mantissa = static_cast<double>(bits & ((std::uint64_t{1} << mantissa_bits) - 1));
  const bool negative = bits >> (exponent_bits + mantissa_bits) & 1;
  double magnitude;
  if (exponent == (1 << exponent_bits) - 1) {
    magnitude = mantissa == 0 ? INFINITY : NAN;
  } else if (exponent == 0) {
    magnitude = std::ldexp(mantissa, 1 - bias - mantissa_bits);
  } else {
    magnitude = std::ldexp(mantissa + std::ldexp(1.0, mantissa_bits), exponent - bias - mantissa_bits);
  }
  return negative ? -magnitude : magnitude;
}

// Rounded to nearest even; NaN is not asked for here.
std::uint64_t encode_float(double value, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const std::uint64_t sign = std::uint64_t{std::signbit(value)} << (exponent_bits + mantissa_bits);
  const std::uint64_t infinity = std::uint64_t{(1u << exponent_bits) - 1} << mantissa_bits;
  if (std::isinf(value)) return sign | infinity;
  if (value == 0) return sign;
  const int exponent = std::max(std::ilogb(value), 1 - bias);
  const double units = std::nearbyint(std::ldexp(std::fabs(value), mantissa_bits - exponent));  // of the last place
  const auto whole = static_cast<std::uint64_t>(units);
  const std::uint64_t bits = (static_cast<std::uint64_t>(exponent + bias - 1) << mantissa_bits) + whole;
  return sign | std::min(bits, infinity);
}

Number decode(Pixel pixel, std::uint64_t bits) {
  switch (pixel) {
    case Pixel::u8:
    case Pixel::u16:
    case Pixel::u32:
    case Pixel::u64: return {true, static_cast<Wide>(bits)};
    case Pixel::i8: return {true, static_cast<std::int8_t>(bits)};
    case Pixel::i16: return {true, static_cast<std::int16_t>(bits)};
    case Pixel::i32: return {true, static_cast<std::int32_t>(bits)};
    case Pixel::i64: return {true, static_cast<std::int64_t>(bits)};
    case Pixel::f16: return {false, 0, decode_float(bits, 5, 10)};
    case Pixel::bf16: return {false, 0, decode_float(bits, 8, 7)};
    case Pixel::f32: return {false, 0, decode_float(bits, 8, 23)};
    case Pixel::f64: return {false, 0, decode_float(bits, 11, 52)};
  }
  return {};
}

Wide lowest(Pixel pixel) {
  switch (pixel) {
    case Pixel::i8: return INT8_MIN;
    case Pixel::i16: return INT16_MIN;
    case Pixel::i32: return INT32_MIN;
    case Pixel::i64: return INT64_MIN;
    default: return 0;
  }
}

Wide highest(Pixel pixel) {
  switch (pixel) {
    case Pixel::u8: return UINT8_MAX;
    case Pixel::i8: return INT8_MAX;
    case Pixel::i16: return INT16_MAX;
    case Pixel::u16: return UINT16_MAX;
    case Pixel::i32: return INT32_MAX;
    case Pixel::u32: return UINT32_MAX;
    case Pixel::i64: return INT64_MAX;
    default: return UINT64_MAX;
  }
}

// The bits of a result, and whether any NaN will do.
struct Expected {
  std::uint64_t bits = 0;
  bool any_nan = false;
};

Expected encode(const Number& number, Pixel to) {
  if (!is_floating(to)) {
    Wide value = number.integer;
    if (!number.integral) {
      if (std::isnan(number.real)) {
        value = 0;
      } else if (std::fabs(number.real) > 1e20) {
        value = number.real > 0 ? highest(Pixel::u64) : lowest(Pixel::i64);
      } else {
        value = static_cast<Wide>(std::trunc(number.real));
      }
    }
    value = std::min(std::max(value, lowest(to)), highest(to));
    const std::size_t size = pixel_size(to);
    const std::uint64_t mask = size == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * size) - 1;
    return {static_cast<std::uint64_t>(value) & mask};
  }
  if (number.quiet_nan) {
    return {to == Pixel::f16    ? 0x7e00
            : to == Pixel::bf16 ? 0x7fc0
            : to == Pixel::f32  ? 0x7fc00000
                                : std::uint64_t{0x7ff8000000000000}};
  }
  // A 64-bit integer is exact in the long double of x86 and arm64, so each of these rounds once.
  const long double exact = number.integral ? static_cast<long double>(number.integer) : number.real;
  if (std::isnan(exact)) return {0, true};
  if (to == Pixel::f64) {
    const auto value = static_cast<double>(exact);
    std::uint64_t bits;
    std::memcpy(&bits, &value, 8);
    return {bits};
  }
  const auto value = static_cast<float>(exact);
  std::uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if (to == Pixel::f32) return {bits};
  return to == Pixel::f16 ? Expected{encode_float(value, 5, 10)} : Expected{encode_float(value, 8, 7)};
}

bool is_nan(std::uint64_t bits, Pixel pixel) { return std::isnan(decode(pixel, bits).real); }

// BZERO + BSCALE * value, rounded twice whatever the compiler would like to fuse.
double linear(const Number& number, const Scaling& scaling) {
  const volatile double value = number.integral ? static_cast<double>(number.integer) : number.real;
  const volatile double product = value * scaling.bscale;
  const volatile double sum = product + scaling.bzero;
  return sum;
}

Expected reference(std::uint64_t bits, const Conversion& conversion) {
  const Pixel stored = stored_pixel(conversion.bitpix);
  Number number = decode(stored, bits);
  const Scaling scaling = conversion.scaled ? conversion.scaling : Scaling{};
  const bool copied = stored == conversion.to && !number.integral && !scaling.linear();
  if (copied) return {bits};
  const bool undefined = number.integral && scaling.blank && number.integer == *scaling.blank;
  const bool offset = number.integral && scaling.bscale == 1 &&
                      ((conversion.bitpix == 8 && scaling.bzero == -128) ||
                       (conversion.bitpix != 8 && scaling.bzero == std::ldexp(1.0, conversion.bitpix - 1)));
  if (offset) {
    number.integer += static_cast<Wide>(scaling.bzero);
  } else if (scaling.linear()) {
    number = {false, 0, linear(number, scaling)};
  }
  number.quiet_nan = undefined;
  return encode(number, conversion.to);
}

void put(Bytes& bytes, std::uint64_t bits, std::size_t size) {  // big-endian
  for (std::size_t i = size; i-- > 0;) bytes.push_back(static_cast<std::byte>(bits >> 8 * i));
}

template <class T>
std::uint64_t bits_of(T value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));  // little-endian machine
  return bits;
}

// `count` stored values: the special ones first, then random bits, then values of ordinary size.
Bytes samples(int bitpix, std::size_t count) {
  std::vector<std::uint64_t> bits;
  const std::size_t size = bitpix_size(bitpix);
  if (bitpix > 0) {
    const int top = 8 * static_cast<int>(size) - 1;
    for (const std::uint64_t v : {0, 1, 2, 7, 100, 127, 128, 255}) bits.insert(bits.end(), {v, ~v});
    for (int shift = 8; shift <= top; ++shift) {
      const std::uint64_t power = std::uint64_t{1} << shift;
      bits.insert(bits.end(), {power, power - 1, power + 1, ~power, 0 - power});
    }
    for (const std::uint64_t odd :
         std::initializer_list<std::uint64_t>{0x8000000000000400, 0x4000000000000200, 0x0020000000000001, 0x01000001}) {
      bits.insert(bits.end(), {odd, 0 - odd, odd + 1, odd - 1});
    }
  } else {
    using Limits = std::numeric_limits<double>;
    std::vector<double> values = {0,     0.5,   0.999999, 1,          1.5,   2.5,   254.5,  255,
                                  255.5, 256,   32766.9,  32767.5,    32768, 65503, 65504,  65519,
                                  65520, 65535, 65536,    2147483520, 4e9,   1e10,  1e19,   1.9e19,
                                  1e30,  1e300, 1e-300,   1e-40,      6e-8,  3e-8,  2.9e-8, 6.1e-5};
    for (const int power : {7, 8, 15, 16, 31, 32, 63, 64}) {
      const double limit = std::ldexp(1.0, power);
      values.insert(values.end(), {limit, std::nextafter(limit, 0), std::nextafter(limit, 1e300), limit - 0.5});
    }
    values.insert(values.end(), {INFINITY, NAN, Limits::denorm_min(), Limits::min(), Limits::max()});
    for (const double value : values) {
      for (const double v : {value, -value}) {
        bits.push_back(bitpix == -64 ? bits_of(v) : bits_of(static_cast<float>(v)));
      }
    }
  }
  std::mt19937_64 random(20260101);
  while (bits.size() < count) {
    if (bitpix == -32 && bits.size() % 2) {
      bits.push_back(bits_of(static_cast<float>(static_cast<std::int32_t>(random())) / 1024));
    } else if (bitpix == -64 && bits.size() % 2) {
      bits.push_back(bits_of(static_cast<double>(static_cast<std::int32_t>(random())) / 1024));
    } else {
      bits.push_back(random());
    }
  }
  Bytes bytes;
  for (std::size_t i = 0; i < count; ++i) put(bytes, bits[i], size);
  return bytes;
}

Bytes swapped(const Bytes& bytes, std::size_t size) {
  Bytes result(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) result[i] = bytes[i / size * size + size - 1 - i % size];
  return result;
}

std::vector<SimdLevel> levels() {
  std::vector<SimdLevel> all = {SimdLevel::plain};
  for (const auto level : {SimdLevel::avx2, SimdLevel::avx512}) {
    if (level <= simd_level()) all.push_back(level);
  }
  return all;
}

std::vector<Scaling> scalings(int bitpix) {
  std::vector<Scaling> all = {{}, {0.01, 100.5, {}}, {-2, 5, {}}, {1, 1, {}}, {2, 0, {}}, {1e300, -1e300, {}}};
  if (bitpix > 0) {
    const double convention = bitpix == 8 ? -128 : std::ldexp(1.0, bitpix - 1);
    const std::int64_t blank = bitpix == 8 ? 255 : -(std::int64_t{1} << (bitpix - 2)) * 2;
    const std::vector<Scaling> more = {{1, convention, {}}, {1, convention, 100}, {1, convention, blank}, {1, 0, blank},
                                       {1, 0, 7},           {0.01, 100.5, blank}, {0.01, 100.5, 7}};
    all.insert(all.end(), more.begin(), more.end());
    if (bitpix < 64) all.push_back({1, 0, std::int64_t{1} << 40});  // matches nothing
    if (bitpix == 8) all.push_back({1, 0, -1});
  } else {
    all.push_back({1, 0, 7});  // BLANK means nothing here
  }
  return all;
}

void compare(const Bytes& out, std::size_t offset, const std::vector<Expected>& expected, std::size_t first,
             std::size_t count, const Conversion& conversion, const char* what) {
  const std::size_t size = pixel_size(conversion.to);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t found = gather(out.data() + offset + i * size, size, false);
    const Expected& wanted = expected[first + i];
    const bool right = wanted.any_nan ? is_nan(found, conversion.to) : found == wanted.bits;
    if (right) continue;
    std::cout << what << ", BITPIX " << conversion.bitpix << ", BSCALE " << conversion.scaling.bscale << ", BZERO "
              << conversion.scaling.bzero << ", BLANK " << conversion.scaling.blank.value_or(-1) << ", scaled "
              << conversion.scaled << ", to " << static_cast<int>(conversion.to) << ", value " << first + i << " of "
              << count << std::hex << ": " << found << " instead of " << wanted.bits << std::dec << '\n';
    CHECK(right);
    return;
  }
}

constexpr std::size_t kCount = 1500;  // nearly three pieces of convert.cpp, and not a multiple of any vector
constexpr std::byte kGuard{0xa5};

// One conversion in both byte orders, through the cache and past it, at every level; every length from 0 to 70 at odd
// addresses, and the whole.
void check_conversion(const Conversion& conversion, const Bytes& big) {
  const std::size_t in_size = bitpix_size(conversion.bitpix);
  const std::size_t out_size = pixel_size(conversion.to);
  const Bytes native = swapped(big, in_size);
  std::vector<Expected> expected;
  for (std::size_t i = 0; i < kCount; ++i) {
    expected.push_back(reference(gather(big.data() + i * in_size, in_size, true), conversion));
  }
  Bytes first_level;
  for (const SimdLevel level : levels()) {
    for (const ByteOrder order : {ByteOrder::big_endian, ByteOrder::native}) {
      const Bytes& in = order == ByteOrder::big_endian ? big : native;
      const Converter converter(conversion, order, level);
      Bytes whole(kCount * out_size);
      converter(in.data(), kCount, whole.data());
      compare(whole, 0, expected, 0, kCount, conversion, "whole");
      if (first_level.empty()) first_level = whole;
      CHECK(whole == first_level);  // NaN payloads too
      for (std::size_t count = 0; count <= 70; ++count) {
        const std::size_t first = count * 13 % 100;
        const std::size_t lead = count % 9;
        Bytes copy(lead, kGuard);  // exactly as long as the values: a read past them is the sanitizer's
        copy.insert(copy.end(), in.begin() + static_cast<long>(first * in_size),
                    in.begin() + static_cast<long>((first + count) * in_size));
        Bytes out(lead + count * out_size + 64, kGuard);
        converter(copy.data() + lead, static_cast<std::int64_t>(count), out.data() + lead);
        compare(out, lead, expected, first, count, conversion, "short");
        for (std::size_t i = 0; i < out.size(); ++i) {
          if (i < lead || i >= lead + count * out_size) CHECK(out[i] == kGuard);
        }
      }
    }
  }
}

void check_bitpix(int bitpix) {
  const Bytes big = samples(bitpix, kCount);
  for (const Scaling& scaling : scalings(bitpix)) {
    for (const Pixel to : kPixels) {
      for (const bool scaled : {true, false}) check_conversion({bitpix, scaling, scaled, to}, big);
    }
  }
}

TEST(bitpix_8) { check_bitpix(8); }
TEST(bitpix_16) { check_bitpix(16); }
TEST(bitpix_32) { check_bitpix(32); }
TEST(bitpix_64) { check_bitpix(64); }
TEST(bitpix_minus_32) { check_bitpix(-32); }
TEST(bitpix_minus_64) { check_bitpix(-64); }

// The reference itself on what the Standard and IEEE 754 say.
TEST(worked_values) {
  const std::byte stored[] = {std::byte{0x80}, std::byte{0}, std::byte{0}, std::byte{1}};
  std::uint16_t unsigned_values[2];
  Converter(Conversion{16, {1, 32768, {}}, true, Pixel::u16}, ByteOrder::big_endian)(stored, 2, unsigned_values);
  CHECK_EQUAL(unsigned_values[0], 0);
  CHECK_EQUAL(unsigned_values[1], 32769);
  float physical_values[2];
  Converter(Conversion{16, {0.5, 10, -32768}, true, Pixel::f32}, ByteOrder::big_endian)(stored, 2, physical_values);
  CHECK(std::isnan(physical_values[0]));
  CHECK_EQUAL(physical_values[1], 10.5f);
  CHECK_EQUAL(encode_float(1.0, 5, 10), 0x3c00u);
  CHECK_EQUAL(encode_float(65520.0, 5, 10), 0x7c00u);
  CHECK_EQUAL(encode_float(65519.0, 5, 10), 0x7bffu);
  CHECK_EQUAL(decode_float(0x0001, 5, 10), std::ldexp(1.0, -24));
}

// 2^53 + 1 and its like pass through no double.
TEST(int64_keeps_every_bit) {
  Bytes big;
  put(big, 0x8020000000000001, 8);
  std::uint64_t value;
  Converter(Conversion{64, {1, 9223372036854775808.0, {}}, true, Pixel::u64}, ByteOrder::big_endian)(big.data(), 1,
                                                                                                     &value);
  CHECK_EQUAL(value, 0x0020000000000001u);
}

// Tensors of types that no BITPIX stores: BLANK and scaling are applied to the values as they are.
TEST(any_type_to_any_type) {
  std::mt19937_64 random(7);
  for (const Pixel from : kPixels) {
    const std::size_t in_size = pixel_size(from);
    Bytes in(kCount * in_size);
    for (auto& byte : in) byte = static_cast<std::byte>(random() >> 56);
    if (!is_floating(from)) {  // some values are BLANK
      for (std::size_t i = 0; i < kCount; i += 5)
        std::memset(in.data() + i * in_size, 0, in_size), in[i * in_size] = std::byte{7};
    }
    for (const Scaling& scaling : {Scaling{}, Scaling{0.25, -3, {}}, Scaling{1, 0, 7}, Scaling{0.01, 32768, 7}}) {
      for (const Pixel to : kPixels) {
        for (const SimdLevel level : levels()) {
          Bytes out(kCount * pixel_size(to));
          Converter(from, scaling, to, ByteOrder::native, level)(in.data(), kCount, out.data());
          std::vector<Expected> expected;
          for (std::size_t i = 0; i < kCount; ++i) {
            const std::uint64_t bits = gather(in.data() + i * in_size, in_size, false);
            Number number = decode(from, bits);
            const bool undefined = number.integral && scaling.blank && number.integer == *scaling.blank;
            if (scaling.linear()) number = {false, 0, linear(number, scaling)};
            number.quiet_nan = undefined;
            const bool copied = from == to && !scaling.linear() && is_floating(from);
            expected.push_back(copied ? Expected{bits} : encode(number, to));
          }
          compare(out, 0, expected, 0, kCount, {0, scaling, true, to}, "any type");
        }
      }
    }
  }
}

std::uint64_t stored_reference(const Number& number, Pixel from, std::uint64_t bits, int bitpix, const Scaling& scaling,
                               bool& any_nan) {
  const Pixel stored = stored_pixel(bitpix);
  const auto convention = integer_convention(bitpix, scaling.bscale, scaling.bzero);
  const Pixel exact = convention.value_or(stored);
  const bool linear = scaling.linear() && !convention;
  const volatile double value = number.integral ? static_cast<double>(number.integer) : number.real;
  const volatile double difference = value - scaling.bzero;
  const volatile double quotient = difference / scaling.bscale;
  if (is_floating(stored)) {
    if (from == stored && !linear) return bits;
    const Expected expected = encode(linear ? Number{false, 0, quotient} : number, stored);
    any_nan = expected.any_nan;
    return expected.bits;
  }
  Number result = number;
  if (!number.integral || linear) {
    const double real = linear ? quotient : number.real;
    if (std::isnan(value)) {
      result = {true, scaling.blank
                          ? static_cast<Wide>(*scaling.blank) + (convention ? static_cast<Wide>(scaling.bzero) : 0)
                          : 0};
    } else {
      result = {false, 0, std::nearbyint(real)};
    }
  }
  Number saturated = decode(exact, encode(result, exact).bits);
  if (convention) saturated.integer -= static_cast<Wide>(scaling.bzero);
  return encode(saturated, stored).bits;
}

TEST(past_the_caches) {
  std::mt19937 random(5);
  std::vector<std::byte> in(4096 + 64), out(4096 + 64), expected(4096 + 64);
  for (auto& byte : in) byte = static_cast<std::byte>(random());
  for (const int bitpix : {8, 16, 32, 64, -32, -64}) {
    const auto size = static_cast<std::int64_t>(fits::bitpix_size(bitpix));
    for (const bool convention : {false, true}) {
      fits::Scaling scaling;
      if (convention) scaling.bzero = bitpix == 8 ? -128 : std::ldexp(1.0, std::abs(bitpix) - 1);
      const Pixel natural = fits::physical_pixel(bitpix, scaling);
      for (const Pixel to : {natural, Pixel::f32}) {
        for (const SimdLevel level : levels()) {
          for (const auto order : {ByteOrder::big_endian, ByteOrder::native}) {
            const Converter converter({bitpix, scaling, true, to}, order, level);
            for (int round = 0; round < 60; ++round) {
              const std::int64_t count = round < 50 ? round : static_cast<std::int64_t>(random() % 500);
              const std::size_t from = random() % 16, at = random() % 64;
              std::ranges::fill(out, std::byte{7});
              std::ranges::fill(expected, std::byte{7});
              converter(in.data() + from, std::min(count, 4096 / size), expected.data() + at);
              converter.past_cache(in.data() + from, std::min(count, 4096 / size), out.data() + at);
              CHECK(out == expected);
            }
          }
        }
      }
    }
  }
}

TEST(to_stored) {
  std::mt19937_64 random(11);
  for (const int bitpix : kBitpix) {
    const std::size_t out_size = bitpix_size(bitpix);
    for (const Pixel from : kPixels) {
      const std::size_t in_size = pixel_size(from);
      // Special values of the stored type nearest to `from`, so that limits, ties and NaN are among them.
      const int like = in_size == 8   ? (is_floating(from) ? -64 : 64)
                       : in_size == 4 ? (is_floating(from) ? -32 : 32)
                                      : 16;
      Bytes in(kCount * in_size);
      if (pixel_size(stored_pixel(like)) == in_size && from != Pixel::f16) {
        in = swapped(samples(like, kCount), in_size);
      } else {
        for (auto& byte : in) byte = static_cast<std::byte>(random() >> 56);
      }
      for (const Scaling& scaling : scalings(bitpix)) {
        if (scaling.blank && !holds(stored_pixel(bitpix), *scaling.blank)) continue;
        std::vector<Expected> expected;
        for (std::size_t i = 0; i < kCount; ++i) {
          const std::uint64_t bits = gather(in.data() + i * in_size, in_size, false);
          Expected wanted;
          wanted.bits = stored_reference(decode(from, bits), from, bits, bitpix, scaling, wanted.any_nan);
          expected.push_back(wanted);
        }
        Bytes first_level;
        for (const SimdLevel level : levels()) {
          for (const ByteOrder order : {ByteOrder::native, ByteOrder::big_endian}) {
            Bytes out(kCount * out_size);
            Converter::to_stored(from, bitpix, scaling, order, level)(in.data(), kCount, out.data());
            if (order == ByteOrder::big_endian) out = swapped(out, out_size);
            compare(out, 0, expected, 0, kCount, {bitpix, scaling, true, stored_pixel(bitpix)}, "to_stored");
            if (first_level.empty()) first_level = out;
            CHECK(out == first_level);
          }
        }
      }
    }
  }
}

TEST(ties_go_to_even) {
  const double values[] = {0.5, 1.5, 2.5, -0.5, -1.5, 0.49999999999999994, 1e300, -INFINITY, NAN};
  std::int16_t stored[9];
  Converter::to_stored(Pixel::f64, 16, {1, 0, -7}, ByteOrder::native)(values, 9, stored);
  const std::int16_t expected[] = {0, 2, 2, 0, -2, 0, 32767, -32768, -7};
  for (int i = 0; i < 9; ++i) CHECK_EQUAL(stored[i], expected[i]);
}

// Every stored value comes back from its physical value in float64, where the arithmetic has room.
TEST(round_trip) {
  for (const Scaling& scaling : {Scaling{0.01, 100.5, {}}, Scaling{-3, 1e6, {}}, Scaling{1, 32768, {}}}) {
    std::vector<std::int16_t> stored(65536), back(65536);
    for (int i = 0; i < 65536; ++i) stored[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(i);
    std::vector<double> values(65536);
    convert_native(stored.data(), 65536, {16, scaling, true, Pixel::f64}, values.data());
    Converter::to_stored(Pixel::f64, 16, scaling, ByteOrder::native)(values.data(), 65536, back.data());
    CHECK(stored == back);
  }
}

}  // namespace
