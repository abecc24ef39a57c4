#include "format/tile_table.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>
#include <limits>

#include "format/cast.h"
#include "format/error.h"
#include "format/heap.h"
#include "format/tform.h"

namespace fits {
namespace {

// Rows looked at together: few enough that positioned reads stay in cache.
constexpr std::uint64_t kPieceBytes = std::uint64_t{1} << 16;

[[noreturn]] void bad(const std::string& what) { throw FileError(Status::bad_compressed_data, what); }

template <class Bits>
Bits big_endian(const std::byte* bytes) noexcept {
  return load<Bits, std::endian::native == std::endian::little>(bytes);
}

std::uint64_t big_endian(const std::byte* bytes, std::uint64_t size) noexcept {
  return size == 4 ? big_endian<std::uint32_t>(bytes) : big_endian<std::uint64_t>(bytes);
}

char upper(char c) noexcept { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); }

std::string_view column_name(TileColumn column) noexcept {
  switch (column) {
    case TileColumn::compressed: return "COMPRESSED_DATA";
    case TileColumn::uncompressed: return "UNCOMPRESSED_DATA";
    case TileColumn::gzip: return "GZIP_COMPRESSED_DATA";
  }
  return "";
}

std::optional<TileColumn> tile_column(const std::string& name) noexcept {
  for (const auto column : {TileColumn::compressed, TileColumn::uncompressed, TileColumn::gzip}) {
    if (name == column_name(column)) return column;
  }
  return std::nullopt;
}

double number_at(char letter, const std::byte* bytes) noexcept {
  switch (letter) {
    case 'B': return std::to_integer<unsigned>(*bytes);
    case 'I': return static_cast<std::int16_t>(big_endian<std::uint16_t>(bytes));
    case 'J': return static_cast<std::int32_t>(big_endian<std::uint32_t>(bytes));
    case 'K': return static_cast<double>(static_cast<std::int64_t>(big_endian<std::uint64_t>(bytes)));
    case 'E': return bit_cast<float>(big_endian<std::uint32_t>(bytes));
    default: return bit_cast<double>(big_endian<std::uint64_t>(bytes));
  }
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

}  // namespace

TileTable::TileTable(const ByteReader& bytes, const Hdu& hdu) {
  const std::string cards = stored_cards(bytes, hdu);
  const HeaderView header(cards);
  compression_ = tile_compression(header, hdu.bitpix, hdu.naxes);
  // Some writers let BLANK stand for the ZBLANK of quantised floats; CFITSIO and astropy take it so.
  if (hdu.bitpix < 0 && !compression_.zblank) compression_.zblank = header.integer("BLANK");
  if (compression_.tile_count == 0) return;
  require_claim(product(hdu.naxes), "the image", hdu);
  data_start_ = hdu.data_start;
  row_size_ = static_cast<std::uint64_t>(header.integer("NAXIS1").value_or(0));
  rows_ = static_cast<std::uint64_t>(header.integer("NAXIS2").value_or(0));
  find_columns(header);
  find_heap(header, hdu);
}

void TileTable::find_columns(HeaderView header) {
  const auto tfields = header.integer("TFIELDS").value_or(0);
  std::uint64_t start = 0;
  for (std::int64_t n = 1; n <= tfields && n <= 999; ++n) {
    const std::string number = std::to_string(n);
    const auto tform = header.string("TFORM" + number);
    if (!tform) bad("keyword TFORM" + number + " is missing: TFIELDS is " + std::to_string(tfields));
    const auto format = parse_tform(*tform);
    if (!format) bad("TFORM" + number + " = " + *tform + ": must be a format of a column (section 7.3.1)");
    std::string name = header.string("TTYPE" + number).value_or("");
    std::ranges::transform(name, name.begin(), upper);

    const bool descriptors = format->variable() && format->repeat == 1;
    const auto column = tile_column(name);
    const auto met = [&](const Descriptors& other) { return other.column == *column; };
    if (column && descriptors && std::ranges::none_of(descriptors_, met)) {
      const auto element = static_cast<std::uint64_t>(Tform::element_size(format->element));
      if (element == 0) bad("TFORM" + number + " = " + *tform + ": must name the type in the heap (section 7.3.5)");
      descriptors_.push_back({*column, start, format->letter == 'P' ? 4U : 8U, element});
    }
    Numbers* const numbers = name == "ZSCALE"   ? &zscale_
                             : name == "ZZERO"  ? &zzero_
                             : name == "ZBLANK" ? &zblank_
                                                : nullptr;
    if (numbers != nullptr && numbers->letter == 0 && format->repeat > 0) {
      if (std::string_view("BIJKED").find(format->letter) == std::string_view::npos) {
        bad("TFORM" + number + " = " + *tform + ": must be the format of a number, as " + name +
            " is one (section 10.1.3)");
      }
      *numbers = {format->letter, start};
    }
    start += static_cast<std::uint64_t>(format->width());
  }
  if (start > row_size_)
    bad("the columns are " + std::to_string(start) + " bytes wide, NAXIS1 = " + std::to_string(row_size_));
  if (descriptors_.empty()) bad("the table has no column COMPRESSED_DATA of descriptors (section 10.1.3)");
  // Where a row has more than one, COMPRESSED_DATA counts, then as in CFITSIO UNCOMPRESSED_DATA.
  std::ranges::sort(descriptors_, {}, &Descriptors::column);
}

void TileTable::find_heap(HeaderView header, const Hdu& hdu) {
  const std::uint64_t rows_size = row_size_ * rows_;  // their product was checked when the HDU was found
  const auto start = static_cast<std::uint64_t>(
      heap_start(header, "THEAP", static_cast<std::int64_t>(rows_size), static_cast<std::int64_t>(hdu.data_size)));
  heap_start_ = hdu.data_start + start;
  heap_size_ = hdu.data_size - start;
}

void TileTable::read(const ByteReader& bytes, std::int64_t first, std::span<TileRow> rows) const {
  std::vector<std::byte> scratch;
  const std::size_t most = std::max<std::uint64_t>(kPieceBytes / std::max<std::uint64_t>(row_size_, 1), 1);
  for (std::size_t done = 0; done < rows.size();) {
    const std::size_t count = std::min(rows.size() - done, most);
    const auto start = static_cast<std::uint64_t>(first) + done;
    const Bytes piece = bytes.view(data_start_ + start * row_size_, count * row_size_, scratch);
    if (piece.size() < count * row_size_) throw FileError(Status::truncated, "the table of tiles is cut off");
    for (std::size_t i = 0; i < count; ++i) {
      rows[done + i] = row_at(piece.subspan(i * row_size_, row_size_), static_cast<std::int64_t>(start + i));
    }
    done += count;
  }
}

// The bytes that one column has for this tile; false where it has none.
bool TileTable::take_bytes(TileRow& tile_row, const Descriptors& descriptors, Bytes row, std::int64_t tile) const {
  const std::byte* const at = row.data() + descriptors.start;
  const std::uint64_t count = big_endian(at, descriptors.half);
  if (count == 0) return false;
  const std::uint64_t offset = big_endian(at + descriptors.half, descriptors.half);
  if (offset > heap_size_ || count > (heap_size_ - offset) / descriptors.element) {
    bad("tile " + std::to_string(tile) + ", " + std::string(column_name(descriptors.column)) + ": " +
        std::to_string(count) + " elements at byte " + std::to_string(offset) + " do not lie in the heap of " +
        std::to_string(heap_size_) + " bytes (section 7.3.5)");
  }
  tile_row.start = heap_start_ + offset;
  tile_row.size = count * descriptors.element;
  tile_row.column = descriptors.column;
  return true;
}

TileRow TileTable::row_at(Bytes row, std::int64_t tile) const {
  TileRow found;
  const auto has_bytes = [&](const Descriptors& descriptors) { return take_bytes(found, descriptors, row, tile); };
  if (std::ranges::none_of(descriptors_, has_bytes)) {
    bad("tile " + std::to_string(tile) + " is empty: it has no bytes in any column (section 10.1.3)");
  }
  const auto number = [&](const Numbers& column, const auto& keyword) {
    if (column.letter != 0) return number_at(column.letter, row.data() + column.start);
    return keyword ? static_cast<double>(*keyword) : std::numeric_limits<double>::quiet_NaN();
  };
  found.zblank = number(zblank_, compression_.zblank);
  // What could not be compressed as ZCMPTYPE says was not quantised either.
  if (compression_.zquantiz == Quantization::none || found.column != TileColumn::compressed) return found;
  found.zscale = number(zscale_, compression_.zscale);
  found.zzero = number(zzero_, compression_.zzero);
  // A ZSCALE that is NaN (astropy writes it for infinities) makes all its tile's pixels NaN, but for exact zeros; as a
  // NaN of ZZERO it is not taken for one that is missing.
  const bool scaled = zscale_.letter != 0 || compression_.zscale;
  if (scaled && std::isnan(found.zscale)) {
    found.zscale = 1;
    found.zzero = std::numeric_limits<double>::quiet_NaN();
  }
  return found;
}

}  // namespace fits
