// Tiles of one image decoded side by side: the pass behind decode_tiles and every reader of compressed images.
#pragma once

#include <vector>

#include "format/error.h"
#include "format/tile_table.h"
#include "ops/tensor.h"
#include "tile/decode.h"

namespace fits::ops {

// One tile among the bytes it is to be decoded from. stream.bytes are looked up when its turn comes.
struct StoredTile {
  std::uint64_t start = 0, size = 0;
  TileStream stream;
};

// What is wrong with a tile, in a sentence.
FileError tile_failure(const TileImage& image, const TileStream& tile, TileError error);

// Decodes all of them, in parallel where that pays. Returns what is wrong with each; pixels of bad ones are undefined.
std::vector<TileError> decode_each(const ByteReader& bytes, const TileDecoder& decoder, const TileImage& image,
                                   const std::vector<StoredTile>& tiles);
// The same; throws FileError naming the bad tile of the lowest number.
void decode_all(const ByteReader& bytes, const TileDecoder& decoder, const TileImage& image,
                const std::vector<StoredTile>& tiles);

// A compressed image as its HDU describes it.
class CompressedImage {
 public:
  // Throws FileError for what no codec here has. `table` is the HDU's, and is kept by reference.
  CompressedImage(const TileTable& table, const Hdu& hdu);

  const TileImage& image() const noexcept { return image_; }
  const TileTable& table() const noexcept { return *table_; }

  // The tile in row `row` of the table.
  StoredTile stored(const TileRow& row, std::int64_t number) const;
  // All tiles that share pixels with the window.
  std::vector<StoredTile> tiles_in(const ByteReader& bytes, const TileWindow& window) const;

 private:
  const TileTable* table_;
  Codec codec_ = Codec::rice_1;
  TileImage image_;
};

// The part of the image that the window shares with it, as read_window (ops/image.h).
void read_compressed(const CompressedImage& image, const ByteReader& bytes, const Shape& start, const Shape& size,
                     const Conversion& conversion, void* out);

}  // namespace fits::ops
