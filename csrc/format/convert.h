// Stored big-endian values -> native pixels: byte swap, scaling, BLANK and type change in one pass over memory.
// FITS Standard 4.0, sections 4.4.2.5 and 5.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "format/cast.h"
#include "format/pixel.h"
#include "format/scaling.h"

namespace fits {

struct Step;

// What one reading does to each value. `scaled` false hands out the stored integers or floats (cast to `to`).
struct Conversion {
  int bitpix = 8;
  Scaling scaling;
  bool scaled = true;
  Pixel to = Pixel::u8;
};

// Casts follow one rule for every reader and device: floating to integer truncates toward zero, what is out of range
// saturates, NaN becomes 0; integer to floating rounds to nearest even, once; float16 and bfloat16 are rounded to
// nearest even from the float32 value. BLANK becomes NaN in floating results and keeps its scaled value in integer
// results; one that the stored type cannot hold matches nothing. The conventions of section 5.2.5 go through the
// integer they stand for, never through double. A copied NaN keeps its bits; after arithmetic its sign and payload mean
// nothing.
//
// `stored` holds count values in native byte order (decoded tiles, tensors; of big-endian ones see Converter), any
// alignment; `out` room for count pixels. The two must not overlap.
void convert_native(const void* stored, std::int64_t count, const Conversion& conversion, void* out) noexcept;

// The instruction sets that the loops are compiled for, in one binary; on other machines only `plain` exists.
enum class SimdLevel : std::uint8_t { plain, avx2, avx512 };

// The best of this machine.
SimdLevel simd_level() noexcept;

enum class ByteOrder : std::uint8_t { big_endian, native };

// A conversion made ready once and run on many short spans, as the rows of cutouts are. Holds no memory; any thread may
// run it. Every level gives the same bits.
class Converter {
 public:
  Converter(const Conversion& conversion, ByteOrder order, SimdLevel level = simd_level()) noexcept;
  // From values of any type: tensors may hold what no BITPIX stores (unsigned integers, 16-bit floats). BLANK and
  // scaling then apply to the values as they are.
  Converter(Pixel from, const Scaling& scaling, Pixel to, ByteOrder order, SimdLevel level = simd_level()) noexcept;

  // The way back: from native pixels of any type to what `bitpix` stores. (value - BZERO) / BSCALE in double is rounded
  // to the nearest integer, ties to even (as numpy.around in astropy; CFITSIO adds 0.5 and truncates, which differs on
  // ties and turns 0.49999999999999994 into 1); out of range saturates; NaN becomes BLANK, or 0 where there is none.
  // Integers that need no arithmetic (no scaling, or a convention) keep every bit and saturate.
  static Converter to_stored(Pixel from, int bitpix, const Scaling& scaling, ByteOrder order,
                             SimdLevel level = simd_level()) noexcept;

  void operator()(const void* in, std::int64_t count, void* out) const noexcept;
  // The same, past the caches where the values stay as they are but for the order of their bytes. For large results in
  // memory that has been written before: what it holds need not be fetched first. Into fresh memory, which the kernel
  // has just written into the caches, it is slower.
  void past_cache(const void* in, std::int64_t count, void* out) const noexcept;
  // Whether values come out as they went in, so that who makes them can put them into place himself.
  bool copies() const noexcept { return stage_count_ == 0; }

 private:
  using Loop = void (*)(const std::byte* in, std::int64_t count, const Operands& operands, std::byte* out) noexcept;
  struct Stage {
    Loop loop;
    Operands operands;
  };

  Converter() noexcept = default;
  void add(Loop loop, const Operands& operands) noexcept;
  void plan(Step step, Operands operands, SimdLevel level) noexcept;
  void run_pieces(const std::byte* in, std::int64_t count, std::byte* out) const noexcept;

  std::array<Stage, 5> stages_;  // run one after another on pieces that stay in the L1 cache
  int stage_count_ = 0;          // 0: a copy
  Loop past_cache_ = nullptr;    // does the same as all stages
  std::size_t in_size_ = 0;
  std::size_t out_size_ = 0;
};

}  // namespace fits
