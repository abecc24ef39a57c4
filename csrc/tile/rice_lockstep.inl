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
inline constexpr int kStrip = 256;  // pixels; at 8 lanes, rows of two groups and a group's strips take 24 KiB at most
inline constexpr int kTail = 256;   // bytes; more than most strips take
inline constexpr int kReach = 8;    // bytes that one refill reads

// How the symbols of a block are read, by the largest k of all lanes: `eights`, `sixes` and `fours` that many to a
// refill, in pairs, after each of which the window moves on; `twos` one by one; `any` one to a refill, of every k and
// raw ones too. A refill brings 57 bits, of which a block's code may have taken 5. The floats below hold 23 bits.
enum class Pace { eights, sixes, fours, twos, any };
inline constexpr int kSteps[] = {8, 6, 4, 2, 1};
inline constexpr int kLargest[] = {3, 4, 6, 12};          // k: above, too many symbols exceed ...
inline constexpr int kMostBits[] = {23, 23, 23, 23, 32};  // of a pair (whose block may end in a two) or a symbol
inline constexpr int kMostOfRefill = 57 - 5;
static_assert(2 * kMostBits[2] <= kMostOfRefill && 2 * kMostBits[3] <= kMostOfRefill && kMostBits[4] <= kMostOfRefill);

// A block's code as the loops want it.
struct Block {
  V k;
  V length;  // what makes a symbol's length of the exponent
  V half;    // shift that leaves half of the mapped difference, biased by ...
  V bias;
  V lowest;     // where its low bit is
  V zero, raw;  // masks
};

