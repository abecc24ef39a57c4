// HCOMPRESS_1 on a GPU: the bit planes are read by one thread of a block, with the very source of the CPU's decoder;
// coefficients, smoothing and the inverse transform are computed by all threads, cell by cell, with the arithmetic of
// csrc/tile/hcompress_transform.h, always in 64 bits. Never yet run on a GPU.
#pragma once

#include <bit>
#include <cstring>
#include <type_traits>

#include "tile/hcompress_job.h"
#include "tile/hcompress_transform.h"
#include "tiles_job.cuh"

namespace fits::hcompress::device {

#if defined(__CUDACC__)
__device__ const HuffmanTables kHuffman = make_huffman_tables();
#endif

}  // namespace fits::hcompress::device

#define FITS_LEVEL device
#if defined(__CUDACC__)
#define FITS_TARGET __device__
#else
#define FITS_TARGET
#endif
#include "tile/hcompress_decode.inl"
#undef FITS_LEVEL
#undef FITS_TARGET

namespace fits {

namespace {
struct HcompressShared {
  hcompress::Job job;
  hcompress::device::Room room;
  TileError error;
};
}  // namespace

namespace hcompress::device {

FITS_KERNEL_BODY std::int64_t coefficient(const Room& room, int quadrant, std::int64_t row, std::int64_t column,
                                          std::int64_t scale) noexcept {
  const Quadrant& q = room.quadrants[quadrant];
  const std::uint32_t* planes = plane_words(room, q, row) + column / 32 * ((q.bit_planes + 7) & ~7);
  const auto bit = static_cast<int>(column % 32);
  std::uint64_t value = 0;
  for (int plane = 0; plane < q.bit_planes; ++plane) {
    value |= static_cast<std::uint64_t>(planes[plane] >> bit & 1) << plane;
  }
  const bool negative = (room.signs[quadrant][row * room.layout.words + column / 32] >> bit & 1) != 0;
  return static_cast<std::int64_t>(negative ? 0 - value : value) * scale;
}

// The cells of one level: h0 is [row][column] with the layout's stride, and so is `out`, but for level 0, whose pixels
// go to job.out.
template <class Team>
FITS_KERNEL_BODY void inverse_cells(const Team& team, const Job& job, const Room& room, int level,
                                    const std::int64_t* coefficients, const std::int64_t* h0, std::int64_t* out) {
  const std::int64_t stride = room.layout.stride;
  const std::int64_t rows = halved(job.rows, level), columns = halved(job.columns, level);
  const std::int64_t half_rows = half_up(rows), half_columns = half_up(columns);
  const std::int64_t most = job.scale / 2;
  team.each(half_rows * half_columns, [&](std::int64_t i) {
    const std::int64_t row = i / half_columns, column = i % half_columns;
    const bool cut_row = 2 * row + 1 >= rows, cut_column = 2 * column + 1 >= columns;
    const auto at = [&](int quadrant) {
      if (level == 0) return coefficient(room, quadrant, row, column, job.scale);
      return coefficients[(row + (quadrant >= 2 ? half_rows : 0)) * stride + column +
                          (quadrant % 2 == 1 ? half_columns : 0)];
    };
    const std::int64_t* h = h0 + row * stride + column;
    HCoefficients<std::int64_t> c{*h, cut_row ? 0 : at(2), cut_column ? 0 : at(1), cut_row || cut_column ? 0 : at(3)};
    if (job.smooth) {
      // As in the CPU's smooth(): of cells with neighbours on both sides.
      const bool inner_row = row > 0 && 2 * row < rows - 2, inner_column = column > 0 && 2 * column < columns - 2;
      if (inner_row) c.hx = smoothed_slope(c.hx, h[-stride], h[0], h[stride], most);
      if (inner_column) c.hy = smoothed_slope(c.hy, h[-1], h[0], h[1], most);
      if (inner_row && inner_column) {
        const std::int64_t* above = h - stride;
        const std::int64_t* below = h + stride;
        c.hc = smoothed_curvature(c, {above[-1], above[1], below[-1], below[1]}, most);
      }
    }
    const HCell<std::int64_t> cell = inverse_cell(c, level);
    if (level == 0) {
      std::int32_t* upper = job.out + 2 * row * columns + 2 * column;
      upper[0] = static_cast<std::int32_t>(cell.p00);
      if (!cut_column) upper[1] = static_cast<std::int32_t>(cell.p01);
      if (!cut_row) upper[columns] = static_cast<std::int32_t>(cell.p10);
      if (!cut_row && !cut_column) upper[columns + 1] = static_cast<std::int32_t>(cell.p11);
    } else {
      std::int64_t* upper = out + 2 * row * stride + 2 * column;
      upper[0] = cell.p00;
      if (!cut_column) upper[1] = cell.p01;
      if (!cut_row) upper[stride] = cell.p10;
      if (!cut_row && !cut_column) upper[stride + 1] = cell.p11;
    }
  });
}

template <class Team>
FITS_KERNEL_BODY void inverse_all(const Team& team, const Job& job, const Room& room) {
  const Layout& l = room.layout;
  if (job.steps == 0) return team.once([&] { job.out[0] = static_cast<std::int32_t>(job.sum); });
  auto* const coefficients = reinterpret_cast<std::int64_t*>(job.scratch + l.sums);
  std::int64_t* const sums[2] = {coefficients + l.rows * l.stride, coefficients + 2 * l.rows * l.stride};
  team.each(l.rows * l.columns, [&](std::int64_t i) {
    const std::int64_t row = i / l.columns, column = i % l.columns;
    coefficients[row * l.stride + column] = coefficient(room, 0, row, column, job.scale);
  });
  team.once([&] { sums[job.steps & 1][0] = round_to(job.sum, power_of_two<std::int64_t>(job.steps + 1)); });
  for (int level = job.steps - 1; level >= 0; --level) {
    inverse_cells(team, job, room, level, coefficients, sums[(level + 1) & 1], sums[level & 1]);
  }
}

}  // namespace hcompress::device

// `scratch`: as many bytes as TileDecoder would give it, 64-byte aligned.
template <class Team>
FITS_KERNEL_BODY TileError decode_hcompress_tile(const Team& team, const TilePlan& plan, const TileJob& job,
                                                 std::byte* scratch, std::int64_t size, HcompressShared& shared) {
  const std::int64_t values = (4 * job.pixels + 63) / 64 * 64;
  auto* const out = reinterpret_cast<std::int32_t*>(scratch);
  team.once([&] {
    const Bytes stream(job.stream, static_cast<std::size_t>(job.size));
    HcompressHeader header;
    shared.error = hcompress::read_header(stream, header);
    if (shared.error != TileError::ok) return;
    shared.error = TileError::overrun;
    const bool fits = header.rows >= 1 && header.columns >= 1 &&
                      std::int64_t{header.rows} * header.columns == job.pixels && size >= values;
    if (!fits) return;
    shared.error = hcompress::prepare_job(stream, header.rows, header.columns, plan.image.smooth, out, scratch + values,
                                          static_cast<std::size_t>(size - values), shared.job);
    if (shared.error == TileError::ok) shared.error = hcompress::device::read_bits(shared.job, shared.room);
  });
  const TileError error = shared.error;
  if (error == TileError::ok) {
    hcompress::device::inverse_all(team, shared.job, shared.room);
    team.each(job.needed,
              [&](std::int64_t i) { put_any(plan, job, i, Pixel::i32, reinterpret_cast<const std::byte*>(out + i)); });
  } else {
    team.once([] {});
  }
  return error;
}

// Bytes of scratch that decode_tile below may want for any tile: TileDecoder::scratch_size of all codecs.
inline std::int64_t tile_scratch(const TilePlan& plan) noexcept {
  const auto pixels = static_cast<std::size_t>(plan.image.grid.tile_pixels());
  const std::size_t widest = pixel_size(plan.stored) > 4 ? 8 : 4;
  std::size_t most = 0;
  for (const auto [rows, columns] : hcompress_shapes(plan.image.grid)) {
    const std::size_t size = hcompress::scratch_size(rows, columns);
    most = size > most ? size : most;
  }
  const std::size_t hcompress = (4 * pixels + 63) / 64 * 64 + most, gzip = (widest * pixels + 63) / 64 * 64;
  return static_cast<std::int64_t>(hcompress > gzip ? hcompress : gzip);
}

}  // namespace fits
