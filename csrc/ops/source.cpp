#include "ops/source.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

namespace fits::ops {

std::string printable(std::string text) {
  for (char& c : text) {
    if (c < 32 || c > 126) c = '?';
  }
  return text;
}

SourceBatch::SourceBatch(const Texts& paths, std::string_view who)
    : paths_(paths), in_memory_(false), size_(static_cast<std::int64_t>(paths.size())) {
  // A str converts to str[] letter by letter: torch.ops.fits.headers("a.fits") would ask for six files.
  const bool letters = paths.size() > 1 && std::ranges::all_of(paths, [](const auto& p) { return p.size() == 1; });
  require(!letters, who, ": every path is a single character; pass a list of paths, not one string");
}

SourceBatch::SourceBatch(const Tensor& data, const Tensor& offsets, std::string_view who)
    : data_(byte_source(data, who)),
      offsets_(packed_offsets(offsets, data_.size(), who)),
      size_(static_cast<std::int64_t>(offsets_.size()) - 1) {}

SourceBatch::SourceBatch(const Tensor& data, std::string_view who) : data_(byte_source(data, who)), size_(1) {
  whole_[1] = static_cast<std::int64_t>(data_.size());
  offsets_ = whole_;
}

std::vector<std::int64_t> SourceBatch::first_of_each() const {
  std::vector<std::int64_t> first(static_cast<std::size_t>(size_));
  std::iota(first.begin(), first.end(), 0);
  if (in_memory_ || size_ < 2) return first;
  std::unordered_map<std::string_view, std::int64_t> met;
  for (auto& item : first) item = met.emplace(paths_[static_cast<std::size_t>(item)], item).first->second;
  return first;
}

io::Source SourceBatch::open(std::int64_t item) const {
  const auto i = static_cast<std::size_t>(item);
  io::Source source;
  if (!in_memory_) {
    source = io::open_file(paths_[i]);
  } else {
    const auto first = static_cast<std::size_t>(offsets_[i]);
    source = io::open_bytes(data_.subspan(first, static_cast<std::size_t>(offsets_[i + 1]) - first));
  }
  if (source.file->bytes().size() == 0) throw FileError(Status::empty, "the item has no bytes");
  return source;
}

std::string SourceBatch::name_of(std::int64_t item, std::int64_t hdu) const {
  if (!in_memory_) return Name{paths_[static_cast<std::size_t>(item)], hdu}();
  if (offsets_.data() == whole_) return Name{kBytesName, hdu}();
  return sentence("item ", item, "[", hdu, "]");
}

Status status_of_current_exception() {
  try {
    throw;
  } catch (const FileError& error) {
    return error.status();
  } catch (const NoSuchHdu&) {
    return Status::no_such_hdu;
  }
}

}  // namespace fits::ops
