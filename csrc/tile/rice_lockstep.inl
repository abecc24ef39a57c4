// Many Rice streams at once, one per SIMD lane. Included with FITS_LEVEL (a namespace), FITS_TARGET (the attribute that
// names the instruction set) and, in that namespace, `Lanes` (the vectors; see rice_avx2.cpp) defined.
//
// The tiles of an image are of one length, so all lanes meet their block codes at the same pixel: lanes differ in where
// their next bits lie, and in k, but never in what they do. A lane's next 57 bits or more are kept in two 32-bit halves
// (hi, lo) that are read afresh from its byte address every few symbols: no state but the bit position passes from one
// refill to the next, and two groups of lanes can overlap in the processor's window.
//
// Blocks are transactions. The quick loops take only short symbols and check nothing on the way but the length of the
// longest; lanes that it says were wrong, or that ran past the end of their stream, go back to where the block began
// and are read by rice_block.h. Reads are clamped to the stream, and a stream's last bytes are copied to where zeros
// follow them.
#include <algorithm>
#include <cstring>

#include "tile/rice_tile.inl"

namespace fits::FITS_LEVEL {
namespace {

using V = Lanes::V;
inline constexpr int kLanes = Lanes::kLanes;
inline constexpr unsigned kAllLanes = (1u << kLanes) - 1;
inline constexpr int kStrip = 128;  // pixels; rows and strips of two groups together fill half of an L1 cache
inline constexpr int kTail = 256;   // bytes; more than most strips take
inline constexpr int kReach = 8;    // bytes that one refill reads

// How the symbols of a block are read, by the largest k of all lanes: `pairs` four to a refill, and the halves moved on
// after every two; `singles` two to a refill; `any` one to a refill, of every k and raw ones too.
// The limits on a symbol's (pair's) bits: the float below holds 23 bits, a refill brings 57 of which a block's code may
// have taken 5.
enum class Pace { pairs, singles, any };
inline constexpr int kMostBits[] = {24, 23, 32};
static_assert(2 * kMostBits[0] <= 57 - 5 && 2 * kMostBits[1] <= 57 - 5 && kMostBits[2] <= 57 - 5);
inline constexpr int kMostPairs = 6;     // the largest k that is read in pairs: above, too many exceed 24 bits
inline constexpr int kMostSingles = 12;  // the same of singles

// A block's code as the loops want it.
struct Block {
  V k;
  V length;  // what makes a symbol's length of the exponent
  V half;    // shift that leaves half of the mapped difference, biased by ...
  V bias;
  V sign;       // shift that brings its low bit to the top
  V zero, raw;  // masks
};

// What changes from symbol to symbol.
struct Run {
  V hi, lo;    // the bits at `position`, left-aligned
  V position;  // in bits, from `base`
  V last;      // the pixels before the next
  V longest;   // most bits of a symbol or pair so far
};

struct alignas(64) Group {
  Run run;
  V end;   // the last position from which kReach bytes can be read; one after it is not to be trusted
  V due;   // from here on the lane's tail is to be used
  V code;  // of the current block
  Block block;
  const std::byte* base[kLanes];
  std::int64_t bytes[kLanes];  // of the stream, from `base`
  unsigned alive;              // lanes whose tile has not failed
  bool in_tail[kLanes];
  std::byte tail[kLanes][kTail + kReach];
  alignas(64) std::uint32_t rows[kStrip][kLanes];  // the strip, pixel by pixel
};

// Reads the window at run.position.
FITS_LANES void refill(Run& run, const Group& group) noexcept {
  const V position = Lanes::min(run.position, group.end);
  alignas(64) std::uint32_t at[kLanes];
  Lanes::store(at, Lanes::srl<3>(position));
  V high, low;
  Lanes::read_words(group.base, at, high, low);
  const V shift = Lanes::band(position, Lanes::set(7));
  const V rest = Lanes::sub(Lanes::set(32), shift);
  run.hi = Lanes::bor(Lanes::sllv(high, shift), Lanes::srlv(low, rest));
  run.lo = Lanes::sllv(low, shift);
}

// The float of a window's top 23 bits has the number of zeros in its exponent (149 less it; inverted here, 106 more)
// and the bits after the one that ends them in its significand: what k more of those say needs only shifts.
FITS_LANES V exponent_and_bits(V window) noexcept {
  return Lanes::bxor(Lanes::to_float(Lanes::srl<9>(window)), Lanes::set(0x7f800000u));
}

template <bool kZeros>
FITS_LANES V symbol_bits(V symbol, const Block& block) noexcept {
  const V bits = Lanes::add(Lanes::srl<23>(symbol), block.length);
  return kZeros ? Lanes::andnot(block.zero, bits) : bits;
}

template <bool kZeros>
FITS_LANES void add_symbol(V symbol, const Block& block, Run& run, std::uint32_t* row) noexcept {
  const V half = Lanes::sub(Lanes::srlv(symbol, block.half), block.bias);
  V difference = Lanes::bxor(half, Lanes::sra<31>(Lanes::sllv(symbol, block.sign)));
  if constexpr (kZeros) difference = Lanes::andnot(block.zero, difference);
  run.last = Lanes::add(run.last, difference);
  Lanes::store(row, run.last);
}

// Two symbols out of `window`; returns their bits, and leaves what follows them in `window`, zeros moved in.
template <bool kZeros>
FITS_LANES V read_pair(V& window, const Block& block, Run& run, std::uint32_t (*row)[kLanes]) noexcept {
  const V first = exponent_and_bits(window);
  const V first_bits = symbol_bits<kZeros>(first, block);
  window = Lanes::sllv(window, first_bits);
  const V second = exponent_and_bits(window);
  const V second_bits = symbol_bits<kZeros>(second, block);
  window = Lanes::sllv(window, second_bits);
  add_symbol<kZeros>(first, block, run, row[0]);
  add_symbol<kZeros>(second, block, run, row[1]);
  const V bits = Lanes::add(first_bits, second_bits);
  run.longest = Lanes::max(run.longest, bits);
  return bits;
}

template <bool kZeros>
FITS_LANES void read_four(const Block& block, Run& run, std::uint32_t (*row)[kLanes]) noexcept {
  V window = run.hi;
  const V first = read_pair<kZeros>(window, block, run, row);
  window = Lanes::bor(window, Lanes::srlv(run.lo, Lanes::sub(Lanes::set(32), first)));
  const V second = read_pair<kZeros>(window, block, run, row + 2);
  run.position = Lanes::add(run.position, Lanes::add(first, second));
}

template <bool kZeros>
FITS_LANES void read_two(const Block& block, Run& run, std::uint32_t (*row)[kLanes]) noexcept {
  const V first = exponent_and_bits(run.hi);
  const V first_bits = symbol_bits<kZeros>(first, block);
  const V moved = Lanes::srlv(run.lo, Lanes::sub(Lanes::set(32), first_bits));
  const V second = exponent_and_bits(Lanes::bor(Lanes::sllv(run.hi, first_bits), moved));
  const V second_bits = symbol_bits<kZeros>(second, block);
  add_symbol<kZeros>(first, block, run, row[0]);
  add_symbol<kZeros>(second, block, run, row[1]);
  run.longest = Lanes::max(run.longest, Lanes::max(first_bits, second_bits));
  run.position = Lanes::add(run.position, Lanes::add(first_bits, second_bits));
}

template <int kBytepix>
FITS_LANES void read_one(const Block& block, Run& run, std::uint32_t* row) noexcept {
  constexpr int kRawBits = RiceCode<kBytepix>::kRawBits;
  V bits = symbol_bits<true>(exponent_and_bits(run.hi), block);
  const V top = Lanes::srlv(run.hi, Lanes::sub(Lanes::set(32), bits));  // the one that ends the zeros, and k bits
  const V zeros_less_one = Lanes::sub(bits, Lanes::add(block.k, Lanes::set(2)));
  V mapped = Lanes::add(top, Lanes::sllv(zeros_less_one, block.k));
  mapped = Lanes::select(block.raw, Lanes::srl<32 - kRawBits>(run.hi), mapped);
  bits = Lanes::select(block.raw, Lanes::set(kRawBits), bits);
  mapped = Lanes::andnot(block.zero, mapped);
  const V odd = Lanes::sub(Lanes::set(0), Lanes::band(mapped, Lanes::set(1)));
  run.last = Lanes::add(run.last, Lanes::bxor(Lanes::srl<1>(mapped), odd));
  Lanes::store(row, run.last);
  run.longest = Lanes::max(run.longest, bits);
  run.position = Lanes::add(run.position, bits);
}

// The next `count` rows of all groups, a multiple of 4 for pairs and of 2 for singles. The groups are independent of
// each other: while one waits for its refill, the processor is busy with the other.
template <int kGroups, Pace kPace, bool kZeros, int kBytepix>
FITS_TARGET __attribute__((noinline)) void read_rows(Group* groups, int row, int count) noexcept {
  constexpr int kStep = kPace == Pace::pairs ? 4 : kPace == Pace::singles ? 2 : 1;
  Run runs[kGroups];
  for (int g = 0; g < kGroups; ++g) runs[g] = groups[g].run;
  for (const int end = row + count; row < end; row += kStep) {
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) {
      if constexpr (kPace == Pace::pairs) {
        read_four<kZeros>(groups[g].block, runs[g], groups[g].rows + row);
      } else if constexpr (kPace == Pace::singles) {
        read_two<kZeros>(groups[g].block, runs[g], groups[g].rows + row);
      } else {
        read_one<kBytepix>(groups[g].block, runs[g], groups[g].rows[row]);
      }
      refill(runs[g], groups[g]);
    }
  }
  for (int g = 0; g < kGroups; ++g) groups[g].run = runs[g];
}

#include "tile/rice_tiles.inl"

}  // namespace
}  // namespace fits::FITS_LEVEL
