#include "ops/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <optional>

#include "ops/scaling.h"
#include "ops/tensor.h"

// Of torch 2.11 and later; null in 2.10, whose headers do not have it.
extern "C" __attribute__((weak)) AOTITorchError
torch_from_blob(void* data, std::int64_t ndim, const std::int64_t* sizes, const std::int64_t* strides,
                std::int64_t storage_offset, std::int32_t dtype, std::int32_t device_type, std::int32_t device_index,
                AtenTensorHandle* result, std::int32_t layout, const std::uint8_t* opaque_metadata,
                std::int64_t opaque_metadata_size, void (*deleter)(void* data, void* context), void* context);

namespace fits::ops {
namespace {

// A block that nobody uses. A slot is emptied before its block is looked at, so that no two threads ever see one block;
// what it seems to hold is a hint, which may be late.
struct Slot {
  std::atomic<Block*> block;
  std::atomic<std::size_t> capacity;
};
constexpr std::size_t kPage = 4096;
constexpr std::size_t kSlots = 128;
// What one core's share of the caches holds at most, on the machines of today. Not asked of the system: glibc takes the
// caches of all cores together for one on some processors.
constexpr std::size_t kCaches = std::size_t{32} << 20;
std::array<Slot, kSlots> kept{};
std::atomic<std::size_t> kept_bytes{0};
std::atomic<std::size_t> oldest{0};

// Bytes of all results so far, and the block that this thread took last.
std::atomic<std::uint64_t> taken{1};
thread_local struct {
  const void* start;
  std::size_t capacity;
  bool cold;
} last{nullptr, 0, false};

Block* hand_out(Block* block) noexcept {
  if (block == nullptr) return nullptr;
  const std::uint64_t now = taken.fetch_add(block->capacity, std::memory_order_relaxed);
  last = {block->start, block->capacity, block->taken_at != 0 && now - block->taken_at >= kCaches};
  block->taken_at = now;
  return block;
}

std::size_t most_kept() noexcept {
  static const std::size_t most = [] {
    const char* setting = std::getenv("TORCHFITS_CACHE_MEMORY");
    return setting == nullptr ? kKeptMemory : static_cast<std::size_t>(std::strtoull(setting, nullptr, 10)) << 20;
  }();
  return most;
}

std::byte* map(std::size_t size) noexcept {
  void* const mapping = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return mapping == MAP_FAILED ? nullptr : static_cast<std::byte*>(mapping);
}

// Memory that begins where a huge page does: the surplus on both sides of it is handed back at once.
std::byte* map_huge(std::size_t capacity) noexcept {
  std::byte* const first = map(capacity + kHugePage);
  if (first == nullptr) return nullptr;
  const std::size_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(first) % kHugePage) % kHugePage;
  if (before > 0) munmap(first, before);
  munmap(first + before + capacity, kHugePage - before);
#ifdef MADV_HUGEPAGE
  // Advice only: where huge pages are off the call fails and nothing is lost. What is no whole huge page stays on small
  // ones, so that a block takes no more memory than its size.
  (void)madvise(first + before, capacity / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return first + before;
}

Block* map_block(std::size_t capacity) noexcept {
  std::byte* const start = capacity < kHugePage ? map(capacity) : map_huge(capacity);
  if (start == nullptr) return nullptr;
  auto* const block = new (std::nothrow) Block{start, capacity};
  if (block == nullptr) munmap(start, capacity);
  return block;
}

void unmap(Block* block) noexcept {
  munmap(block->start, block->capacity);
  delete block;
}

// Whether a kept block serves for `capacity`: not a much larger one, which a larger result may want.
bool serves(std::size_t held, std::size_t capacity) noexcept {
  return held >= capacity && held - capacity <= capacity / 4;
}

void release(Slot& slot) noexcept {
  Block* const block = slot.block.exchange(nullptr);
  if (block == nullptr) return;
  kept_bytes -= block->capacity;
  unmap(block);
}

}  // namespace

Block* take_block(std::size_t size) noexcept {
  if (size > SIZE_MAX - 2 * kHugePage) return nullptr;
  const std::size_t capacity = (size + kPage - 1) / kPage * kPage;
  for (Slot& slot : kept) {
    if (!serves(slot.capacity.load(std::memory_order_relaxed), capacity) || slot.block == nullptr) continue;
    Block* const block = slot.block.exchange(nullptr);
    if (block == nullptr) continue;
    kept_bytes -= block->capacity;
    if (serves(block->capacity, capacity)) return hand_out(block);
    give_back(block);
  }
  return hand_out(map_block(capacity));
}

void give_back(Block* block) noexcept {
  const std::size_t capacity = block->capacity;  // read no more once the block is in a slot
  if (capacity > most_kept()) return unmap(block);
  // Room first, from the oldest on.
  for (std::size_t i = 0; i < kSlots && kept_bytes + capacity > most_kept(); ++i) release(kept[oldest++ % kSlots]);
  kept_bytes += capacity;
  for (std::size_t i = 0; i < kSlots; ++i) {
    Slot& slot = kept[(oldest + i) % kSlots];
    Block* nothing = nullptr;
    if (!slot.block.compare_exchange_strong(nothing, block)) continue;
    slot.capacity = capacity;
    return;
  }
  // All slots are taken: the oldest's makes room.
  Slot& slot = kept[oldest++ % kSlots];
  Block* const displaced = slot.block.exchange(block);
  slot.capacity = capacity;
  if (displaced == nullptr) return;
  kept_bytes -= displaced->capacity;
  unmap(displaced);
}

bool left_caches(const void* memory) noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(memory), start = reinterpret_cast<std::uintptr_t>(last.start);
  return last.cold && at >= start && at - start < last.capacity;
}

