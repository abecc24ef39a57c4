// Stored big-endian values -> native pixels: byte swap, scaling, BLANK and type change in one pass over memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "format/scaling.h"

namespace fits {

// What one reading does to each value. `scaled` false hands out the stored integers or floats (cast to `to`).
struct Conversion {
  int bitpix = 8;
  Scaling scaling;
  bool scaled = true;
  Pixel to = Pixel::u8;
};

// Casts follow one rule for every reader and device: floating to integer truncates toward zero, what is out of range
// saturates, NaN becomes 0; float16 and bfloat16 are rounded to nearest even from the float32 value. BLANK becomes NaN in
// floating results and keeps its scaled value in integer results.
//
// `stored` holds count values, big-endian, any alignment; `out` room for count pixels. The two must not overlap.
// `stream`: write past the caches (worth it when the whole result is larger than the last-level cache).
void convert(const std::byte* stored, std::int64_t count, const Conversion& conversion, void* out,
             bool stream = false) noexcept;

// The same from values in native byte order (decoded tiles, tensors).
void convert_native(const void* stored, std::int64_t count, const Conversion& conversion, void* out,
                    bool stream = false) noexcept;

}  // namespace fits
