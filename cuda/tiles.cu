// decode_tiles, decompress_tiles: compressed tiles to pixels on a device (FITS Standard 4.0, section 10). CUDA kernels
// around tiles_rice.cuh and tiles_block.cuh. Never yet run on a GPU.
//
// Nothing here waits for the device, so nothing can be raised for what lies in tensors there: a tile that is wrong (its
// stream, its descriptor) becomes NaN, 0 in integers, and its number of TileError stands in decode_tiles_status.
#include <algorithm>

#include "launch.cuh"
#include "ops/text.h"
#include "ops/tiles.h"
#include "tiles_block.cuh"
#include "tiles_rice.cuh"
#include "tiles_tables.cuh"

namespace fits::ops {
namespace {

constexpr std::int64_t kBatch = 1 << 16;  // tiles whose jobs lie in memory at a time: 40 MB
constexpr int kBlockThreads = kInflateThreads;
constexpr std::int64_t kBlocksPerProcessor = 16;
constexpr int kFillThreads = 256;
constexpr std::int64_t kFillBlocks = 2048;
// Scratch of all blocks together. GZIP and HCOMPRESS tiles need it, and only the device knows whether there are any.
constexpr std::int64_t kMostScratch = std::int64_t{256} << 20;

__device__ std::int64_t thread_number() { return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }

// Which descriptors can be believed, and whether every tile that the window needs is there. Of two of one tile the
// later one to come here is wrong: two blocks must not write one tile.
__global__ void check_kernel(TilePlan plan, TileBox box, unsigned* seen, unsigned long long* found,
                             std::int32_t* errors) {
  const std::int64_t i = thread_number();
  if (i >= plan.count) return;
  bool good = is_valid_descriptor(plan, i);
  if (good && !plan.stacked) {
    const std::int64_t number = number_in_box(box, plan.image.grid, plan.descriptors[4 * i + 3]);
    if (number >= 0) {
      const unsigned bit = 1u << (number % 32);
      good = (atomicOr(seen + number / 32, bit) & bit) == 0;
      if (good) atomicAdd(found, 1ull);
    }
  }
  errors[i] = good ? 0 : kBadDescriptor;
}

// Few blocks: mostly there is nothing to fill, and then they should not take long to say so.
__global__ void fill_kernel(std::byte* out, std::int64_t count, Pixel to, const unsigned long long* found,
                            std::int64_t tiles) {
  if (found != nullptr && *found == static_cast<unsigned long long>(tiles)) return;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = thread_number(); i < count; i += step) {
    put_nothing(to, out + i * static_cast<std::int64_t>(pixel_size(to)));
  }
}

__global__ void plan_kernel(TilePlan plan, std::int64_t first, std::int64_t count, std::int32_t* errors,
                            TileJob* jobs) {
  const std::int64_t i = thread_number();
  if (i >= count) return;
  const bool good = errors[i] == 0;
  jobs[i] = good ? plan_tile(plan, first + i) : no_tile(plan, first + i);
  if (good) errors[i] = static_cast<std::int32_t>(judge_tile(plan, jobs[i]));
}

template <int kBytepix, class Put>
__global__ void __launch_bounds__(kRiceTiles)
    rice_kernel(TilePlan plan, RiceQuick quick, const TileJob* jobs, std::int64_t count, std::int32_t* errors) {
  __shared__ alignas(16) std::byte memory[sizeof(RiceShared<kBytepix>)];
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kRiceTiles;
  const auto tiles = static_cast<int>(count - first < kRiceTiles ? count - first : kRiceTiles);
  decode_rice_tiles<kBytepix, Put>(BlockTeam{}, plan, quick, jobs + first, tiles, errors + first,
                                   *reinterpret_cast<RiceShared<kBytepix>*>(memory));
}

__global__ void __launch_bounds__(kBlockThreads)
    block_kernel(TilePlan plan, const TileJob* jobs, std::int64_t count, std::int32_t* errors, std::byte* scratch,
                 std::int64_t size) {
  __shared__ alignas(16) std::byte memory[sizeof(BlockShared)];
  for (std::int64_t i = blockIdx.x; i < count; i += gridDim.x) {
    finish_tile(BlockTeam{}, plan, jobs[i], errors + i, scratch + blockIdx.x * size, size,
                *reinterpret_cast<BlockShared*>(memory));
  }
}

// RICE_1 tiles of one call, of which only the device knows how many there are.
template <int kBytepix>
void launch_rice(const Launch& launch, const TilePlan& plan, const TileJob* jobs, std::int64_t count,
                 std::int32_t* errors) {
  const RiceQuick quick = rice_quick(plan);
  const auto run = [&]<class Put>(Put) {
    launch.blocks(rice_kernel<kBytepix, Put>, (count + kRiceTiles - 1) / kRiceTiles, kRiceTiles, plan, quick, jobs,
                  count, errors);
  };
  using Stored = typename RiceCode<kBytepix>::Pixel;
  switch (quick) {
    case RiceQuick::none: break;
    case RiceQuick::quantised:
      if constexpr (kBytepix == 4) run(RiceQuantised{});
      break;
    case RiceQuick::integer: run(RiceInteger{}); break;
    case RiceQuick::floating: run(RiceFloat<Stored>{}); break;
    case RiceQuick::convention:
      if constexpr (kBytepix == 2) run(RiceFloat<std::uint16_t>{});
      break;
  }
  run(RiceAny{});
}

std::int64_t processors(const Launch& launch, const Tensor& data) {
  int count = 0;
  launch.check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, data.get_device_index()),
               "the number of multiprocessors is unknown");
  return count;
}

