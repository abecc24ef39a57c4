// RICE_1 on a GPU: a warp decodes 32 tiles, each thread one, and all of them are at the same pixel of their tiles; only
// their places in the streams differ. 32 pixels of each go to shared memory, whose padding lets them be read tile by
// tile without conflicts, and from there the whole warp writes one tile's 32 neighbouring pixels at a time.
//
// The streams' arithmetic is csrc/tile/rice_block.h's, the CPU's. Never yet run on a GPU.
#pragma once

#include "tile/rice_block.h"
#include "tiles_job.cuh"

namespace fits {

// The bits of [begin, end), as RiceBits, in words of 32 bits: at least 32 are ready after refill(), or all that are
// left, and the word after them is on its way from memory. Nothing outside [begin, end) is read.
struct RiceWords {
  const std::byte* next = nullptr;  // aligned; of the word after `ahead`
  const std::byte* end = nullptr;
  std::int64_t left = 0;  // bits of the stream from `ahead` on
  std::uint64_t window = 0;
  std::uint32_t ahead = 0;
  int valid = 0;

  RiceWords() = default;
  FITS_HOST_DEVICE RiceWords(const std::byte* begin, std::int64_t size) noexcept : end(begin + size) {
    // The bytes of the first word one by one: it may start before the stream.
    for (; size > 0 && reinterpret_cast<std::uintptr_t>(begin) % 4 != 0; ++begin, --size, valid += 8) {
      window |= static_cast<std::uint64_t>(*begin) << (56 - valid);
    }
    next = begin;
    left = 8 * size;
    ahead = fetch();
  }

  FITS_HOST_DEVICE void refill() noexcept {
    if (valid >= 32) return;
    window |= static_cast<std::uint64_t>(ahead) << (32 - valid);
    const int more = left < 32 ? static_cast<int>(left) : 32;
    valid += more;
    left -= more;
    ahead = fetch();
  }

  FITS_HOST_DEVICE void drop(int bits) noexcept {
    window <<= bits;
    valid -= bits;
  }

  FITS_HOST_DEVICE std::uint32_t take(int bits) noexcept {
    const auto value = static_cast<std::uint32_t>(window >> (64 - bits));
    drop(bits);
    return value;
  }

