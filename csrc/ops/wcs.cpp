// wcs_from_*, pixel_to_world, world_to_pixel: headers as packed WCS, and coordinates through them. CPU kernels.
#include <algorithm>
#include <tuple>

#include "format/card.h"
#include "format/convert.h"
#include "io/file.h"
#include "ops/source.h"
#include "ops/tensor.h"
#include "wcs/evaluate.h"
#include "wcs/wcslib.h"

namespace fits::ops {
namespace {

using Slots = std::vector<double>;

// "" or one capital letter (Paper I, section 2.1).
char alternate(const Text& alt, std::string_view who) {
  if (alt.empty() || alt == " ") return ' ';
  require(alt.size() == 1 && alt[0] >= 'A' && alt[0] <= 'Z', who, ": alt = '", alt,
          "': must be empty or one of the letters A to Z");
  return alt[0];
}

Tensor row(const Slots& slots) {
  Tensor out = empty({static_cast<std::int64_t>(slots.size())}, ScalarType::Double);
  std::copy(slots.begin(), slots.end(), static_cast<double*>(out.mutable_data_ptr()));
  return out;
}

// [B, P], P the longest's length, the others padded with zeros.
Tensor rows(const std::vector<Slots>& all) {
  std::size_t length = 0;
  for (const Slots& slots : all) length = std::max(length, slots.size());
  Tensor out = empty({static_cast<std::int64_t>(all.size()), static_cast<std::int64_t>(length)}, ScalarType::Double);
  auto* to = static_cast<double*>(out.mutable_data_ptr());
  for (const Slots& slots : all)
    to = std::fill_n(std::copy(slots.begin(), slots.end(), to), length - slots.size(), 0.0);
  return out;
}

Slots slots_of_text(std::string_view header, char alt) { return wcs::packed_from_header(cards_from_text(header), alt); }

Tensor wcs_from_header(const Text& header, const Text& alt) {
  const char letter = alternate(alt, "wcs_from_header");
  return in_context([] { return std::string("wcs_from_header"); }, [&] { return row(slots_of_text(header, letter)); });
}

Tensor wcs_from_headers(const Texts& headers, const Text& alt) {
  const char letter = alternate(alt, "wcs_from_headers");
  std::vector<Slots> all(headers.size());
  parallel_for(static_cast<std::int64_t>(headers.size()), [&](std::int64_t item) {
    const auto i = static_cast<std::size_t>(item);
    all[i] = in_context([&] { return sentence("header ", item); }, [&] { return slots_of_text(headers[i], letter); });
  });
  return rows(all);
}

Slots slots_of_source(const io::Source& source, std::int64_t hdu, char alt) {
  return wcs::packed_from_header(visible_cards(source.file->bytes(), source.file->hdus().at(hdu)), alt);
}

Tensor wcs_from_file(const Text& path, std::int64_t hdu, const Text& alt) {
  const char letter = alternate(alt, "wcs_from_file");
  return in_context(Name{path, hdu}, [&] { return row(slots_of_source(io::open_file(path), hdu, letter)); });
}

Tensor wcs_from_file_bytes(const Tensor& data, std::int64_t hdu, const Text& alt) {
  const char letter = alternate(alt, "wcs_from_file");
  const Bytes bytes = byte_source(data, "wcs_from_file");
  return in_context(Name{kBytesName, hdu}, [&] { return row(slots_of_source(io::open_bytes(bytes), hdu, letter)); });
}

Tensor wcs_of_batch(const SourceBatch& batch, std::int64_t hdu, const Text& alt) {
  const char letter = alternate(alt, "wcs_from_files");
  std::vector<Slots> all(static_cast<std::size_t>(batch.size()));
  parallel_for(batch.size(), [&](std::int64_t item) {
    all[static_cast<std::size_t>(item)] =
        in_context(batch.name(item, hdu), [&] { return slots_of_source(batch.open(item), hdu, letter); });
  });
  return rows(all);
}

Tensor wcs_from_files(const Texts& paths, std::int64_t hdu, const Text& alt) {
  return wcs_of_batch(SourceBatch(paths, "wcs_from_files"), hdu, alt);
}
Tensor wcs_from_files_packed(const Tensor& data, const Tensor& offsets, std::int64_t hdu, const Text& alt) {
  return wcs_of_batch(SourceBatch(data, offsets, "wcs_from_files"), hdu, alt);
}

// ---- coordinates

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
  require(slots.is_cpu() && coordinates.is_cpu(), who, ": coordinates and wcs must be on the same device");
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

using Evaluate = void (*)(const wcs::Packed&, const double*, std::int64_t, double*, std::int32_t*, wcs::Level) noexcept;

// Shares the points of all WCS out in pieces of about kPiece.
void run(Evaluate evaluate, const Batch& batch, const double* in, double* out, std::int32_t* status) {
  constexpr std::int64_t kPiece = 8192;  // points: 40 us of TAN, several times what a thread costs to wake
  const auto count = static_cast<std::int64_t>(batch.wcs.size());
  if (count == 0 || batch.points == 0) return;
  const wcs::Level level = wcs::best_level();
  const auto part = [&](std::int64_t item, std::int64_t start, std::int64_t points) {
    const wcs::Packed& wcs = batch.wcs[static_cast<std::size_t>(item)];
    const std::int64_t at = item * batch.points + start;
    evaluate(wcs, in + at * wcs.naxis, points, out + at * wcs.naxis, status == nullptr ? nullptr : status + at, level);
  };
  if (batch.points >= kPiece) {
    const std::int64_t pieces = (batch.points + kPiece - 1) / kPiece;
    parallel_for(count * pieces, [&](std::int64_t i) {
      const std::int64_t start = i % pieces * kPiece;
      part(i / pieces, start, std::min(kPiece, batch.points - start));
    });
  } else {
    const std::int64_t together = std::max<std::int64_t>(1, kPiece / batch.points);
    parallel_for((count + together - 1) / together, [&](std::int64_t i) {
      for (std::int64_t item = i * together; item < std::min(count, (i + 1) * together); ++item)
        part(item, 0, batch.points);
    });
  }
}

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
  run(evaluate, batch, static_cast<const double*>(in.const_data_ptr()), static_cast<double*>(out.mutable_data_ptr()),
      codes);
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

void add_byte_readers(Library& m) {
  m.impl("wcs_from_file.bytes", TORCH_BOX(&wcs_from_file_bytes));
  m.impl("wcs_from_files.packed", TORCH_BOX(&wcs_from_files_packed));
}

}  // namespace
}  // namespace fits::ops

STABLE_TORCH_LIBRARY_IMPL(fits, CompositeExplicitAutograd, m) {
  using namespace fits::ops;
  m.impl("wcs_from_header", TORCH_BOX(&wcs_from_header));
  m.impl("wcs_from_headers", TORCH_BOX(&wcs_from_headers));
  m.impl("wcs_from_file", TORCH_BOX(&wcs_from_file));
  m.impl("wcs_from_files", TORCH_BOX(&wcs_from_files));
}
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) {
  using namespace fits::ops;
  add_byte_readers(m);
  m.impl("pixel_to_world", TORCH_BOX(&pixel_to_world));
  m.impl("world_to_pixel", TORCH_BOX(&world_to_pixel));
  m.impl("pixel_to_world_status", TORCH_BOX(&pixel_to_world_status));
  m.impl("world_to_pixel_status", TORCH_BOX(&world_to_pixel_status));
}
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add_byte_readers(m); }
