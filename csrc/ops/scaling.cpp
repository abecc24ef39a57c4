// unpack, scale, unscale: stored and physical values of tensors (FITS Standard 4.0, section 4.4.2.5). CPU kernels.
#include "ops/scaling.h"

#include <algorithm>

#include "format/convert.h"

namespace fits::ops {
namespace {

void run(const Converter& converter, const Tensor& in, Tensor& out) {
  const auto* from = static_cast<const std::byte*>(in.const_data_ptr());
  auto* to = static_cast<std::byte*>(out.mutable_data_ptr());
  const std::int64_t count = out.numel();
  const auto out_size = static_cast<std::int64_t>(out.element_size());
  const std::int64_t in_size = count == 0 ? 0 : in.numel() * static_cast<std::int64_t>(in.element_size()) / count;
  const Pieces pieces(to, count, static_cast<std::size_t>(out_size));
  parallel_for(pieces.count(), [&](std::int64_t piece) {
    const std::int64_t first = pieces.bound(piece);
    converter(from + first * in_size, pieces.bound(piece + 1) - first, to + first * out_size);
  });
}

Tensor unpack(const Tensor& data, std::int64_t bitpix, const Shape& shape) {
  checked_unpack(data, bitpix, shape);
  const Pixel stored = stored_pixel(static_cast<int>(bitpix));
  const Tensor bytes = torch::stable::contiguous(data);
  Tensor out = empty(shape, scalar_type(stored));
  run(Converter({static_cast<int>(bitpix), {}, false, stored}, ByteOrder::big_endian), bytes, out);
  return out;
}

Tensor scale(const Tensor& raw, double bscale, double bzero, std::optional<std::int64_t> blank,
             std::optional<ScalarType> asked) {
  const ScalarType dtype = scaled_dtype(asked);
  const Pixel from = pixel_type(raw.scalar_type(), "scale");
  const Pixel to = pixel_type(dtype, "scale");
  const Tensor values = torch::stable::contiguous(raw);
  Tensor out = empty(shape_of(raw), dtype);
  run(Converter(from, {bscale, bzero, blank}, to, ByteOrder::native), values, out);
  return out;
}

Tensor unscale(const Tensor& value, double bscale, double bzero, std::optional<std::int64_t> blank,
               std::int64_t bitpix) {
  const Pixel from = pixel_type(value.scalar_type(), "unscale");
  const Scaling scaling = checked_unscale(bscale, bzero, blank, bitpix);
  const Tensor values = torch::stable::contiguous(value);
  Tensor out = empty(shape_of(value), scalar_type(stored_pixel(static_cast<int>(bitpix))));
  run(Converter::to_stored(from, static_cast<int>(bitpix), scaling, ByteOrder::native), values, out);
  return out;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) {
  m.impl("unpack", TORCH_BOX(&unpack));
  m.impl("scale", TORCH_BOX(&scale));
  m.impl("unscale", TORCH_BOX(&unscale));
}

}  // namespace fits::ops
