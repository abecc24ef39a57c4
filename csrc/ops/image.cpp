// read_image, read_section.
#include "ops/image.h"

#include <algorithm>
#include <cstring>

#include "format/window.h"
#include "ops/decode.h"
#include "ops/source.h"

namespace fits::ops {
namespace {

// Values converted between two looks at the file's bytes: small enough that positioned reads stay in cache and that
// threads share a large image evenly.
constexpr std::int64_t kPieceBytes = std::int64_t{1} << 20;

const char* kind_name(HduKind kind) {
  switch (kind) {
    case HduKind::binary_table: return "a binary table";
    case HduKind::ascii_table: return "an ASCII table";
    case HduKind::compressed_table: return "a compressed table";
    case HduKind::other: return "an extension of an unknown type";
    default: return "an image";
  }
}

FileError cut_off(const ByteReader& bytes, const Hdu& hdu) {
  const std::uint64_t size = bytes.size();
  return FileError(Status::truncated,
                   sentence("the data unit is cut off: the header promises ", hdu.data_size, " bytes and the file has ",
                            size > hdu.data_start ? size - hdu.data_start : 0));
}

// Where element `source` of the image lies among the stored values. Random groups (section 6) put PCOUNT parameters
// before each group's array.
struct Layout {
  std::int64_t group_size = 0, pcount = 0;
  explicit Layout(const Hdu& hdu) {
    if (hdu.kind != HduKind::random_groups) return;
    pcount = hdu.pcount;
    group_size = 1;
    for (std::size_t i = 0; i + 1 < hdu.naxes.size(); ++i) group_size *= hdu.naxes[i];
  }
  std::int64_t stored(std::int64_t source) const {
    return group_size == 0 ? source : source + (source / group_size + 1) * pcount;
  }
  // How many elements from `source` on are stored one after the other, at most `count`.
  std::int64_t together(std::int64_t source, std::int64_t count) const {
    return group_size == 0 ? count : std::min(count, group_size - source % group_size);
  }
};

class PlainImage {
 public:
  PlainImage(const ByteReader& bytes, const Hdu& hdu, const Conversion& conversion, void* out)
      : bytes_(bytes),
        hdu_(hdu),
        converter_(conversion, ByteOrder::big_endian),
        layout_(hdu),
        out_(static_cast<std::byte*>(out)),
        stored_size_(static_cast<std::int64_t>(bitpix_size(conversion.bitpix))),
        pixel_size_(static_cast<std::int64_t>(pixel_size(conversion.to))) {}

  void read(Run run) const {
    std::vector<std::byte> scratch;
    const std::int64_t most = std::max<std::int64_t>(kPieceBytes / stored_size_, 1);
    while (run.count > 0) {
      const std::int64_t count = layout_.together(run.source, std::min(run.count, most));
      converter_(stored(layout_.stored(run.source), count, scratch), count, out_ + run.target * pixel_size_);
      run = {run.source + count, run.target + count, run.count - count};
    }
  }

 private:
  const std::byte* stored(std::int64_t first, std::int64_t count, std::vector<std::byte>& scratch) const {
    const auto wanted = static_cast<std::size_t>(count * stored_size_);
    const Bytes view = bytes_.view(hdu_.data_start + static_cast<std::uint64_t>(first * stored_size_), wanted, scratch);
    if (view.size() < wanted) throw cut_off(bytes_, hdu_);
    return view.data();
  }

  const ByteReader& bytes_;
  const Hdu& hdu_;
  Converter converter_;
  Layout layout_;
  std::byte* out_;
  std::int64_t stored_size_, pixel_size_;
};

// Gives the runs to threads: one long run cut into pieces, many short ones a stretch of them each.
template <class Task>
void share_runs(const std::vector<Run>& runs, std::byte* out, std::size_t element_size, const Task& task) {
  if (runs.size() == 1) {
    const Run whole = runs[0];
    const Pieces pieces(out + static_cast<std::size_t>(whole.target) * element_size, whole.count, element_size);
    parallel_for(pieces.count(), [&](std::int64_t piece) {
      const std::int64_t first = pieces.bound(piece);
      task(Run{whole.source + first, whole.target + first, pieces.bound(piece + 1) - first});
    });
    return;
  }
  // Runs of a window have one length.
  const auto count = static_cast<std::int64_t>(runs.size());
  const Pieces pieces(out, count, element_size * static_cast<std::size_t>(runs.empty() ? 1 : runs[0].count));
  parallel_for(pieces.count(), [&](std::int64_t piece) {
    for (std::int64_t r = pieces.bound(piece); r < pieces.bound(piece + 1); ++r)
      task(runs[static_cast<std::size_t>(r)]);
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
  share_runs(runs, static_cast<std::byte*>(out), pixel_size(conversion.to), [&](const Run& run) { image.read(run); });
}

void fill_pixels(double value, std::int64_t count, Pixel pixel, void* out) {
  std::byte one[8];
  convert_native(&value, 1, {-64, {}, false, pixel}, one);
  const std::size_t size = pixel_size(pixel);
  auto* const target = static_cast<std::byte*>(out);
  if (std::all_of(one, one + size, [&](std::byte b) { return b == one[0]; })) {
    std::memset(target, static_cast<int>(one[0]), static_cast<std::size_t>(count) * size);
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) std::memcpy(target + static_cast<std::size_t>(i) * size, one, size);
}

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
