// dequantize, assemble_tiles: the steps of decode_tiles apart (FITS Standard 4.0, section 10). CUDA kernels around
// tiles_steps.cuh. Never yet run on a GPU.
#include "launch.cuh"
#include "ops/text.h"
#include "ops/tiles.h"
#include "tiles_steps.cuh"
#include "tiles_tables.cuh"

namespace fits::ops {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads) dequantize_kernel(DequantizePlan plan) {
  __shared__ alignas(16) std::byte memory[sizeof(DequantizeShared)];
  dequantize_piece(BlockTeam{}, plan, blockIdx.x, *reinterpret_cast<DequantizeShared*>(memory));
}

__global__ void __launch_bounds__(kThreads) assemble_kernel(AssemblePlan plan) {
  __shared__ alignas(16) std::byte memory[sizeof(TilePlace)];
  assemble_piece(BlockTeam{}, plan, blockIdx.x, *reinterpret_cast<TilePlace*>(memory));
}

__global__ void fill_all_kernel(std::byte* out, std::int64_t count, Pixel to) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) put_nothing(to, out + i * static_cast<std::int64_t>(pixel_size(to)));
}

constexpr std::int64_t pieces_of(std::int64_t pixels) { return (pixels + kStepPixels - 1) / kStepPixels; }

Tensor dequantize(const Tensor& tiles, const Tensor& zscale, const Tensor& zzero, const Text& method,
                  std::int64_t zdither0, const Tensor& tile_number, const std::optional<Tensor>& zblank,
                  ScalarType dtype) {
  const Dequantize asked = checked_dequantize(tiles, zscale, zzero, method, zdither0, tile_number, zblank, dtype);
  const Tensor stored = torch::stable::contiguous(tiles);
  const Tensor scales = torch::stable::contiguous(zscale), zeros = torch::stable::contiguous(zzero);
  const Tensor numbers = torch::stable::contiguous(tile_number);
  std::optional<Tensor> blanks;
  if (zblank) blanks = torch::stable::contiguous(*zblank);
  Tensor out = torch::stable::new_empty(tiles, shape_of(tiles), dtype);
  const Launch launch(tiles, "dequantize");
  DequantizePlan plan;
  plan.values = static_cast<const std::byte*>(stored.const_data_ptr());
  plan.out = static_cast<std::byte*>(out.mutable_data_ptr());
  plan.zscale = static_cast<const double*>(scales.const_data_ptr());
  plan.zzero = static_cast<const double*>(zeros.const_data_ptr());
  plan.zblank = blanks ? static_cast<const double*>(blanks->const_data_ptr()) : nullptr;
  plan.numbers = static_cast<const std::int64_t*>(numbers.const_data_ptr());
  plan.pixels = asked.pixels;
  plan.pieces = pieces_of(asked.pixels);
  plan.method = asked.method;
  plan.zdither0 = asked.zdither0;
  plan.from = pixel_type(tiles.scalar_type(), "dequantize");
  plan.exact = asked.exact();
  plan.to = asked.to;
  plan.recipe = to_pixels(plan.exact, {}, plan.to);
  launch.check(device_dither_table(plan.dither), "the numbers of dithering are not there");
  launch.blocks(dequantize_kernel, asked.tiles * plan.pieces, kThreads, plan);
  return out;
}

Tensor assemble_tiles(const Tensor& tiles, const Shape& tile_shape, const Shape& shape, const Shape& start,
                      const Shape& size) {
  const AssembleTiles asked = checked_assemble(tiles, tile_shape, shape, start, size);
  const Pixel pixel = pixel_type(tiles.scalar_type(), "assemble_tiles");
  const Tensor stack = torch::stable::contiguous(tiles);
  Tensor out = torch::stable::new_empty(tiles, size, tiles.scalar_type());
  if (out.numel() == 0) return out;
  const Launch launch(tiles, "assemble_tiles");
  AssemblePlan plan;
  plan.values = static_cast<const std::byte*>(stack.const_data_ptr());
  plan.out = static_cast<std::byte*>(out.mutable_data_ptr());
  plan.grid = asked.grid;
  plan.window = asked.window;
  plan.size = static_cast<std::int64_t>(pixel_size(pixel));
  plan.pixels = asked.grid.tile_pixels();
  plan.pieces = pieces_of(plan.pixels);
  if (!tile_box(plan.grid, plan.window).inside) launch(fill_all_kernel, out.numel(), plan.out, out.numel(), pixel);
  launch.blocks(assemble_kernel, asked.grid.count() * plan.pieces, kThreads, plan);
  return out;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) {
  m.impl("dequantize", TORCH_BOX(&dequantize));
  m.impl("assemble_tiles", TORCH_BOX(&assemble_tiles));
}

}  // namespace fits::ops
