// header, headers, header_values, hdus, hdu_names: what a file says about itself.
#include <algorithm>
#include <limits>

#include "format/card.h"
#include "io/file.h"
#include "ops/source.h"
#include "ops/tensor.h"

namespace fits::ops {
namespace {

using Strings = std::vector<std::string>;

// Bytes that no card may hold (section 4.1.2.2 allows 32 to 126) become '?': text must be valid whatever the file
// holds.
void make_printable(std::string& text) {
  for (char& c : text) c = static_cast<unsigned char>(c - 32) > 126 - 32 ? '?' : c;  // a plain loop: it vectorises
}

// Cards as text, one a line.
std::string lines(std::string_view cards) {
  const std::size_t count = cards.size() / kCardSize;
  std::string text(count == 0 ? 0 : count * (kCardSize + 1) - 1, ' ');
  for (std::size_t i = 0; i < count; ++i) cards.copy(text.data() + i * (kCardSize + 1), kCardSize, i * kCardSize);
  make_printable(text);
  for (std::size_t i = 1; i < count; ++i) text[i * (kCardSize + 1) - 1] = '\n';
  return text;
}

std::string cards_of(const io::Source& source, std::int64_t hdu, bool stored) {
  const Hdu& unit = source.file->hdus().at(hdu);
  const ByteReader& bytes = source.file->bytes();
  return stored ? stored_cards(bytes, unit) : visible_cards(bytes, unit);
}

std::string header(const Text& path, std::int64_t hdu, bool stored) {
  return in_context(Name{path, hdu}, [&] { return lines(cards_of(io::open_file(path), hdu, stored)); });
}

std::string header_bytes(const Tensor& data, std::int64_t hdu, bool stored) {
  const Bytes bytes = byte_source(data, "header");
  return in_context(Name{kBytesName, hdu}, [&] { return lines(cards_of(io::open_bytes(bytes), hdu, stored)); });
}

Tensor header_text(const Text& path, std::int64_t hdu, bool stored) {
  return in_context(Name{path, hdu}, [&] { return text_tensor(cards_of(io::open_file(path), hdu, stored)); });
}

Tensor header_text_bytes(const Tensor& data, std::int64_t hdu, bool stored) {
  const Bytes bytes = byte_source(data, "header_text");
  return in_context(Name{kBytesName, hdu}, [&] { return text_tensor(cards_of(io::open_bytes(bytes), hdu, stored)); });
}

TextAndOffsets texts_of_batch(const SourceBatch& batch, std::int64_t hdu, bool stored) {
  Strings texts(static_cast<std::size_t>(batch.size()));
  parallel_for(batch.size(), [&](std::int64_t item) {
    texts[static_cast<std::size_t>(item)] =
        in_context(batch.name(item, hdu), [&] { return cards_of(batch.open(item), hdu, stored); });
  });
  return end_to_end(texts);
}

TextAndOffsets header_texts(const Texts& paths, std::int64_t hdu, bool stored) {
  return texts_of_batch(SourceBatch(paths, "header_texts"), hdu, stored);
}
TextAndOffsets header_texts_packed(const Tensor& data, const Tensor& offsets, std::int64_t hdu, bool stored) {
  return texts_of_batch(SourceBatch(data, offsets, "header_texts"), hdu, stored);
}

Strings headers(const Texts& paths, std::int64_t hdu, bool stored) {
  const SourceBatch batch(paths, "headers");
  Strings texts(paths.size());
  parallel_for(batch.size(), [&](std::int64_t item) {
    texts[static_cast<std::size_t>(item)] =
        in_context(batch.name(item, hdu), [&] { return lines(cards_of(batch.open(item), hdu, stored)); });
  });
  return texts;
}

double numeric_value(const HeaderView& cards, std::string_view key) {
  if (const auto number = cards.real(key)) return *number;
  if (const auto flag = cards.logical(key)) return *flag ? 1 : 0;
  return std::numeric_limits<double>::quiet_NaN();
}

void read_values(const io::Source& source, std::int64_t hdu, const Texts& keys, double* out) {
  const std::string text = cards_of(source, hdu, false);
  const HeaderView cards(text);
  for (std::size_t k = 0; k < keys.size(); ++k) out[k] = numeric_value(cards, keys[k]);
}

Tensor values_of_one(const io::Source& source, std::int64_t hdu, const Texts& keys) {
  Tensor out = empty({static_cast<std::int64_t>(keys.size())}, ScalarType::Double);
  if (!keys.empty()) read_values(source, hdu, keys, static_cast<double*>(out.mutable_data_ptr()));
  return out;
}

Tensor header_values(const Text& path, std::int64_t hdu, const Texts& keys) {
  return in_context(Name{path, hdu}, [&] { return values_of_one(io::open_file(path), hdu, keys); });
}

Tensor header_values_bytes(const Tensor& data, std::int64_t hdu, const Texts& keys) {
  const Bytes bytes = byte_source(data, "header_values");
  return in_context(Name{kBytesName, hdu}, [&] { return values_of_one(io::open_bytes(bytes), hdu, keys); });
}

using ValuesAndStatus = std::tuple<Tensor, Tensor>;

ValuesAndStatus values_of_batch(const SourceBatch& batch, std::int64_t hdu, const Texts& keys, bool strict) {
  const auto width = static_cast<std::int64_t>(keys.size());
  Tensor values = empty({batch.size(), width}, ScalarType::Double);
  Tensor status = empty({batch.size()}, ScalarType::Int);
  auto* const rows = static_cast<double*>(values.mutable_data_ptr());
  auto* const codes = static_cast<std::int32_t*>(status.mutable_data_ptr());
  parallel_for(batch.size(), [&](std::int64_t item) {
    double* const row = rows + item * width;
    codes[item] = static_cast<std::int32_t>(Status::read);
    try {
      in_context(batch.name(item, hdu), [&] { read_values(batch.open(item), hdu, keys, row); });
    } catch (...) {
      if (strict) throw;
      codes[item] = static_cast<std::int32_t>(status_of_current_exception());
      std::fill_n(row, width, std::numeric_limits<double>::quiet_NaN());
    }
  });
  return {values, status};
}

Tensor header_values_paths(const Texts& paths, std::int64_t hdu, const Texts& keys) {
  return std::get<0>(values_of_batch(SourceBatch(paths, "header_values"), hdu, keys, true));
}
Tensor header_values_packed(const Tensor& data, const Tensor& offsets, std::int64_t hdu, const Texts& keys) {
  return std::get<0>(values_of_batch(SourceBatch(data, offsets, "header_values"), hdu, keys, true));
}
ValuesAndStatus header_values_status_paths(const Texts& paths, std::int64_t hdu, const Texts& keys) {
  return values_of_batch(SourceBatch(paths, "header_values_status"), hdu, keys, false);
}
ValuesAndStatus header_values_status_packed(const Tensor& data, const Tensor& offsets, std::int64_t hdu,
                                            const Texts& keys) {
  return values_of_batch(SourceBatch(data, offsets, "header_values_status"), hdu, keys, false);
}

// Columns: kind, header start, data start, data bytes, BITPIX, NAXIS, then the shape. Their number is fixed, so that
// graphs can slice them; NAXIS tells when more axes follow.
constexpr std::size_t kFirstAxis = 6;
constexpr std::size_t kHduColumns = 16;

Tensor hdu_table(HduList& hdus) {
  const std::size_t count = hdus.size();
  Tensor out = empty({static_cast<std::int64_t>(count), static_cast<std::int64_t>(kHduColumns)}, ScalarType::Long);
  auto* row = static_cast<std::int64_t*>(out.mutable_data_ptr());
  for (std::size_t i = 0; i < count; ++i, row += kHduColumns) {
    const Hdu& hdu = hdus.at(static_cast<std::int64_t>(i));
    std::fill_n(row, kHduColumns, 0);
    row[0] = static_cast<std::int64_t>(hdu.kind);
    row[1] = static_cast<std::int64_t>(hdu.header_start);
    row[2] = static_cast<std::int64_t>(hdu.data_start);
    row[3] = static_cast<std::int64_t>(hdu.data_size);
    row[4] = hdu.bitpix;
    row[5] = static_cast<std::int64_t>(hdu.naxes.size());
    const Shape shape = hdu.shape();
    std::copy_n(shape.begin(), std::min(shape.size(), kHduColumns - kFirstAxis), row + kFirstAxis);
  }
  return out;
}

Tensor hdus(const Text& path) {
  return in_context(Name{path, {}}, [&] { return hdu_table(io::open_file(path).file->hdus()); });
}

Tensor hdus_bytes(const Tensor& data) {
  const Bytes bytes = byte_source(data, "hdus");
  return in_context(Name{kBytesName, {}}, [&] { return hdu_table(io::open_bytes(bytes).file->hdus()); });
}

Tensor names_of(const io::Source& source) {
  HduList& hdus = source.file->hdus();
  std::string names;
  for (std::size_t i = 0; i < hdus.size(); ++i) {
    const std::string text = cards_of(source, static_cast<std::int64_t>(i), true);
    const HeaderView cards(text);
    std::string name = cards.string("EXTNAME").value_or("");
    make_printable(name);
    names += sentence(i == 0 ? "" : "\n", name, ",", cards.integer("EXTVER").value_or(1));
  }
  return text_tensor(names);
}

Tensor hdu_names(const Text& path) {
  return in_context(Name{path, {}}, [&] { return names_of(io::open_file(path)); });
}

Tensor hdu_names_bytes(const Tensor& data) {
  const Bytes bytes = byte_source(data, "hdu_names");
  return in_context(Name{kBytesName, {}}, [&] { return names_of(io::open_bytes(bytes)); });
}

// Reading happens on the host: of a tensor on a CUDA device the same kernels say so.
void add_byte_readers(Library& m) {
  m.impl("header.bytes", TORCH_BOX(&header_bytes));
  m.impl("header_text.bytes", TORCH_BOX(&header_text_bytes));
  m.impl("header_texts.packed", TORCH_BOX(&header_texts_packed));
  m.impl("header_values.bytes", TORCH_BOX(&header_values_bytes));
  m.impl("header_values.packed", TORCH_BOX(&header_values_packed));
  m.impl("header_values_status.packed", TORCH_BOX(&header_values_status_packed));
  m.impl("hdus.bytes", TORCH_BOX(&hdus_bytes));
  m.impl("hdu_names.bytes", TORCH_BOX(&hdu_names_bytes));
}

}  // namespace
}  // namespace fits::ops

STABLE_TORCH_LIBRARY_IMPL(fits, CompositeExplicitAutograd, m) {
  using namespace fits::ops;
  m.impl("header", TORCH_BOX(&header));
  m.impl("headers", TORCH_BOX(&headers));
  m.impl("header_text", TORCH_BOX(&header_text));
  m.impl("header_texts", TORCH_BOX(&header_texts));
  m.impl("header_values", TORCH_BOX(&header_values));
  m.impl("header_values.paths", TORCH_BOX(&header_values_paths));
  m.impl("header_values_status.paths", TORCH_BOX(&header_values_status_paths));
  m.impl("hdus", TORCH_BOX(&hdus));
  m.impl("hdu_names", TORCH_BOX(&hdu_names));
}
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { fits::ops::add_byte_readers(m); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add_byte_readers(m); }
