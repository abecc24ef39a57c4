// Pixels of an image that is not compressed: runs of stored values, converted on their way into an array.
#pragma once

#include <algorithm>
#include <vector>

#include "format/convert.h"
#include "format/error.h"
#include "format/window.h"
#include "io/file.h"
#include "io/stretch.h"
#include "ops/tensor.h"

namespace fits::ops {

// That the file is shorter than the HDU's header promises.
FileError cut_off(const ByteReader& bytes, const Hdu& hdu);

// Memory of one thread for the bytes of a file that is not in memory: those that were read last.
struct HeldBytes {
  std::uint64_t offset = 0;
  Bytes bytes;
  std::vector<std::byte> memory;

  // The bytes [from, from + size), or null where they are not among them.
  const std::byte* find(std::uint64_t from, std::size_t size) const noexcept {
    if (from < offset || from - offset > bytes.size() || size > bytes.size() - (from - offset)) return nullptr;
    return bytes.data() + (from - offset);
  }
  void read(const ByteReader& file, std::uint64_t from, std::size_t size) {
    bytes = {};
    bytes = file.view(from, size, memory);
    offset = from;
  }
};

class PlainImage {
 public:
  // Into an array at `out`. `bytes` and `hdu` must outlive it. Any thread may read.
  PlainImage(const ByteReader& bytes, const Hdu& hdu, const Conversion& conversion, void* out);

  // Throws FileError where the file is too short. `held`: of this file, or nothing.
  void read(Run run, HeldBytes& held) const;

  // Before `run` is read: of a file that is not in memory, reads it and those after it that lie near (io/file.h), with
  // one call. `runs_after()` gives a function that gives one run after the other, in the file's order.
  template <class RunsAfter>
  void hold_near(const Run& run, const RunsAfter& runs_after, HeldBytes& held) const {
    if (!data_.empty()) return;
    const auto [offset, first] = extent(run);
    if (held.find(offset, first) != nullptr) return;
    std::size_t size = first;
    auto next = runs_after();
    for (Run after; next(after);) {
      const Extent more = extent(after);
      const std::uint64_t end = offset + size, joined = more.offset + more.size - offset;
      if (more.offset < end || !io::read_together(more.offset - end, joined)) break;
      size = static_cast<std::size_t>(joined);
    }
    if (size > first) held.read(bytes_, offset, size);
  }

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

  const std::byte* stored(std::int64_t first, std::int64_t count, HeldBytes& held) const;

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
