// What of a mapped file has been read in passing, in pieces of 2 MiB: how a process knows when it holds many of its
// pages. Safe in threads; a piece that is added while they are forgotten may go uncounted.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace fits::io {

inline constexpr std::size_t kPassedPiece = std::size_t{2} << 20;
// A process holds at most so many pieces of a file that it reads from end to end: 256 MiB, and what its threads are at.
inline constexpr std::size_t kHeldPieces = 128;

class PassedPieces {
 public:
  explicit PassedPieces(std::uint64_t bytes)
      : pieces_(static_cast<std::size_t>((bytes + kPassedPiece - 1) / kPassedPiece)),
        words_(std::make_unique<std::atomic<std::uint64_t>[]>(word_count())) {}

  // Of the whole file.
  std::size_t size() const noexcept { return pieces_; }

  // Adds bytes that lie in the file; true, and all are forgotten, where more than `most` pieces have come together.
  bool add(std::uint64_t offset, std::size_t count, std::size_t most) noexcept {
    if (count == 0) return false;
    const std::uint64_t last = (offset + count - 1) / kPassedPiece;
    std::size_t fresh = 0;
    for (std::uint64_t piece = offset / kPassedPiece; piece <= last && piece < pieces_; ++piece) fresh += mark(piece);
    if (fresh == 0 || held_.fetch_add(fresh, std::memory_order_relaxed) + fresh <= most) return false;
    held_.store(0, std::memory_order_relaxed);
    for (std::size_t i = 0; i < word_count(); ++i) words_[i].store(0, std::memory_order_relaxed);
    return true;
  }

 private:
  std::size_t word_count() const noexcept { return (pieces_ + 63) / 64; }
  bool mark(std::uint64_t piece) noexcept {
    std::atomic<std::uint64_t>& word = words_[piece / 64];
    const std::uint64_t bit = std::uint64_t{1} << (piece % 64);
    if (word.load(std::memory_order_relaxed) & bit) return false;  // most often, and without a write to share
    return (word.fetch_or(bit, std::memory_order_relaxed) & bit) == 0;
  }

  std::size_t pieces_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> words_;
  std::atomic<std::size_t> held_{0};
};

}  // namespace fits::io
