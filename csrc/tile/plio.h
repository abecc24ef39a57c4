// PLIO_1: the line lists of IRAF's masks, runs of zero and of one value (FITS Standard 4.0, section 10.4.3).
//
// A line list is 16-bit words, big-endian in the heap: a header with the list's length in words, then instructions of a
// 4-bit code and 12 bits of data. Masks are mostly runs of few values, so the time goes into mispredicted branches and
// into stores: the decoder has one branch-free step for all codes but one, and writes the type that the caller wants.
#pragma once

#include <cstddef>
#include <cstdint>

#include "format/bytes.h"
#include "format/convert.h"
#include "format/pixel.h"
#include "tile/codec.h"

namespace fits {

// The codes in the upper 4 bits of an instruction; `data` is the lower 12. "The value" starts as 1.
enum class PlioCode : std::uint8_t {
  zeros = 0,           // ZN: data zeros
  set_high = 1,        // SH: value = next word * 4096 + data
  increase = 2,        // IH: value += data
  decrease = 3,        // DH: value -= data
  fill = 4,            // HN: data pixels of the value
  zeros_then_one = 5,  // PN: data - 1 zeros and one pixel of the value
  increase_one = 6,    // IS: value += data, one pixel of it
  decrease_one = 7,    // DS: value -= data, one pixel of it
};
inline constexpr unsigned kPlioCodes = 8;

// What one instruction does, but for set_high: it changes the value by `change`, then appends `length` pixels that are
// all zero or all the value (`filled`), the last of them the value where `marked`.
struct PlioStep {
  std::int32_t change;
  std::int32_t length;
  bool filled;
  bool marked;
};

FITS_HOST_DEVICE constexpr unsigned plio_code(std::uint16_t word) noexcept { return word >> 12; }
FITS_HOST_DEVICE constexpr std::int32_t plio_data(std::uint16_t word) noexcept { return word & 0xfff; }

// For every code but set_high and those above 7, which do not exist.
FITS_HOST_DEVICE constexpr PlioStep plio_step(std::uint16_t word) noexcept {
  const std::int32_t data = plio_data(word);
  switch (static_cast<PlioCode>(plio_code(word))) {
    case PlioCode::zeros: return {0, data, false, false};
    case PlioCode::fill: return {0, data, true, true};
    case PlioCode::zeros_then_one: return {0, data, false, true};
    case PlioCode::increase: return {data, 0, false, false};
    case PlioCode::decrease: return {-data, 0, false, false};
    case PlioCode::increase_one: return {data, 1, true, true};
    case PlioCode::decrease_one: return {-data, 1, true, true};
    default: return {0, 0, false, false};
  }
}

// The value after set_high. The next word is signed, as in CFITSIO.
FITS_HOST_DEVICE std::int64_t plio_high(std::uint16_t word, std::uint16_t next) noexcept {
  return std::int64_t{static_cast<std::int16_t>(next)} * 4096 + plio_data(word);
}

// Word `index` of a stream of big-endian words.
FITS_HOST_DEVICE std::uint16_t plio_word(const std::byte* stream, std::int64_t index) noexcept {
  return static_cast<std::uint16_t>(static_cast<unsigned>(stream[2 * index]) << 8 |
                                    static_cast<unsigned>(stream[2 * index + 1]));
}

// Where the instructions lie: words [first, end).
struct PlioExtent {
  std::int64_t first = 0;
  std::int64_t end = 0;
};

// Reads the header of a stream of `words` words. Two forms exist: a positive third word is the length of a list whose
// header is these three words; else the second word is the header's length and the fourth and fifth, of 15 bits each,
// are the list's. Words after the list are legal.
FITS_HOST_DEVICE TileError plio_extent(const std::byte* stream, std::int64_t words, PlioExtent& extent) noexcept {
  constexpr std::int64_t kOldHeader = 3;
  constexpr std::int64_t kLength = 5;  // words of a header up to and with its length
  if (words < kOldHeader) return TileError::short_input;
  const auto word = [&](std::int64_t i) { return std::int64_t{static_cast<std::int16_t>(plio_word(stream, i))}; };
  if (word(2) > 0) {
    extent = {kOldHeader, word(2)};
  } else {
    if (words < kLength) return TileError::short_input;
    extent = {word(1), word(4) * 32768 + word(3)};
    if (extent.first < kLength) return TileError::bad_code;
  }
  if (extent.end < extent.first) return TileError::bad_code;
  return extent.end > words ? TileError::short_input : TileError::ok;
}

// One tile of `count` pixels; T is uint8_t, int16_t, uint16_t or int32_t. Pixels after the last instruction are zero.
// bad_code: a code above 7, a header that contradicts itself, or a pixel that T cannot hold. overrun: more than count
// pixels.
//
// Where BZERO is 32768 and ZBITPIX 16, CFITSIO's streams hold the physical values (0 to 65535), not the stored ones,
// since line lists have no negative values; the caller must then read uint16_t (or int32_t) and leave BZERO out.
// Every level gives the same pixels and errors.
template <class T>
TileError decode_plio(Bytes stream, std::int64_t count, T* out, SimdLevel level = simd_level()) noexcept;

// What line lists can hold: values from 0 to 2^24 - 1, and of them fewer than 2^30 words' worth.
inline constexpr std::int32_t kPlioHighest = 0xffffff;
bool plio_can_hold(const std::int32_t* values, std::int64_t count) noexcept;

// The most bytes that encode_plio writes.
std::size_t plio_bound(std::int64_t count) noexcept;

// Writes the line list of values that plio_can_hold; returns its size in bytes. Word for word as CFITSIO's, with one
// exception: where a multiple of 4095 zeros comes before a single pixel, CFITSIO's list is of other pixels (the one
// that it adds to a data field of 4095 carries into the code), and this one spends a word more. 0 for a count of 0.
std::size_t encode_plio(const std::int32_t* values, std::int64_t count, std::byte* out) noexcept;

}  // namespace fits
