#include "ops/cutout_planes.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "ops/decode.h"

namespace fits::ops {
namespace {

// Output of one step of plain cutouts, so that threads share them evenly and what is read ahead stays in memory.
constexpr std::int64_t kStepBytes = std::int64_t{1} << 19;
// Tiles of one batch, so that a group of them is decoded in lockstep: memory of one thread, but always one tile.
constexpr std::int64_t kTilesBytes = std::int64_t{1} << 20;
// Stored bytes that are fetched into the cache before they are converted.
constexpr std::int64_t kBytesAhead = 16384;
// Of one run; behind them the processor fetches by itself.
constexpr std::size_t kRunAhead = 1024;
// Cutouts of a file that are asked whether they lie on the disk. Of a call with fewer one asking is a tenth of the
// time: after an answer that they lie in memory so many calls do without.
constexpr std::size_t kGlances = 16;
constexpr int kCallsUnasked = 7;
// Of runs that are put in order before the disk is asked for them.
constexpr std::size_t kMostStretches = std::size_t{1} << 16;

std::string cutout_name(std::int64_t cutout) { return sentence("cutout ", cutout); }

class Base : public CutoutPlane {
 public:
  Base(const CutoutSource& source, const Hdu& hdu)
      : CutoutPlane(hdu.shape()), given_(source), hdu_(hdu), bytes_(source.source->file->bytes()) {}

 protected:
  const CutoutRequest& request() const noexcept { return *given_.request; }
  std::span<const std::int64_t> cutouts() const noexcept { return given_.cutouts; }
  std::byte* cell(std::int64_t cutout) const noexcept {
    return request().cell(request().cell_number(cutout, given_.plane));
  }
  Conversion conversion() const { return {hdu_.bitpix, hdu_.scaling, true, request().pixel}; }

  // Runs f; what it throws is noted for these cutouts. True where it threw nothing.
  template <class F>
  bool guarded(std::span<const std::int64_t> cutouts, std::int64_t tile, const F& f) {
    try {
      const auto where = [&] { return given_.name() + ": " + cutout_name(*std::ranges::min_element(cutouts)); };
      in_context(where, f);
      return true;
    } catch (...) {
      given_.failures->note(cutouts, given_.plane, given_.plane + 1, tile);
      return false;
    }
  }

  CutoutSource given_;
  const Hdu& hdu_;
  const ByteReader& bytes_;
};

// ---- plain images

// Fetches the stored values of runs into the cache while those before them are converted: a cutout's rows lie on
// different pages of the file, where the processor does not see what comes next.
class Ahead {
 public:
  Ahead(const PlainImage& image, Bytes memory, const WindowRuns& runs, const TileWindows& windows,
        std::span<const std::int64_t> cutouts)
      : image_(image), memory_(memory), runs_(runs), windows_(windows), cutouts_(cutouts) {}

  // Before a run of `bytes` is converted.
  void keep(std::int64_t bytes) noexcept {
    if (memory_.empty()) return;
    for (lead_ -= bytes; lead_ < kBytesAhead;) {
      Run run;
      if (!next(run)) return;
      const auto [offset, size] = image_.extent(run);
      lead_ += static_cast<std::int64_t>(size);
      if (offset >= memory_.size()) continue;
      const std::size_t wanted = std::min({size, kRunAhead, memory_.size() - static_cast<std::size_t>(offset)});
      const std::byte* const first = memory_.data() + offset;
      for (std::size_t at = 0; at < wanted; at += 64) __builtin_prefetch(first + at);
      __builtin_prefetch(first + wanted - 1);
    }
  }

 private:
  bool next(Run& run) noexcept {
    while (!runs_.next(run)) {
      if (at_ == cutouts_.size()) return false;
      (void)runs_.move_to(windows_.corner(cutouts_[at_++]));
    }
    return true;
  }

