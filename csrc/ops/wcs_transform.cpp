// pixel_to_world, world_to_pixel, their status, wcs_jacobian: coordinates through packed WCS. CPU kernels.
#include <algorithm>
#include <tuple>

#include "format/convert.h"
#include "ops/tensor.h"
#include "wcs/evaluate.h"
#include "wcs/jacobian.h"

namespace fits::ops {
namespace {

// Contiguous float64 with the values of any real tensor.
Tensor as_float64(const Tensor& tensor, std::string_view who) {
  const Tensor values = torch::stable::contiguous(tensor);
  const Pixel from = pixel_type(values.scalar_type(), who);
  if (from == Pixel::f64) return values;
  Tensor out = empty(shape_of(values), ScalarType::Double);
  Converter(from, {}, Pixel::f64, ByteOrder::native)(values.const_data_ptr(), values.numel(), out.mutable_data_ptr());
  return out;
}

// The WCS of a call, and how many points each of them has.
struct Batch {
  std::vector<wcs::Packed> wcs;
  std::int64_t points = 0;  // for each
};

Batch batch_of(const Tensor& coordinates, const Tensor& slots, std::string_view who) {
  require(
      slots.is_cpu() && coordinates.is_cpu(), who,
      ": coordinates and wcs must be on the host, where these transforms run for now; bring them there with .cpu()");
  require(slots.scalar_type() == ScalarType::Double, who, ": wcs must be float64, not ",
          torch::headeronly::toString(slots.scalar_type()), "; its slots do not survive rounding");
  require(slots.dim() == 1 || slots.dim() == 2, who, ": wcs must be [P] or [B, P], not of ", slots.dim(),
          " dimensions");
  const bool many = slots.dim() == 2;
  require(coordinates.dim() >= (many ? 2 : 1), who, ": coordinates must be ", many ? "[B, ..., N]" : "[..., N]",
          ", not of ", coordinates.dim(), " dimensions");
  const std::int64_t count = many ? slots.size(0) : 1;
  require(!many || coordinates.size(0) == count, who, ": coordinates are for ", coordinates.size(0),
          " WCS and wcs holds ", count);
  Batch batch;
  const std::int64_t naxis = coordinates.size(coordinates.dim() - 1);
  const std::int64_t length = slots.size(slots.dim() - 1);
  const auto* const first = static_cast<const double*>(slots.const_data_ptr());
  for (std::int64_t b = 0; b < count; ++b) {
    const std::string wrong = wcs::what_is_wrong(first + b * length, length);
    require(wrong.empty(), who, ": wcs", many ? sentence("[", b, "]") : "", " cannot be used: ", wrong);
    batch.wcs.push_back(wcs::unpack(first + b * length, length));
    require(batch.wcs.back().naxis == naxis, who, ": the last dimension of coordinates is ", naxis, " and the WCS has ",
            batch.wcs.back().naxis, " axes");
  }
  const std::int64_t points = naxis == 0 ? 0 : coordinates.numel() / naxis;
  batch.points = count == 0 ? 0 : points / count;
  return batch;
}

// Shares the points of all WCS out in pieces of about kPiece: part(wcs, first point of all, how many) for each.
template <class Part>
void for_each_part(const Batch& batch, const Part& part) {
  constexpr std::int64_t kPiece = 8192;  // points: 60 us of TAN, several times what a thread costs to wake
  const auto count = static_cast<std::int64_t>(batch.wcs.size());
  if (count == 0 || batch.points == 0) return;
  const auto wcs = [&](std::int64_t item) -> const wcs::Packed& { return batch.wcs[static_cast<std::size_t>(item)]; };
  if (batch.points >= kPiece) {
    const std::int64_t pieces = (batch.points + kPiece - 1) / kPiece;
    parallel_for(count * pieces, [&](std::int64_t i) {
      const std::int64_t item = i / pieces, start = i % pieces * kPiece;
      part(wcs(item), item * batch.points + start, std::min(kPiece, batch.points - start));
    });
  } else {
    const std::int64_t together = std::max<std::int64_t>(1, kPiece / batch.points);
    parallel_for((count + together - 1) / together, [&](std::int64_t i) {
      for (std::int64_t item = i * together; item < std::min(count, (i + 1) * together); ++item) {
        part(wcs(item), item * batch.points, batch.points);
      }
    });
  }
}

const double* numbers(const Tensor& tensor) { return static_cast<const double*>(tensor.const_data_ptr()); }
double* numbers(Tensor& tensor) { return static_cast<double*>(tensor.mutable_data_ptr()); }

using Evaluate = void (*)(const wcs::Packed&, const double*, std::int64_t, double*, std::int32_t*, wcs::Level) noexcept;

Tensor transform(Evaluate evaluate, const Tensor& coordinates, const Tensor& wcs, std::string_view who,
                 Tensor* status = nullptr) {
  const Tensor slots = torch::stable::contiguous(wcs);
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
  const Tensor slots = torch::stable::contiguous(wcs);
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

// Of tensors on a CUDA device the same kernels say what to do.
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { fits::ops::add_transforms(m); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add_transforms(m); }
