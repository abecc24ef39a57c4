// How the CUDA kernel of decode_columns shares out rows: sections of them, each a launch. Planned on the host; runs
// there too in tests/cpp/test_cuda_columns.cpp.
#pragma once

#include <algorithm>
#include <vector>

#include "format/cell_recipe.h"

namespace fits {

inline constexpr int kStageWords = 4096;  // of 32 bits in shared memory, so that eight blocks fit a processor
inline constexpr int kMostCells = 64;     // columns of one launch: what a kernel takes by value is at most 4 KB
inline constexpr std::int64_t kMostSection = 496;  // bytes of a row for several columns: 32 rows, a warp, fit the stage
inline constexpr std::int64_t kMostPiece = 8192;   // bytes of a row for one
inline constexpr std::int64_t kGap = 32;  // bytes between columns that are worth a section of their own: a sector

// One column of a section.
struct CellPlan {
  std::byte* out = nullptr;   // of its first row
  std::int64_t count = 0;     // numbers, characters, logicals or bits in a cell
  std::int32_t start = 0;     // the cell's first byte in the section
  std::int32_t together = 0;  // of `count` those in one piece of the section
  std::uint64_t inverse = 0;  // see quotient()
  double tscal = 1, tzero = 0;
  CellKind kind = CellKind::characters;
  Pixel stored = Pixel::u8;
  bool arithmetic = false;  // else only the order of bytes and, with `flip`, the top bit change
  bool flip = false;
};

// The bytes [first, first + width) of each row: neighbouring columns, or one that may be too wide for one block of
// threads and is then cut into pieces of `width`. A kernel takes it by value.
struct SectionPlan {
  const std::byte* rows = nullptr;
  std::int64_t count = 0, stride = 0;  // rows, and bytes from one to the next
  std::int64_t first = 0, width = 0;
  std::int64_t pieces = 1, last_width = 0;  // of the last piece
  std::int32_t words = 0, pitch = 0;        // of each row in shared memory, and from one row to the next
  std::int32_t rows_together = 0;           // of one block of threads
  std::int32_t cells = 0;
  CellPlan cell[kMostCells];

  std::int64_t blocks() const { return (count + rows_together - 1) / rows_together * pieces; }
};
static_assert(sizeof(SectionPlan) <= 4096);

// One column as decode_columns is asked for it.
struct WantedCells {
  CellRecipe recipe;
  std::int64_t start = 0;  // first byte in a row
  std::byte* out = nullptr;

  // Bytes in a row.
  std::int64_t width() const {
    if (recipe.kind == CellKind::bits) return (recipe.count + 7) / 8;
    return recipe.count * static_cast<std::int64_t>(pixel_size(recipe.stored));
  }
};

// number / divisor is number * inverse >> 40, as long as number * divisor < 2^40: of elements in the stage, and those
// of a cell there, each is below 2^17.
constexpr std::uint64_t inverse_of(std::int64_t divisor) {
  return ((std::uint64_t{1} << 40) + static_cast<std::uint64_t>(divisor) - 1) / static_cast<std::uint64_t>(divisor);
}

FITS_HOST_DEVICE int quotient(int number, std::uint64_t inverse) {
  return static_cast<int>(static_cast<std::uint64_t>(number) * inverse >> 40);
}

inline CellPlan cell_plan(const WantedCells& wanted, std::int64_t first, std::int64_t together) {
  const Operands& operands = wanted.recipe.recipe.operands;
  CellPlan plan;
  plan.out = wanted.out;
  plan.count = wanted.recipe.count;
  plan.start = static_cast<std::int32_t>(wanted.start - first);
  plan.together = static_cast<std::int32_t>(together);
  plan.inverse = inverse_of(together);
  plan.tscal = operands.bscale;
  plan.tzero = operands.bzero;
  plan.kind = wanted.recipe.kind;
  plan.stored = wanted.recipe.stored;
  plan.arithmetic = wanted.recipe.recipe.arithmetic;
  plan.flip = operands.flip != 0;
  return plan;
}

// How rows of a section lie in the stage: an odd number of words apart, so that a warp that reads one column of 32 rows
// meets every bank of shared memory once.
inline void lay_out(SectionPlan& section) {
  const bool aligned = (reinterpret_cast<std::uintptr_t>(section.rows) | static_cast<std::uintptr_t>(section.stride) |
                        static_cast<std::uintptr_t>(section.first)) %
                           4 ==
                       0;
  section.words = static_cast<std::int32_t>((section.width + (aligned ? 3 : 6)) / 4);
  section.pitch = section.words | 1;
  std::int64_t together = section.pieces > 1 ? 1 : std::max(kStageWords / section.pitch, 1);
  if (together > 4) together -= together % 4;  // so that results narrower than a word go out in words
  section.rows_together = static_cast<std::int32_t>(together);
}

// Columns of no width are in no section. `wanted` is sorted by where columns begin.
inline std::vector<SectionPlan> plan_sections(const std::byte* rows, std::int64_t count, std::int64_t stride,
                                              std::vector<WantedCells> wanted) {
  std::erase_if(wanted, [](const WantedCells& cells) { return cells.width() == 0; });
  std::ranges::stable_sort(wanted, {}, &WantedCells::start);
  std::vector<SectionPlan> sections;
  if (count == 0) return sections;
  for (const WantedCells& cells : wanted) {
    const std::int64_t end = cells.start + cells.width();
    SectionPlan* last = sections.empty() ? nullptr : &sections.back();
    const bool joins = last != nullptr && last->pieces == 1 && last->cells < kMostCells &&
                       cells.start - (last->first + last->width) < kGap &&
                       std::max(end, last->first + last->width) - last->first <= kMostSection;
    if (!joins) {
      last = &sections.emplace_back();
      last->rows = rows, last->count = count, last->stride = stride, last->first = cells.start;
      last->pieces = (cells.width() + kMostPiece - 1) / kMostPiece;
      last->last_width = cells.width() - (last->pieces - 1) * kMostPiece;
    }
    const std::int64_t wide = last->pieces > 1 ? kMostPiece : std::max(end - last->first, last->width);
    if (last->pieces == 1) last->last_width = wide;
    last->width = wide;
    // kMostPiece is a multiple of every element's size, and of two parts of complex numbers.
    const std::int64_t together = last->pieces == 1 ? cells.recipe.count
                                                    : kMostPiece * (cells.recipe.kind == CellKind::bits ? 8 : 1) /
                                                          static_cast<std::int64_t>(pixel_size(cells.recipe.stored));
    last->cell[last->cells++] = cell_plan(cells, last->first, together);
  }
  for (SectionPlan& section : sections) lay_out(section);
  return sections;
}

}  // namespace fits