  const PlainImage& image_;
  Bytes memory_;
  WindowRuns runs_;
  const TileWindows& windows_;
  std::span<const std::int64_t> cutouts_;
  std::size_t at_ = 0;
  std::int64_t lead_ = 0;
};

class PlainCutouts final : public Base {
 public:
  PlainCutouts(const CutoutSource& source, const Hdu& hdu)
      : Base(source, hdu), image_(bytes_, hdu, conversion(), request().out) {
    const std::int64_t cell_bytes = request().pixels * static_cast<std::int64_t>(pixel_size(request().pixel));
    step_ = std::max<std::int64_t>(kStepBytes / cell_bytes, 1);
    on_disk_ = glance();
  }

  std::int64_t work() const noexcept override { return static_cast<std::int64_t>(cutouts().size()) * request().pixels; }

  bool step(CutoutMemory& memory) override {
    const auto all = static_cast<std::int64_t>(cutouts().size());
    const std::int64_t first = next_.fetch_add(step_);
    if (first >= all) return false;
    const auto part =
        cutouts().subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(std::min(step_, all - first)));
    WindowRuns runs(shape(), request().windows.size);
    Ahead ahead(image_, bytes_.in_memory(), runs, request().windows, part);
    if (on_disk_) announce(runs, part);
    const auto stored_size = static_cast<std::int64_t>(bitpix_size(hdu_.bitpix));
    memory.held.bytes = {};  // of another file, or of none
    for (const auto& cutout : part) {
      const std::int64_t base = request().cell_number(cutout, given_.plane) * request().pixels;
      (void)runs.move_to(request().windows.corner(cutout));
      const auto rest = [&] { return [after = runs](Run& run) mutable { return after.next(run); }; };
      const auto take = [&](Run run) {
        ahead.keep(run.count * stored_size);
        image_.hold_near(run, rest, memory.held);
        run.target += base;
        image_.read(run, memory.held);
      };
      const auto gap = [&](std::int64_t start, std::int64_t count) {
        request().filler(count,
                         request().out + (base + start) * static_cast<std::int64_t>(pixel_size(request().pixel)));
      };
      guarded({&cutout, 1}, 0, [&] { walk_window(runs, request().pixels, take, gap); });
    }
    return true;
  }

 private:
  // Whether some of the cutouts must be waited for.
  bool glance() const {
    thread_local int unasked = 0;
    if (request().windows.corners.size() < kGlances * request().windows.size.size() && unasked > 0) {
      --unasked;
      return false;
    }
    const bool on_disk = some_on_disk();
    unasked = on_disk ? 0 : kCallsUnasked;
    return on_disk;
  }

  bool some_on_disk() const {
    WindowRuns runs(shape(), request().windows.size);
    const std::size_t stride = cutouts().size() / kGlances + 1;
    for (std::size_t i = 0; i < cutouts().size(); i += stride) {
      Run run;
      if (!runs.move_to(request().windows.corner(cutouts()[i])) || !runs.next(run)) continue;
      const auto [offset, size] = image_.extent(run);
      if (bytes_.on_disk(offset, size)) return true;
    }
    return false;
  }

  // Tells the system which bytes these cutouts will want, all of them before the first is waited for: 4 to 5 times as
  // fast from a disk as page after page. What lies near together is one request (io/stretch.h), for neighbouring rows,
  // and cutouts that lie one upon the other, want the same pages.
  void announce(WindowRuns& runs, std::span<const std::int64_t> part) const {
    std::vector<Stretch> stretches;
    for (const auto cutout : part) {
      (void)runs.move_to(request().windows.corner(cutout));
      for (Run run; runs.next(run);) {
        const auto [offset, size] = image_.extent(run);
        stretches.push_back({offset, offset + size});
        if (stretches.size() == kMostStretches) ask_for(stretches);
      }
    }
    ask_for(stretches);
  }

  struct Stretch {
    std::uint64_t first, end;
    auto operator<=>(const Stretch&) const = default;
  };

  void ask_for(std::vector<Stretch>& stretches) const {
    std::ranges::sort(stretches);
    for (std::size_t i = 0; i < stretches.size();) {
      Stretch all = stretches[i];
      while (++i < stretches.size() &&
             (stretches[i].first <= all.end || io::ask_together(stretches[i].first - all.end))) {
        all.end = std::max(all.end, stretches[i].end);
      }
      bytes_.will_need(all.first, static_cast<std::size_t>(all.end - all.first));
    }
    stretches.clear();
  }

