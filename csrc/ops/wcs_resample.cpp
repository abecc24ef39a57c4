// resample, resample_backward: images onto another WCS, and the transpose. CPU kernels.
//
// Work goes by tiles of output pixels: where their places on the input are is found once for all planes of an image.
#include <algorithm>
#include <limits>
#include <tuple>

#include "ops/tensor.h"
#include "ops/text.h"
#include "ops/wcs_batch.h"
#include "ops/wcs_list.h"
#include "wcs/resample_map.h"

namespace fits::ops {
namespace {

using Places = std::vector<wcs::Place>;
using wcs::ImageSize;
using wcs::Method;

Method method_of(std::string_view name, std::string_view who) {
  if (name == "nearest") return Method::nearest;
  if (name == "bilinear") return Method::bilinear;
  if (name == "bicubic") return Method::bicubic;
  require(name == "area", who, ": method = '", name, "': must be nearest, bilinear, bicubic or area");
  return Method::area;
}

// A rectangle of one item's output pixels.
struct Tile {
  std::int64_t item, row, column, height, width;
};

// What a call asks: which images there are, of which sizes, and how their outputs are cut into tiles.
class Plan {
 public:
  Plan(const Tensor& wcs_in, const Tensor& wcs_out, std::string_view method_name, std::string_view who)
      : who_(who), method(method_of(method_name, who)), in(wcs_in, who, "wcs_in"), out(wcs_out, who, "wcs_out") {
    require(!in.many() || !out.many() || in.size() == out.size(), who, ": wcs_in holds ", in.size(),
            " WCS and wcs_out ", out.size());
    items = in.many() ? in.size() : out.size();
    for (std::int64_t item = 0; item < items; ++item) {
      require(in[item].naxis == 2 && out[item].naxis == 2, who, ": both WCS must have two axes, and wcs_in has ",
              in[item].naxis, ", wcs_out ", out[item].naxis);
      const std::string apart = wcs::what_separates(in[item], out[item]);
      require(apart.empty(), who, ": ", many() ? sentence("item ", item, ": ") : "", apart);
      maps_.emplace_back(out[item], in[item]);
    }
  }

  // Outputs come as a batch where either side does; images do where wcs_in does. Between the batch and the last two
  // dimensions lie planes.
  bool many() const { return in.many() || out.many(); }

  // What `tensor` must be of the images (`batch`: in.many()) or of the outputs (many()). Returns its planes' shape.
  Shape planes_of(const Tensor& tensor, bool batch, std::string_view what) {
    const Shape shape = shape_of(tensor);
    require(shape.size() >= (batch ? 3 : 2), who_, ": ", what, " must be ", batch ? "[B, ..., H, W]" : "[..., H, W]",
            ", not of ", shape.size(), " dimensions");
    require(!batch || shape[0] == items, who_, ": ", what, " holds ", shape[0], " items and wcs_",
            in.many() ? "in " : "out ", items);
    Shape between(shape.begin() + (batch ? 1 : 0), shape.end() - 2);
    planes = static_cast<std::int64_t>(element_count(between));
    return between;
  }
  void set_sizes(ImageSize image, ImageSize output) {
    image_size = image;
    output_size = output;
    tile_rows_ = (output.height + kTileHeight - 1) / kTileHeight;
    tile_columns_ = (output.width + kTileWidth - 1) / kTileWidth;
  }

  std::int64_t image_of(std::int64_t item) const { return in.many() ? item : 0; }
  std::int64_t images() const { return in.many() ? items : 1; }
  std::int64_t image_pixels() const { return image_size.height * image_size.width; }
  std::int64_t output_pixels() const { return output_size.height * output_size.width; }

  std::int64_t tiles() const { return items * tile_rows_ * tile_columns_; }
  Tile tile(std::int64_t index) const {
    const std::int64_t column = index % tile_columns_ * kTileWidth;
    const std::int64_t row = index / tile_columns_ % tile_rows_ * kTileHeight;
    return {index / (tile_columns_ * tile_rows_), row, column, std::min(kTileHeight, output_size.height - row),
            std::min(kTileWidth, output_size.width - column)};
  }

