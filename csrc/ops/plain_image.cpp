#include "ops/plain_image.h"

#include "ops/memory.h"

namespace fits::ops {
namespace {

// Values converted between two looks at the file's bytes: small enough that positioned reads stay in cache and that
// threads share a large image evenly.
constexpr std::int64_t kPieceBytes = std::int64_t{1} << 20;
// Pixels worth stores past the caches, which are waited for at the end: not the rows of cutouts.
constexpr std::int64_t kWorthWaiting = std::int64_t{1} << 16;

}  // namespace

FileError cut_off(const ByteReader& bytes, const Hdu& hdu) {
  const std::uint64_t size = bytes.size();
  return FileError(Status::truncated,
                   sentence("the data unit is cut off: the header promises ", hdu.data_size, " bytes and the file has ",
                            size > hdu.data_start ? size - hdu.data_start : 0));
}

PlainImage::Layout::Layout(const Hdu& hdu) {
  if (hdu.kind != HduKind::random_groups) return;
  pcount = hdu.pcount;
  group_size = 1;
  for (std::size_t i = 0; i + 1 < hdu.naxes.size(); ++i) group_size *= hdu.naxes[i];
}

PlainImage::PlainImage(const ByteReader& bytes, const Hdu& hdu, const Conversion& conversion, void* out)
    : bytes_(bytes),
      hdu_(hdu),
      data_(bytes.in_memory()),
      converter_(conversion, ByteOrder::big_endian),
      layout_(hdu),
      out_(static_cast<std::byte*>(out)),
      cold_(left_caches(out)),
      stored_size_(static_cast<std::int64_t>(bitpix_size(conversion.bitpix))),
      pixel_size_(static_cast<std::int64_t>(pixel_size(conversion.to))) {
  data_ = data_.subspan(static_cast<std::size_t>(std::min<std::uint64_t>(hdu.data_start, data_.size())));
}

void PlainImage::read(Run run, HeldBytes& held) const {
  const std::int64_t most = kPieceBytes / stored_size_;
  while (run.count > 0) {
    const std::int64_t count = layout_.together(run.source, std::min(run.count, most));
    const std::byte* const from = stored(layout_.stored(run.source), count, held);
    std::byte* const to = out_ + run.target * pixel_size_;
    if (cold_ && count * pixel_size_ >= kWorthWaiting) {
      converter_.past_cache(from, count, to);
    } else {
      converter_(from, count, to);
    }
    run = {run.source + count, run.target + count, run.count - count};
  }
}

const std::byte* PlainImage::stored(std::int64_t first, std::int64_t count, HeldBytes& held) const {
  const auto wanted = static_cast<std::size_t>(count * stored_size_);
  const auto offset = static_cast<std::uint64_t>(first * stored_size_);
  if (offset <= data_.size() && wanted <= data_.size() - offset) return data_.data() + offset;
  if (const std::byte* const found = held.find(hdu_.data_start + offset, wanted)) return found;
  held.read(bytes_, hdu_.data_start + offset, wanted);
  if (held.bytes.size() < wanted) throw cut_off(bytes_, hdu_);
  return held.bytes.data();
}

}  // namespace fits::ops
