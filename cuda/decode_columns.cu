// decode_columns: raw row bytes into columns where they lie (FITS Standard 4.0, section 7.3). A CUDA kernel around
// decode_columns.cuh. Never yet run on a GPU.
#include "decode_columns.cuh"
#include "launch.cuh"
#include "ops/decode_columns.h"

namespace fits::ops {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads) section_kernel(const __grid_constant__ SectionPlan plan) {
  __shared__ SectionShared shared;
  decode_section(BlockTeam{}, plan, blockIdx.x, shared);
}

std::vector<Tensor> decode_columns(const Tensor& rows, const Texts& tforms, const Shape& columns,
                                   const std::vector<double>& tscal, const std::vector<double>& tzero) {
  const auto described = checked_columns(rows, tforms, columns, tscal, tzero);
  const Tensor together = torch::stable::contiguous(rows);
  const std::int64_t count = rows.size(0);
  std::vector<Tensor> decoded;
  std::vector<WantedCells> wanted;
  for (const Column& column : described) {
    const auto [shape, dtype] = decoded_as(column, count);
    decoded.push_back(torch::stable::new_empty(rows, shape, dtype));
    wanted.push_back({cell_recipe(column), column.start, static_cast<std::byte*>(decoded.back().mutable_data_ptr())});
  }
  const auto* const bytes = static_cast<const std::byte*>(together.const_data_ptr());
  const Launch launch(rows, "decode_columns");
  for (const SectionPlan& section : plan_sections(bytes, count, rows.size(1), std::move(wanted))) {
    launch.blocks(section_kernel, section.blocks(), kThreads, section);
  }
  return decoded;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { m.impl("decode_columns", TORCH_BOX(&decode_columns)); }

}  // namespace fits::ops
