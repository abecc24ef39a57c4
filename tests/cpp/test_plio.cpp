// PLIO_1 against CFITSIO's line lists, worked instructions, and streams that are cut, damaged or hostile.
#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "tile/plio.h"

extern "C" {
int pl_p2li(int* pixels, int first, short* list, int count);
int pl_l2pi(short* list, int first, int* pixels, int count);
}

namespace {

using fits::TileError;
using Pixels = std::vector<std::int32_t>;
using Words = std::vector<std::uint16_t>;
using Stream = std::vector<std::byte>;

Stream stream_of(const Words& words) {
  Stream stream;
  for (const auto word : words) {
    stream.push_back(static_cast<std::byte>(word >> 8));
    stream.push_back(static_cast<std::byte>(word));
  }
  return stream;
}

Words words_of(const Stream& stream) {
  Words words;
  for (std::size_t i = 0; i < stream.size() / 2; ++i) {
    words.push_back(fits::plio_word(stream.data(), static_cast<std::int64_t>(i)));
  }
  return words;
}

// The header of today before some instructions.
Words list_of(const Words& instructions) {
  const auto length = static_cast<unsigned>(instructions.size() + 7);
  Words words = {0,
                 7,
                 static_cast<std::uint16_t>(-100),
                 static_cast<std::uint16_t>(length % 32768),
                 static_cast<std::uint16_t>(length / 32768),
                 0,
                 0};
  words.insert(words.end(), instructions.begin(), instructions.end());
  return words;
}

std::uint16_t instruction(unsigned code, unsigned data) { return static_cast<std::uint16_t>(code << 12 | data); }

// Decodes into memory of just the right size, so that the sanitizers see any access beyond it.
template <class T>
TileError decode(const Stream& stream, std::size_t count, std::vector<T>& pixels) {
  pixels.assign(count, static_cast<T>(77));
  pixels.shrink_to_fit();
  const Stream exact(stream);
  auto plain = pixels;
  const auto error = fits::decode_plio<T>(exact, static_cast<std::int64_t>(count), pixels.data());
  CHECK_EQUAL(fits::decode_plio<T>(exact, static_cast<std::int64_t>(count), plain.data(), fits::SimdLevel::plain),
              error);
  if (error == TileError::ok) CHECK(pixels == plain);
  return error;
}

Pixels decoded(const Words& words, std::size_t count) {
  Pixels pixels;
  CHECK_EQUAL(decode(stream_of(words), count, pixels), TileError::ok);
  return pixels;
}

TileError error_of(const Words& words, std::size_t count) {
  Pixels pixels;
  return decode(stream_of(words), count, pixels);
}

Stream encoded(const Pixels& pixels) {
  Stream stream(fits::plio_bound(static_cast<std::int64_t>(pixels.size())));
  stream.resize(fits::encode_plio(pixels.data(), static_cast<std::int64_t>(pixels.size()), stream.data()));
  return stream;
}

Words cfitsio_list(Pixels pixels) {
  std::vector<short> list(3 * pixels.size() + 100);
  list.resize(static_cast<std::size_t>(pl_p2li(pixels.data(), 1, list.data(), static_cast<int>(pixels.size()))));
  return Words(list.begin(), list.end());
}

Pixels cfitsio_pixels(const Words& words, std::size_t count) {
  std::vector<short> list(words.begin(), words.end());
  list.resize(list.size() + 8);
  Pixels pixels(count, 77);
  pl_l2pi(list.data(), 1, pixels.data(), static_cast<int>(count));
  return pixels;
}

// Runs of zero and of values up to `highest`, `length` pixels long on average.
Pixels mask(std::mt19937& random, std::size_t count, unsigned length, unsigned highest) {
  Pixels pixels(count);
  std::int32_t value = 0;
  for (auto& pixel : pixels) {
    if (random() % length == 0) value = random() % 2 == 0 ? 0 : static_cast<std::int32_t>(random() % (highest + 1));
    pixel = value;
  }
  return pixels;
}

template <class T>
void check_narrow(const Stream& stream, const Pixels& expected) {
  const bool fits_in = std::all_of(expected.begin(), expected.end(), [](auto v) { return static_cast<T>(v) == v; });
  std::vector<T> pixels;
  CHECK_EQUAL(decode(stream, expected.size(), pixels), fits_in ? TileError::ok : TileError::bad_code);
  if (fits_in) CHECK(std::equal(pixels.begin(), pixels.end(), expected.begin(), expected.end()));
}

}  // namespace

