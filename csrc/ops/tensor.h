// The one door to torch: its stable headers, and the few words the operators need around them.
//
// Everything here is good for any torch from 2.10 on (LibTorch stable ABI). Nothing below this folder knows torch.
#pragma once

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "format/pixel.h"

namespace fits::ops {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;
using Library = torch::stable::detail::StableLibrary;
using Shape = std::vector<std::int64_t>;

// One sentence from its pieces.
template <class... Pieces>
std::string sentence(const Pieces&... pieces) {
  std::ostringstream text;
  (text << ... << pieces);
  return std::move(text).str();
}

// Raises ValueError in Python: the caller asked wrongly. (What is wrong with a file is a std::runtime_error from
// below.)
template <class... Pieces>
void require(bool condition, const Pieces&... pieces) {
  if (!condition) throw std::invalid_argument(sentence(pieces...));
}

ScalarType scalar_type(Pixel pixel) noexcept;
// Raises ValueError naming `who` for dtypes no reader can produce (bool, complex, float8).
Pixel pixel_type(ScalarType dtype, std::string_view who);

inline Shape shape_of(const Tensor& tensor) { return {tensor.sizes().begin(), tensor.sizes().end()}; }
std::size_t element_count(std::span<const std::int64_t> shape);

// Uninitialised CPU tensor, all but small ones in memory that earlier results have left (ops/memory.h).
Tensor empty(const Shape& shape, ScalarType dtype);

// The tensor itself where it is contiguous, which torch's dispatcher takes a microsecond to say.
inline Tensor as_contiguous(const Tensor& tensor) {
  return tensor.is_contiguous() ? tensor : torch::stable::contiguous(tensor);
}

// A view of a tensor's bytes; requires a contiguous CPU uint8 tensor of one dimension and raises ValueError otherwise,
// naming `who` and `what`, and for a CUDA tensor saying how to bring it to the host.
std::span<const std::byte> byte_source(const Tensor& tensor, std::string_view who, std::string_view what = "data");
// The same for a contiguous CPU int64 tensor; one of another integer type is the caller's to convert.
std::span<const std::int64_t> index_source(const Tensor& tensor, std::string_view who, std::string_view what);

// The offsets of items laid end to end: int64 [B + 1], rising, the last at most `size`.
std::span<const std::int64_t> packed_offsets(const Tensor& offsets, std::size_t size, std::string_view who);

// Runs f(i) for i in [0, n) on the intra-op thread pool, items handed out one by one so that uneven ones balance.
// Serial inside another parallel region, with one thread, and in a forked child (libgomp hangs there). An exception
// does not cross threads: the one of the lowest i is rethrown after the loop.
void parallel_for(std::int64_t n, const struct ParallelBody& body);

// A non-owning reference to a callable (void(std::int64_t)), so that parallel_for is compiled once.
struct ParallelBody {
  const void* object;
  void (*call)(const void*, std::int64_t);
  template <class F>
  ParallelBody(const F& f)  // NOLINT: implicit by design
      : object(&f), call([](const void* o, std::int64_t i) { (*static_cast<const F*>(o))(i); }) {}
};

// How many threads parallel_for would use now.
int thread_count();

// How an output of `count` elements is shared between threads: [bound(i), bound(i + 1)) for i in [0, count()).
// One piece where it is too small to be worth a thread. Large outputs are cut where their huge pages meet: two threads
// that make one huge page together wait for each other (int16 to float32, 4096x4096, two threads: 4.6 ms; cut anywhere
// 6 to 17).
class Pieces {
 public:
  Pieces(const void* out, std::int64_t count, std::size_t element_size);
  std::int64_t count() const noexcept { return pieces_; }
  std::int64_t bound(std::int64_t piece) const noexcept;

 private:
  std::int64_t elements_, pieces_ = 1;
  std::int64_t first_ = 0, step_ = 0;  // elements in the first piece and in those after it
};

}  // namespace fits::ops
