// read_cutouts, read_cutouts_status, read_cutouts_sky: many windows of one size, from one file or many, in one call.
//
// Cutouts are sorted by file and position. Each file is opened once, by one thread; the cutouts of its HDUs are then
// steps (ops/cutout_planes.h) that all threads share. No more files are open at a time than there are threads, but for
// those in the cache, so that of gzipped ones no more than that lie in memory.
#include <algorithm>
#include <condition_variable>
#include <numeric>
#include <optional>

#include "ops/cutout_places.h"
#include "ops/cutout_planes.h"
#include "ops/image.h"
#include "ops/scaling.h"
#include "ops/source.h"

namespace fits::ops {
namespace {

using Hdus = std::vector<std::int64_t>;

// Pixels worth a thread, and what opening a file is worth in pixels.
constexpr std::int64_t kWorthThread = 1 << 15;
constexpr std::int64_t kOpening = 1 << 13;

// The cutouts of one source: [first, first + count) of those sorted by source.
struct FilePart {
  std::int64_t item;
  std::size_t first, count;
};

// An opened file and what is to be read from it.
class CutoutFile {
 public:
  CutoutFile(const SourceBatch& batch, std::int64_t item, const CutoutRequest& request, CutoutFailures& failures,
             std::span<std::int64_t> cutouts, int threads)
      : cutouts_(cutouts) {
    sort_by_position(request.windows);
    try {
      in_context(batch.name(item, request.hdus[0]), [&] { source_ = batch.open(item); });
    } catch (...) {
      failures.note(cutouts, 0, request.planes());
      return;
    }
    for (std::int64_t plane = 0; plane < request.planes(); ++plane) {
      const CutoutSource given{&request, &failures, &batch, item, &source_, plane, cutouts, threads};
      try {
        in_context([&] { return given.name(); }, [&] { planes_.push_back(open_plane(given)); });
      } catch (...) {
        failures.note(cutouts, plane, plane + 1);
      }
    }
  }

  // Takes part in all there is to do; when it returns other threads may still be at their last steps.
  void take_part(CutoutMemory& memory) {
    for (const auto& plane : planes_) {
      while (plane->step(memory)) continue;
    }
  }

  std::int64_t work() const noexcept {
    std::int64_t all = 0;
    for (const auto& plane : planes_) all += plane->work();
    return all;
  }

 private:
  // In the order of the file's bytes, which a disk and the caches like best.
  void sort_by_position(const TileWindows& windows) {
    const auto before = [&](std::int64_t a, std::int64_t b) {
      return std::ranges::lexicographical_compare(windows.corner(a), windows.corner(b));
    };
    if (!std::ranges::is_sorted(cutouts_, before)) std::ranges::sort(cutouts_, before);
  }

  std::span<std::int64_t> cutouts_;
  io::Source source_;
  std::vector<std::unique_ptr<CutoutPlane>> planes_;
};

// All files of a call, given out to threads.
class CutoutCall {
 public:
  // `item_of`: for each of `count` cutouts its source; none where there is one source.
  CutoutCall(const SourceBatch& batch, std::span<const std::int64_t> item_of, std::int64_t count,
             const CutoutRequest& request, CutoutFailures& failures)
      : batch_(batch),
        request_(request),
        failures_(failures),
        threads_(thread_count()),
        cutouts_(static_cast<std::size_t>(count)) {
    if (item_of.empty()) {
      std::iota(cutouts_.begin(), cutouts_.end(), 0);
      parts_.push_back({0, 0, cutouts_.size()});
      return;
    }
    const auto first_of = batch.first_of_each();
    const auto source_of = [&](std::size_t cutout) {
      return static_cast<std::size_t>(first_of[static_cast<std::size_t>(item_of[cutout])]);
    };
    std::vector<std::size_t> ends(first_of.size() + 1, 0);
    for (std::size_t i = 0; i < item_of.size(); ++i) ++ends[source_of(i) + 1];
    for (std::size_t i = 0; i < first_of.size(); ++i) {
      if (ends[i + 1] > 0) parts_.push_back({static_cast<std::int64_t>(i), ends[i], ends[i + 1]});
      ends[i + 1] += ends[i];
    }
    // A counting sort: from here on ends[i] is where the next cutout of source i goes.
    for (std::size_t i = 0; i < item_of.size(); ++i) cutouts_[ends[source_of(i)]++] = static_cast<std::int64_t>(i);
  }

