// What decoding in lockstep must do at any SIMD level: the same pixels, or the same errors, as tile by tile.
#pragma once

#include <algorithm>

#include "check.h"
#include "test_rice_cases.h"

namespace rice_cases {

// The decoder under test: of streams of one BYTEPIX.
using DecodeTiles = void (*)(std::span<const fits::Bytes> streams, fits::RiceParameters parameters, std::int64_t count,
                             const fits::RiceSink& sink, std::span<fits::TileError> errors);

// What arrives at the sink.
template <int kBytepix>
struct Arrivals {
  std::vector<Pixels<kBytepix>> tiles;

  static void take(void* context, std::int64_t tile, std::int64_t first, std::int64_t count,
                   const void* values) noexcept {
    auto& pixels = static_cast<Arrivals*>(context)->tiles[static_cast<std::size_t>(tile)];
    CHECK(first == static_cast<std::int64_t>(pixels.size()) && count > 0);
    const auto* from = static_cast<const Pixel<kBytepix>*>(values);
    pixels.insert(pixels.end(), from, from + count);
  }
};

// Decodes `bytes` in lockstep and each by itself. `placed`: every other tile has a place of its own, with nothing
// behind it.
template <int kBytepix>
void check_same(DecodeTiles decode, const std::vector<fits::Bytes>& bytes, int count, int blocksize, bool placed) {
  Arrivals<kBytepix> arrivals;
  arrivals.tiles.resize(bytes.size());
  std::vector<Pixels<kBytepix>> own(bytes.size());
  std::vector<void*> places(bytes.size(), nullptr);
  for (std::size_t i = 0; placed && i < bytes.size(); i += 2) {
    own[i].resize(static_cast<std::size_t>(count));
    own[i].shrink_to_fit();
    places[i] = own[i].data();
  }
  std::vector<fits::TileError> errors(bytes.size(), fits::TileError::overrun);
  decode(bytes, {kBytepix, blocksize}, count, {&arrivals, &Arrivals<kBytepix>::take, placed ? places.data() : nullptr},
         errors);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Pixels<kBytepix> alone(static_cast<std::size_t>(count));
    CHECK_EQUAL(errors[i], fits::decode_rice(bytes[i], {kBytepix, blocksize}, count, alone.data()));
    if (errors[i] == fits::TileError::ok) {
      CHECK((places[i] != nullptr ? own[i] : arrivals.tiles[i]) == alone);
    }
    const std::size_t arrived = arrivals.tiles[i].size();
    CHECK(places[i] != nullptr ? arrived == 0 : (arrived == alone.size()) == (errors[i] == fits::TileError::ok));
  }
}

// The same of streams that lie apart, and of streams one behind the other, as in files.
template <int kBytepix>
void check_same(DecodeTiles decode, const std::vector<Stream>& streams, int count, int blocksize) {
  check_same<kBytepix>(decode, {streams.begin(), streams.end()}, count, blocksize, false);
  Stream heap;
  for (const auto& stream : streams) heap.insert(heap.end(), stream.begin(), stream.end());
  heap.shrink_to_fit();
  std::vector<fits::Bytes> bytes;
  const std::byte* at = heap.data();
  for (const auto& stream : streams) {
    bytes.emplace_back(at, stream.size());
    at += stream.size();
  }
  check_same<kBytepix>(decode, bytes, count, blocksize, true);
}

// Every number of tiles to a few vectors' worth, of one kind (`kind` < kKinds) or of all kinds, then corrupted.
template <int kBytepix>
void check_lockstep(DecodeTiles decode, int kind, int tiles, int count, int blocksize, std::mt19937& random) {
  std::vector<Stream> streams;
  std::vector<Pixels<kBytepix>> rows;
  for (int i = 0; i < tiles; ++i) {
    rows.push_back(row<kBytepix>(kind < kKinds ? kind : static_cast<int>(random() % kKinds), count, random));
    streams.push_back(encode<kBytepix>(rows.back(), blocksize));
  }
  check_same<kBytepix>(decode, streams, count, blocksize);
  check_same<kBytepix>(decode, streams, (count + 1) / 2, blocksize);  // trailing bytes
  for (auto& stream : streams) {
    const auto at = [&] { return random() % stream.size(); };
    switch (random() % 4) {
      case 0: break;
      case 1: stream.resize(at()); break;
      case 2: stream[at()] = static_cast<std::byte>(random()); break;
      default:
        for (int i = 0; i < 4; ++i) stream[at()] ^= static_cast<std::byte>(1u << random() % 8);
    }
    stream.shrink_to_fit();
  }
  check_same<kBytepix>(decode, streams, count, blocksize);
}

template <int kBytepix>
void check_lockstep(DecodeTiles decode, int rounds) {
  constexpr int kBlocksizes[] = {32, 32, 32, 16, 1, 2, 7, 20, 64, 200};
  std::mt19937 random(kBytepix);
  for (int round = 0; round < rounds; ++round) {
    const int kind = static_cast<int>(random() % (kKinds + 6));
    const int tiles = 1 + static_cast<int>(random() % 40);
    const int count = random() % 8 == 0 ? 4096 : 1 + static_cast<int>(random() % 300);
    check_lockstep<kBytepix>(decode, kind, tiles, count, kBlocksizes[random() % std::size(kBlocksizes)], random);
  }
}

// Every cut of streams whose lanes end at different places.
template <int kBytepix>
void check_cuts(DecodeTiles decode, int count) {
  std::mt19937 random(3);
  std::vector<Stream> whole;
  std::size_t longest = 0;
  for (int i = 0; i < 16; ++i) {
    whole.push_back(encode<kBytepix>(row<kBytepix>(i, count, random), 32));
    longest = std::max(longest, whole.back().size());
  }
  for (std::size_t length = 0; length <= longest; ++length) {
    std::vector<Stream> cut;
    for (const auto& stream : whole) cut.emplace_back(stream.begin(), stream.begin() + std::min(length, stream.size()));
    check_same<kBytepix>(decode, cut, count, 32);
  }
}

}  // namespace rice_cases
