// The binary table that holds an image's tiles: one row for each, with descriptors of compressed bytes in the heap, and
// what turns the tile's integers into floats. FITS Standard 4.0, section 7.3.5 (descriptors), 10.1.3 (columns).
#pragma once

#include <array>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "format/bytes.h"
#include "format/compressed_header.h"
#include "format/hdu.h"

namespace fits {

// The column that a tile's bytes come from: as ZCMPTYPE says, or the two for tiles that could not be compressed so.
enum class TileColumn : std::uint8_t { compressed, uncompressed, gzip };

// One row. NaN stands for what a tile does not have: a tile without ZSCALE is not quantised.
struct TileRow {
  std::uint64_t start = 0;  // of the tile's bytes in the file
  std::uint64_t size = 0;
  TileColumn column = TileColumn::compressed;
  double zscale = std::numeric_limits<double>::quiet_NaN();
  double zzero = std::numeric_limits<double>::quiet_NaN();
  double zblank = std::numeric_limits<double>::quiet_NaN();
};

// Read from the header once; rows are read and checked when they are asked for, so that a cutout looks at the rows of
// its own tiles alone. Holds no bytes of the file.
class TileTable {
 public:
  // Throws FileError, in one sentence, unless what a decoder will believe is true: tiles and their parameters (see
  // compressed_header.h), a row for each tile, columns that fit their rows, a heap inside the data unit. An image of
  // more than kFreeClaim bytes must also have a byte of data for kGreatestRatio of its own: nothing is allocated by a
  // number that the file merely claims.
  TileTable(const ByteReader& bytes, const Hdu& hdu);

  const TileCompression& compression() const noexcept { return compression_; }

  // Rows [first, first + rows.size()), which must be tiles of the image. Throws FileError naming the tile whose
  // descriptor does not lie in the heap, or that has no bytes in any column: CFITSIO and astropy raise for it too.
  void read(const ByteReader& bytes, std::int64_t first, std::span<TileRow> rows) const;

 private:
  // A column of descriptors: where they stand in a row, and the bytes of one element that they count.
  struct Descriptors {
    TileColumn column = TileColumn::compressed;
    std::uint64_t start = 0;
    std::uint64_t half = 4;  // bytes of count and of offset: P 4, Q 8
    std::uint64_t element = 1;
  };
  // A column of one number in each row; letter 0 where there is none.
  struct Numbers {
    char letter = 0;
    std::uint64_t start = 0;
  };

  void find_columns(HeaderView header);
  void find_heap(HeaderView header, const Hdu& hdu);
  TileRow row_at(Bytes row, std::int64_t tile) const;
  bool take_bytes(TileRow& tile_row, const Descriptors& descriptors, Bytes row, std::int64_t tile) const;

  TileCompression compression_;
  std::uint64_t data_start_ = 0, row_size_ = 0, rows_ = 0;
  std::uint64_t heap_start_ = 0, heap_size_ = 0;  // from the file's first byte; bytes
  std::vector<Descriptors> descriptors_;          // in the order in which a row's are looked at
  Numbers zscale_, zzero_, zblank_;
};

inline constexpr std::uint64_t kFreeClaim = std::uint64_t{64} << 20;
// PLIO_1 makes 4095 pixels of 4 bytes from one instruction of 2: the most of any codec but HCOMPRESS_1, which has no
// bound on tiles of one value.
inline constexpr std::uint64_t kGreatestRatio = 8190;

}  // namespace fits
