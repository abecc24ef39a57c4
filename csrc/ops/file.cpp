// read_file: a file's bytes as a tensor, inflated if it is gzipped.
#include "io/file.h"

#include <cstring>

#include "ops/source.h"
#include "ops/tensor.h"

namespace fits::ops {
namespace {

Tensor read_file(const Text& path) {
  return in_context(Name{path, {}}, [&] {
    const auto source = io::open_file(path);
    const ByteReader& bytes = source.file->bytes();
    const auto size = static_cast<std::int64_t>(bytes.size());
    Tensor out = empty({size}, ScalarType::Byte);
    auto* const target = static_cast<std::byte*>(out.mutable_data_ptr());
    const Pieces pieces(target, size, 1);
    parallel_for(pieces.count(), [&](std::int64_t piece) {
      const std::int64_t first = pieces.bound(piece);
      const auto count = static_cast<std::size_t>(pieces.bound(piece + 1) - first);
      std::vector<std::byte> scratch;
      const Bytes part = bytes.view(static_cast<std::uint64_t>(first), count, scratch);
      if (part.size() < count) throw FileError(Status::truncated, "the file became shorter while it was read");
      if (count > 0) std::memcpy(target + first, part.data(), count);
    });
    return out;
  });
}

Tensor read_file_utf8(const Tensor& path) {
  const Bytes characters = byte_source(path, "read_file", "path");
  return read_file(Text(as_text(characters)));
}

// Reading happens on the host: of a tensor on a CUDA device the same kernels say so.
void add_byte_readers(Library& m) { m.impl("read_file.utf8", TORCH_BOX(&read_file_utf8)); }

}  // namespace
}  // namespace fits::ops

STABLE_TORCH_LIBRARY_IMPL(fits, CompositeExplicitAutograd, m) { m.impl("read_file", TORCH_BOX(&fits::ops::read_file)); }
STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { fits::ops::add_byte_readers(m); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add_byte_readers(m); }
