// Many windows of one size on one image, plain or compressed: what read_cutouts does with one HDU of one file.
#pragma once

#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "io/file.h"
#include "ops/image.h"
#include "ops/plain_image.h"
#include "ops/scratch.h"
#include "ops/source.h"
#include "ops/tensor.h"
#include "tile/sweep.h"

namespace fits::ops {

// What read_cutouts is asked, checked. Cutout b of plane c is an array of `size` at cell(b, c).
struct CutoutRequest {
  TileWindows windows;
  std::span<const std::int64_t> hdus;
  Pixel pixel = Pixel::f32;
  Filler filler;
  std::int64_t pixels = 0;  // of one cutout
  std::byte* out = nullptr;

  std::int64_t planes() const noexcept { return static_cast<std::int64_t>(hdus.size()); }
  std::int64_t cell_number(std::int64_t cutout, std::int64_t plane) const noexcept { return cutout * planes() + plane; }
  std::byte* cell(std::int64_t number) const noexcept {
    return out + number * pixels * static_cast<std::int64_t>(pixel_size(pixel));
  }
};

// What is wrong with cutouts: the one to raise for, that of the lowest cutout, plane and tile whichever thread met it;
// or a status for each.
class CutoutFailures {
 public:
  // `status`: [cutouts, planes], all 0; or null, and the lowest failure is to be thrown.
  CutoutFailures(std::int32_t* status, std::int64_t planes) noexcept : status_(status), planes_(planes) {}

  // Inside a catch block: what was caught concerns these cutouts, in planes [first, last). Rethrows what no file can be
  // blamed for where there is a status.
  void note(std::span<const std::int64_t> cutouts, std::int64_t first, std::int64_t last, std::int64_t tile = 0);

  // After the last note, on one thread: throws; or fills the cells of cutouts that have a status.
  void settle(const CutoutRequest& request, std::int64_t cutouts) const;

 private:
  std::mutex mutex_;
  std::int32_t* status_;
  std::int64_t planes_;
  bool any_ = false;
  std::tuple<std::int64_t, std::int64_t, std::int64_t> lowest_;
  std::exception_ptr exception_;
};

// What one thread keeps between two steps.
struct CutoutMemory {
  HeldBytes held;                              // of the file of a plain image
  std::vector<std::vector<std::byte>> copies;  // the same for each tile of a batch
  std::vector<std::uint8_t> touched;           // by each cutout: tiles of the current batch; 0 between two steps
  Scratch codec, tiles;
};

// One HDU of one file: its part of the cutouts, done step by step by any number of threads.
class CutoutPlane {
 public:
  virtual ~CutoutPlane() = default;
  // The next part of the work; false when nothing is left to begin.
  virtual bool step(CutoutMemory& memory) = 0;
  // Pixels that are to be decoded or copied, about.
  virtual std::int64_t work() const noexcept = 0;
  // The image's shape.
  const Shape& shape() const noexcept { return shape_; }

 protected:
  explicit CutoutPlane(Shape shape) : shape_(std::move(shape)) {}

 private:
  Shape shape_;
};

// What a plane is made from; all of it must outlive the plane.
struct CutoutSource {
  const CutoutRequest* request;
  CutoutFailures* failures;
  const SourceBatch* batch;
  std::int64_t item;  // of the batch: the file
  const io::Source* source;
  std::int64_t plane;
  std::span<const std::int64_t> cutouts;  // of this file, in the order in which they are to be read
  int threads;                            // that there are at most

  // Of the HDU, for messages.
  std::string name() const { return batch->name_of(item, request->hdus[static_cast<std::size_t>(plane)]); }
};

// Throws FileError or NoSuchHdu where the HDU is no image of that many axes.
std::unique_ptr<CutoutPlane> open_plane(const CutoutSource& source);

}  // namespace fits::ops