TEST(every_instruction) {
  const auto pixels = decoded(
      list_of({instruction(0, 2), instruction(4, 3), instruction(2, 4), instruction(5, 3), instruction(3, 2),
               instruction(4, 1), instruction(6, 10), instruction(7, 12), instruction(1, 5), 2, instruction(4, 2)}),
      16);
  CHECK(pixels == Pixels({0, 0, 1, 1, 1, 0, 0, 5, 3, 13, 1, 8197, 8197, 0, 0, 0}));
}

TEST(instructions_without_pixels) {
  // Runs of no length, values set twice, nothing at all.
  CHECK(decoded(list_of({instruction(0, 0), instruction(4, 0), instruction(5, 0), instruction(4, 1), instruction(1, 7),
                         0, instruction(2, 1), instruction(4, 1)}),
                3) == Pixels({1, 8, 0}));
  CHECK(decoded(list_of({}), 3) == Pixels({0, 0, 0}));
  CHECK(decoded(list_of({}), 0).empty());
}

TEST(both_headers) {
  CHECK(decoded({0, 0, 4, instruction(4, 2)}, 3) == Pixels({1, 1, 0}));
  CHECK(decoded({9, 9, 4, instruction(4, 2), instruction(4, 1)}, 3) == Pixels({1, 1, 0}));  // a word after the list
  // A header of another length, and one whose third word is zero.
  CHECK(decoded({0, 5, 0, 6, 0, instruction(4, 2)}, 3) == Pixels({1, 1, 0}));
  CHECK(decoded({0, 9, 0x8000, 10, 0, 7, 7, 7, 7, instruction(4, 2)}, 3) == Pixels({1, 1, 0}));
}

TEST(headers_that_lie) {
  CHECK_EQUAL(error_of({}, 4), TileError::short_input);
  CHECK_EQUAL(error_of({0, 7}, 4), TileError::short_input);
  CHECK_EQUAL(error_of({0, 7, 0, 7}, 4), TileError::short_input);
  CHECK_EQUAL(error_of({0, 0, 5, instruction(4, 2)}, 4), TileError::short_input);  // longer than the stream
  CHECK_EQUAL(error_of({0, 0, 32767, 0}, 4), TileError::short_input);
  CHECK_EQUAL(error_of({0, 0, 2, 0}, 4), TileError::bad_code);  // shorter than its header
  CHECK_EQUAL(error_of({0, 7, 0, 0, 0, 0, 0}, 4), TileError::bad_code);
  CHECK_EQUAL(error_of({0, 7, 0, 32767, 32767, 0, 0}, 4), TileError::short_input);
  CHECK_EQUAL(error_of({0, 7, 0, 0xffff, 0xffff, 0, 0}, 4), TileError::bad_code);  // a negative length
  CHECK_EQUAL(error_of({0, 0xffff, 0, 7, 0, 0, 0}, 4), TileError::bad_code);       // a header of negative length
  CHECK_EQUAL(error_of({0, 4, 0, 7, 0, 0, 0}, 4), TileError::bad_code);            // one without its length
  CHECK_EQUAL(error_of({0, 32767, 0, 7, 0, 0, 0}, 4), TileError::bad_code);
}

TEST(instructions_that_lie) {
  CHECK_EQUAL(error_of(list_of({instruction(4, 5)}), 4), TileError::overrun);
  CHECK_EQUAL(error_of(list_of({instruction(0, 4095)}), 4), TileError::overrun);
  CHECK_EQUAL(error_of(list_of({instruction(4, 4), instruction(6, 1)}), 4), TileError::overrun);
  CHECK_EQUAL(error_of(list_of({instruction(4, 1)}), 0), TileError::overrun);
  CHECK_EQUAL(error_of(list_of({instruction(1, 5)}), 4), TileError::short_input);  // without its second word
  for (unsigned code = 8; code < 16; ++code) {
    CHECK_EQUAL(error_of(list_of({instruction(code, 1)}), 4), TileError::bad_code);
  }
}

