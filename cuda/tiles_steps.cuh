// What the CUDA kernels of dequantize and assemble_tiles do, by the formulas of tiles_job.cuh. Never yet run on a GPU.
#pragma once

#include "tiles_job.cuh"

namespace fits {

inline constexpr std::int64_t kStepPixels = 2048;  // of one tile that one block does

// What dequantize is asked; a kernel takes it by value.
struct DequantizePlan {
  const std::byte* values = nullptr;
  std::byte* out = nullptr;
  const double* zscale = nullptr;
  const double* zzero = nullptr;
  const double* zblank = nullptr;  // null: none
  const std::int64_t* numbers = nullptr;
  std::int64_t pixels = 0;  // of each tile
  std::int64_t pieces = 0;  // of kStepPixels in each
  Quantization method = Quantization::none;
  int zdither0 = 0;
  Pixel from = Pixel::i32, exact = Pixel::f32, to = Pixel::f32;
  Recipe recipe;  // from exact to `to`
  DitherTable dither;
};

struct DequantizeShared {
  TileScaling scaling;
  DitherPlace dither;
  bool blank;
};

// Piece `piece` of all tiles'.
template <class Team>
FITS_KERNEL_BODY void dequantize_piece(const Team& team, const DequantizePlan& plan, std::int64_t piece,
                                       DequantizeShared& shared) {
  const std::int64_t tile = piece / plan.pieces, first = piece % plan.pieces * kStepPixels;
  const std::int64_t left = plan.pixels - first, count = left < kStepPixels ? left : kStepPixels;
  team.once([&] {
    const auto zblank = plan.zblank == nullptr ? std::nullopt : integer_of(plan.zblank[tile]);
    shared.blank = zblank.has_value() && holds(Pixel::i32, *zblank);
    shared.scaling = {plan.zscale[tile], plan.zzero[tile], shared.blank ? static_cast<std::int32_t>(*zblank) : 0};
    shared.dither = {};
    if (is_dithered(plan.method)) {
      shared.dither = dither_after(plan.dither, first_place(plan.dither, plan.zdither0, plan.numbers[tile]), first);
    }
  });
  team.each(count, [&](std::int64_t i) {
    const std::int64_t at = tile * plan.pixels + first + i;
    std::int32_t value = 0;
    if (plan.from == Pixel::u8) {
      value = reinterpret_cast<const std::uint8_t*>(plan.values)[at];
    } else if (plan.from == Pixel::i16) {
      value = reinterpret_cast<const std::int16_t*>(plan.values)[at];
    } else {
      value = reinterpret_cast<const std::int32_t*>(plan.values)[at];
    }
    std::byte* const out = plan.out + at * static_cast<std::int64_t>(pixel_size(plan.to));
    const auto pixel = [&](auto example) {
      using Exact = decltype(example);
      return dequantised_pixel<Exact>(plan.dither, plan.method, shared.scaling, shared.blank, shared.dither, i, value);
    };
    if (plan.exact == Pixel::f64) {
      *reinterpret_cast<double*>(out) = pixel(double{});
    } else if (plan.to == Pixel::f32) {
      *reinterpret_cast<float*>(out) = pixel(float{});
    } else {
      const float exact = pixel(float{});
      scale_any(reinterpret_cast<const std::byte*>(&exact), 0, plan.recipe, plan.to, out);
    }
  });
}

// What assemble_tiles is asked.
struct AssemblePlan {
  const std::byte* values = nullptr;
  std::byte* out = nullptr;
  TileGrid grid;
  TileWindow window;
  std::int64_t size = 0;    // bytes of a pixel
  std::int64_t pixels = 0;  // of a whole tile
  std::int64_t pieces = 0;
};

template <class Team>
FITS_KERNEL_BODY void assemble_piece(const Team& team, const AssemblePlan& plan, std::int64_t piece,
                                     TilePlace& shared) {
  const std::int64_t tile = piece / plan.pieces, first = piece % plan.pieces * kStepPixels;
  team.once([&] {
    shared = TilePlace(plan.grid, plan.grid.at(tile), plan.window, static_cast<std::size_t>(plan.size), plan.out);
  });
  const std::int64_t left = shared.needed() - first, count = left < kStepPixels ? left : kStepPixels;
  team.each(count, [&](std::int64_t i) {
    std::byte* const out = shared.at(first + i);
    if (out == nullptr) return;
    const std::byte* const from = plan.values + (tile * plan.pixels + first + i) * plan.size;
    switch (plan.size) {
      case 1: *out = *from; return;
      case 2: *reinterpret_cast<std::uint16_t*>(out) = *reinterpret_cast<const std::uint16_t*>(from); return;
      case 4: *reinterpret_cast<std::uint32_t*>(out) = *reinterpret_cast<const std::uint32_t*>(from); return;
      default: *reinterpret_cast<std::uint64_t*>(out) = *reinterpret_cast<const std::uint64_t*>(from); return;
    }
  });
}

}  // namespace fits
