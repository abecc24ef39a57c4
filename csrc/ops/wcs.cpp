// wcs_from_*: world coordinate systems of headers and files as packed vectors (wcs/layout.h).
#include <algorithm>

#include "format/card.h"
#include "io/file.h"
#include "ops/source.h"
#include "ops/tensor.h"
#include "ops/wcs_companions.h"
#include "wcs/pack.h"

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
  const FileCompanions companions(source);
  return wcs::packed_from_header(visible_cards(source.file->bytes(), source.file->hdus().at(hdu)), alt, &companions);
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
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { fits::ops::add_byte_readers(m); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add_byte_readers(m); }