  // Where a tile's pixels lie on the image: their centres, and for areas their corners after them, row by row.
  static constexpr std::int64_t kTilePlaces = 8 * 128 + 9 * 129;
  std::int64_t map(const Tile& tile, wcs::Place* places) const {
    std::int64_t count = grid(tile, 0, 0, places);
    if (method == Method::area) count += grid(tile, 1, -0.5, places + count);
    maps_[static_cast<std::size_t>(tile.item)](places, count);
    return count;
  }
  static wcs::Quadrilaterals quadrilaterals(const Tile& tile, std::int64_t row, const wcs::Place* places) {
    const wcs::Place* const corners = places + tile.height * tile.width + row * (tile.width + 1);
    return {corners, corners + tile.width + 1, places + row * tile.width, tile.width};
  }

 private:
  static constexpr std::int64_t kTileHeight = 8, kTileWidth = 128;
  std::string_view who_;
  std::vector<wcs::PlaceMap> maps_;
  std::int64_t tile_rows_ = 0, tile_columns_ = 0;

  static std::int64_t grid(const Tile& tile, std::int64_t more, double shift, wcs::Place* places) {
    for (std::int64_t r = 0; r < tile.height + more; ++r) {
      for (std::int64_t c = 0; c < tile.width + more; ++c) {
        *places++ = {static_cast<double>(tile.column + c) + shift, static_cast<double>(tile.row + r) + shift};
      }
    }
    return (tile.height + more) * (tile.width + more);
  }

