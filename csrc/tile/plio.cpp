#include "tile/plio.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace fits {
namespace {

// What every run stores at least, where there is room: 128 bytes of int32_t, 64 of others. Measured on dense and sparse
// masks; more costs short runs, less costs runs of a few dozen pixels a mispredicted branch.
template <class T>
constexpr std::int64_t kChunk = sizeof(T) == 4 ? 32 : 64 / sizeof(T);

// plio_step as data for one code: codes follow one another without a pattern, so a branch on them costs more than all
// the rest. Masks are 0 or -1.
struct Operation {
  std::int64_t sign;  // change = sign * data
  std::int64_t run;   // length = (run & data) + single
  std::int64_t single;
  std::int64_t filled;
  std::int64_t marked;
  bool rare;  // not of this form
};

constexpr auto kOperations = [] {
  std::array<Operation, 16> operations{};
  for (unsigned code = 0; code < operations.size(); ++code) {
    const PlioStep none = plio_step(static_cast<std::uint16_t>(code << 12));
    const PlioStep one = plio_step(static_cast<std::uint16_t>(code << 12 | 1));
    operations[code] = {one.change,       none.length - one.length, none.length,
                        -int{one.filled}, -int{one.marked},         code == 1 || code >= kPlioCodes};
  }
  return operations;
}();

}  // namespace
}  // namespace fits

#if defined(__x86_64__)
#define FITS_LEVEL avx2
#define FITS_TARGET __attribute__((target("avx2")))
#define FITS_VECTOR 32
namespace fits {
#include "tile/plio_decode.inl"
}
#undef FITS_LEVEL
#undef FITS_TARGET
#undef FITS_VECTOR
#endif
#define FITS_LEVEL plain
#define FITS_TARGET
#define FITS_VECTOR 16  // every 64-bit machine has these
namespace fits {
#include "tile/plio_decode.inl"
}

namespace fits {

template <class T>
TileError decode_plio(Bytes stream, std::int64_t count, T* out, SimdLevel level) noexcept {
#if defined(__x86_64__)
  if (level != SimdLevel::plain) return avx2::decode(stream, count, out);
#endif
  (void)level;
  return plain::decode(stream, count, out);
}

template TileError decode_plio(Bytes, std::int64_t, std::uint8_t*, SimdLevel) noexcept;
template TileError decode_plio(Bytes, std::int64_t, std::int16_t*, SimdLevel) noexcept;
template TileError decode_plio(Bytes, std::int64_t, std::uint16_t*, SimdLevel) noexcept;
template TileError decode_plio(Bytes, std::int64_t, std::int32_t*, SimdLevel) noexcept;

namespace {

constexpr std::int64_t kHeaderWords = 7;
constexpr std::int64_t kLongestRun = 4095;
constexpr std::int64_t kMostWords = 1 << 30;  // the header's length has 30 bits

// A run is at most three words for each of its pixels: two that set the value, one that fills.
constexpr std::int64_t most_words(std::int64_t count) noexcept { return kHeaderWords + 3 * count; }

constexpr unsigned instruction(PlioCode code, std::int64_t data) noexcept {
  return static_cast<unsigned>(code) << 12 | static_cast<unsigned>(data);
}

// Where the run of equal values that starts at values[first] ends. Masks have long runs: 16 comparisons at a time,
// which compilers vectorise.
std::int64_t run_end(const std::int32_t* values, std::int64_t first, std::int64_t count) noexcept {
  constexpr std::int64_t kBlock = 16;
  const std::int32_t value = values[first];
  std::int64_t i = first + 1;
  for (; i + kBlock <= count; i += kBlock) {
    std::int32_t differences = 0;
    for (std::int64_t j = 0; j < kBlock; ++j) differences |= values[i + j] ^ value;
    if (differences != 0) break;
  }
  while (i < count && values[i] == value) ++i;
  return i;
}

class PlioWriter {
 public:
  explicit PlioWriter(std::byte* out) noexcept : start_(out), out_(out + 2 * kHeaderWords) {}

  void zeros(std::int64_t count) noexcept { runs(PlioCode::zeros, count); }

  // `zeros` pixels of zero, then `count` of value > 0.
  void run(std::int64_t zeros, std::int64_t count, std::int32_t value) noexcept {
    const bool single = count == 1;
    const std::int32_t change = value - value_;
    value_ = value;
    if (change > kLongestRun || change < -kLongestRun) {
      put(instruction(PlioCode::set_high, value % 4096));
      put(static_cast<unsigned>(value / 4096));
    } else if (change != 0 && single && zeros == 0) {
      return put(change > 0 ? instruction(PlioCode::increase_one, change)
                            : instruction(PlioCode::decrease_one, -change));
    } else if (change != 0) {
      put(change > 0 ? instruction(PlioCode::increase, change) : instruction(PlioCode::decrease, -change));
    }
    // The zeros of the last instruction and the pixel count together; after a full one there is no room for the pixel.
    const std::int64_t rest = zeros % kLongestRun;
    if (single && rest > 0) {
      runs(PlioCode::zeros, zeros - rest);
      put(instruction(PlioCode::zeros_then_one, rest + 1));
    } else {
      runs(PlioCode::zeros, zeros);
      runs(PlioCode::fill, count);
    }
  }

  // Writes the header; the list's size in bytes.
  std::size_t finish() noexcept {
    const std::int64_t words = (out_ - start_) / 2;
    out_ = start_;
    for (const std::int64_t word : {std::int64_t{0}, kHeaderWords, std::int64_t{-100}, words % 32768, words / 32768,
                                    std::int64_t{0}, std::int64_t{0}}) {
      put(static_cast<unsigned>(word));
    }
    return static_cast<std::size_t>(words) * 2;
  }

 private:
  void put(unsigned word) noexcept {
    *out_++ = static_cast<std::byte>(word >> 8);
    *out_++ = static_cast<std::byte>(word);
  }

  void runs(PlioCode code, std::int64_t count) noexcept {
    for (; count > 0; count -= kLongestRun) put(instruction(code, std::min(count, kLongestRun)));
  }

  std::byte* start_;
  std::byte* out_;
  std::int32_t value_ = 1;
};

}  // namespace

bool plio_can_hold(const std::int32_t* values, std::int64_t count) noexcept {
  std::uint32_t bits = 0;
  for (std::int64_t i = 0; i < count; ++i) bits |= static_cast<std::uint32_t>(values[i]);
  return bits <= static_cast<std::uint32_t>(kPlioHighest) && most_words(count) < kMostWords;
}

std::size_t plio_bound(std::int64_t count) noexcept {
  return count > 0 ? 2 * static_cast<std::size_t>(most_words(count)) : 0;
}

std::size_t encode_plio(const std::int32_t* values, std::int64_t count, std::byte* out) noexcept {
  if (count <= 0) return 0;
  PlioWriter writer(out);
  std::int64_t zeros = 0;  // before the run at hand
  for (std::int64_t first = 0; first < count;) {
    const std::int64_t end = run_end(values, first, count);
    if (values[first] == 0) {
      zeros = end - first;
    } else {
      writer.run(zeros, end - first, values[first]);
      zeros = 0;
    }
    first = end;
  }
  writer.zeros(zeros);
  return writer.finish();
}

}  // namespace fits
