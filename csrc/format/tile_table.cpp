#include "format/tile_table.h"

#include <array>
#include <cctype>
#include <string>
#include <vector>

#include "format/compressed_header.h"
#include "format/error.h"

namespace fits {
namespace {

[[noreturn]] void bad(const std::string& what) { throw FileError(Status::bad_compressed_data, what); }

std::uint64_t big_endian(Bytes bytes) noexcept {
  std::uint64_t value = 0;
  for (const std::byte b : bytes) value = value << 8 | std::to_integer<std::uint64_t>(b);
  return value;
}

// Bytes of one element of a column (table 18 of the Standard); 0 of an unknown letter. X counts bits: see column_width.
std::uint64_t element_size(char letter) noexcept {
  switch (letter) {
    case 'L':
    case 'X':
    case 'B':
    case 'A': return 1;
    case 'I': return 2;
    case 'J':
    case 'E': return 4;
    case 'K':
    case 'D':
    case 'C':
    case 'P': return 8;
    case 'M':
    case 'Q': return 16;
    default: return 0;
  }
}

// A column of descriptors: where they stand in a row, and bytes of one element that they count.
struct DescriptorColumn {
  std::string name;
  std::uint64_t start = 0;
  std::uint64_t half = 4;  // bytes of count and of offset: P 4, Q 8
  std::uint64_t element = 1;
};

// TFORMn taken apart: rT, or rPt(max).
struct Format {
  std::uint64_t repeat = 1;
  char letter = 0;
  char element = 0;
};

Format parse_format(const std::string& tform) {
  Format format;
  std::size_t at = 0;
  while (at < tform.size() && tform[at] >= '0' && tform[at] <= '9') ++at;
  if (at > 9) bad("TFORMn = " + tform + ": the repeat count is too large (section 7.3.1)");
  if (at > 0) format.repeat = std::stoull(tform.substr(0, at));
  const auto letter = [&](std::size_t i) {
    return i < tform.size() ? static_cast<char>(std::toupper(static_cast<unsigned char>(tform[i]))) : '\0';
  };
  format.letter = letter(at);
  format.element = letter(at + 1);
  if (element_size(format.letter) == 0) bad("TFORMn = " + tform + ": must be a format of a column (section 7.3.1)");
  return format;
}

std::uint64_t column_width(const Format& format) noexcept {
  return format.letter == 'X' ? (format.repeat + 7) / 8 : format.repeat * element_size(format.letter);
}

bool holds_tiles(const std::string& name) noexcept {
  return name == "COMPRESSED_DATA" || name == "GZIP_COMPRESSED_DATA" || name == "UNCOMPRESSED_DATA";
}

std::vector<DescriptorColumn> descriptor_columns(HeaderView header, std::uint64_t row_size) {
  std::vector<DescriptorColumn> columns;
  const auto tfields = header.integer("TFIELDS").value_or(0);
  std::uint64_t start = 0;
  for (std::int64_t n = 1; n <= tfields && n <= 999; ++n) {
    const auto tform = header.string("TFORM" + std::to_string(n));
    if (!tform) bad("keyword TFORM" + std::to_string(n) + " is missing: TFIELDS is " + std::to_string(tfields));
    const Format format = parse_format(*tform);
    std::string name = header.string("TTYPE" + std::to_string(n)).value_or("");
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const bool descriptors = format.letter == 'P' || format.letter == 'Q';
    if (holds_tiles(name) && descriptors && format.repeat == 1) {
      const std::uint64_t element = element_size(format.element);
      if (element == 0)
        bad("TFORM" + std::to_string(n) + " = " + *tform + ": must name the type in the heap (section 7.3.5)");
      columns.push_back({name, start, format.letter == 'P' ? 4U : 8U, element});
    }
    start += column_width(format);
  }
  if (start > row_size)
    bad("the columns are " + std::to_string(start) + " bytes wide, NAXIS1 = " + std::to_string(row_size));
  if (columns.empty()) bad("the table has no column COMPRESSED_DATA of descriptors (section 10.1.3)");
  return columns;
}

void require_claim(std::uint64_t count, const char* what, const Hdu& hdu) {
  std::uint64_t size = 0;
  const bool overflows = __builtin_mul_overflow(count, std::uint64_t{bitpix_size(hdu.bitpix)}, &size);
  if (!overflows && (size <= kFreeClaim || size / kGreatestRatio <= hdu.data_size)) return;
  bad(std::string(what) + " would have " + std::to_string(count) + " pixels, from " + std::to_string(hdu.data_size) +
      " bytes of data: more than any codec makes of them");
}

std::uint64_t product(const std::vector<std::int64_t>& lengths) {
  std::uint64_t count = 1;
  for (const auto length : lengths) {
    if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(length), &count)) {
      bad("the image has too many pixels: their number does not fit 64 bits");
    }
  }
  return count;
}