 public:
  Method method;
  WcsList in, out;
  std::int64_t items = 0, planes = 1;
  ImageSize image_size{}, output_size{};
};

ImageSize last_two(const Tensor& tensor) { return {tensor.size(tensor.dim() - 2), tensor.size(tensor.dim() - 1)}; }

ImageSize size_of(const Shape& shape, std::string_view who) {
  require(shape.size() == 2 && shape[0] >= 0 && shape[1] >= 0, who, ": shape must be (H, W), two lengths");
  return {shape[0], shape[1]};
}

Shape joined(bool batch, std::int64_t items, const Shape& planes, ImageSize size) {
  Shape shape;
  if (batch) shape.push_back(items);
  shape.insert(shape.end(), planes.begin(), planes.end());
  shape.push_back(size.height);
  shape.push_back(size.width);
  return shape;
}

template <class Sample>
struct Stack {  // a tensor's planes, item by item
  Sample* data;
  std::int64_t planes, pixels;
  Sample* at(std::int64_t item, std::int64_t plane) const { return data + (item * planes + plane) * pixels; }
};

template <class Sample>
void run(const Plan& plan, const Tensor& image, double fill, Tensor& value, Tensor& weight) {
  const Stack<const Sample> from{static_cast<const Sample*>(image.const_data_ptr()), plan.planes, plan.image_pixels()};
  const Stack<Sample> values{static_cast<Sample*>(value.mutable_data_ptr()), plan.planes, plan.output_pixels()};
  const Stack<Sample> weights{static_cast<Sample*>(weight.mutable_data_ptr()), plan.planes, plan.output_pixels()};
  const auto missing = static_cast<Sample>(fill);
  const std::int64_t width = plan.output_size.width;
  constexpr std::int64_t kTogether = 8;  // tiles: some 50 us, several times what a thread costs to wake
  parallel_for((plan.tiles() + kTogether - 1) / kTogether, [&](std::int64_t piece) {
    Places places(Plan::kTilePlaces);
    wcs::AreaScratch scratch(plan.method == Method::area ? plan.image_size : ImageSize{}, plan.planes);
    for (std::int64_t i = piece * kTogether; i < std::min(plan.tiles(), (piece + 1) * kTogether); ++i) {
      const Tile tile = plan.tile(i);
      const std::int64_t image_item = plan.image_of(tile.item);
      plan.map(tile, places.data());
      for (std::int64_t r = 0; r < tile.height; ++r) {
        const std::int64_t first = (tile.row + r) * width + tile.column;
        if (plan.method == Method::area) {
          wcs::sum_areas<Sample>({from.at(image_item, 0), plan.planes, from.pixels}, plan.image_size,
                                 Plan::quadrilaterals(tile, r, places.data()), missing,
                                 {values.at(tile.item, 0) + first, plan.planes, values.pixels},
                                 {weights.at(tile.item, 0) + first, plan.planes, weights.pixels}, scratch);
          continue;
        }
        for (std::int64_t plane = 0; plane < plan.planes; ++plane) {
          wcs::interpolate(plan.method, from.at(image_item, plane), plan.image_size, places.data() + r * tile.width,
                           tile.width, missing, values.at(tile.item, plane) + first,
                           weights.at(tile.item, plane) + first);
        }
      }
    }
  });
}

// Each thread has rows of the images for its own and adds to them in the order of the output's tiles: the same sums
// whatever the threads. Places of some tiles are found first, then all threads go through them.
template <class Sample>
void run_backward(const Plan& plan, const Tensor& grad, Tensor& image) {
  const Stack<const Sample> from{static_cast<const Sample*>(grad.const_data_ptr()), plan.planes, plan.output_pixels()};
  const Stack<Sample> to{static_cast<Sample*>(image.mutable_data_ptr()), plan.planes, plan.image_pixels()};
  const std::int64_t width = plan.output_size.width, height = plan.image_size.height;
  constexpr std::int64_t kTogether = 512;  // tiles: 8 MiB of places, 18 with corners
  Places places(static_cast<std::size_t>(std::min(kTogether, plan.tiles()) * Plan::kTilePlaces));
  std::vector<wcs::Rows> reach(static_cast<std::size_t>(std::min(kTogether, plan.tiles())));
  const std::int64_t all_rows = plan.images() * height;
  const std::int64_t bands = std::min<std::int64_t>(all_rows, thread_count() == 1 ? 1 : 4 * thread_count());
  parallel_for(bands, [&](std::int64_t band) {
    const std::int64_t begin = all_rows * band / bands, end = all_rows * (band + 1) / bands;
    for (std::int64_t row = begin; row < end;) {
      const std::int64_t item = row / height, stop = std::min(end, (item + 1) * height);
      for (std::int64_t plane = 0; plane < plan.planes; ++plane) {
        Sample* const first = to.at(item, plane) + (row - item * height) * plan.image_size.width;
        std::fill_n(first, (stop - row) * plan.image_size.width, Sample(0));
      }
      row = stop;
    }
  });
  for (std::int64_t start = 0; start < plan.tiles() && bands > 0; start += kTogether) {
    const std::int64_t count = std::min(kTogether, plan.tiles() - start);
    parallel_for(count, [&](std::int64_t i) {
      const Tile tile = plan.tile(start + i);
      wcs::Place* const own = places.data() + i * Plan::kTilePlaces;
      const std::int64_t found = plan.map(tile, own);
      reach[static_cast<std::size_t>(i)] = wcs::rows_of(plan.method, own, found, plan.image_size);
    });
    parallel_for(bands, [&](std::int64_t band) {
      const std::int64_t begin = all_rows * band / bands, end = all_rows * (band + 1) / bands;
      wcs::AreaScratch scratch(plan.method == Method::area ? plan.image_size : ImageSize{}, plan.planes);
      for (std::int64_t i = 0; i < count; ++i) {
        const Tile tile = plan.tile(start + i);
        const std::int64_t item = plan.image_of(tile.item);
        const wcs::Rows reached = reach[static_cast<std::size_t>(i)];
        const wcs::Rows rows{std::max(reached.first, begin - item * height),
                             std::min(reached.last, end - item * height)};
        if (rows.first >= rows.last) continue;
        const wcs::Place* const own = places.data() + i * Plan::kTilePlaces;
        for (std::int64_t r = 0; r < tile.height; ++r) {
          const std::int64_t first = (tile.row + r) * width + tile.column;
          if (plan.method == Method::area) {
            wcs::spread_areas<Sample>({from.at(tile.item, 0) + first, plan.planes, from.pixels},
                                      Plan::quadrilaterals(tile, r, own), plan.image_size, rows,
                                      {to.at(item, 0), plan.planes, to.pixels}, scratch);
            continue;
          }
          for (std::int64_t plane = 0; plane < plan.planes; ++plane) {
            wcs::spread(plan.method, from.at(tile.item, plane) + first, own + r * tile.width, tile.width,
                        plan.image_size, rows, to.at(item, plane));
          }
        }
      }
    });
  }
}

// Images are float32 or float64 in the loops; float16 and bfloat16 are widened before and rounded after.
bool is_half(ScalarType dtype) { return dtype == ScalarType::Half || dtype == ScalarType::BFloat16; }

// The type that the loops work in.
ScalarType working_dtype(const Tensor& image, std::string_view who, std::string_view what) {
  const ScalarType dtype = image.scalar_type();
  require(dtype == ScalarType::Float || dtype == ScalarType::Double || is_half(dtype), who, ": ", what,
          " must be float32, float64, float16 or bfloat16, not ", torch::headeronly::toString(dtype),
          "; convert it, as in ", what, ".float()");
  return dtype == ScalarType::Double ? dtype : ScalarType::Float;
}

void require_host(const Tensor& one, const Tensor& other, const Tensor& third, std::string_view who) {
  require(one.is_cpu() && other.is_cpu() && third.is_cpu(), who,
          ": images and WCS must be on the host, where resampling runs for now; bring them there with .cpu()");
}

std::tuple<Tensor, Tensor> resample(const Tensor& image, const Tensor& wcs_in, const Tensor& wcs_out,
                                    const Shape& shape, const Text& method, std::optional<double> fill) {
  constexpr std::string_view who = "resample";
  require_host(image, wcs_in, wcs_out, who);
  Plan plan(wcs_in, wcs_out, method, who);
  const Shape planes = plan.planes_of(image, plan.in.many(), "image");
  plan.set_sizes(last_two(image), size_of(shape, who));
  const ScalarType dtype = working_dtype(image, who, "image");
  const Tensor values = converted(image, dtype, who);
  const Shape output = joined(plan.many(), plan.items, planes, plan.output_size);
  element_count(output);
  Tensor value = empty(output, dtype), weight = empty(output, dtype);
  const double missing = fill.value_or(std::numeric_limits<double>::quiet_NaN());
  (dtype == ScalarType::Float ? &run<float> : &run<double>)(plan, values, missing, value, weight);
  return {converted(value, image.scalar_type(), who), converted(weight, image.scalar_type(), who)};
}

Tensor resample_backward(const Tensor& grad, const Tensor& wcs_in, const Tensor& wcs_out, const Shape& shape,
                         const Text& method) {
  constexpr std::string_view who = "resample_backward";
  require_host(grad, wcs_in, wcs_out, who);
  Plan plan(wcs_in, wcs_out, method, who);
  const Shape planes = plan.planes_of(grad, plan.many(), "grad");
  plan.set_sizes(size_of(shape, who), last_two(grad));
  const ScalarType dtype = working_dtype(grad, who, "grad");
  const Tensor values = converted(grad, dtype, who);
  Tensor image = empty(joined(plan.in.many(), plan.items, planes, plan.image_size), dtype);
  (dtype == ScalarType::Float ? &run_backward<float> : &run_backward<double>)(plan, values, image);
  return converted(image, grad.scalar_type(), who);
}

void add_resampling(Library& m) {
  m.impl("resample", TORCH_BOX(&resample));
  m.impl("resample_backward", TORCH_BOX(&resample_backward));
}

}  // namespace
}  // namespace fits::ops

// Of tensors on a CUDA device the same kernels say what to do.
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { fits::ops::add_resampling(m); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add_resampling(m); }
