// wcs_update, pixel_to_world_backward, pixel_to_world_double_backward: derivatives in packed WCS. CPU kernels.
#include <algorithm>
#include <tuple>

#include "ops/tensor.h"
#include "ops/wcs_batch.h"
#include "wcs/gradient.h"
#include "wcs/update.h"

namespace fits::ops {
namespace {

Tensor wcs_update(const Tensor& wcs) {
  const Tensor given = as_contiguous(wcs);
  const std::vector<wcs::Packed> all = unpacked(given, "wcs_update");
  Tensor out = empty(shape_of(given), ScalarType::Double);
  const std::int64_t length = given.size(given.dim() - 1);
  double* const to = numbers(out);
  std::copy_n(numbers(given), given.numel(), to);
  std::vector<std::string> wrong(all.size());
  parallel_for(static_cast<std::int64_t>(all.size()), [&](std::int64_t b) {
    const auto item = static_cast<std::size_t>(b);
    wrong[item] = wcs::update(all[item], to + b * length);
  });
  for (std::size_t b = 0; b < wrong.size(); ++b) {
    require(wrong[b].empty(), "wcs_update: wcs", given.dim() == 2 ? sentence("[", b, "]") : "", ": ", wrong[b]);
  }
  return out;
}

// The points of each WCS in parts whose sums are added up in their order: the same whatever the number of threads. At
// most 64 of them, so that their sums stay small beside the points.
struct Parts {
  std::int64_t size, count;  // points in each, and how many parts for each WCS

