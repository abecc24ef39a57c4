// Pixels of an image that is not compressed: runs of stored values, converted on their way into an array.
#pragma once

#include <algorithm>
#include <vector>

#include "format/convert.h"
#include "format/error.h"
#include "format/window.h"
#include "io/file.h"
#include "ops/tensor.h"

namespace fits::ops {

// That the file is shorter than the HDU's header promises.
FileError cut_off(const ByteReader& bytes, const Hdu& hdu);

class PlainImage {
 public:
  // Into an array at `out`. `bytes` and `hdu` must outlive it. Any thread may read.
  PlainImage(const ByteReader& bytes, const Hdu& hdu, const Conversion& conversion, void* out);

  // Throws FileError where the file is too short. `scratch` is for readers that must copy.
  void read(Run run, std::vector<std::byte>& scratch) const;

  // The stored values of a run of at least one, as bytes of the file: where they begin and how many, parameters of
  // groups among them.
  struct Extent {
    std::uint64_t offset = 0;
    std::size_t size = 0;
  };
  Extent extent(Run run) const noexcept {
    const std::int64_t first = layout_.stored(run.source), last = layout_.stored(run.source + run.count - 1);
    return {hdu_.data_start + static_cast<std::uint64_t>(first * stored_size_),
            static_cast<std::size_t>((last + 1 - first) * stored_size_)};
  }

 private:
  // Where element `source` of the image lies among the stored values. Random groups (section 6) put PCOUNT parameters
  // before each group's array.
  struct Layout {
    std::int64_t group_size = 0, pcount = 0;
    explicit Layout(const Hdu& hdu);
    std::int64_t stored(std::int64_t source) const noexcept {
      return group_size == 0 ? source : source + (source / group_size + 1) * pcount;
    }
    // How many elements from `source` on are stored one after the other, at most `count`.
    std::int64_t together(std::int64_t source, std::int64_t count) const noexcept {
      return group_size == 0 ? count : std::min(count, group_size - source % group_size);
    }
  };

  const std::byte* stored(std::int64_t first, std::int64_t count, std::vector<std::byte>& scratch) const;

  const ByteReader& bytes_;
  const Hdu& hdu_;
  Bytes data_;  // from the data unit's first byte on, where all of the file lies in memory
  Converter converter_;
  Layout layout_;
  std::byte* out_;
  bool cold_;  // what lies at `out` has left the caches
  std::int64_t stored_size_, pixel_size_;
};

}  // namespace fits::ops
