// The names of tile compression: codecs, and what can be wrong with a stream. FITS Standard 4.0, section 10.4.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fits {

// ZCMPTYPE, and how the bytes of one tile may be coded. The numbers are those of the operators (docs/operators.md).
enum class Codec : std::uint8_t { rice_1 = 1, gzip_1 = 2, gzip_2 = 3, hcompress_1 = 4, plio_1 = 5, nocompress = 6 };

inline constexpr std::string_view kCodecNames[] = {"RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "PLIO_1", "NOCOMPRESS"};

constexpr std::string_view codec_name(Codec codec) noexcept { return kCodecNames[static_cast<int>(codec) - 1]; }

// RICE_ONE is RICE_1's name in files older than the Standard's chapter.
constexpr std::optional<Codec> find_codec(std::string_view zcmptype) noexcept {
  if (zcmptype == "RICE_ONE") return Codec::rice_1;
  for (int i = 0; i < 6; ++i) {
    if (zcmptype == kCodecNames[i]) return static_cast<Codec>(i + 1);
  }
  return std::nullopt;
}

// What a decoder found. Decoders are noexcept, read and write nothing outside the spans they are given, and leave
// their output undefined unless they return `ok`.
enum class TileError : std::uint8_t {
  ok,
  short_input,  // the stream ends before the tile is full
  bad_code,     // the stream holds what the codec never writes
  overrun,      // the stream is of more pixels than the tile, or of other lengths
};

constexpr std::string_view tile_error_text(TileError error) noexcept {
  switch (error) {
    case TileError::ok: return "ok";
    case TileError::short_input: return "the stream ends too early";
    case TileError::bad_code: return "the stream holds an invalid code";
    case TileError::overrun: return "the stream is of other lengths than the tile";
  }
  return "unknown";
}

}  // namespace fits