  explicit Parts(std::int64_t points) {
    constexpr std::int64_t kPiece = 8192, kMost = 64;
    const std::int64_t pieces = std::max<std::int64_t>(1, (points + kPiece - 1) / kPiece);
    size = (pieces + kMost - 1) / kMost * kPiece;
    count = std::max<std::int64_t>(1, (points + size - 1) / size);
  }
};

void require_like(const Tensor& tensor, const Tensor& other, std::string_view who, std::string_view what) {
  require(tensor.scalar_type() == ScalarType::Double, who, ": ", what, " must be float64, not ",
          torch::headeronly::toString(tensor.scalar_type()));
  require(tensor.is_cpu() && shape_of(tensor) == shape_of(other), who, ": ", what,
          " must be on the host and of the shape of what it belongs to");
}

std::tuple<Tensor, Tensor> pixel_to_world_backward(const Tensor& grad, const Tensor& pixel, const Tensor& wcs,
                                                   bool of_pixel, bool of_wcs) {
  constexpr std::string_view kWho = "pixel_to_world_backward";
  const Tensor slots = as_contiguous(wcs), in = as_float64(pixel, kWho);
  const Batch batch = batch_of(in, slots, kWho);
  require_like(grad, pixel, kWho, "grad");
  const Tensor given = as_contiguous(grad);
  Tensor to_pixel = empty(of_pixel ? shape_of(pixel) : Shape{0}, ScalarType::Double);
  Tensor to_wcs = empty(of_wcs ? shape_of(wcs) : Shape{0}, ScalarType::Double);
  const double* const grads = numbers(given);
  const double* const pixels = numbers(in);
  double* const pixel_sums = of_pixel ? numbers(to_pixel) : nullptr;
  double* const wcs_sums = of_wcs ? numbers(to_wcs) : nullptr;
  const auto length = static_cast<std::size_t>(slots.size(slots.dim() - 1));
  const Parts parts(batch.points);
  const auto count = static_cast<std::int64_t>(batch.wcs.size());
  std::vector<double> sums(of_wcs ? static_cast<std::size_t>(count * parts.count) * length : 0);
  parallel_for(count * parts.count, [&](std::int64_t i) {
    const wcs::Packed& one = batch.wcs[static_cast<std::size_t>(i / parts.count)];
    const std::int64_t start = i % parts.count * parts.size, points = std::min(parts.size, batch.points - start);
    const std::int64_t first = (i / parts.count * batch.points + start) * one.naxis;
    wcs::pixel_to_world_gradient(one, grads + first, pixels + first, points, of_pixel ? pixel_sums + first : nullptr,
                                 of_wcs ? sums.data() + static_cast<std::size_t>(i) * length : nullptr);
  });
  if (of_wcs) {
    parallel_for(count, [&](std::int64_t item) {
      const std::size_t first = static_cast<std::size_t>(item * parts.count) * length;
      double* const to = wcs_sums + static_cast<std::size_t>(item) * length;
      std::copy_n(sums.data() + first, length, to);
      for (std::int64_t part = 1; part < parts.count; ++part) {
        const double* const more = sums.data() + first + static_cast<std::size_t>(part) * length;
        for (std::size_t slot = 0; slot < length; ++slot) to[slot] += more[slot];
      }
      wcs::settle(batch.wcs[static_cast<std::size_t>(item)], to);
    });
  }
  return {to_pixel, to_wcs};
}

std::tuple<Tensor, Tensor, Tensor> pixel_to_world_double_backward(const Tensor& grad, const Tensor& pixel,
                                                                  const Tensor& wcs, const Tensor& pixel_step,
                                                                  const Tensor& wcs_step) {
  constexpr std::string_view kWho = "pixel_to_world_double_backward";
  const Tensor slots = as_contiguous(wcs), in = as_float64(pixel, kWho);
  const Batch batch = batch_of(in, slots, kWho);
  require_like(grad, pixel, kWho, "grad");
  require_like(pixel_step, pixel, kWho, "pixel_step");
  require_like(wcs_step, wcs, kWho, "wcs_step");
  const Tensor given = as_contiguous(grad), step = as_contiguous(pixel_step);
  const Tensor directions = as_contiguous(wcs_step);
  Tensor to_world = empty(shape_of(pixel), ScalarType::Double);
  Tensor to_pixel = empty(shape_of(pixel), ScalarType::Double);
  Tensor to_wcs = empty(shape_of(wcs), ScalarType::Double);
  const double* const grads = numbers(given);
  const double* const pixels = numbers(in);
  const double* const steps = numbers(step);
  const double* const direction = numbers(directions);
  double* const world_out = numbers(to_world);
  double* const pixel_out = numbers(to_pixel);
  double* const wcs_out = numbers(to_wcs);
  const auto length = static_cast<std::size_t>(slots.size(slots.dim() - 1));
  std::fill_n(wcs_out, to_wcs.numel(), 0.0);
  const Parts parts(batch.points);
  const auto count = static_cast<std::int64_t>(batch.wcs.size());
  std::vector<wcs::Directed> directed;
  for (std::size_t item = 0; item < batch.wcs.size(); ++item) {
    directed.emplace_back(batch.wcs[item], direction + item * length);
  }
  std::vector<wcs::Dual<double>> sums(static_cast<std::size_t>(count * parts.count) * length, 0.0);
  parallel_for(count * parts.count, [&](std::int64_t i) {
    const auto item = static_cast<std::size_t>(i / parts.count);
    const std::int64_t start = i % parts.count * parts.size, points = std::min(parts.size, batch.points - start);
    const std::int64_t first = (i / parts.count * batch.points + start) * batch.wcs[item].naxis;
    directed[item].gradient(grads + first, pixels + first, steps + first, points, world_out + first, pixel_out + first,
                            sums.data() + static_cast<std::size_t>(i) * length);
  });
  parallel_for(count, [&](std::int64_t item) {
    wcs::Dual<double>* const to = sums.data() + static_cast<std::size_t>(item * parts.count) * length;
    for (std::int64_t part = 1; part < parts.count; ++part) {
      const wcs::Dual<double>* const more = to + static_cast<std::size_t>(part) * length;
      for (std::size_t slot = 0; slot < length; ++slot) to[slot] = to[slot] + more[slot];
    }
    directed[static_cast<std::size_t>(item)].settle(to, wcs_out + static_cast<std::size_t>(item) * length);
  });
  return {to_world, to_pixel, to_wcs};
}

void add_gradients(Library& m) {
  m.impl("wcs_update", TORCH_BOX(&wcs_update));
  m.impl("pixel_to_world_backward", TORCH_BOX(&pixel_to_world_backward));
  m.impl("pixel_to_world_double_backward", TORCH_BOX(&pixel_to_world_double_backward));
}

}  // namespace
}  // namespace fits::ops

// Of tensors on a CUDA device the same kernels say what to do.
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { fits::ops::add_gradients(m); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add_gradients(m); }
