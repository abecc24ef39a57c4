#include "ops/tensor.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

#include "ops/memory.h"
#include "ops/scaling.h"

namespace fits::ops {

ScalarType scalar_type(Pixel pixel) noexcept {
  switch (pixel) {
    case Pixel::u8: return ScalarType::Byte;
    case Pixel::i8: return ScalarType::Char;
    case Pixel::i16: return ScalarType::Short;
    case Pixel::u16: return ScalarType::UInt16;
    case Pixel::i32: return ScalarType::Int;
    case Pixel::u32: return ScalarType::UInt32;
    case Pixel::i64: return ScalarType::Long;
    case Pixel::u64: return ScalarType::UInt64;
    case Pixel::f16: return ScalarType::Half;
    case Pixel::bf16: return ScalarType::BFloat16;
    case Pixel::f32: return ScalarType::Float;
    case Pixel::f64: return ScalarType::Double;
  }
  return ScalarType::Undefined;
}

Pixel pixel_type(ScalarType dtype, std::string_view who) {
  for (int i = 0; i <= static_cast<int>(Pixel::f64); ++i) {
    if (scalar_type(static_cast<Pixel>(i)) == dtype) return static_cast<Pixel>(i);
  }
  throw std::invalid_argument(sentence(who, ": dtype ", torch::headeronly::toString(dtype),
                                       " cannot hold pixels; use an integer type, float16, bfloat16, float32 or "
                                       "float64"));
}

std::size_t element_count(std::span<const std::int64_t> shape) {
  std::size_t count = 1;
  for (const auto length : shape) {
    require(length >= 0, "a shape has the negative length ", length);
    if (!__builtin_mul_overflow(count, static_cast<std::size_t>(length), &count) && count <= (SIZE_MAX >> 5)) continue;
    const Shape asked(shape.begin(), shape.end());
    throw std::invalid_argument(sentence("a shape of ", text(asked), " has too many elements for memory"));
  }
  return count;
}

std::span<const std::byte> byte_source(const Tensor& tensor, std::string_view who, std::string_view what) {
  require(tensor.is_cpu(), who, ": ", what,
          " is on another device; bring it to the host with .cpu(), or move compressed tiles to the device with "
          "read_tiles and decode_tiles");
  require(tensor.scalar_type() == ScalarType::Byte && tensor.dim() == 1, who, ": ", what,
          " must be a uint8 tensor of one dimension, not ", torch::headeronly::toString(tensor.scalar_type()), " of ",
          tensor.dim(), " dimensions");
  require(tensor.is_contiguous(), who, ": ", what, " must be contiguous; call .contiguous()");
  return {static_cast<const std::byte*>(tensor.const_data_ptr()), static_cast<std::size_t>(tensor.numel())};
}

std::span<const std::int64_t> index_source(const Tensor& tensor, std::string_view who, std::string_view what) {
  require(tensor.is_cpu(), who, ": ", what, " is on another device; bring it to the host with .cpu()");
  require(tensor.scalar_type() == ScalarType::Long, who, ": ", what, " must be an int64 tensor, not ",
          torch::headeronly::toString(tensor.scalar_type()));
  require(tensor.is_contiguous(), who, ": ", what, " must be contiguous; call .contiguous()");
  return {static_cast<const std::int64_t*>(tensor.const_data_ptr()), static_cast<std::size_t>(tensor.numel())};
}

std::span<const std::int64_t> packed_offsets(const Tensor& offsets, std::size_t size, std::string_view who) {
  const auto starts = index_source(offsets, who, "offsets");
  require(offsets.dim() == 1 && !starts.empty(), who,
          ": offsets must have one dimension and one element more than there are items");
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::int64_t least = i == 0 ? 0 : starts[i - 1];
    require(starts[i] >= least && starts[i] <= static_cast<std::int64_t>(size), who, ": offsets[", i, "] = ", starts[i],
            " must lie between ", least, " and the ", size, " bytes of data");
  }
  return starts;
}

namespace {

// A pool of threads does not survive fork: libgomp hangs in the child's first parallel region if anything in the
// parent, torch's own operators included, had used the pool. Whether it had cannot be asked, so every forked child runs
// serially.
std::atomic<bool> in_forked_child{false};
const int watching_forks = pthread_atfork(nullptr, nullptr, [] { in_forked_child = true; });
thread_local bool inside_parallel_for = false;

// The first failure by item number, whatever thread met it.
class FirstFailure {
 public:
  void note(std::int64_t item) {
    const std::lock_guard lock(mutex_);
    if (item >= item_) return;
    item_ = item;
    exception_ = std::current_exception();
  }
  bool before(std::int64_t item) const { return item_ < item; }
  void rethrow() const {
    if (exception_) std::rethrow_exception(exception_);
  }

 private:
  std::mutex mutex_;
  std::atomic<std::int64_t> item_{INT64_MAX};
  std::exception_ptr exception_;
};

}  // namespace

int thread_count() {
  if (inside_parallel_for || in_forked_child) return 1;
  return static_cast<int>(torch::stable::get_num_threads());
}

Pieces::Pieces(const void* out, std::int64_t count, std::size_t element_size) : elements_(count) {
  constexpr std::int64_t kWorthThread = 1 << 18;  // bytes; below it starting a thread costs more than it saves
  const auto size = static_cast<std::int64_t>(element_size);
  const std::int64_t bytes = count * size;
  const std::int64_t threads = thread_count();
  if (threads == 1 || bytes < 2 * kWorthThread) return;
  const auto page = static_cast<std::int64_t>(kHugePage);
  const std::int64_t share = std::clamp(bytes / (4 * threads), kWorthThread, page);
  const auto past_page = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(out) % kHugePage);
  step_ = std::max<std::int64_t>(share / size, 1);
  first_ = share == page ? (page - past_page) / size : step_;
  pieces_ = 1 + (elements_ - first_ + step_ - 1) / step_;
}

std::int64_t Pieces::bound(std::int64_t piece) const noexcept {
  if (piece == 0) return 0;
  return piece == pieces_ ? elements_ : first_ + (piece - 1) * step_;
}

void parallel_for(std::int64_t n, const ParallelBody& body) {
  const std::int64_t threads = std::min<std::int64_t>(n, thread_count());
  if (threads <= 1) {
    for (std::int64_t i = 0; i < n; ++i) body.call(body.object, i);
    return;
  }
  std::atomic<std::int64_t> next{0};
  FirstFailure failure;
  const auto worker = [&](std::int64_t, std::int64_t) {
    inside_parallel_for = true;
    for (std::int64_t i = next++; i < n && !failure.before(i); i = next++) {
      try {
        body.call(body.object, i);
      } catch (...) {
        failure.note(i);
      }
    }
    inside_parallel_for = false;
  };
  torch::stable::parallel_for(0, threads, 1, worker);
  failure.rethrow();
}

}  // namespace fits::ops