// Decodes into `out` (a window, or a stack); returns what is wrong with each tile, int32 [T].
Tensor run(const Launch& launch, TilePlan plan, const Tensor& data, const Tensor& descriptors,
           const Tensor* quantisation, Tensor& out) {
  const Tensor bytes = torch::stable::contiguous(data);
  const Tensor rows = torch::stable::contiguous(descriptors);
  std::optional<Tensor> numbers;
  if (quantisation != nullptr) numbers = torch::stable::contiguous(*quantisation);
  plan.out = static_cast<std::byte*>(out.mutable_data_ptr());
  plan.data = static_cast<const std::byte*>(bytes.const_data_ptr());
  plan.size = bytes.numel();
  plan.descriptors = static_cast<const std::int64_t*>(rows.const_data_ptr());
  plan.quantisation = numbers ? static_cast<const double*>(numbers->const_data_ptr()) : nullptr;
  plan.count = rows.size(0);
  launch.check(device_dither_table(plan.dither), "the numbers of dithering are not there");

  Tensor status = torch::stable::new_empty(data, {plan.count}, ScalarType::Int);
  auto* const errors = static_cast<std::int32_t*>(status.mutable_data_ptr());
  const TileBox box = plan.stacked ? TileBox{} : tile_box(plan.image.grid, plan.window);
  const std::int64_t words = (box.tiles + 31) / 32;
  // A counter of 64 bits, then a bit for each tile.
  Tensor marks = torch::stable::new_empty(data, {2 + words}, ScalarType::Int);
  auto* const found = static_cast<unsigned long long*>(marks.mutable_data_ptr());
  auto* const seen = reinterpret_cast<unsigned*>(found + 1);
  launch.clear(found, static_cast<std::size_t>(2 + words) * 4);
  launch(check_kernel, plan.count, plan, box, seen, found, errors);
  if (plan.stacked) {
    launch.clear(plan.out, static_cast<std::size_t>(out.numel()) * pixel_size(plan.to));  // behind cut tiles
  } else {
    const unsigned long long* const counted = box.inside ? found : nullptr;
    const std::int64_t blocks = std::min<std::int64_t>((out.numel() + kFillThreads - 1) / kFillThreads, kFillBlocks);
    launch.blocks(fill_kernel, blocks, kFillThreads, plan.out, out.numel(), plan.to, counted, box.tiles);
  }
  if (plan.count == 0 || out.numel() == 0) return status;

  const std::int64_t scratch_size = tile_scratch(plan);
  const std::int64_t batch = std::min(plan.count, kBatch);
  const std::int64_t workers = std::clamp<std::int64_t>(
      std::min(kMostScratch / scratch_size, kBlocksPerProcessor * processors(launch, data)), 1, batch);
  Tensor scratch = torch::stable::new_empty(data, {workers * scratch_size}, ScalarType::Byte);
  Tensor memory =
      torch::stable::new_empty(data, {batch * static_cast<std::int64_t>(sizeof(TileJob))}, ScalarType::Byte);
  auto* const jobs = static_cast<TileJob*>(memory.mutable_data_ptr());
  for (std::int64_t first = 0; first < plan.count; first += batch) {
    const std::int64_t count = std::min(batch, plan.count - first);
    launch(plan_kernel, count, plan, first, count, errors + first, jobs);
    const TileJob* const ready = jobs;
    switch (plan.image.rice.bytepix) {
      case 1: launch_rice<1>(launch, plan, ready, count, errors + first); break;
      case 2: launch_rice<2>(launch, plan, ready, count, errors + first); break;
      default: launch_rice<4>(launch, plan, ready, count, errors + first); break;
    }
    launch.blocks(block_kernel, std::min(workers, count), kBlockThreads, plan, ready, count, errors + first,
                  static_cast<std::byte*>(scratch.mutable_data_ptr()), scratch_size);
  }
  return status;
}