TEST(values_that_the_type_cannot_hold) {
  std::vector<std::uint8_t> bytes;
  std::vector<std::int16_t> shorts;
  std::vector<std::uint16_t> unsigned_shorts;
  const auto above = [](unsigned steps) { return stream_of(list_of({instruction(2, steps), instruction(4, 1)})); };
  CHECK_EQUAL(decode(above(254), 1, bytes), TileError::ok);
  CHECK_EQUAL(bytes[0], 255);
  CHECK_EQUAL(decode(above(255), 1, bytes), TileError::bad_code);
  const auto set = [](std::uint16_t high, unsigned low) {
    return stream_of(list_of({instruction(1, low), high, instruction(4, 1)}));
  };
  CHECK_EQUAL(decode(set(7, 4095), 1, shorts), TileError::ok);
  CHECK_EQUAL(shorts[0], 32767);
  CHECK_EQUAL(decode(set(8, 0), 1, shorts), TileError::bad_code);
  CHECK_EQUAL(decode(set(15, 4095), 1, unsigned_shorts), TileError::ok);
  CHECK_EQUAL(unsigned_shorts[0], 65535);
  CHECK_EQUAL(decode(set(16, 0), 1, unsigned_shorts), TileError::bad_code);
  // A value that no pixel has may be any; negative ones are no pixels of unsigned types.
  CHECK_EQUAL(
      decode(stream_of(list_of({instruction(2, 999), instruction(0, 1), instruction(3, 999), instruction(4, 1)})), 2,
             bytes),
      TileError::ok);
  CHECK_EQUAL(decode(stream_of(list_of({instruction(7, 2)})), 1, bytes), TileError::bad_code);
  CHECK_EQUAL(decode(stream_of(list_of({instruction(7, 2)})), 1, shorts), TileError::ok);
  CHECK_EQUAL(shorts[0], -1);
}

TEST(value_that_no_pixel_has) {
  std::vector<std::uint8_t> bytes;
  const auto instructions = {instruction(2, 999), instruction(4, 0), instruction(5, 0), instruction(0, 90)};
  CHECK_EQUAL(decode(stream_of(list_of(instructions)), 100, bytes), TileError::ok);
}

TEST(values_beyond_32_bits) {
  Words instructions = {instruction(1, 0), 0x7fff};
  for (int i = 0; i < 500000; ++i) instructions.push_back(instruction(2, 4095));
  CHECK_EQUAL(error_of(list_of(instructions), 1), TileError::ok);
  instructions.push_back(instruction(4, 1));
  CHECK_EQUAL(error_of(list_of(instructions), 1), TileError::bad_code);
}

TEST(agrees_with_cfitsio_on_its_own_lists) {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    const std::size_t count = 1 + random() % (round % 10 == 0 ? 20000 : 300);
    const unsigned highest[] = {1, 5, 255, 5000, 40000, 0xffffff};
    const auto pixels = mask(random, count, 1 + random() % (round % 3 == 0 ? 2000 : 20), highest[random() % 6]);
    const auto words = cfitsio_list(pixels);
    const auto stream = stream_of(words);
    CHECK(decoded(words, count) == cfitsio_pixels(words, count));
    check_narrow<std::uint8_t>(stream, pixels);
    check_narrow<std::int16_t>(stream, pixels);
    check_narrow<std::uint16_t>(stream, pixels);
  }
}

TEST(agrees_with_cfitsio_on_any_valid_list) {
  std::mt19937 random(2);
  for (int round = 0; round < 3000; ++round) {
    Words instructions;
    std::size_t pixels = 0;
    for (unsigned left = random() % 200; left > 0; --left) {
      const unsigned code = random() % 8;
      const unsigned data = random() % 3 == 0 ? random() % 4096 : random() % 40;
      instructions.push_back(instruction(code, data));
      if (code == 1) instructions.push_back(static_cast<std::uint16_t>(random() % 3 == 0 ? random() : random() % 9));
      pixels += code == 0 || code == 4 || code == 5 ? data : code >= 6 ? 1 : 0;
    }
    auto words = list_of(instructions);
    if (round % 2 == 0) {  // the old header
      words.erase(words.begin() + 3, words.begin() + 7);
      words[2] = static_cast<std::uint16_t>(words.size());
    }
    const std::size_t count = pixels + random() % 50 + 1;
    CHECK(decoded(words, count) == cfitsio_pixels(words, count));
  }
}