  void run() {
    std::int64_t work = open_next()->work();
    const auto part = static_cast<std::int64_t>(parts_[0].count), all = static_cast<std::int64_t>(cutouts_.size());
    const auto files = static_cast<std::int64_t>(parts_.size());
    // The first file stands for all.
    if (part > 0 && __builtin_mul_overflow(work / part, all, &work)) work = INT64_MAX / 2;
    work += files * kOpening;
    parallel_for(std::clamp<std::int64_t>(work / kWorthThread, 1, threads_), [&](std::int64_t) {
      CutoutMemory memory;
      while (const auto file = take()) {
        file->take_part(memory);
        finished(file);
      }
    });
  }

 private:
  using FilePointer = std::shared_ptr<CutoutFile>;

  FilePointer open_next() {
    std::unique_lock lock(mutex_);
    return open_next(lock);
  }

  FilePointer open_next(std::unique_lock<std::mutex>& lock) {
    // Files that one thread is opening are steps that others wait for: also when it fails to.
    struct Opening {
      CutoutCall& call;
      std::unique_lock<std::mutex>& lock;
      ~Opening() {
        if (!lock.owns_lock()) lock.lock();
        --call.opening_;
        call.changed_.notify_all();
      }
    };
    const FilePart part = parts_[next_++];
    ++opening_;
    const Opening opening{*this, lock};
    lock.unlock();
    auto file = std::make_shared<CutoutFile>(batch_, part.item, request_, failures_,
                                             std::span(cutouts_).subspan(part.first, part.count), threads_);
    lock.lock();
    open_.push_back(file);
    return file;
  }

  // A file with something to do: a new one while there are any, so that threads share one only at the end.
  FilePointer take() {
    std::unique_lock lock(mutex_);
    while (true) {
      if (first_taken_ && next_ < parts_.size()) return open_next(lock);
      first_taken_ = true;
      if (!open_.empty()) return open_.front();
      if (opening_ == 0 && next_ == parts_.size()) return nullptr;
      if (opening_ > 0) changed_.wait(lock);
    }
  }

  void finished(const FilePointer& file) {
    const std::lock_guard lock(mutex_);
    std::erase(open_, file);
  }