 private:
  // The next word, its first byte the highest; zeros for what lies behind the end.
  FITS_HOST_DEVICE std::uint32_t fetch() noexcept {
    std::uint32_t word = 0;
    if (end - next >= 4) {
#if defined(__CUDA_ARCH__)
      word = swap_bytes(__ldg(reinterpret_cast<const unsigned int*>(next)));
#else
      word = load<std::uint32_t, true>(next);
#endif
    } else {
      for (int i = 0; i < 4 && next + i < end; ++i) word |= static_cast<std::uint32_t>(next[i]) << (24 - 8 * i);
      if (next >= end) return 0;
    }
    next += 4;
    return word;
  }
};

// rice_pixels of rice_block.h, for threads that wait for each other: whatever k is, all refill at every pixel, so that
// none takes another way than its neighbours but for codes longer than 32 bits.
template <int kBytepix>
FITS_HOST_DEVICE TileError rice_lane_pixels(RiceWords& bits, int code, std::uint32_t& last, int count,
                                            typename RiceCode<kBytepix>::Pixel* out) noexcept {
  using Code = RiceCode<kBytepix>;
  using Pixel = typename Code::Pixel;
  if (code > Code::kRaw) return TileError::bad_code;
  const int k = code - 1;
  for (int i = 0; i < count; ++i) {
    if (code != 0) {
      bits.refill();
      const int zeros = rice_leading_zeros(bits.window);
      std::uint32_t v;
      if (code == Code::kRaw) {
        if (bits.valid < Code::kRawBits) return TileError::short_input;
        v = bits.take(Code::kRawBits);
      } else if (zeros + k + 1 <= bits.valid && zeros + k + 1 <= 32) {
        v = (bits.take(zeros + k + 1) ^ (1u << k)) | static_cast<std::uint32_t>(zeros) << k;
      } else if (!rice_symbol(bits, k, v)) {
        return TileError::short_input;
      }
      last += rice_difference(v);
    }
    out[i] = static_cast<Pixel>(last);
  }
  return TileError::ok;
}

// A tile that is read strip by strip. (nvcc takes no overload of rice_pixels, so RiceTile::read is said again here.)
template <int kBytepix>
struct RiceLane : RiceTile<kBytepix, RiceWords> {
  FITS_HOST_DEVICE TileError read(int count, typename RiceCode<kBytepix>::Pixel* out) noexcept {
    while (count > 0) {
      if (this->left == 0) {
        if (!rice_block_code<kBytepix>(this->bits, this->code)) return TileError::short_input;
        this->left = this->blocksize;
      }
      const int piece = this->left < count ? static_cast<int>(this->left) : count;
      const TileError error = rice_lane_pixels<kBytepix>(this->bits, this->code, this->last, piece, out);
      if (error != TileError::ok) return error;
      out += piece;
      count -= piece;
      this->left -= piece;
    }
    return TileError::ok;
  }
};

inline constexpr int kRiceTiles = 32;  // of a warp
inline constexpr int kRiceStrip = 32;  // pixels of each between two barriers

// What the threads of a warp share. The padding is one 32-bit word.
template <int kBytepix>
struct RiceShared {
  typename RiceCode<kBytepix>::Pixel pixels[kRiceTiles][kRiceStrip + 4 / kBytepix];
  DitherPlace dither[kRiceTiles];
  int length[kRiceTiles];  // pixels of this strip
  std::int64_t needed[kRiceTiles];
};

constexpr Pixel rice_pixel(int bytepix) noexcept {
  return bytepix == 1 ? Pixel::u8 : bytepix == 2 ? Pixel::i16 : Pixel::i32;
}

// ---- What becomes of each value. `quick` ones are for what most files ask; RiceAny for all else.

struct RiceAny {
  template <class Value>
  static FITS_HOST_DEVICE void put(const TilePlan& plan, const TileJob& job, DitherPlace dither, int ahead,
                                   std::int64_t pixel, Value value) {
    put_any(plan, job, dither, ahead, pixel, rice_pixel(sizeof(Value)), reinterpret_cast<const std::byte*>(&value));
  }
};

// Quantised float32, as float32.
struct RiceQuantised {
  static FITS_HOST_DEVICE void put(const TilePlan& plan, const TileJob& job, DitherPlace dither, int ahead,
                                   std::int64_t pixel, std::int32_t value) {
    std::byte* const out = job.place.at(pixel);
    if (out == nullptr) return;
    *reinterpret_cast<float*>(out) =
        dequantised_pixel<float>(plan.dither, plan.image.zquantiz, job.scaling, job.blank, dither, ahead, value);
  }
};

// Integers, as the integers they stand for: as stored, or by the conventions of section 5.2.5.
struct RiceInteger {
  template <class Value>
  static FITS_HOST_DEVICE void put(const TilePlan& plan, const TileJob& job, DitherPlace, int, std::int64_t pixel,
                                   Value value) {
    using Bits = BitsOf<Value>;
    std::byte* const out = job.place.at(pixel);
    if (out == nullptr) return;
    *reinterpret_cast<Bits*>(out) =
        static_cast<Bits>(bit_cast<Bits>(value) ^ static_cast<Bits>(plan.recipe.operands.flip));
  }
};

// Integers, as float32, with BSCALE, BZERO and BLANK.
template <class Exact>
struct RiceFloat {
  template <class Value>
  static FITS_HOST_DEVICE void put(const TilePlan& plan, const TileJob& job, DitherPlace, int, std::int64_t pixel,
                                   Value value) {
    std::byte* const out = job.place.at(pixel);
    if (out == nullptr) return;
    const ToPixel<Exact, float> convert{plan.recipe.operands, plan.recipe.arithmetic, plan.recipe.blank};
    *reinterpret_cast<float*>(out) = convert(bit_cast<BitsOf<Exact>>(value));
  }
};

// Which of them a call takes for tiles that they take; the others are left to RiceAny.
enum class RiceQuick : std::uint8_t { none, quantised, integer, floating, convention };

constexpr RiceQuick rice_quick(const TilePlan& plan) noexcept {
  const int bytepix = plan.image.rice.bytepix;
  if (plan.stored == Pixel::f32) {
    const bool quantised = plan.image.zquantiz != Quantization::none;
    return quantised && bytepix == 4 && plan.to == Pixel::f32 && plan.copies ? RiceQuick::quantised : RiceQuick::none;
  }
  const Recipe& recipe = plan.recipe;
  if (plan.stored != rice_pixel(bytepix)) return RiceQuick::none;
  if (plan.to == recipe.exact && !recipe.arithmetic) return RiceQuick::integer;
  if (plan.to != Pixel::f32) return RiceQuick::none;
  if (recipe.exact == plan.stored) return RiceQuick::floating;
  return recipe.exact == Pixel::u16 ? RiceQuick::convention : RiceQuick::none;
}

FITS_HOST_DEVICE bool rice_quick_takes(RiceQuick quick, const TileJob& job) noexcept {
  return quick == RiceQuick::none ? false : quick == RiceQuick::quantised ? job.quantised : !job.marks;
}

// Tiles [0, count) of `jobs`, at most kRiceTiles, in a team of as many threads; errors[i] is what is wrong with tile i.
// RiceAny takes the tiles that `quick` does not.
template <int kBytepix, class Put, class Team>
FITS_KERNEL_BODY void decode_rice_tiles(const Team& team, const TilePlan& plan, RiceQuick quick, const TileJob* jobs,
                                        int count, std::int32_t* errors, RiceShared<kBytepix>& shared) {
  using Tile = RiceLane<kBytepix>;
  typename Team::template Own<Tile> tiles;
  team.all([&](int t) {
    shared.needed[t] = 0;
    shared.dither[t] = {};
    if (t >= count || errors[t] != 0) return;
    const TileJob& job = jobs[t];
    if (job.codec != Codec::rice_1 || job.needed == 0) return;
    if (rice_quick_takes(quick, job) == std::is_same_v<Put, RiceAny>) return;
    tiles[t] = Tile{{RiceWords(job.stream, job.size), plan.image.rice.blocksize}};
    const TileError error = tiles[t].start();
    errors[t] = static_cast<std::int32_t>(error);
    if (error == TileError::ok) shared.needed[t] = job.needed;
    shared.dither[t] = job.dither;
  });
  std::int64_t longest = 0;
  for (int t = 0; t < kRiceTiles; ++t) longest = shared.needed[t] > longest ? shared.needed[t] : longest;
  for (std::int64_t first = 0; first < longest; first += kRiceStrip) {
    team.all([&](int t) {
      const std::int64_t left = shared.needed[t] - first;
      if (first > 0 && is_dithered(plan.image.zquantiz)) {
        shared.dither[t] = dither_after(plan.dither, shared.dither[t], kRiceStrip);
      }
      int length = left <= 0 ? 0 : left < kRiceStrip ? static_cast<int>(left) : kRiceStrip;
      if (length > 0 && errors[t] == 0) {
        const TileError error = tiles[t].read(length, shared.pixels[t]);
        if (error != TileError::ok) {
          errors[t] = static_cast<std::int32_t>(error);
          length = 0;
        }
      } else {
        length = 0;
      }
      shared.length[t] = length;
    });
    for (int t = 0; t < kRiceTiles; ++t) {
      const int length = shared.length[t];
      if (length == 0) continue;
      team.all_apart([&](int i) {
        if (i < length) Put::put(plan, jobs[t], shared.dither[t], i, first + i, shared.pixels[t][i]);
      });
    }
    team.once([] {});  // all have read them
  }
}

}  // namespace fits
