// pixel_to_world, world_to_pixel, their status, wcs_jacobian: coordinates through packed WCS. CPU kernels.
#include <tuple>

#include "ops/tensor.h"
#include "ops/wcs_batch.h"
#include "wcs/evaluate.h"
#include "wcs/jacobian.h"

namespace fits::ops {
namespace {

using Evaluate = void (*)(const wcs::Packed&, const double*, std::int64_t, double*, std::int32_t*, wcs::Level) noexcept;

Tensor transform(Evaluate evaluate, const Tensor& coordinates, const Tensor& wcs, std::string_view who,
                 Tensor* status = nullptr) {
  const Tensor slots = as_contiguous(wcs);
  const Batch batch = batch_of(coordinates, slots, who);
  const Tensor in = as_float64(coordinates, who);
  Tensor out = empty(shape_of(coordinates), ScalarType::Double);
  std::int32_t* codes = nullptr;
  if (status != nullptr) {
    Shape shape = shape_of(coordinates);
    shape.pop_back();
    *status = empty(shape, ScalarType::Int);
    codes = static_cast<std::int32_t*>(status->mutable_data_ptr());
  }
  const double* const from = numbers(in);
  double* const to = numbers(out);
  const wcs::Level level = wcs::best_level();
  for_each_part(batch, [&](const wcs::Packed& one, std::int64_t first, std::int64_t count) {
    evaluate(one, from + first * one.naxis, count, to + first * one.naxis, codes == nullptr ? nullptr : codes + first,
             level);
  });
  return out;
}

Tensor pixel_to_world(const Tensor& pixel, const Tensor& wcs) {
  return transform(&wcs::pixel_to_world, pixel, wcs, "pixel_to_world");
}
Tensor world_to_pixel(const Tensor& world, const Tensor& wcs) {
  return transform(&wcs::world_to_pixel, world, wcs, "world_to_pixel");
}

using WithStatus = std::tuple<Tensor, Tensor>;

WithStatus pixel_to_world_status(const Tensor& pixel, const Tensor& wcs) {
  Tensor status;
  Tensor world = transform(&wcs::pixel_to_world, pixel, wcs, "pixel_to_world_status", &status);
  return {world, status};
}
WithStatus world_to_pixel_status(const Tensor& world, const Tensor& wcs) {
  Tensor status;
  Tensor pixel = transform(&wcs::world_to_pixel, world, wcs, "world_to_pixel_status", &status);
  return {pixel, status};
}

Tensor wcs_jacobian(const Tensor& pixel, const Tensor& wcs) {
  const Tensor slots = as_contiguous(wcs);
  const Batch batch = batch_of(pixel, slots, "wcs_jacobian");
  const Tensor in = as_float64(pixel, "wcs_jacobian");
  Shape shape = shape_of(pixel);
  shape.push_back(shape.back());
  Tensor out = empty(shape, ScalarType::Double);
  const double* const from = numbers(in);
  double* const to = numbers(out);
  for_each_part(batch, [&](const wcs::Packed& one, std::int64_t first, std::int64_t count) {
    wcs::jacobian(one, from + first * one.naxis, count, to + first * one.naxis * one.naxis);
  });
  return out;
}

}  // namespace
}  // namespace fits::ops

namespace fits::ops {
namespace {

void add_transforms(Library& m) {
  m.impl("pixel_to_world", TORCH_BOX(&pixel_to_world));
  m.impl("world_to_pixel", TORCH_BOX(&world_to_pixel));
  m.impl("pixel_to_world_status", TORCH_BOX(&pixel_to_world_status));
  m.impl("world_to_pixel_status", TORCH_BOX(&world_to_pixel_status));
  m.impl("wcs_jacobian", TORCH_BOX(&wcs_jacobian));
}

}  // namespace
}  // namespace fits::ops

STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { fits::ops::add_transforms(m); }