TEST(every_prefix) {
  std::mt19937 random(3);
  const auto pixels = mask(random, 900, 12, 9000);
  const auto stream = encoded(pixels);
  for (std::size_t size = 0; size < stream.size(); ++size) {
    const Stream prefix(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size));
    Pixels out;
    CHECK_EQUAL(decode(prefix, pixels.size(), out), TileError::short_input);
  }
  auto longer = stream;
  longer.push_back(std::byte{0x40});
  Pixels out;
  CHECK_EQUAL(decode(longer, pixels.size(), out), TileError::ok);  // bytes after the list
  CHECK(out == pixels);
}

TEST(random_damage) {
  std::mt19937 random(4);
  const auto pixels = mask(random, 700, 15, 300);
  const auto stream = encoded(pixels);
  int errors = 0;
  for (int round = 0; round < 20000; ++round) {
    auto damaged = stream;
    for (unsigned flips = 1 + random() % 4; flips > 0; --flips) {
      damaged[random() % damaged.size()] ^= static_cast<std::byte>(1U << random() % 8);
    }
    std::vector<std::int16_t> out;
    errors += decode(damaged, pixels.size(), out) != TileError::ok ? 1 : 0;
  }
  CHECK(errors > 5000);
}

TEST(encodes_as_cfitsio_does) {
  std::mt19937 random(5);
  for (int round = 0; round < 4000; ++round) {
    const std::size_t count = 1 + random() % (round % 10 == 0 ? 20000 : 400);
    const unsigned highest[] = {1, 5, 5000, 0xffffff};
    const auto pixels = mask(random, count, 1 + random() % 30, highest[random() % 4]);
    const auto stream = encoded(pixels);
    CHECK(words_of(stream) == cfitsio_list(pixels));
    CHECK(decoded(words_of(stream), count) == pixels);
  }
  for (const std::size_t count : {1, 4094, 4095, 4096, 8190, 8191}) {
    for (const std::int32_t value : {0, 1, 7, 4096, 4097, 0xffffff}) {
      const Pixels pixels(count, value);
      CHECK(words_of(encoded(pixels)) == cfitsio_list(pixels));
    }
  }
  CHECK(encoded({}).empty());
}

// CFITSIO's list of 4095 zeros and one pixel is of another image; ours is right.
TEST(single_pixel_after_4095_zeros) {
  for (const std::size_t zeros : {4095, 8190}) {
    Pixels pixels(zeros + 1);
    pixels.back() = 7;
    CHECK(decoded(words_of(encoded(pixels)), pixels.size()) == pixels);
    CHECK(cfitsio_pixels(cfitsio_list(pixels), pixels.size()) != pixels);
    CHECK(cfitsio_pixels(words_of(encoded(pixels)), pixels.size()) == pixels);
    pixels.push_back(7);  // two pixels: both right, and the same
    CHECK(words_of(encoded(pixels)) == cfitsio_list(pixels));
  }
}

TEST(longest_list) {
  // Three words for each pixel: the bound is reached but for the first value.
  Pixels pixels(500);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = i % 2 == 0 ? 0xffffff : 1;
  CHECK_EQUAL(encoded(pixels).size(), fits::plio_bound(500));
}

TEST(what_lists_can_hold) {
  const auto can = [](const Pixels& pixels) {
    return fits::plio_can_hold(pixels.data(), static_cast<std::int64_t>(pixels.size()));
  };
  CHECK(can({}));
  CHECK(can({0, 1, 0xffffff}));
  CHECK(!can({0, -1, 1}));
  CHECK(!can({0, 0x1000000, 1}));
  CHECK(!can({INT32_MIN}));
}