  PlainImage image_;
  std::int64_t step_ = 1;
  bool on_disk_ = false;
  std::atomic<std::int64_t> next_{0};
};

// ---- compressed images

class CompressedCutouts final : public Base {
 public:
  CompressedCutouts(const CutoutSource& source, const Hdu& hdu)
      : Base(source, hdu),
        image_(source.source->file->tiles(hdu), hdu),
        sweep_(grid(), request().windows, cutouts()),
        tile_bytes_(grid().tile_pixels() * static_cast<std::int64_t>(pixel_size(request().pixel))) {
    const auto group = static_cast<std::int64_t>(kTileGroup);
    batch_ = std::clamp<std::int64_t>(kTilesBytes / tile_bytes_, 1, static_cast<std::int64_t>(kTileBatch));
    batch_ = std::min(batch_, std::max<std::int64_t>(tiles_touched() / source.threads, 1));
    if (batch_ > group) batch_ = batch_ / group * group;
  }

  std::int64_t work() const noexcept override { return tiles_touched() * grid().tile_pixels(); }

  bool step(CutoutMemory& memory) override { return fill_gaps() || decode_batch(memory); }

 private:
  struct Part {
    std::int64_t tile;
    std::size_t first, count;  // of its windows
  };
  struct Batch {
    std::vector<Part> tiles;
    std::vector<std::int64_t> windows;  // of all tiles, end to end
    std::span<const std::int64_t> of(const Part& part) const {
      return std::span(windows).subspan(part.first, part.count);
    }
  };

  const TileGrid& grid() const noexcept { return image_.image().grid; }

  // About how many tiles are decoded.
  std::int64_t tiles_touched() const noexcept {
    const std::int64_t count = grid().count();
    auto most = static_cast<std::int64_t>(cutouts().size());
    for (int i = 0; i < grid().naxis; ++i) {
      const auto n = static_cast<std::size_t>(i);
      const std::int64_t along = std::min(grid().tiles[n], request().windows.size[n] / grid().tile_shape[n] + 1);
      if (__builtin_mul_overflow(most, along, &most)) return count;
    }
    return std::min(most, count);
  }

  // What no tile covers, of some cutouts; false when all are done.
  bool fill_gaps() {
    const auto all = static_cast<std::int64_t>(cutouts().size());
    if (next_gap_.load(std::memory_order_relaxed) >= all) return false;
    const std::int64_t step = std::max<std::int64_t>(kStepBytes / request().pixels, 1);
    const std::int64_t first = next_gap_.fetch_add(step);
    if (first >= all) return false;
    WindowRuns runs(shape(), request().windows.size);
    for (std::int64_t i = first; i < std::min(first + step, all); ++i) {
      const std::int64_t cutout = cutouts()[static_cast<std::size_t>(i)];
      (void)runs.move_to(request().windows.corner(cutout));
      if (runs.inside()) continue;
      std::byte* const out = cell(cutout);
      const auto gap = [&](std::int64_t start, std::int64_t count) {
        request().filler(count, out + start * static_cast<std::int64_t>(pixel_size(request().pixel)));
      };
      walk_window(runs, request().pixels, [](const Run&) {}, gap);
    }
    return true;
  }

  Batch take_batch() {
    Batch batch;
    TileSweep::Touched touched;
    const std::lock_guard lock(mutex_);
    while (static_cast<std::int64_t>(batch.tiles.size()) < batch_ && sweep_.next(touched)) {
      batch.tiles.push_back({touched.tile, batch.windows.size(), touched.windows.size()});
      batch.windows.insert(batch.windows.end(), touched.windows.begin(), touched.windows.end());
    }
    return batch;
  }

