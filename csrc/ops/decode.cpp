#include "ops/decode.h"

#include <algorithm>
#include <atomic>

#include "format/error.h"
#include "format/window.h"
#include "ops/scratch.h"

namespace fits::ops {
namespace {

// Pixels worth a thread: below it starting one costs more than it saves.
constexpr std::int64_t kWorthThread = 1 << 15;
// Output of one task: a huge page, since two threads that make one together wait for each other (see Pieces).
constexpr std::int64_t kTaskBytes = std::int64_t{2} << 20;

[[noreturn]] void bad(const std::string& what) { throw FileError(Status::bad_compressed_data, what); }

std::size_t scratch_size(const TileDecoder& decoder, const std::vector<StoredTile>& tiles) {
  bool used[7] = {};
  std::size_t most = 0;
  for (const StoredTile& tile : tiles) {
    const auto codec = static_cast<std::size_t>(tile.stream.codec);
    if (!used[codec]) most = std::max(most, decoder.scratch_size(tile.stream.codec));
    used[codec] = true;
  }
  return most;
}

// Tiles [first, last), a batch at a time.
class Worker {
 public:
  Worker(const ByteReader& bytes, const TileDecoder& decoder, std::size_t scratch)
      : bytes_(bytes), decoder_(decoder), scratch_(scratch), copies_(kTileBatch) {}

  void operator()(std::span<const StoredTile> tiles, std::span<TileError> errors) {
    for (std::size_t at = 0; at < tiles.size(); at += kTileBatch) {
      const std::size_t count = std::min(kTileBatch, tiles.size() - at);
      std::array<TileStream, kTileBatch> streams;
      for (std::size_t i = 0; i < count; ++i) {
        const StoredTile& tile = tiles[at + i];
        streams[i] = tile.stream;
        streams[i].bytes = bytes_.view(tile.start, static_cast<std::size_t>(tile.size), copies_[i]);
      }
      decoder_({streams.data(), count}, scratch_.span(), errors.subspan(at, count));
    }
  }

 private:
  const ByteReader& bytes_;
  const TileDecoder& decoder_;
  Scratch scratch_;
  std::vector<std::vector<std::byte>> copies_;  // of readers that must copy
};

void throw_first(const TileImage& image, const std::vector<StoredTile>& tiles, const std::vector<TileError>& errors) {
  const StoredTile* first = nullptr;
  TileError error = TileError::ok;
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    if (errors[i] == TileError::ok || (first != nullptr && first->stream.number < tiles[i].stream.number)) continue;
    first = &tiles[i];
    error = errors[i];
  }
  if (first != nullptr) throw tile_failure(image, first->stream, error);
}

}  // namespace

FileError tile_failure(const TileImage& image, const TileStream& tile, TileError error) {
  const auto text = image.has_values(tile)
                        ? tile_error_text(error)
                        : "the tile holds integers, and of a floating image it must be quantised: ZQUANTIZ not NONE, "
                          "and a ZSCALE (section 10.2)";
  return FileError(Status::bad_compressed_data,
                   sentence("tile ", tile.number, ": ", codec_name(tile.codec), ": ", text));
}

std::vector<TileError> decode_each(const ByteReader& bytes, const TileDecoder& decoder, const TileImage& image,
                                   const std::vector<StoredTile>& tiles) {
  const auto count = static_cast<std::int64_t>(tiles.size());
  const std::size_t scratch = scratch_size(decoder, tiles);
  std::vector<TileError> errors(tiles.size(), TileError::ok);
  const std::int64_t tile_pixels = image.grid.tile_pixels();
  const std::int64_t threads =
      count * tile_pixels < 2 * kWorthThread ? 1 : std::min<std::int64_t>(count, thread_count());
  // Several tasks for each thread, so that uneven ones balance; whole groups of RICE_1 tiles where there are enough.
  const auto group = static_cast<std::int64_t>(kTileGroup);
  std::int64_t step = std::max<std::int64_t>(kTaskBytes / (tile_pixels * 2), 1);
  step = threads == 1 ? count : std::clamp<std::int64_t>(step, 1, std::max<std::int64_t>(count / (4 * threads), 1));
  if (step > group / 2) step = (step + group - 1) / group * group;

  std::atomic<std::int64_t> next{0};
  parallel_for(threads, [&](std::int64_t) {
    Worker worker(bytes, decoder, scratch);
    for (std::int64_t at = next.fetch_add(step); at < count; at = next.fetch_add(step)) {
      const auto first = static_cast<std::size_t>(at);
      const auto length = static_cast<std::size_t>(std::min(step, count - at));
      worker(std::span(tiles).subspan(first, length), std::span(errors).subspan(first, length));
    }
  });
  return errors;
}

