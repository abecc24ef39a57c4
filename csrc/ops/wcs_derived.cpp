// pixel_to_pixel, wcs_footprint, wcs_crop, wcs_to_header: what follows from packed WCS. CPU kernels.
#include <algorithm>
#include <optional>
#include <string>
#include <tuple>

#include "format/card.h"
#include "ops/tensor.h"
#include "ops/text.h"
#include "ops/wcs_batch.h"
#include "wcs/crop.h"
#include "wcs/evaluate.h"
#include "wcs/pixel_to_pixel.h"
#include "wcs/write_header.h"

namespace fits::ops {
namespace {

const wcs::Packed& item_of(const std::vector<wcs::Packed>& all, std::int64_t item) {
  return all[all.size() == 1 ? 0 : static_cast<std::size_t>(item)];
}

Tensor pixel_to_pixel(const Tensor& pixel, const Tensor& wcs_in, const Tensor& wcs_out) {
  constexpr std::string_view who = "pixel_to_pixel";
  const Tensor slots_in = as_contiguous(wcs_in), slots_out = as_contiguous(wcs_out);
  const auto ins = unpacked(slots_in, who, "wcs_in"), outs = unpacked(slots_out, who, "wcs_out");
  const bool many_in = wcs_in.dim() == 2, many_out = wcs_out.dim() == 2, many = many_in || many_out;
  require(pixel.dim() >= (many ? 2 : 1), who, ": pixel must be ", many ? "[B, ..., N]" : "[..., N]", ", not of ",
          pixel.dim(), " dimensions");
  const std::int64_t count = many ? pixel.size(0) : 1, naxis = pixel.size(pixel.dim() - 1);
  for (const auto& [is_many, all, name] :
       {std::tuple(many_in, &ins, "wcs_in"), std::tuple(many_out, &outs, "wcs_out")}) {
    const auto held = static_cast<std::int64_t>(all->size());
    require(!is_many || held == count, who, ": pixel is for ", count, " WCS and ", name, " holds ", held);
    for (const wcs::Packed& one : *all) {
      require(one.naxis == naxis, who, ": the last dimension of pixel is ", naxis, " and ", name, " has ", one.naxis,
              " axes");
    }
  }
  // One where both are one, else one for each item.
  std::vector<wcs::Bridge> bridges;
  bridges.reserve(static_cast<std::size_t>(count));
  for (std::int64_t b = 0; b < count; ++b) {
    const std::string apart = wcs::what_separates(item_of(ins, b), item_of(outs, b));
    if (!apart.empty()) {
      throw std::invalid_argument(sentence(who, ": ", many ? sentence("of item ", b, " ") : "", apart));
    }
    bridges.push_back(wcs::bridge_between(item_of(ins, b), item_of(outs, b)));
  }
  const Tensor from = as_float64(pixel, who);
  Tensor to = empty(shape_of(pixel), ScalarType::Double);
  const double* const source = numbers(from);
  double* const target = numbers(to);
  const bool is_quick = !bridges.empty() && bridges[0].bare;
  const std::int64_t piece = is_quick ? 65536 : 8192;  // points: some 60 us, several times what a thread costs to wake
  const wcs::Level level = wcs::best_level();
  const std::int64_t points = count == 0 || naxis == 0 ? 0 : pixel.numel() / naxis / count;
  for_each_part(count, points, piece, [&](std::int64_t item, std::int64_t first, std::int64_t size) {
    wcs::pixel_to_pixel(item_of(ins, item), item_of(outs, item), bridges[static_cast<std::size_t>(item)],
                        source + first * naxis, size, target + first * naxis, level);
  });
  return to;
}

// Points of the outline on pixel axes 0 and 1, other axes at their reference pixel; corners in the order of astropy's
// calc_footprint: those of pixels (0, 0), (0, H - 1), (W - 1, H - 1), (W - 1, 0).
void put_outline(const wcs::Packed& wcs, std::int64_t height, std::int64_t width, std::int64_t per_side, double* to) {
  const auto right = static_cast<double>(width - 1), top = static_cast<double>(height - 1);
  const double corners[5][2] = {{0, 0}, {0, top}, {right, top}, {right, 0}, {0, 0}};
  const double* const crpix = wcs.linear() + wcs::LinearLayout{wcs.naxis}.crpix();
  for (int side = 0; side < 4; ++side) {
    for (std::int64_t k = 0; k < per_side; ++k, to += wcs.naxis) {
      const double part = static_cast<double>(k) / static_cast<double>(per_side);
      for (int axis = 0; axis < wcs.naxis; ++axis) {
        const double here = axis < 2 ? corners[side][axis] : crpix[axis] - 1;
        to[axis] = axis < 2 ? here + part * (corners[side + 1][axis] - here) : here;
      }
    }
  }
}

Tensor wcs_footprint(const Tensor& wcs, const Shape& shape, std::int64_t per_side) {
  constexpr std::string_view who = "wcs_footprint";
  require(shape.size() == 2 && shape[0] > 0 && shape[1] > 0, who,
          ": shape must be the image's, [H, W], of at least one pixel");
  require(per_side >= 1 && per_side <= 1 << 24, who, ": per_side = ", per_side, ": must be from 1 to 2^24");
  const Tensor slots = as_contiguous(wcs);
  const auto all = unpacked(slots, who);
  for (const wcs::Packed& one : all) {
    require(one.naxis >= 2, who, ": the WCS has one axis, and an outline needs two");
  }
  const std::int64_t points = 4 * per_side;
  Shape result = {points, 2};
  if (wcs.dim() == 2) result.insert(result.begin(), static_cast<std::int64_t>(all.size()));
  Tensor out = empty(result, ScalarType::Double);
  double* const to = numbers(out);
  parallel_for(static_cast<std::int64_t>(all.size()), [&](std::int64_t item) {
    const wcs::Packed& one = all[static_cast<std::size_t>(item)];
    std::vector<double> outline(static_cast<std::size_t>(points * one.naxis));
    put_outline(one, shape[0], shape[1], per_side, outline.data());
    wcs::pixel_to_world(one, outline.data(), points, outline.data(), nullptr);
    const bool projected = one.projection != 0;
    const int first = projected ? std::min(one.lng, one.lat) : 0, second = projected ? std::max(one.lng, one.lat) : 1;
    for (std::int64_t i = 0; i < points; ++i) {
      const double* const world = outline.data() + i * one.naxis;
      to[(item * points + i) * 2] = world[first];
      to[(item * points + i) * 2 + 1] = world[second];
    }
  });
  return out;
}

Tensor wcs_crop(const Tensor& wcs, const Tensor& corners, const std::optional<Shape>& step) {
  constexpr std::string_view who = "wcs_crop";
  const Tensor slots = as_contiguous(wcs), places = as_contiguous(corners);
  const auto all = unpacked(slots, who);
  const auto starts = index_source(places, who, "corners");
  require(corners.dim() == 1 || corners.dim() == 2, who, ": corners must be [N] or [B, N], not of ", corners.dim(),
          " dimensions");
  const std::int64_t naxis = corners.size(corners.dim() - 1);
  const bool many_wcs = wcs.dim() == 2, many_corners = corners.dim() == 2;
  const auto held = static_cast<std::int64_t>(all.size());
  require(!many_wcs || !many_corners || corners.size(0) == held, who, ": corners are for ", corners.size(0),
          " WCS and wcs holds ", held);
  for (const wcs::Packed& one : all) {
    require(one.naxis == naxis, who, ": corners have ", naxis, " axes and the WCS has ", one.naxis);
  }
  require(!step || static_cast<std::int64_t>(step->size()) == naxis, who, ": step has ", step ? step->size() : 0,
          " numbers, and corners have ", naxis, " axes");
  const std::int64_t count = many_corners ? corners.size(0) : held;
  const std::int64_t length = wcs.size(wcs.dim() - 1);
  Tensor out = empty(many_wcs || many_corners ? Shape{count, length} : Shape{length}, ScalarType::Double);
  double* const to = numbers(out);
  std::vector<std::int64_t> start(static_cast<std::size_t>(naxis)), stride(start.size(), 1);
  for (std::size_t j = 0; step && j < stride.size(); ++j) stride[j] = (*step)[stride.size() - 1 - j];
  for (std::int64_t item = 0; item < count; ++item) {
    const wcs::Packed& one = item_of(all, item);
    const std::int64_t* const corner = starts.data() + (many_corners ? item * naxis : 0);
    for (std::size_t j = 0; j < start.size(); ++j) start[j] = corner[start.size() - 1 - j];
    const std::string wrong = wcs::what_forbids_crop(one, start.data(), stride.data());
    require(wrong.empty(), who, ": ", wrong);
    double* const here = to + item * length;
    std::copy_n(one.slots, length, here);
    wcs::crop(one, start.data(), stride.data(), here);
  }
  return out;
}

std::string cards_of(const Tensor& wcs, std::string_view who) {
  require(wcs.dim() == 1, who, ": wcs must be one WCS, [P]: of a batch take one, wcs[0]");
  const Tensor slots = as_contiguous(wcs);
  const auto all = unpacked(slots, who);
  try {
    return wcs::header_cards(all[0]);
  } catch (const std::invalid_argument& reason) {
    throw std::invalid_argument(sentence(who, ": ", reason.what()));
  }
}

std::string wcs_to_header(const Tensor& wcs) {
  const std::string cards = cards_of(wcs, "wcs_to_header");
  std::string lines;
  for (std::size_t i = 0; i < cards.size(); i += kCardSize) {
    if (i != 0) lines += '\n';
    lines.append(cards, i, kCardSize);
  }
  return lines;
}

Tensor wcs_header_text(const Tensor& wcs) { return text_tensor(cards_of(wcs, "wcs_header_text")); }

// Those that run on the host alone.
void add_derived(Library& m) {
  m.impl("wcs_footprint", TORCH_BOX(&wcs_footprint));
  m.impl("wcs_crop", TORCH_BOX(&wcs_crop));
  m.impl("wcs_to_header", TORCH_BOX(&wcs_to_header));
  m.impl("wcs_header_text", TORCH_BOX(&wcs_header_text));
}

}  // namespace
}  // namespace fits::ops

STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) {
  m.impl("pixel_to_pixel", TORCH_BOX(&fits::ops::pixel_to_pixel));
  fits::ops::add_derived(m);
}
// Of tensors on a CUDA device the same kernels say what to do.
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add_derived(m); }