  bool decode_batch(CutoutMemory& memory) {
    const Batch batch = take_batch();
    if (batch.tiles.empty()) return false;
    std::array<StoredTile, kTileBatch> stored;
    std::array<std::size_t, kTileBatch> readable;  // of the batch's tiles, by their place in it
    std::size_t count = 0;
    for (std::size_t i = 0; i < batch.tiles.size(); ++i) {
      if (look_up(batch.tiles[i], batch, stored[i])) readable[count++] = i;
    }
    const auto chosen = std::span(readable).first(count);
    level_groups(stored, chosen);
    announce(stored, chosen);

    std::byte* const tiles = memory.tiles.take(count * static_cast<std::size_t>(tile_bytes_)).data();
    const TileDecoder decoder(image_.image(), conversion(), tiles);
    std::array<TileStream, kTileBatch> streams;
    std::size_t scratch = 0;
    if (memory.copies.size() < count) memory.copies.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      const StoredTile& tile = stored[chosen[i]];
      streams[i] = tile.stream;
      streams[i].slot = static_cast<std::int64_t>(i);
      streams[i].bytes = bytes_.view(tile.start, static_cast<std::size_t>(tile.size), memory.copies[i]);
      scratch = std::max(scratch, decoder.scratch_size(tile.stream.codec));
    }
    std::array<TileError, kTileBatch> errors{};
    decoder({streams.data(), count}, memory.codec.take(scratch), {errors.data(), count});

    std::array<const std::byte*, kTileBatch> pixels{};  // of the batch's tiles; null of bad ones
    for (std::size_t i = 0; i < count; ++i) {
      const auto check = [&] {
        if (errors[i] != TileError::ok) throw tile_failure(image_.image(), streams[i], errors[i]);
      };
      if (!guarded(batch.of(batch.tiles[chosen[i]]), streams[i].number, check)) continue;
      pixels[chosen[i]] = tiles + static_cast<std::int64_t>(i) * tile_bytes_;
    }
    place(batch, pixels, memory.touched);
    return true;
  }

  // A tile's row of the table, read by itself: a bad one must not hide the others.
  bool look_up(const Part& part, const Batch& batch, StoredTile& stored) {
    const auto cutouts = batch.of(part);
    return guarded(cutouts, part.tile, [&] {
      TileRow row;
      image_.table().read(bytes_, part.tile, {&row, 1});
      stored = image_.stored(row, part.tile);
      stored.stream.wanted = pixels_until_last(grid(), grid().at(part.tile), request().windows, cutouts);
    });
  }

  // RICE_1 tiles are decoded in lockstep where as many pixels of each are wanted: those that need about as many are put
  // side by side and get as many as the greediest of them.
  static void level_groups(std::array<StoredTile, kTileBatch>& stored, std::span<std::size_t> order) {
    std::ranges::sort(order, {}, [&](std::size_t i) { return stored[i].stream.wanted; });
    for (std::size_t end = order.size(); end > 0;) {
      const std::size_t first = end > kTileGroup ? end - kTileGroup : 0;
      for (std::size_t i = first; i < end; ++i) stored[order[i]].stream.wanted = stored[order[end - 1]].stream.wanted;
      end = first;
    }
  }

  void announce(const std::array<StoredTile, kTileBatch>& stored, std::span<const std::size_t> order) const {
    if (order.empty()) return;
    const StoredTile& glance = stored[order[0]];
    if (!bytes_.on_disk(glance.start, static_cast<std::size_t>(glance.size))) return;
    for (const auto i : order) bytes_.will_need(stored[i].start, static_cast<std::size_t>(stored[i].size));
  }