void decode_all(const ByteReader& bytes, const TileDecoder& decoder, const TileImage& image,
                const std::vector<StoredTile>& tiles) {
  throw_first(image, tiles, decode_each(bytes, decoder, image, tiles));
}

CompressedImage::CompressedImage(const TileTable& table, const Hdu& hdu) : table_(&table) {
  const TileCompression& compression = table.compression();
  const auto codec = find_codec(compression.zcmptype);
  if (!codec) {
    bad(sentence("ZCMPTYPE = ", compression.zcmptype,
                 ": this codec is not known; RICE_1, GZIP_1, GZIP_2, HCOMPRESS_1, PLIO_1 and NOCOMPRESS are "
                 "(section 10.4)"));
  }
  codec_ = *codec;
  if (codec_ == Codec::rice_1 && compression.bytepix == 8) {
    bad("BYTEPIX = 8: RICE_1 of 8 bytes a pixel is not supported, as no writer makes it; 1, 2 and 4 are "
        "(section 10.4.1)");
  }
  const Shape shape = hdu.shape();
  if (shape.size() > kMostTileAxes) {
    bad(sentence("the image has ", shape.size(), " axes; compressed images of up to ", kMostTileAxes, " are read"));
  }
  if (compression.tile_count > 0) {
    const Shape tile_shape(compression.ztile.rbegin(), compression.ztile.rend());
    image_.grid = TileGrid::of(shape, tile_shape);
  }
  image_.bitpix = hdu.bitpix;
  image_.zquantiz = compression.zquantiz;
  image_.zdither0 = compression.zdither0;
  image_.rice = {static_cast<int>(compression.bytepix), compression.blocksize};
  image_.smooth = compression.smooth != 0;
  image_.physical_plio = hdu.bitpix == 16 && hdu.scaling.bzero == 32768;
  image_.blank = hdu.scaling.blank;
}

StoredTile CompressedImage::stored(const TileRow& row, std::int64_t number) const {
  StoredTile tile{row.start, row.size, {}};
  tile.stream.codec = row.column == TileColumn::compressed ? codec_
                      : row.column == TileColumn::gzip     ? Codec::gzip_1
                                                           : Codec::nocompress;
  tile.stream.number = number;
  tile.stream.zscale = row.zscale;
  tile.stream.zzero = row.zzero;
  tile.stream.zblank = row.zblank;
  return tile;
}

std::vector<StoredTile> CompressedImage::tiles_in(const ByteReader& bytes, const TileWindow& window) const {
  const TileGrid& grid = image_.grid;
  const auto naxis = static_cast<std::size_t>(grid.naxis);
  Shape first(naxis), count(naxis);
  for (std::size_t i = 0; i < naxis; ++i) {
    const std::int64_t low = std::max<std::int64_t>(window.start[i], 0);
    const std::int64_t high =
        window.start[i] > grid.shape[i] - window.size[i] ? grid.shape[i] : window.start[i] + window.size[i];
    if (low >= high) return {};
    first[i] = low / grid.tile_shape[i];
    count[i] = (high - 1) / grid.tile_shape[i] + 1 - first[i];
  }
  std::vector<StoredTile> tiles;
  tiles.reserve(element_count(count));
  std::vector<TileRow> rows;
  for (const Run& run : window_runs({grid.tiles.data(), naxis}, first, count)) {
    rows.resize(static_cast<std::size_t>(run.count));
    table_->read(bytes, run.source, rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      tiles.push_back(stored(rows[i], run.source + static_cast<std::int64_t>(i)));
    }
  }
  return tiles;
}

void read_compressed(const CompressedImage& image, const ByteReader& bytes, const Shape& start, const Shape& size,
                     const Conversion& conversion, void* out) {
  if (image.table().compression().tile_count == 0) return;
  TileWindow window;
  std::ranges::copy(start, window.start.begin());
  std::ranges::copy(size, window.size.begin());
  const auto tiles = image.tiles_in(bytes, window);
  decode_all(bytes, TileDecoder(image.image(), window, conversion, out), image.image(), tiles);
}

}  // namespace fits::ops