  const SourceBatch& batch_;
  const CutoutRequest& request_;
  CutoutFailures& failures_;
  const int threads_;
  std::vector<std::int64_t> cutouts_;  // by source
  std::vector<FilePart> parts_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0;
  int opening_ = 0;
  bool first_taken_ = false;
  std::vector<FilePointer> open_;
};

struct Options {
  std::optional<double> fill;
  std::optional<ScalarType> dtype;
};

// Contiguous; without torch's dispatcher, which takes as long as reading a cutout, where it is so already.
Tensor in_one_piece(const Tensor& tensor) {
  return tensor.is_contiguous() ? tensor : torch::stable::contiguous(tensor);
}

void check_size(const Shape& size, std::string_view who) {
  require(!size.empty(), who, ": size is empty; cutouts have at least one axis");
  if (std::ranges::all_of(size, [](std::int64_t length) { return length >= 0; })) return;
  require(false, who, ": size is ", text(size), "; an axis has no length below 0");
}

// B of corners [B, naxis].
std::int64_t checked_count(const Tensor& corners, const Shape& size, std::string_view who) {
  if (corners.dim() != 2 || corners.size(1) != static_cast<std::int64_t>(size.size())) {
    require(false, who, ": corners must be int64 [B, ", size.size(), "], a number for each axis of size, not ",
            text(shape_of(corners)));
  }
  return corners.size(0);
}

std::span<const std::int64_t> checked_index(const Tensor& index, std::int64_t count, std::int64_t files,
                                            std::string_view who) {
  const auto given = index_source(index, who, "index");
  if (index.dim() != 1 || index.size(0) != count) {
    require(false, who, ": index must be int64 [", count, "], one for each of corners, not ", text(shape_of(index)));
  }
  const auto bad = std::ranges::find_if(given, [&](std::int64_t file) { return file < 0 || file >= files; });
  if (bad != given.end()) {
    throw std::out_of_range(
        sentence(who, ": index[", bad - given.begin(), "] is ", *bad, "; there are ", files, " files, counted from 0"));
  }
  return given;
}

// `status`: null, and the lowest bad cutout throws.
Tensor read_from(const SourceBatch& batch, const Tensor* index, const Hdus& hdus, const Tensor& corners,
                 const Shape& size, const Options& options, Tensor* status, std::string_view who) {
  require_hdus(hdus, who);
  check_size(size, who);
  const Tensor rows = in_one_piece(corners);
  const auto numbers = index_source(rows, who, "corners");
  const std::int64_t count = checked_count(rows, size, who);
  const std::optional<Tensor> file_of = index == nullptr ? std::nullopt : std::optional(in_one_piece(*index));
  std::span<const std::int64_t> items;
  if (file_of) items = checked_index(*file_of, count, batch.size(), who);

  const Pixel pixel = pixel_type(options.dtype.value_or(ScalarType::Float), who);
  const auto planes = static_cast<std::int64_t>(hdus.size());
  Shape full(size.size() + 2);
  full[0] = count;
  full[1] = planes;
  std::ranges::copy(size, full.begin() + 2);
  Tensor out = empty(full, scalar_type(pixel));
  std::int32_t* codes = nullptr;
  if (status != nullptr) {
    *status = empty({count, planes}, ScalarType::Int);
    codes = static_cast<std::int32_t*>(status->mutable_data_ptr());
    std::fill_n(codes, count * planes, 0);
  }
  if (out.numel() == 0) return out;
  const CutoutRequest request{{size, numbers},
                              hdus,
                              pixel,
                              Filler(fill_value(options.fill, pixel), pixel),
                              static_cast<std::int64_t>(element_count(size)),
                              static_cast<std::byte*>(out.mutable_data_ptr())};
  CutoutFailures failures(codes, planes);
  CutoutCall(batch, items, count, request, failures).run();
  failures.settle(request, count);
  return out;
}

constexpr std::string_view kWho = "read_cutouts";
constexpr std::string_view kWhoStatus = "read_cutouts_status";
constexpr std::string_view kWhoSky = "read_cutouts_sky";

using WithStatus = std::tuple<Tensor, Tensor>;

WithStatus read_with_status(const SourceBatch& batch, const Tensor& index, const Hdus& hdus, const Tensor& corners,
                            const Shape& size, const Options& options) {
  Tensor status;
  Tensor cutouts = read_from(batch, &index, hdus, corners, size, options, &status, kWhoStatus);
  return {std::move(cutouts), std::move(status)};
}

Tensor read_cutouts(const Text& path, const Hdus& hdus, const Tensor& corners, const Shape& size,
                    std::optional<double> fill, std::optional<ScalarType> dtype) {
  return read_from(SourceBatch(path), nullptr, hdus, corners, size, {fill, dtype}, nullptr, kWho);
}

Tensor read_cutouts_bytes(const Tensor& data, const Hdus& hdus, const Tensor& corners, const Shape& size,
                          std::optional<double> fill, std::optional<ScalarType> dtype) {
  return read_from(SourceBatch(data, kWho), nullptr, hdus, corners, size, {fill, dtype}, nullptr, kWho);
}

Tensor read_cutouts_paths(const Texts& paths, const Tensor& index, const Hdus& hdus, const Tensor& corners,
                          const Shape& size, std::optional<double> fill, std::optional<ScalarType> dtype) {
  return read_from(SourceBatch(paths, kWho), &index, hdus, corners, size, {fill, dtype}, nullptr, kWho);
}

Tensor read_cutouts_packed(const Tensor& data, const Tensor& offsets, const Tensor& index, const Hdus& hdus,
                           const Tensor& corners, const Shape& size, std::optional<double> fill,
                           std::optional<ScalarType> dtype) {
  return read_from(SourceBatch(data, offsets, kWho), &index, hdus, corners, size, {fill, dtype}, nullptr, kWho);
}

WithStatus read_cutouts_status_paths(const Texts& paths, const Tensor& index, const Hdus& hdus, const Tensor& corners,
                                     const Shape& size, std::optional<double> fill, std::optional<ScalarType> dtype) {
  return read_with_status(SourceBatch(paths, kWhoStatus), index, hdus, corners, size, {fill, dtype});
}

WithStatus read_cutouts_status_packed(const Tensor& data, const Tensor& offsets, const Tensor& index, const Hdus& hdus,
                                      const Tensor& corners, const Shape& size, std::optional<double> fill,
                                      std::optional<ScalarType> dtype) {
  return read_with_status(SourceBatch(data, offsets, kWhoStatus), index, hdus, corners, size, {fill, dtype});
}

Tensor read_around(const SourceBatch& batch, const Tensor* index, const Hdus& hdus, const Tensor& sky,
                   const Tensor& wcs, const Shape& size, const Options& options) {
  check_size(size, kWhoSky);
  const std::optional<Tensor> file_of = index == nullptr ? std::nullopt : std::optional(in_one_piece(*index));
  std::span<const std::int64_t> items;
  if (file_of) items = checked_index(*file_of, sky.dim() == 0 ? 0 : sky.size(0), batch.size(), kWhoSky);
  const Tensor corners = corners_around(sky, wcs, items, batch.size(), size, kWhoSky);
  return read_from(batch, file_of ? &*file_of : nullptr, hdus, corners, size, options, nullptr, kWhoSky);
}

Tensor read_cutouts_sky(const Text& path, const Hdus& hdus, const Tensor& sky, const Tensor& wcs, const Shape& size,
                        std::optional<double> fill, std::optional<ScalarType> dtype) {
  return read_around(SourceBatch(path), nullptr, hdus, sky, wcs, size, {fill, dtype});
}

Tensor read_cutouts_sky_bytes(const Tensor& data, const Hdus& hdus, const Tensor& sky, const Tensor& wcs,
                              const Shape& size, std::optional<double> fill, std::optional<ScalarType> dtype) {
  return read_around(SourceBatch(data, kWhoSky), nullptr, hdus, sky, wcs, size, {fill, dtype});
}

Tensor read_cutouts_sky_paths(const Texts& paths, const Tensor& index, const Hdus& hdus, const Tensor& sky,
                              const Tensor& wcs, const Shape& size, std::optional<double> fill,
                              std::optional<ScalarType> dtype) {
  return read_around(SourceBatch(paths, kWhoSky), &index, hdus, sky, wcs, size, {fill, dtype});
}

Tensor read_cutouts_sky_packed(const Tensor& data, const Tensor& offsets, const Tensor& index, const Hdus& hdus,
                               const Tensor& sky, const Tensor& wcs, const Shape& size, std::optional<double> fill,
                               std::optional<ScalarType> dtype) {
  return read_around(SourceBatch(data, offsets, kWhoSky), &index, hdus, sky, wcs, size, {fill, dtype});
}

// Reading happens on the host: of a tensor on a CUDA device the same kernels say so.
void add_readers(Library& m) {
  m.impl("read_cutouts", TORCH_BOX(&read_cutouts));
  m.impl("read_cutouts.bytes", TORCH_BOX(&read_cutouts_bytes));
  m.impl("read_cutouts.packed", TORCH_BOX(&read_cutouts_packed));
  m.impl("read_cutouts.paths", TORCH_BOX(&read_cutouts_paths));
  m.impl("read_cutouts_sky", TORCH_BOX(&read_cutouts_sky));
  m.impl("read_cutouts_sky.bytes", TORCH_BOX(&read_cutouts_sky_bytes));
  m.impl("read_cutouts_sky.packed", TORCH_BOX(&read_cutouts_sky_packed));
  m.impl("read_cutouts_sky.paths", TORCH_BOX(&read_cutouts_sky_paths));
  m.impl("read_cutouts_status.packed", TORCH_BOX(&read_cutouts_status_packed));
  m.impl("read_cutouts_status.paths", TORCH_BOX(&read_cutouts_status_paths));
}

}  // namespace
}  // namespace fits::ops

STABLE_TORCH_LIBRARY_IMPL(fits, CPU, m) { fits::ops::add_readers(m); }
STABLE_TORCH_LIBRARY_IMPL(fits, CUDA, m) { fits::ops::add_readers(m); }