// What changes from symbol to symbol.
struct Run {
  V hi, lo;    // the bits at `position`, left-aligned
  V position;  // in bits, from `base`
  V last;      // the pixels before the next
  V longest;   // most bits of a symbol or pair so far
  V most;      // most bits between two refills so far, where that is not bounded by `longest`
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
  bool followed[kLanes];       // kReach bytes can be read after the stream, or lie in its tail
  void* place[kLanes];         // RiceSink::places
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

// The float of a window's top 23 bits has the number of zeros in its exponent (149 less it) and the bits after the one
// that ends them in its significand: what k more of those say needs only shifts.
FITS_LANES V as_float(V window) noexcept { return Lanes::to_float(Lanes::srl<9>(window)); }

template <bool kZeros>
FITS_LANES V symbol_bits(V symbol, const Block& block) noexcept {
  const V bits = Lanes::sub(block.length, Lanes::srl<23>(symbol));
  return kZeros ? Lanes::andnot(block.zero, bits) : bits;
}

template <bool kZeros>
FITS_LANES void add_symbol(V symbol, const Block& block, Run& run, std::uint32_t* row) noexcept {
  const V inverted = Lanes::bxor(symbol, Lanes::set(0x7f800000u));  // the exponent: zeros + 106
  const V half = Lanes::sub(Lanes::srlv(inverted, block.half), block.bias);
  const V odd = Lanes::equal(Lanes::band(inverted, block.lowest), block.lowest);
  V difference = Lanes::bxor(half, odd);
  if constexpr (kZeros) difference = Lanes::andnot(block.zero, difference);
  run.last = Lanes::add(run.last, difference);
  Lanes::store(row, run.last);
}

// Two symbols out of `window`; returns their bits, and leaves what follows them in `window`, zeros moved in.
template <bool kZeros>
FITS_LANES V read_pair(V& window, const Block& block, Run& run, std::uint32_t (*row)[kLanes]) noexcept {
  const V first = as_float(window);
  const V first_bits = symbol_bits<kZeros>(first, block);
  window = Lanes::sllv(window, first_bits);
  const V second = as_float(window);
  const V second_bits = symbol_bits<kZeros>(second, block);
  window = Lanes::sllv(window, second_bits);
  add_symbol<kZeros>(first, block, run, row[0]);
  add_symbol<kZeros>(second, block, run, row[1]);
  const V bits = Lanes::add(first_bits, second_bits);
  run.longest = Lanes::max(run.longest, bits);
  return bits;
}

template <int kPairs, bool kZeros>
FITS_LANES void read_pairs(const Block& block, Run& run, std::uint32_t (*row)[kLanes]) noexcept {
  V window = run.hi, lo = run.lo;
  V bits = read_pair<kZeros>(window, block, run, row), all = bits;
#pragma GCC unroll 3
  for (int i = 1; i < kPairs; ++i) {
    window = Lanes::bor(window, Lanes::srlv(lo, Lanes::sub(Lanes::set(32), bits)));
    if (i + 1 < kPairs) lo = Lanes::sllv(lo, bits);
    bits = read_pair<kZeros>(window, block, run, row + 2 * i);
    all = Lanes::add(all, bits);
  }
  if constexpr (kPairs > 2) run.most = Lanes::max(run.most, all);
  run.position = Lanes::add(run.position, all);
}

template <bool kZeros>
FITS_LANES void read_two(const Block& block, Run& run, std::uint32_t (*row)[kLanes]) noexcept {
  const V first = as_float(run.hi);
  const V first_bits = symbol_bits<kZeros>(first, block);
  const V moved = Lanes::srlv(run.lo, Lanes::sub(Lanes::set(32), first_bits));
  const V second = as_float(Lanes::bor(Lanes::sllv(run.hi, first_bits), moved));
  const V second_bits = symbol_bits<kZeros>(second, block);
  add_symbol<kZeros>(first, block, run, row[0]);
  add_symbol<kZeros>(second, block, run, row[1]);
  run.longest = Lanes::max(run.longest, Lanes::max(first_bits, second_bits));
  run.position = Lanes::add(run.position, Lanes::add(first_bits, second_bits));
}

template <int kBytepix>
FITS_LANES void read_one(const Block& block, Run& run, std::uint32_t* row) noexcept {
  constexpr int kRawBits = RiceCode<kBytepix>::kRawBits;
  V bits = symbol_bits<true>(as_float(run.hi), block);
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

template <Pace kPace, bool kZeros, int kBytepix>
FITS_LANES void read_step(const Block& block, Run& run, std::uint32_t (*row)[kLanes]) noexcept {
  if constexpr (kPace <= Pace::fours) {
    read_pairs<kSteps[static_cast<int>(kPace)] / 2, kZeros>(block, run, row);
  } else if constexpr (kPace == Pace::twos) {
    read_two<kZeros>(block, run, row);
  } else {
    read_one<kBytepix>(block, run, row[0]);
  }
}

// Member by member: g++ 12 copies the whole in halves, which the loads that follow must wait for.
FITS_LANES void copy(const Run& from, Run& to) noexcept {
  to.hi = from.hi;
  to.lo = from.lo;
  to.position = from.position;
  to.last = from.last;
  to.longest = from.longest;
  to.most = from.most;
}

// As many of the next `count` rows of all groups as the pace can read; returns how many. The groups are independent of
// each other: while one waits for its refill, the processor is busy with the other.
template <int kGroups, Pace kPace, bool kZeros, int kBytepix>
FITS_TARGET __attribute__((noinline)) int read_rows(Group* groups, int row, int count) noexcept {
  constexpr int kStep = kSteps[static_cast<int>(kPace)];
  const int first = row;
  const int end = row + count;
  Run run, other;
  copy(groups[0].run, run);
  if constexpr (kGroups == 2) copy(groups[1].run, other);
  for (; row + kStep <= end; row += kStep) {
    read_step<kPace, kZeros, kBytepix>(groups[0].block, run, groups[0].rows + row);
    refill(run, groups[0]);
    if constexpr (kGroups == 2) {
      read_step<kPace, kZeros, kBytepix>(groups[1].block, other, groups[1].rows + row);
      refill(other, groups[1]);
    }
  }
  copy(run, groups[0].run);
  if constexpr (kGroups == 2) copy(other, groups[1].run);
  return row - first;
}

#include "tile/rice_tiles.inl"

}  // namespace

RiceDecoders rice_decoders(int bytepix) noexcept {
  if (bytepix == 1) return {&decode_tile<1>, &decode_tiles<1>};
  if (bytepix == 2) return {&decode_tile<2>, &decode_tiles<2>};
  return {&decode_tile<4>, &decode_tiles<4>};
}

}  // namespace fits::FITS_LEVEL