// Asks for huge pages under memory that malloc gave.
void prefer_huge_pages(void* start, std::size_t size) noexcept {
  if (size < kHugePage) return;
  // Whole pages around the buffer: malloc puts it 64 bytes behind the huge page that the kernel gave, and a huge page
  // is only made where the advice covers all of it.
  const auto address = reinterpret_cast<std::uintptr_t>(start);
  const auto first = address / kPage * kPage;
  const auto last = (address + size + kPage - 1) / kPage * kPage;
#ifdef MADV_HUGEPAGE
  (void)madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
}

namespace {

std::int32_t dtype_code(ScalarType dtype) {
  return torch::stable::detail::to<std::int32_t>(torch::stable::detail::from(dtype));
}

// Row by row.
Shape strides_of(const Shape& shape) {
  Shape strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0; stride *= std::max<std::int64_t>(shape[i], 1)) strides[i] = stride;
  return strides;
}

// A tensor whose memory goes back to ops/memory.h when the last tensor that uses it is gone; null where torch (2.10)
// cannot be told to, or where there is no such memory.
std::optional<Tensor> empty_block(const Shape& shape, const Shape& strides, std::int32_t dtype, std::size_t size) {
  if (torch_from_blob == nullptr) return std::nullopt;
  Block* const block = take_block(size);
  if (block == nullptr) return std::nullopt;
  AtenTensorHandle handle = nullptr;
  const auto error = torch_from_blob(
      block->start, static_cast<std::int64_t>(shape.size()), shape.data(), strides.data(), 0, dtype,
      aoti_torch_device_type_cpu(), -1, &handle, aoti_torch_layout_strided(), nullptr, 0,
      [](void*, void* context) { give_back(static_cast<Block*>(context)); }, block);
  if (error != AOTI_TORCH_SUCCESS) {
    give_back(block);
    return std::nullopt;
  }
  return Tensor(handle);
}

}  // namespace

Tensor empty(const Shape& shape, ScalarType dtype) {
  const auto count = element_count(shape);
  const std::int32_t code = dtype_code(dtype);
  const std::size_t size = count * aoti_torch_dtype_element_size(code);
  const Shape strides = strides_of(shape);
  if (size >= kWorthKeeping) {
    if (auto kept = empty_block(shape, strides, code, size)) return *kept;
  }
  AtenTensorHandle handle = nullptr;
  const auto error = aoti_torch_empty_strided(static_cast<std::int64_t>(shape.size()), shape.data(), strides.data(),
                                              code, aoti_torch_device_type_cpu(), 0, &handle);
  if (error != AOTI_TORCH_SUCCESS) {
    throw std::runtime_error(sentence("a tensor of ", text(shape), " takes ", size,
                                      " bytes, more than there is memory for; ask for less, or in several calls"));
  }
  Tensor tensor(handle);
  if (count > 0) prefer_huge_pages(tensor.mutable_data_ptr(), size);
  return tensor;
}

}  // namespace fits::ops
