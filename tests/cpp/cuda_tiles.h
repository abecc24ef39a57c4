// A call of decode_tiles or decompress_tiles, by the CPU's decoders and by the bodies of the CUDA kernels, and how the
// two differ: for test_cuda_tiles.cpp and fuzz_cuda_tiles.cpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "../../cuda/tiles_block.cuh"
#include "../../cuda/tiles_rice.cuh"

namespace fits {

using Stream = std::vector<std::byte>;

struct Call {
  TileImage image;
  TileWindow window;
  Conversion conversion;
  bool stacked = false;
  std::int64_t pixels = 0;  // of the result
  Stream data;
  std::vector<std::int64_t> descriptors;
  std::vector<double> quantisation;
  std::int64_t tiles() const { return static_cast<std::int64_t>(descriptors.size() / 4); }
};

struct Result {
  std::vector<std::uint64_t> memory;  // aligned
  std::vector<std::int32_t> errors;
  std::byte* bytes() { return reinterpret_cast<std::byte*>(memory.data()); }
};

inline Result blank_result(const Call& call) {
  Result result;
  result.memory.assign(static_cast<std::size_t>(call.pixels) + 1, 0x5a5a5a5a5a5a5a5a);
  result.errors.assign(static_cast<std::size_t>(call.tiles()), 0);
  return result;
}

inline Result by_cpu(const Call& call) {
  Result result = blank_result(call);
  const TileDecoder decoder = call.stacked ? TileDecoder(call.image, call.conversion, result.bytes())
                                           : TileDecoder(call.image, call.window, call.conversion, result.bytes());
  std::size_t size = 0;
  for (int codec = 1; codec <= 6; ++codec) size = std::max(size, decoder.scratch_size(static_cast<Codec>(codec)));
  const auto scratch = std::make_unique<std::byte[]>(size + 64);
  const std::size_t past = (64 - reinterpret_cast<std::uintptr_t>(scratch.get()) % 64) % 64;
  for (std::int64_t i = 0; i < call.tiles(); ++i) {
    const std::int64_t* row = call.descriptors.data() + 4 * i;
    TileStream tile;
    // A copy of its own size, so that AddressSanitizer sees reads outside.
    const Stream stream(call.data.begin() + row[0], call.data.begin() + row[0] + row[1]);
    tile.bytes = {stream.data(), stream.size()};
    tile.codec = static_cast<Codec>(row[2]);
    tile.number = row[3];
    tile.slot = i;
    if (!call.quantisation.empty()) {
      tile.zscale = call.quantisation[3 * i];
      tile.zzero = call.quantisation[3 * i + 1];
      tile.zblank = call.quantisation[3 * i + 2];
    }
    TileError error{};
    decoder({&tile, 1}, {scratch.get() + past, size}, {&error, 1});
    result.errors[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(error);
  }
  return result;
}

template <int kBytepix, class Put>
void rice_groups(const TilePlan& plan, const std::vector<TileJob>& jobs, std::vector<std::int32_t>& errors,
                 bool backward) {
  const auto shared = std::make_unique<RiceShared<kBytepix>>();
  for (std::size_t first = 0; first < jobs.size(); first += kRiceTiles) {
    const int count = static_cast<int>(std::min<std::size_t>(kRiceTiles, jobs.size() - first));
    decode_rice_tiles<kBytepix, Put>(SerialTeam{kRiceTiles, backward}, plan, rice_quick(plan), jobs.data() + first,
                                     count, errors.data() + first, *shared);
  }
}

template <int kBytepix>
void rice_kernels(const TilePlan& plan, const std::vector<TileJob>& jobs, std::vector<std::int32_t>& errors,
                  bool backward) {
  using Stored = typename RiceCode<kBytepix>::Pixel;
  switch (rice_quick(plan)) {
    case RiceQuick::none: break;
    case RiceQuick::quantised:
      if constexpr (kBytepix == 4) rice_groups<kBytepix, RiceQuantised>(plan, jobs, errors, backward);
      break;
    case RiceQuick::integer: rice_groups<kBytepix, RiceInteger>(plan, jobs, errors, backward); break;
    case RiceQuick::floating: rice_groups<kBytepix, RiceFloat<Stored>>(plan, jobs, errors, backward); break;
    case RiceQuick::convention:
      if constexpr (kBytepix == 2) rice_groups<kBytepix, RiceFloat<std::uint16_t>>(plan, jobs, errors, backward);
      break;
  }
  rice_groups<kBytepix, RiceAny>(plan, jobs, errors, backward);
}

// As run() in cuda/tiles.cu, without what atomics decide there.
inline Result by_kernels(const Call& call, bool backward) {
  Result result = blank_result(call);
  TilePlan plan = tile_plan(call.image, call.window, call.conversion, call.stacked);
  plan.out = result.bytes();
  // Each stream a copy of its own size, as above: descriptors are made anew for it.
  plan.dither = dither_table();
  plan.data = call.data.data();
  plan.size = static_cast<std::int64_t>(call.data.size());
  plan.descriptors = call.descriptors.data();
  plan.quantisation = call.quantisation.empty() ? nullptr : call.quantisation.data();
  plan.count = call.tiles();
  std::vector<TileJob> jobs;
  std::vector<std::unique_ptr<std::byte[]>> streams;
  for (std::int64_t i = 0; i < plan.count; ++i) {
    const bool good = is_valid_descriptor(plan, i);
    if (!good) result.errors[static_cast<std::size_t>(i)] = kBadDescriptor;
    jobs.push_back(good ? plan_tile(plan, i) : no_tile(plan, i));
    if (!good) continue;
    TileJob& job = jobs.back();
    result.errors[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(judge_tile(plan, job));
    const auto past = static_cast<std::size_t>(i % 4);  // any address
    streams.push_back(std::make_unique<std::byte[]>(static_cast<std::size_t>(job.size) + past));
    std::copy_n(job.stream, job.size, streams.back().get() + past);
    job.stream = streams.back().get() + past;
  }
  switch (plan.image.rice.bytepix) {
    case 1: rice_kernels<1>(plan, jobs, result.errors, backward); break;
    case 2: rice_kernels<2>(plan, jobs, result.errors, backward); break;
    default: rice_kernels<4>(plan, jobs, result.errors, backward); break;
  }
  const std::int64_t size = tile_scratch(plan);
  const auto scratch = std::make_unique<std::byte[]>(static_cast<std::size_t>(size) + 64);
  const std::size_t offset = (64 - reinterpret_cast<std::uintptr_t>(scratch.get()) % 64) % 64;
  const auto shared = std::make_unique<BlockShared>();
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    finish_tile(SerialTeam{kInflateThreads, backward}, plan, jobs[i], &result.errors[i], scratch.get() + offset, size,
                *shared);
  }
  return result;
}

inline bool is_nothing(Pixel pixel, const std::byte* bytes) {
  bool nothing = false;
  visit_pixel(pixel, [&](auto type) {
    using T = decltype(type);
    const T value = load<T, false>(bytes);
    if constexpr (kIsFloating<T>) {
      nothing = std::isnan(cast<double>(value));
    } else {
      nothing = value == 0;
    }
  });
  return nothing;
}

// How the kernels differ from the CPU's decoders: other pixels in good tiles, anything in bad ones, other errors; empty
// where they do not. NaNs that went through arithmetic may differ in their payload.
inline std::string difference(const Call& call, bool exact_errors = true) {
  Result cpu = by_cpu(call);
  const Pixel to = call.conversion.to;
  const std::size_t size = pixel_size(to);
  // Which pixels belong to bad tiles.
  std::vector<bool> bad(static_cast<std::size_t>(call.pixels));
  for (std::size_t i = 0; i < cpu.errors.size(); ++i) {
    if (cpu.errors[i] == 0) continue;
    const Tile box = call.image.grid.at(call.descriptors[4 * i + 3]);
    std::byte* const none = cpu.bytes();
    const auto apart = static_cast<std::size_t>(call.image.grid.tile_pixels());
    const TilePlace place =
        call.stacked ? TilePlace(box.pixels, 1, none) : TilePlace(call.image.grid, box, call.window, 1, none);
    place.runs(0, box.pixels, [&](std::int64_t, std::int64_t count, std::byte* target) {
      const auto first = static_cast<std::size_t>(target - none) + (call.stacked ? i * apart : 0);
      for (std::int64_t j = 0; j < count; ++j) bad[first + static_cast<std::size_t>(j)] = true;
    });
  }
  for (const bool backward : {false, true}) {
    Result kernels = by_kernels(call, backward);
    for (std::size_t i = 0; i < cpu.errors.size(); ++i) {
      const std::int32_t ours = kernels.errors[i], theirs = cpu.errors[i];
      if (exact_errors ? ours == theirs : (ours == 0) == (theirs == 0)) continue;
      return "tile " + std::to_string(i) + ": error " + std::to_string(ours) + ", not " + std::to_string(theirs);
    }
    for (std::size_t i = 0; i < bad.size(); ++i) {
      const std::byte* const a = kernels.bytes() + i * size;
      const std::byte* const b = cpu.bytes() + i * size;
      if (bad[i] ? is_nothing(to, a) : std::memcmp(a, b, size) == 0) continue;
      if (!bad[i] && is_floating(to) && is_nothing(to, a) && is_nothing(to, b)) continue;
      return "pixel " + std::to_string(i) + (bad[i] ? " of a bad tile is something" : " differs");
    }
  }
  return "";
}

}  // namespace fits
