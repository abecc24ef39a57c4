// wcs_tan: the WCS of north-up stamps from their centres.
#include <algorithm>
#include <cmath>

#include "format/convert.h"
#include "ops/tensor.h"
#include "ops/wcs_list.h"
#include "wcs/stamp.h"

namespace fits::ops {
namespace {

constexpr std::string_view kWho = "wcs_tan";

// Longitude and latitude, pair by pair.
std::vector<double> degrees(const Tensor& center) {
  const Tensor values = as_contiguous(center);
  std::vector<double> to(static_cast<std::size_t>(values.numel()));
  Converter(pixel_type(values.scalar_type(), kWho), {}, Pixel::f64, ByteOrder::native)(values.const_data_ptr(),
                                                                                       values.numel(), to.data());
  return to;
}

Tensor wcs_tan(const Tensor& center, const Shape& shape, double pixel_scale, const std::optional<Tensor>& like) {
  require(center.is_cpu() && (!like || like->is_cpu()), kWho,
          ": center and like must be on the host; bring them there with .cpu()");
  const bool many = center.dim() == 2;
  require((many || center.dim() == 1) && center.size(center.dim() - 1) == 2, kWho,
          ": center must be [2] or [B, 2]: longitude and latitude in degrees");
  require(shape.size() == 2 && shape[0] >= 0 && shape[1] >= 0, kWho, ": shape must be (H, W), two lengths");
  require(std::isfinite(pixel_scale) && pixel_scale > 0, kWho, ": pixel_scale is ", pixel_scale,
          "; it must be a positive number of degrees");
  const std::vector<double> at = degrees(center);
  const std::int64_t count = many ? center.size(0) : 1;
  for (std::int64_t b = 0; b < count; ++b) {
    const double lng = at[static_cast<std::size_t>(2 * b)], lat = at[static_cast<std::size_t>(2 * b + 1)];
    require(std::isfinite(lng) && std::abs(lat) <= 90, kWho, ": center", many ? sentence("[", b, "]") : "", " is (",
            lng, ", ", lat, "); it must be finite, with a latitude from -90 to 90");
  }
  std::optional<WcsList> frames;
  if (like) {
    frames.emplace(*like, kWho, "like");
    require(!frames->many() || (many && frames->size() == count), kWho, ": like holds ", frames->size(),
            " WCS and center ", count);
    for (std::int64_t b = 0; b < frames->size(); ++b) {
      require((*frames)[b].projection != 0, kWho, ": like has no celestial axes");
    }
  }
  wcs::Stamps stamps(shape[0], shape[1], pixel_scale);
  Tensor out = empty(many ? Shape{count, stamps.size()} : Shape{stamps.size()}, ScalarType::Double);
  auto* to = static_cast<double*>(out.mutable_data_ptr());
  for (std::int64_t b = 0; b < count; ++b, to += stamps.size()) {
    stamps.put(at[static_cast<std::size_t>(2 * b)], at[static_cast<std::size_t>(2 * b + 1)], to);
    if (frames) wcs::take_frame((*frames)[b], to);
  }
  return out;
}

void add(Library& m) { m.impl("wcs_tan", TORCH_BOX(&wcs_tan)); }

}  // namespace
}  // namespace fits::ops

// Of tensors on a CUDA device the same kernel says what to do.
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { fits::ops::add(m); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add(m); }
