#include "ops/wcs_batch.h"

#include "format/convert.h"
#include "ops/wcs_shapes.h"
#include "wcs/evaluate.h"

namespace fits::ops {

Tensor converted(const Tensor& tensor, ScalarType dtype, std::string_view who) {
  const Tensor values = as_contiguous(tensor);
  if (values.scalar_type() == dtype) return values;
  Tensor out = empty(shape_of(values), dtype);
  const Converter convert(pixel_type(values.scalar_type(), who), {}, pixel_type(dtype, who), ByteOrder::native);
  convert(values.const_data_ptr(), values.numel(), out.mutable_data_ptr());
  return out;
}

std::vector<wcs::Packed> unpacked(const Tensor& slots, std::string_view who, std::string_view what) {
  require(slots.is_cpu(), who, ": ", what,
          " must be on the host, the only place where this runs; bring it there with .cpu()");
  require(slots.scalar_type() == ScalarType::Double, who, ": ", what, " must be float64, not ",
          torch::headeronly::toString(slots.scalar_type()), "; its slots do not survive rounding");
  require(slots.dim() == 1 || slots.dim() == 2, who, ": ", what, " must be [P] or [B, P], not of ", slots.dim(),
          " dimensions");
  const bool many = slots.dim() == 2;
  const std::int64_t count = many ? slots.size(0) : 1, length = slots.size(slots.dim() - 1);
  const double* const first = numbers(slots);
  std::vector<wcs::Packed> all;
  all.reserve(static_cast<std::size_t>(count));
  for (std::int64_t b = 0; b < count; ++b) {
    const wcs::Packed& one = all.emplace_back(wcs::unpack(first + b * length, length));
    if (wcs::can_evaluate(one)) continue;
    throw std::invalid_argument(sentence(who, ": ", what, many ? sentence("[", b, "]") : "",
                                         " cannot be used: ", wcs::what_is_wrong(first + b * length, length)));
  }
  return all;
}

Batch batch_of(const Tensor& coordinates, const Tensor& slots, std::string_view who) {
  require(slots.is_cpu() && coordinates.is_cpu(), who,
          ": coordinates and wcs must be on the host, the only place where this runs; bring them there with .cpu()");
  const WcsShapes shapes = wcs_shapes(coordinates, slots, who);
  Batch batch;
  batch.wcs = unpacked(slots, who);
  batch.points = shapes.points;
  for (const wcs::Packed& wcs : batch.wcs) {
    require(wcs.naxis == shapes.naxis, who, ": the last dimension of coordinates is ", shapes.naxis,
            " and the WCS has ", wcs.naxis, " axes");
  }
  return batch;
}

}  // namespace fits::ops
