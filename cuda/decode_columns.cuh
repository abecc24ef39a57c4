// What the CUDA kernel of decode_columns does; what becomes of each value is format/cell_recipe.h's, so that the CPU
// gives the same bits. Never yet run on a GPU.
//
// A block of threads takes some rows, brings the part of them that is wanted into shared memory and writes it column by
// column, each a run without gaps of its result. Both sides of device memory are then met in order, and what is out of
// order (cells that lie a row apart, at any address) happens in shared memory. Compiles for the host too, where
// tests/cpp/test_cuda_columns.cpp runs all of it without a GPU.
#pragma once

#include <bit>

#if defined(__CUDACC__)
#include <cuda_pipeline.h>
#endif

#include "decode_columns_plan.cuh"
#include "tiles_team.cuh"

namespace fits {

static_assert(std::endian::native == std::endian::little, "words of rows are taken apart as little-endian ones");

// Copies 4 bytes at an aligned address into the stage, without waiting for them.
FITS_KERNEL_BODY void stage_word(std::uint32_t* to, const std::byte* from) {
#if defined(__CUDA_ARCH__)
  __pipeline_memcpy_async(to, from, 4);
#else
  __builtin_memcpy(to, from, 4);
#endif
}

FITS_KERNEL_BODY void wait_for_stage() {
#if defined(__CUDA_ARCH__)
  __pipeline_commit();
  __pipeline_wait_prior(0);
#endif
}

// Eight bytes, `low` first, of which a selector's digits choose four, its lowest digit the lowest byte.
FITS_HOST_DEVICE std::uint32_t chosen_bytes(std::uint32_t low, std::uint32_t high, std::uint32_t selector) {
#if defined(__CUDA_ARCH__)
  return __byte_perm(low, high, selector);
#else
  const std::uint64_t all = static_cast<std::uint64_t>(high) << 32 | low;
  std::uint32_t result = 0;
  for (int i = 0; i < 4; ++i) result |= (all >> 8 * (selector >> 4 * i & 7) & 0xff) << 8 * i;
  return result;
#endif
}

// Rows in the stage, which begin at any of a word's bytes. What lies behind the last of them is read, but not used: the
// stage has a word more than rows take.
class Stage {
 public:
  FITS_HOST_DEVICE Stage(const std::uint32_t* words, int pitch, std::uintptr_t address, std::int64_t stride)
      : words_(words),
        pitch_(pitch),
        address_(static_cast<unsigned>(address)),
        stride_(static_cast<unsigned>(stride)) {}

  // The byte of the stage with which row `row` begins.
  FITS_HOST_DEVICE int row(int row) const { return 4 * row * pitch_ + static_cast<int>(shift(row)); }
  // By how many bytes row `row` begins after a multiple of 4.
  FITS_HOST_DEVICE unsigned shift(int row) const { return (address_ + static_cast<unsigned>(row) * stride_) % 4; }

  FITS_HOST_DEVICE std::byte byte(int at) const { return static_cast<std::byte>(words_[at / 4] >> 8 * (at % 4)); }
  // Four bytes, the first one lowest.
  FITS_HOST_DEVICE std::uint32_t four(int at) const { return pair(at, 0x3210); }
  // A big-endian value.
  template <class Bits>
  FITS_HOST_DEVICE Bits value(int at) const {
    if constexpr (sizeof(Bits) == 1) {
      return static_cast<Bits>(byte(at));
    } else if constexpr (sizeof(Bits) == 2) {
      return static_cast<Bits>(pair(at, 0x2201));
    } else if constexpr (sizeof(Bits) == 4) {
      return pair(at, 0x0123);
    } else {
      return static_cast<Bits>(pair(at, 0x0123)) << 32 | pair(at + 4, 0x0123);
    }
  }

 private:
  // Of the word of byte `at` and the next one the bytes that `selector` chooses, counted from that byte.
  FITS_HOST_DEVICE std::uint32_t pair(int at, std::uint32_t selector) const {
    const std::uint32_t* const word = words_ + at / 4;
    return chosen_bytes(word[0], word[1], selector + 0x1111U * static_cast<unsigned>(at % 4));
  }