// CFITSIO takes RICE_1's parameters from ZVAL1 and ZVAL2 whatever their names are.
void require_rice_parameters(HeaderView header) {
  for (const char* keyword : {"ZVAL1", "ZVAL2"}) {
    if (!header.find(keyword)) continue;
    const auto value = header.integer(keyword);
    if (!value || *value < 1 || *value > 0x7fffffff) {
      bad(std::string(keyword) + ": must be a positive integer with RICE_1 (section 10.4.1)");
    }
  }
}

struct Heap {
  std::uint64_t start = 0, size = 0;  // from the data unit's first byte; bytes
};

Heap heap_of(HeaderView header, std::uint64_t rows_size, const Hdu& hdu) {
  const auto theap = header.find("THEAP") ? header.integer("THEAP") : static_cast<std::int64_t>(rows_size);
  if (!theap || *theap < 0 || static_cast<std::uint64_t>(*theap) < rows_size ||
      static_cast<std::uint64_t>(*theap) > hdu.data_size) {
    bad("THEAP: the heap must lie between the rows and the end of the data unit (section 7.3.5)");
  }
  return {static_cast<std::uint64_t>(*theap), hdu.data_size - static_cast<std::uint64_t>(*theap)};
}

// An HCOMPRESS stream begins with a magic number and the tile's two lengths, by which CFITSIO writes (section 10.4.4).
void require_hcompress_size(const ByteReader& bytes, std::uint64_t at, std::uint64_t count, std::uint64_t tile_pixels,
                            const std::string& where) {
  std::vector<std::byte> scratch;
  const Bytes start = bytes.view(at, 10, scratch);
  if (count < 10 || start.size() < 10) bad(where + "the HCOMPRESS_1 stream is too short");
  const std::uint64_t nx = big_endian(start.subspan(2, 4)), ny = big_endian(start.subspan(6, 4));
  if (nx > tile_pixels || ny > tile_pixels || nx * ny > tile_pixels) {
    bad(where + "the HCOMPRESS_1 stream is of " + std::to_string(nx) + " by " + std::to_string(ny) +
        " pixels, more than " + std::to_string(tile_pixels));
  }
}

}  // namespace

void require_sound_tiles(const ByteReader& bytes, const Hdu& hdu) {
  const std::string cards = stored_cards(bytes, hdu);
  const HeaderView header(cards);
  const TileCompression tiles = tile_compression(header, hdu.bitpix, hdu.naxes);
  if (tiles.tile_count == 0) return;
  require_claim(product(hdu.naxes), "the image", hdu);
  std::vector<std::int64_t> stored_tile = tiles.ztile;
  for (std::size_t i = 0; i < stored_tile.size(); ++i) {
    stored_tile[i] = header.integer("ZTILE" + std::to_string(i + 1)).value_or(stored_tile[i]);
  }
  require_claim(product(stored_tile), "a tile", hdu);
  const std::uint64_t tile_pixels = product(tiles.ztile);
  if (tiles.zcmptype.starts_with("RICE")) require_rice_parameters(header);

  const auto row_size = static_cast<std::uint64_t>(header.integer("NAXIS1").value_or(0));
  const auto rows = static_cast<std::uint64_t>(header.integer("NAXIS2").value_or(0));
  const Heap heap = heap_of(header, row_size * rows, hdu);  // their product was checked when the HDU was found
  const auto columns = descriptor_columns(header, row_size);
  std::vector<std::byte> scratch;
  for (std::uint64_t tile = 0; tile < static_cast<std::uint64_t>(tiles.tile_count); ++tile) {
    for (const DescriptorColumn& column : columns) {
      const std::uint64_t at = hdu.data_start + tile * row_size + column.start;
      const Bytes descriptor = bytes.view(at, static_cast<std::size_t>(2 * column.half), scratch);
      if (descriptor.size() < 2 * column.half) bad("the table of tiles is cut off");
      const std::uint64_t count = big_endian(descriptor.first(column.half));
      const std::uint64_t offset = big_endian(descriptor.subspan(column.half));
      if (count == 0) continue;
      const std::string where = "tile " + std::to_string(tile) + ", " + column.name + ": ";
      if (offset > heap.size || count > (heap.size - offset) / column.element) {
        bad(where + std::to_string(count) + " elements at byte " + std::to_string(offset) +
            " do not lie in the heap of " + std::to_string(heap.size) + " bytes (section 7.3.5)");
      }
      if (tiles.zcmptype == "HCOMPRESS_1" && column.name == "COMPRESSED_DATA") {
        require_hcompress_size(bytes, hdu.data_start + heap.start + offset, count * column.element, tile_pixels, where);
      }
    }
  }
}

}  // namespace fits
