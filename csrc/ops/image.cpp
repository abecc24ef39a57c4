// read_image, read_section.
#include "ops/image.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "format/window.h"
#include "ops/decode.h"
#include "ops/plain_image.h"
#include "ops/source.h"

namespace fits::ops {
namespace {

const char* kind_name(HduKind kind) {
  switch (kind) {
    case HduKind::binary_table: return "a binary table";
    case HduKind::ascii_table: return "an ASCII table";
    case HduKind::compressed_table: return "a compressed table";
    case HduKind::other: return "an extension of an unknown type";
    default: return "an image";
  }
}

// Gives the runs to threads, task(runs) for those of one piece: one long run cut into pieces, of many short ones a
// stretch each.
template <class Task>
void share_runs(const std::vector<Run>& runs, std::byte* out, std::size_t element_size, const Task& task) {
  if (runs.size() == 1) {
    const Run whole = runs[0];
    const Pieces pieces(out + static_cast<std::size_t>(whole.target) * element_size, whole.count, element_size);
    parallel_for(pieces.count(), [&](std::int64_t piece) {
      const std::int64_t first = pieces.bound(piece);
      const Run part{whole.source + first, whole.target + first, pieces.bound(piece + 1) - first};
      task(std::span(&part, 1));
    });
    return;
  }
  // Runs of a window have one length.
  const auto count = static_cast<std::int64_t>(runs.size());
  const Pieces pieces(out, count, element_size * static_cast<std::size_t>(runs.empty() ? 1 : runs[0].count));
  parallel_for(pieces.count(), [&](std::int64_t piece) {
    const auto first = static_cast<std::size_t>(pieces.bound(piece));
    task(std::span(runs).subspan(first, static_cast<std::size_t>(pieces.bound(piece + 1)) - first));
  });
}

// A graph took the dtype from the file when it was captured, and its kernels count on it.
void require_expected(const Hdu& hdu, bool scaled, std::optional<ScalarType> expected, std::string_view who) {
  if (!expected) return;
  const ScalarType natural = scalar_type(conversion_for(hdu, std::nullopt, scaled, who).to);
  require(natural == *expected, "the image is ", torch::headeronly::toString(natural),
          " and the graph was captured with ", torch::headeronly::toString(*expected),
          "; pass dtype= (and naxis=), so that the graph does not depend on the "
          "file, or capture it again");
}

Tensor read_image_of(const io::Source& source, std::int64_t index, std::optional<ScalarType> dtype, bool scaled,
                     std::optional<std::int64_t> naxis, std::optional<ScalarType> expected) {
  const Hdu& hdu = image_hdu(source, index);
  const Shape shape = hdu.shape();
  require(!naxis || *naxis == static_cast<std::int64_t>(shape.size()), "the image has ", shape.size(),
          " axes, not the naxis = ", naxis.value_or(0), " that was asked for");
  require_expected(hdu, scaled, expected, "read_image");
  require_data(source, hdu);
  const Conversion conversion = conversion_for(hdu, dtype, scaled, "read_image");
  Tensor out = empty(shape, scalar_type(conversion.to));
  read_window(source, hdu, Shape(shape.size(), 0), shape, conversion, out.mutable_data_ptr());
  return out;
}

Tensor read_image(const Text& path, std::int64_t hdu, std::optional<ScalarType> dtype, bool scaled,
                  std::optional<std::int64_t> naxis, std::optional<ScalarType> expected_dtype) {
  return in_context(Name{path, hdu},
                    [&] { return read_image_of(io::open_file(path), hdu, dtype, scaled, naxis, expected_dtype); });
}

Tensor read_image_bytes(const Tensor& data, std::int64_t hdu, std::optional<ScalarType> dtype, bool scaled,
                        std::optional<std::int64_t> naxis) {
  const Bytes bytes = byte_source(data, "read_image");
  return in_context(Name{kBytesName, hdu},
                    [&] { return read_image_of(io::open_bytes(bytes), hdu, dtype, scaled, naxis, std::nullopt); });
}

Tensor read_section_of(const io::Source& source, std::int64_t index, const Shape& start, const Shape& size,
                       std::optional<ScalarType> dtype, bool scaled, std::optional<ScalarType> expected) {
  const Hdu& hdu = image_hdu(source, index);
  const Shape shape = hdu.shape();
  require(start.size() == shape.size() && size.size() == shape.size(), "the image has ", shape.size(),
          " axes; start has ", start.size(), " and size ", size.size());
  for (std::size_t i = 0; i < shape.size(); ++i) {
    require(start[i] >= 0 && size[i] >= 0 && start[i] <= shape[i] && size[i] <= shape[i] - start[i], "axis ", i,
            ": the section from ", start[i], " of length ", size[i], " does not lie in the image's ", shape[i],
            " pixels");
  }
  require_expected(hdu, scaled, expected, "read_section");
  const Conversion conversion = conversion_for(hdu, dtype, scaled, "read_section");
  Tensor out = empty(size, scalar_type(conversion.to));
  if (element_count(size) > 0) read_window(source, hdu, start, size, conversion, out.mutable_data_ptr());
  return out;
}

Tensor read_section(const Text& path, std::int64_t hdu, const Shape& start, const Shape& size,
                    std::optional<ScalarType> dtype, bool scaled, std::optional<ScalarType> expected_dtype) {
  return in_context(Name{path, hdu}, [&] {
    return read_section_of(io::open_file(path), hdu, start, size, dtype, scaled, expected_dtype);
  });
}

Tensor read_section_bytes(const Tensor& data, std::int64_t hdu, const Shape& start, const Shape& size,
                          std::optional<ScalarType> dtype, bool scaled) {
  const Bytes bytes = byte_source(data, "read_section");
  return in_context(Name{kBytesName, hdu}, [&] {
    return read_section_of(io::open_bytes(bytes), hdu, start, size, dtype, scaled, std::nullopt);
  });
}

}  // namespace

const Hdu& image_hdu(const io::Source& source, std::int64_t index) {
  const Hdu& hdu = source.file->hdus().at(index);
  if (!hdu.is_image())
    throw FileError(Status::not_an_image, sentence("the HDU is ", kind_name(hdu.kind), ", not an image"));
  if (!hdu.bad_scaling.empty()) throw FileError(Status::bad_header, hdu.bad_scaling);
  if (!hdu.has_data())
    throw FileError(Status::empty, "the HDU is empty (NAXIS = 0); read the one that holds the image");
  return hdu;
}

void require_data(const io::Source& source, const Hdu& hdu) {
  const std::uint64_t size = source.file->bytes().size();
  if (hdu.data_start > size || hdu.data_size > size - hdu.data_start) throw cut_off(source.file->bytes(), hdu);
  if (hdu.kind == HduKind::compressed_image) (void)CompressedImage(source.file->tiles(hdu), hdu);
}

Conversion conversion_for(const Hdu& hdu, std::optional<ScalarType> dtype, bool scaled, std::string_view who) {
  const Pixel natural = scaled ? physical_pixel(hdu.bitpix, hdu.scaling) : stored_pixel(hdu.bitpix);
  return {hdu.bitpix, hdu.scaling, scaled, dtype ? pixel_type(*dtype, who) : natural};
}

void read_window(const io::Source& source, const Hdu& hdu, const Shape& start, const Shape& size,
                 const Conversion& conversion, void* out) {
  if (hdu.kind == HduKind::compressed_image) {
    require_data(source, hdu);
    return read_compressed(CompressedImage(source.file->tiles(hdu), hdu), source.file->bytes(), start, size, conversion,
                           out);
  }
  const auto runs = window_runs(hdu.shape(), start, size);
  if (runs.empty()) return;
  const PlainImage image(source.file->bytes(), hdu, conversion, out);
  share_runs(runs, static_cast<std::byte*>(out), pixel_size(conversion.to), [&](std::span<const Run> part) {
    HeldBytes held;
    while (!part.empty()) {
      const Run run = part[0];
      part = part.subspan(1);
      const auto rest = [&] {
        return [after = part.begin(), end = part.end()](Run& next) mutable {
          if (after == end) return false;
          next = *after++;
          return true;
        };
      };
      image.hold_near(run, rest, held);
      image.read(run, held);
    }
  });
}

double fill_value(std::optional<double> fill, Pixel pixel) noexcept {
  return fill.value_or(is_floating(pixel) ? std::numeric_limits<double>::quiet_NaN() : 0.0);
}

void require_hdus(const std::vector<std::int64_t>& hdus, std::string_view who) {
  require(!hdus.empty(), who, ": hdus is empty; name at least one HDU");
  for (const auto hdu : hdus) require(hdu >= 0, who, ": hdus has ", hdu, "; HDUs are counted from 0");
}

Filler::Filler(double value, Pixel pixel) noexcept : size_(pixel_size(pixel)) {
  convert_native(&value, 1, {-64, {}, false, pixel}, one_);
  same_ = std::all_of(one_, one_ + size_, [&](std::byte b) { return b == one_[0]; });
}

void Filler::operator()(std::int64_t count, void* out) const noexcept {
  auto* const target = static_cast<std::byte*>(out);
  if (same_) {
    std::memset(target, static_cast<int>(one_[0]), static_cast<std::size_t>(count) * size_);
    return;
  }
  const auto fill = [&]<class T>(T pattern) {
    std::memcpy(&pattern, one_, sizeof pattern);
    std::fill_n(reinterpret_cast<T*>(target), count, pattern);
  };
  if (size_ == 2) return fill(std::uint16_t{});
  if (size_ == 4) return fill(std::uint32_t{});
  fill(std::uint64_t{});
}

void fill_pixels(double value, std::int64_t count, Pixel pixel, void* out) { Filler(value, pixel)(count, out); }

namespace {

// Reading happens on the host: of a tensor on a CUDA device the same kernels say so.
void add_byte_readers(Library& m) {
  m.impl("read_image.bytes", TORCH_BOX(&read_image_bytes));
  m.impl("read_section.bytes", TORCH_BOX(&read_section_bytes));
}

}  // namespace
}  // namespace fits::ops

STABLE_TORCH_LIBRARY_IMPL(fits, CompositeExplicitAutograd, m) {
  using namespace fits::ops;
  m.impl("read_image", TORCH_BOX(&read_image));
  m.impl("read_section", TORCH_BOX(&read_section));
}
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { fits::ops::add_byte_readers(m); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add_byte_readers(m); }