  const std::uint32_t* words_;
  int pitch_;
  unsigned address_, stride_;  // modulo 4 is all that matters
};

// Element `i` of the cell at byte `cell` of the stage; of results of one byte also four of them, `i` lowest.
template <class Bits>
struct SwappedElement {
  using Out = Bits;
  Bits flip;
  FITS_HOST_DEVICE Out operator()(const Stage& stage, int cell, int i) const {
    return static_cast<Bits>(stage.value<Bits>(cell + i * static_cast<int>(sizeof(Bits))) ^ flip);
  }
  FITS_HOST_DEVICE std::uint32_t four(const Stage& stage, int cell, int i) const {
    return stage.four(cell + i) ^ 0x01010101U * flip;
  }
};

template <class Stored>
struct ScaledElement {
  using Out = double;
  Operands operands;
  FITS_HOST_DEVICE Out operator()(const Stage& stage, int cell, int i) const {
    const auto bits = stage.value<BitsOf<Stored>>(cell + i * static_cast<int>(sizeof(Stored)));
    return converted<double, true, false>(bit_cast<Stored>(bits), operands);
  }
};

template <class Part>
struct ScaledPart {
  using Out = double;
  Operands operands;
  FITS_HOST_DEVICE Out operator()(const Stage& stage, int cell, int i) const {
    const auto bits = stage.value<BitsOf<Part>>(cell + i * static_cast<int>(sizeof(Part)));
    return scaled_part(bit_cast<Part>(bits), i, operands);
  }
};

struct LogicalElement {
  using Out = std::uint8_t;
  FITS_HOST_DEVICE Out operator()(const Stage& stage, int cell, int i) const {
    return is_true(stage.byte(cell + i)) ? 1 : 0;
  }
  FITS_HOST_DEVICE std::uint32_t four(const Stage& stage, int cell, int i) const {
    const std::uint32_t bytes = stage.four(cell + i);
    std::uint32_t word = 0;
    for (int k = 0; k < 32; k += 8) word |= (is_true(static_cast<std::byte>(bytes >> k)) ? 1U : 0U) << k;
    return word;
  }
};

struct BitElement {
  using Out = std::uint8_t;
  FITS_HOST_DEVICE Out operator()(const Stage& stage, int cell, int i) const {
    return bit_of(stage.byte(cell + i / 8), i % 8) ? 1 : 0;
  }
  FITS_HOST_DEVICE std::uint32_t four(const Stage& stage, int cell, int i) const {
    const auto from = static_cast<std::uint8_t>(stage.value<std::uint16_t>(cell + i / 8) >> (8 - i % 8));
    std::uint32_t word = 0;
    for (int k = 0; k < 4; ++k) word |= (bit_of(static_cast<std::byte>(from), k) ? 1U : 0U) << 8 * k;
    return word;
  }
};

// What one block of threads has of a column: elements [first, first + count) of the result, `together` of each row.
struct CellRun {
  int cell;  // first byte in the stage, from where a row begins
  int together;
  std::uint64_t inverse;
  std::int64_t first;
  int count;
};

// Elements [at, at + kPack) of a run as one word.
template <class Element, int kPack>
FITS_HOST_DEVICE std::uint32_t word_of(const Stage& stage, const CellRun& run, const Element& element, int at) {
  int row = quotient(at, run.inverse), i = at - row * run.together;
  if constexpr (kPack == 4) {
    if (i + 4 <= run.together) return element.four(stage, stage.row(row) + run.cell, i);
  }
  std::uint32_t word = 0;
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
  for (int k = 0; k < kPack; ++k) {
    word |= static_cast<std::uint32_t>(element(stage, stage.row(row) + run.cell, i)) << k * (32 / kPack);
    if (++i == run.together) i = 0, ++row;
  }
  return word;
}

// Elements that are narrower than a word go out in words where those are aligned.
template <class Team, class Element>
FITS_KERNEL_BODY void write_cells(const Team& team, const Stage& stage, const CellRun& run, const Element& element,
                                  std::byte* column) {
  using Out = typename Element::Out;
  constexpr int kPack = sizeof(Out) < 4 ? static_cast<int>(4 / sizeof(Out)) : 1;
  Out* const out = reinterpret_cast<Out*>(column) + run.first;
  int packed = 0;  // elements that go out in words
  if constexpr (kPack > 1) {
    if (reinterpret_cast<std::uintptr_t>(out) % 4 == 0) packed = run.count - run.count % kPack;
  }
  team.all_apart([&](int thread) {
    if constexpr (kPack > 1) {
      for (int at = thread * kPack; at < packed; at += team.size() * kPack) {
        *reinterpret_cast<std::uint32_t*>(out + at) = word_of<Element, kPack>(stage, run, element, at);
      }
    }
    for (int at = packed + thread; at < run.count; at += team.size()) {
      const int row = quotient(at, run.inverse);
      out[at] = element(stage, stage.row(row) + run.cell, at - row * run.together);
    }
  });
}

template <class Team>
FITS_KERNEL_BODY void write_column(const Team& team, const Stage& stage, const CellRun& run, const CellPlan& cell) {
  const auto write = [&](const auto& element) { write_cells(team, stage, run, element, cell.out); };
  const Operands operands{cell.tscal, cell.tzero};
  const std::uint64_t top = cell.flip ? std::uint64_t{1} << (8 * pixel_size(cell.stored) - 1) : 0;
  switch (cell.kind) {
    case CellKind::logicals: return write(LogicalElement{});
    case CellKind::bits: return write(BitElement{});
    case CellKind::scaled_complex:
      if (cell.stored == Pixel::f32) return write(ScaledPart<float>{operands});
      return write(ScaledPart<double>{operands});
    default: break;
  }
  if (cell.arithmetic) {
    switch (cell.stored) {
      case Pixel::u8: return write(ScaledElement<std::uint8_t>{operands});
      case Pixel::i16: return write(ScaledElement<std::int16_t>{operands});
      case Pixel::i32: return write(ScaledElement<std::int32_t>{operands});
      case Pixel::i64: return write(ScaledElement<std::int64_t>{operands});
      case Pixel::f32: return write(ScaledElement<float>{operands});
      default: return write(ScaledElement<double>{operands});
    }
  }
  switch (pixel_size(cell.stored)) {
    case 1: return write(SwappedElement<std::uint8_t>{static_cast<std::uint8_t>(top)});
    case 2: return write(SwappedElement<std::uint16_t>{static_cast<std::uint16_t>(top)});
    case 4: return write(SwappedElement<std::uint32_t>{static_cast<std::uint32_t>(top)});
    default: return write(SwappedElement<std::uint64_t>{top});
  }
}

struct SectionShared {
  std::uint32_t words[kStageWords + 1];
};

// Brings bytes [first, first + width) of `rows` rows into the stage, in aligned words, which at their edges hold bytes
// that were not asked for. Of those outside the tensor none is read.
template <class Team>
FITS_KERNEL_BODY void fill_stage(const Team& team, const SectionPlan& plan, const std::byte* first, std::int64_t width,
                                 int rows, SectionShared& shared) {
  const std::byte* const end = plan.rows + plan.count * plan.stride;
  team.all([&](int thread) {
    const int step_row = team.size() / plan.words, step_word = team.size() % plan.words;
    int row = thread / plan.words, word = thread % plan.words;
    while (row < rows) {
      const std::byte* const begin = first + row * plan.stride;
      const auto shift = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(begin) % 4);
      const std::byte* const from = begin - shift + 4 * word;
      if (4 * word < shift + width) {
        std::uint32_t* const to = shared.words + row * plan.pitch + word;
        if (from >= plan.rows && end - from >= 4) {
          stage_word(to, from);
        } else {
          std::uint32_t bytes = 0;
          for (int i = 0; i < 4; ++i) {
            if (from + i >= plan.rows && from + i < end) bytes |= static_cast<std::uint32_t>(from[i]) << 8 * i;
          }
          *to = bytes;
        }
      }
      row += step_row, word += step_word;
      if (word >= plan.words) word -= plan.words, ++row;
    }
    wait_for_stage();
  });
}

// Block `block` of a section's.
template <class Team>
FITS_KERNEL_BODY void decode_section(const Team& team, const SectionPlan& plan, std::int64_t block,
                                     SectionShared& shared) {
  const std::int64_t piece = block % plan.pieces, row = block / plan.pieces * plan.rows_together;
  const std::int64_t left = plan.count - row;
  const int rows = left < plan.rows_together ? static_cast<int>(left) : plan.rows_together;
  const std::byte* const first = plan.rows + row * plan.stride + plan.first + piece * plan.width;
  fill_stage(team, plan, first, piece + 1 == plan.pieces ? plan.last_width : plan.width, rows, shared);
  const Stage stage(shared.words, plan.pitch, reinterpret_cast<std::uintptr_t>(first), plan.stride);
  for (int i = 0; i < plan.cells; ++i) {
    const CellPlan& cell = plan.cell[i];
    const std::int64_t before = piece * cell.together, behind = cell.count - before;
    const int together = behind < cell.together ? static_cast<int>(behind) : cell.together;
    // In pieces there is one row, of which `together` may be fewer than the plan's; the quotient is 0 all the same.
    write_column(team, stage, {cell.start, together, cell.inverse, row * cell.count + before, rows * together}, cell);
  }
}

}  // namespace fits