std::tuple<Tensor, Tensor> decode_tiles_status(const Tensor& data, const Tensor& descriptors,
                                               const Tensor& quantisation, const Shape& tile_shape, const Shape& shape,
                                               std::int64_t bitpix, const Text& method, std::int64_t zdither0,
                                               const Shape& params, const Shape& start, const Shape& size,
                                               double bscale, double bzero, std::optional<std::int64_t> blank,
                                               ScalarType dtype) {
  const DecodeTiles asked = checked_decode(data, descriptors, quantisation, tile_shape, shape, bitpix, method, zdither0,
                                           params, start, size, bscale, bzero, blank, dtype);
  Tensor out = torch::stable::new_empty(data, size, dtype);
  const Launch launch(data, "decode_tiles");
  Tensor status =
      run(launch, tile_plan(asked.image, asked.window, asked.conversion, false), data, descriptors, &quantisation, out);
  return {std::move(out), std::move(status)};
}

Tensor decode_tiles(const Tensor& data, const Tensor& descriptors, const Tensor& quantisation, const Shape& tile_shape,
                    const Shape& shape, std::int64_t bitpix, const Text& method, std::int64_t zdither0,
                    const Shape& params, const Shape& start, const Shape& size, double bscale, double bzero,
                    std::optional<std::int64_t> blank, ScalarType dtype) {
  return std::get<0>(decode_tiles_status(data, descriptors, quantisation, tile_shape, shape, bitpix, method, zdither0,
                                         params, start, size, bscale, bzero, blank, dtype));
}

Tensor decompress_tiles(const Tensor& data, const Tensor& descriptors, const Shape& tile_shape, const Shape& shape,
                        std::int64_t bitpix, const Shape& params) {
  constexpr std::string_view kWho = "decompress_tiles";
  checked_tiles(data, descriptors, kWho);
  const TileImage image = checked_image(tile_shape, shape, bitpix, "NONE", 0, params, kWho);
  require_tile_claim(image, data.numel(), kWho);
  const Pixel stored = stored_pixel(image.bitpix);
  Tensor out = torch::stable::new_empty(data, stack_shape(image.grid, descriptors.size(0)), scalar_type(stored));
  const Launch launch(data, "decompress_tiles");
  run(launch, tile_plan(image, {}, {image.bitpix, {}, false, stored}, true), data, descriptors, nullptr, out);
  return out;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) {
  m.impl("decode_tiles", TORCH_BOX(&decode_tiles));
  m.impl("decode_tiles_status", TORCH_BOX(&decode_tiles_status));
  m.impl("decompress_tiles", TORCH_BOX(&decompress_tiles));
}

}  // namespace fits::ops
