#include "format/window.h"

#include <algorithm>

namespace fits {
namespace {

// One axis: the overlap's first element in array and window, and its length.
struct Overlap {
  std::int64_t source, target, count;
};

Overlap overlap(std::int64_t length, std::int64_t start, std::int64_t size) {
  const std::int64_t first = std::max<std::int64_t>(start, 0);
  // start + size could overflow; length - size cannot
  const std::int64_t last = start > length - size ? length : start + size;
  return {first, first - start, std::max<std::int64_t>(last - first, 0)};
}

}  // namespace

std::vector<Run> window_runs(std::span<const std::int64_t> shape, std::span<const std::int64_t> start,
                             std::span<const std::int64_t> size) {
  const std::size_t naxis = shape.size();
  std::vector<Overlap> axes(naxis);
  for (std::size_t i = 0; i < naxis; ++i) {
    axes[i] = overlap(shape[i], start[i], size[i]);
    if (axes[i].count == 0) return {};
  }
  // Innermost axes that window and array share whole are one axis with the next outer one.
  std::size_t inner = naxis;
  std::int64_t whole = 1;
  while (inner > 0 && axes[inner - 1].count == shape[inner - 1] && shape[inner - 1] == size[inner - 1]) {
    whole *= shape[--inner];
  }
  if (inner == 0) return {{0, 0, whole}};
  const std::size_t run_axis = inner - 1;
  const Overlap& along = axes[run_axis];

  std::vector<Run> runs;
  std::size_t total = 1;
  for (std::size_t i = 0; i < run_axis; ++i) total *= static_cast<std::size_t>(axes[i].count);
  runs.reserve(total);
  std::vector<std::int64_t> index(run_axis, 0);
  for (std::size_t r = 0; r < total; ++r) {
    std::int64_t source = 0, target = 0;
    for (std::size_t i = 0; i < run_axis; ++i) {
      source = source * shape[i] + axes[i].source + index[i];
      target = target * size[i] + axes[i].target + index[i];
    }
    source = (source * shape[run_axis] + along.source) * whole;
    target = (target * size[run_axis] + along.target) * whole;
    runs.push_back({source, target, along.count * whole});
    for (std::size_t i = run_axis; i-- > 0;) {
      if (++index[i] < axes[i].count) break;
      index[i] = 0;
    }
  }
  return runs;
}

}  // namespace fits
