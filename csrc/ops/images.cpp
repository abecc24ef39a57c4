// read_images, read_images_ragged: a batch of images, from files or from bytes laid end to end, in one call.
#include <algorithm>

#include "ops/image.h"
#include "ops/source.h"

namespace fits::ops {
namespace {

using Hdus = std::vector<std::int64_t>;

struct BatchOptions {
  std::optional<double> fill;
  Pixel pixel;
  bool centered = false;
  bool strict = true;

  double fill_value() const { return ops::fill_value(fill, pixel); }
};

// Opens item `item` and gives each of its HDUs to `read(source, plane, hdu)`. What is wrong with one HDU concerns that
// plane alone, what is wrong with the file all of them: `fail(plane, status)`. Strict batches throw instead.
template <class Read, class Fail>
void for_each_plane(const SourceBatch& batch, std::int64_t item, const Hdus& hdus, bool strict, const Read& read,
                    const Fail& fail) {
  io::Source source;
  std::optional<Status> unopened;
  for (std::size_t plane = 0; plane < hdus.size(); ++plane) {
    const auto p = static_cast<std::int64_t>(plane);
    if (unopened) {
      fail(p, *unopened);
      continue;
    }
    try {
      in_context(batch.name(item, hdus[plane]), [&] {
        if (!source.file) source = batch.open(item);
        read(source, p, hdus[plane]);
      });
    } catch (...) {
      if (strict) throw;
      const Status status = status_of_current_exception();
      if (!source.file) unopened = status;
      fail(p, status);
    }
  }
}

// ---- padded: one shape for all

using Padded = std::tuple<Tensor, Tensor, Tensor>;

// Where the window of `size` begins in an image of `shape`: at its first pixel, or so that both have one centre (the
// odd pixel of padding or cropping goes to the end of the axis, as torchvision pads).
Shape window_start(const Shape& shape, const Shape& size, bool centered) {
  Shape start(shape.size(), 0);
  for (std::size_t i = 0; centered && i < shape.size(); ++i) {
    start[i] = shape[i] >= size[i] ? (shape[i] - size[i]) / 2 : -((size[i] - shape[i]) / 2);
  }
  return start;
}

bool covers(const Shape& shape, const Shape& size) {
  return std::ranges::equal(shape, size, [](std::int64_t a, std::int64_t b) { return a >= b; });
}

void read_padded(const io::Source& source, std::int64_t index, const Shape& size, const BatchOptions& options,
                 std::int64_t* extent, std::byte* out) {
  const Hdu& hdu = image_hdu(source, index);
  const Shape shape = hdu.shape();
  if (shape.size() != size.size()) {
    throw FileError(Status::wrong_naxis,
                    sentence("the image has ", shape.size(), " axes, where shape has ", size.size()));
  }
  std::ranges::copy(shape, extent);
  if (element_count(shape) == 0) throw FileError(Status::empty, "the image has no pixels");
  const auto count = static_cast<std::int64_t>(element_count(size));
  if (!covers(shape, size)) fill_pixels(options.fill_value(), count, options.pixel, out);
  const Conversion conversion{hdu.bitpix, hdu.scaling, true, options.pixel};
  read_window(source, hdu, window_start(shape, size, options.centered), size, conversion, out);
}

Padded read_batch(const SourceBatch& batch, const Hdus& hdus, const Shape& shape, const BatchOptions& options) {
  require_hdus(hdus, "read_images");
  const auto planes = static_cast<std::int64_t>(hdus.size());
  const auto naxis = static_cast<std::int64_t>(shape.size());
  Shape full{batch.size(), planes};
  full.insert(full.end(), shape.begin(), shape.end());
  Tensor images = empty(full, scalar_type(options.pixel));
  Tensor extents = empty({batch.size(), planes, naxis}, ScalarType::Long);
  Tensor status = empty({batch.size(), planes}, ScalarType::Int);
  const auto count = static_cast<std::int64_t>(element_count(shape));
  const auto image_size = count * static_cast<std::int64_t>(pixel_size(options.pixel));
  auto* const pixels = static_cast<std::byte*>(images.mutable_data_ptr());
  auto* const axes = static_cast<std::int64_t*>(extents.mutable_data_ptr());
  auto* const codes = static_cast<std::int32_t*>(status.mutable_data_ptr());

  parallel_for(batch.size(), [&](std::int64_t item) {
    const std::int64_t first = item * planes;
    const auto read = [&](const io::Source& source, std::int64_t plane, std::int64_t hdu) {
      codes[first + plane] = static_cast<std::int32_t>(Status::read);
      read_padded(source, hdu, shape, options, axes + (first + plane) * naxis, pixels + (first + plane) * image_size);
    };
    const auto fail = [&](std::int64_t plane, Status reason) {
      codes[first + plane] = static_cast<std::int32_t>(reason);
      std::fill_n(axes + (first + plane) * naxis, naxis, 0);
      fill_pixels(options.fill_value(), count, options.pixel, pixels + (first + plane) * image_size);
    };
    for_each_plane(batch, item, hdus, options.strict, read, fail);
  });
  return {images, extents, status};
}

BatchOptions batch_options(std::optional<double> fill, std::optional<ScalarType> dtype, bool centered, bool strict,
                           std::string_view who) {
  return {fill, pixel_type(dtype.value_or(ScalarType::Float), who), centered, strict};
}

Padded read_images(const Texts& paths, const Hdus& hdus, const Shape& shape, std::optional<double> fill,
                   std::optional<ScalarType> dtype, bool centered, bool strict) {
  return read_batch(SourceBatch(paths, "read_images"), hdus, shape,
                    batch_options(fill, dtype, centered, strict, "read_images"));
}

Padded read_images_packed(const Tensor& data, const Tensor& offsets, const Hdus& hdus, const Shape& shape,
                          std::optional<double> fill, std::optional<ScalarType> dtype, bool centered, bool strict) {
  return read_batch(SourceBatch(data, offsets, "read_images"), hdus, shape,
                    batch_options(fill, dtype, centered, strict, "read_images"));
}

// ---- ragged: each its own shape

using Ragged = std::tuple<Tensor, Tensor, Tensor, Tensor>;

// The sources stay open between the two passes, so that gzipped ones are inflated once.
Ragged read_ragged_batch(const SourceBatch& batch, const Hdus& hdus, std::int64_t naxis, const BatchOptions& options) {
  require_hdus(hdus, "read_images_ragged");
  require(naxis >= 1, "read_images_ragged: naxis = ", naxis, "; images have at least one axis");
  const auto planes = static_cast<std::int64_t>(hdus.size());
  Tensor offsets = empty({batch.size() * planes + 1}, ScalarType::Long);
  Tensor shapes = empty({batch.size(), planes, naxis}, ScalarType::Long);
  Tensor status = empty({batch.size(), planes}, ScalarType::Int);
  auto* const starts = static_cast<std::int64_t*>(offsets.mutable_data_ptr());
  auto* const axes = static_cast<std::int64_t*>(shapes.mutable_data_ptr());
  auto* const codes = static_cast<std::int32_t*>(status.mutable_data_ptr());
  std::vector<io::Source> sources(static_cast<std::size_t>(batch.size()));

  parallel_for(batch.size(), [&](std::int64_t item) {
    const std::int64_t first = item * planes;
    const auto measure = [&](const io::Source& source, std::int64_t plane, std::int64_t index) {
      sources[static_cast<std::size_t>(item)] = source;
      const Hdu& hdu = image_hdu(source, index);
      const Shape shape = hdu.shape();
      if (static_cast<std::int64_t>(shape.size()) != naxis) {
        throw FileError(Status::wrong_naxis, sentence("the image has ", shape.size(), " axes, not ", naxis));
      }
      if (element_count(shape) == 0) throw FileError(Status::empty, "the image has no pixels");
      require_data(source, hdu);
      std::ranges::copy(shape, axes + (first + plane) * naxis);
      codes[first + plane] = static_cast<std::int32_t>(Status::read);
      starts[first + plane + 1] = static_cast<std::int64_t>(element_count(shape));
    };
    const auto fail = [&](std::int64_t plane, Status reason) {
      std::fill_n(axes + (first + plane) * naxis, naxis, 0);
      codes[first + plane] = static_cast<std::int32_t>(reason);
      starts[first + plane + 1] = 0;
    };
    for_each_plane(batch, item, hdus, options.strict, measure, fail);
  });
  starts[0] = 0;
  for (std::int64_t i = 0; i < batch.size() * planes; ++i) {
    require(!__builtin_add_overflow(starts[i], starts[i + 1], &starts[i + 1]),
            "read_images_ragged: the images together have too many pixels");
  }

  const std::int64_t total = starts[batch.size() * planes];
  Tensor values = empty({total}, scalar_type(options.pixel));
  auto* const pixels = static_cast<std::byte*>(values.mutable_data_ptr());
  const auto size = static_cast<std::int64_t>(pixel_size(options.pixel));
  parallel_for(batch.size() * planes, [&](std::int64_t i) {
    if (codes[i] != static_cast<std::int32_t>(Status::read)) return;
    const auto& source = sources[static_cast<std::size_t>(i / planes)];
    const std::int64_t index = hdus[static_cast<std::size_t>(i % planes)];
    try {
      in_context(batch.name(i / planes, index), [&] {
        const Hdu& hdu = image_hdu(source, index);
        const Conversion conversion{hdu.bitpix, hdu.scaling, true, options.pixel};
        read_window(source, hdu, Shape(hdu.naxes.size(), 0), hdu.shape(), conversion, pixels + starts[i] * size);
      });
    } catch (...) {
      if (options.strict) throw;
      codes[i] = static_cast<std::int32_t>(status_of_current_exception());
      fill_pixels(options.fill_value(), starts[i + 1] - starts[i], options.pixel, pixels + starts[i] * size);
    }
  });
  return {values, offsets, shapes, status};
}

Ragged read_images_ragged(const Texts& paths, const Hdus& hdus, std::int64_t naxis, std::optional<ScalarType> dtype,
                          bool strict) {
  return read_ragged_batch(SourceBatch(paths, "read_images_ragged"), hdus, naxis,
                           batch_options(std::nullopt, dtype, false, strict, "read_images_ragged"));
}

Ragged read_images_ragged_packed(const Tensor& data, const Tensor& offsets, const Hdus& hdus, std::int64_t naxis,
                                 std::optional<ScalarType> dtype, bool strict) {
  return read_ragged_batch(SourceBatch(data, offsets, "read_images_ragged"), hdus, naxis,
                           batch_options(std::nullopt, dtype, false, strict, "read_images_ragged"));
}

// Reading happens on the host: of a tensor on a CUDA device the same kernels say so.
void add_byte_readers(Library& m) {
  m.impl("read_images.packed", TORCH_BOX(&read_images_packed));
  m.impl("read_images_ragged.packed", TORCH_BOX(&read_images_ragged_packed));
}

}  // namespace
}  // namespace fits::ops

STABLE_TORCH_LIBRARY_IMPL(fits, CompositeExplicitAutograd, m) {
  using namespace fits::ops;
  m.impl("read_images", TORCH_BOX(&read_images));
  m.impl("read_images_ragged", TORCH_BOX(&read_images_ragged));
}
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { fits::ops::add_byte_readers(m); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add_byte_readers(m); }