  // What cutouts want of the batch's tiles: cutout by cutout, each with all its tiles, so that neighbouring lines of
  // the result are written together. Tile by tile 100,000 cutouts of row tiles took twice as long.
  void place(const Batch& batch, const std::array<const std::byte*, kTileBatch>& pixels,
             std::vector<std::uint8_t>& touched) const {
    static_assert(kTileBatch <= UINT8_MAX);
    touched.resize(std::max(touched.size(), request().windows.count()));
    for (const auto cutout : batch.windows) ++touched[static_cast<std::size_t>(cutout)];
    std::vector<PlacedTile> tiles;
    tiles.reserve(batch.tiles.size());
    for (std::size_t i = 0; i < batch.tiles.size(); ++i) {
      const Tile box = grid().at(batch.tiles[i].tile);
      tiles.push_back({box, {{box.size, static_cast<std::size_t>(grid().naxis)}, request().windows.size}, pixels[i]});
    }
    for (std::size_t i = 0; i < tiles.size(); ++i) {
      for (const auto cutout : batch.of(batch.tiles[i])) {
        auto& left = touched[static_cast<std::size_t>(cutout)];
        for (std::size_t j = i; left > 0; ++j) left -= place(cutout, tiles[j]);
      }
    }
  }

  struct PlacedTile {
    Tile box;
    WindowRuns runs;
    const std::byte* pixels;
  };

  // Whether the cutout touches the tile.
  bool place(std::int64_t cutout, PlacedTile& tile) const {
    const auto naxis = static_cast<std::size_t>(grid().naxis);
    const std::size_t size = pixel_size(request().pixel);
    const auto corner = request().windows.corner(cutout);
    std::array<std::int64_t, kMostTileAxes> start;
    for (std::size_t i = 0; i < naxis; ++i) start[i] = corner[i] - tile.box.start[i];
    if (!tile.runs.move_to({start.data(), naxis})) return false;
    if (tile.pixels == nullptr) return true;
    std::byte* const out = cell(cutout);
    for (Run run; tile.runs.next(run);) {
      std::memcpy(out + static_cast<std::size_t>(run.target) * size,
                  tile.pixels + static_cast<std::size_t>(run.source) * size,
                  static_cast<std::size_t>(run.count) * size);
    }
    return true;
  }

  CompressedImage image_;
  std::mutex mutex_;  // of sweep_
  TileSweep sweep_;
  std::int64_t tile_bytes_, batch_ = 1;
  std::atomic<std::int64_t> next_gap_{0};
};

}  // namespace

void CutoutFailures::note(std::span<const std::int64_t> cutouts, std::int64_t first, std::int64_t last,
                          std::int64_t tile) {
  if (cutouts.empty()) return;
  const std::lock_guard lock(mutex_);
  if (status_ == nullptr) {
    const std::tuple place{*std::ranges::min_element(cutouts), first, tile};
    if (any_ && !(place < lowest_)) return;
    any_ = true;
    lowest_ = place;
    exception_ = std::current_exception();
    return;
  }
  const auto code = static_cast<std::int32_t>(status_of_current_exception());
  for (const auto cutout : cutouts) {
    for (std::int64_t plane = first; plane < last; ++plane) {
      // Of several reasons the one with the lowest number, whichever thread came first.
      std::int32_t& status = status_[cutout * planes_ + plane];
      status = status == 0 ? code : std::min(status, code);
    }
  }
  any_ = true;
}

void CutoutFailures::settle(const CutoutRequest& request, std::int64_t cutouts) const {
  if (!any_) return;
  if (exception_) std::rethrow_exception(exception_);
  for (std::int64_t cell = 0; cell < cutouts * planes_; ++cell) {
    if (status_[cell] != 0) request.filler(request.pixels, request.cell(cell));
  }
}

std::unique_ptr<CutoutPlane> open_plane(const CutoutSource& source) {
  const CutoutRequest& request = *source.request;
  const Hdu& hdu = image_hdu(*source.source, request.hdus[static_cast<std::size_t>(source.plane)]);
  const Shape shape = hdu.shape();
  const std::size_t naxis = request.windows.size.size();
  if (shape.size() != naxis) {
    throw FileError(Status::wrong_naxis, sentence("the image has ", shape.size(), " axes, where size has ", naxis));
  }
  if (std::ranges::find(shape, 0) != shape.end()) throw FileError(Status::empty, "the image has no pixels");
  if (hdu.kind != HduKind::compressed_image) return std::make_unique<PlainCutouts>(source, hdu);
  require_data(*source.source, hdu);
  return std::make_unique<CompressedCutouts>(source, hdu);
}

}  // namespace fits::ops
