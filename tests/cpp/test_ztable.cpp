// Compressed tables, sound ones and every one that a changed byte makes of them.
#include <zlib.h>

#include <map>
#include <string>
#include <vector>

#include "check.h"
#include "format/block.h"
#include "format/error.h"
#include "tile/table_tiles.h"
#include "tile/table_window.h"

namespace {

using Lines = std::vector<std::string>;

std::string padded(std::string text, char fill) {
  text.resize(fits::padded(text.size()), fill);
  return text;
}

std::string header(Lines lines) {
  lines.push_back("END");
  std::string text;
  for (auto& line : lines) {
    line.resize(fits::kCardSize, ' ');
    text += line;
  }
  return padded(text, ' ');
}

std::string big_endian(std::uint64_t value, int size) {
  std::string bytes;
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 255);
  return bytes;
}

std::string gzipped(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string shuffled(const std::string& bytes, std::size_t unit) {
  std::string planes;
  for (std::size_t b = 0; b < unit; ++b) {
    for (std::size_t i = b; i < bytes.size(); i += unit) planes += bytes[i];
  }
  return planes;
}

// RICE_1 of up to 32 values of 16 bits, each difference as it is: the block that does not compress (section 10.4.1).
std::string riced(const std::vector<std::int16_t>& values) {
  std::vector<bool> bits;
  const auto put = [&](unsigned value, int count) {
    for (int i = count - 1; i >= 0; --i) bits.push_back((value >> i & 1) != 0);
  };
  put(static_cast<std::uint16_t>(values[0]), 16);
  put(15, 4);
  int last = values[0];
  for (const int value : values) {
    const int difference = static_cast<std::int16_t>(value - last);
    put(static_cast<unsigned>(difference < 0 ? ~(2 * difference) : 2 * difference), 16);
    last = value;
  }
  std::string bytes((bits.size() + 7) / 8, '\0');
  for (std::size_t i = 0; i < bits.size(); ++i) {
    if (bits[i]) bytes[i / 8] = static_cast<char>(bytes[i / 8] | 128 >> i % 8);
  }
  return bytes;
}

// Seven rows in tiles of three: I by RICE_1, 2J by GZIP_2, 3A not compressed, PJ by GZIP_2 (arrays of 0 to 30
// elements).
struct Table {
  std::string rows, heap, file;
  std::size_t data_start = 0;
  Table();
};

constexpr int kRows = 7, kTile = 3, kRowSize = 2 + 8 + 3 + 8;

Table::Table() {
  std::vector<std::string> shorts, longs, texts, descriptors, arrays;
  for (int row = 0; row < kRows; ++row) {
    shorts.push_back(big_endian(static_cast<std::uint64_t>(1000 * row - 2000), 2));
    longs.push_back(big_endian(static_cast<std::uint64_t>(row), 4) + big_endian(static_cast<std::uint64_t>(-row), 4));
    texts.push_back("t" + std::to_string(row) + " ");
    descriptors.push_back(big_endian(static_cast<std::uint64_t>(5 * row), 4) + big_endian(heap.size(), 4));
    arrays.emplace_back();
    for (int i = 0; i < 5 * row; ++i) arrays.back() += big_endian(static_cast<std::uint64_t>(i), 4);
    heap += arrays.back();
    rows += shorts.back() + longs.back() + texts.back() + descriptors.back();
  }
  std::string cells, stored;
  const auto store = [&](const std::string& stream) {
    stored += stream;
    return big_endian(stream.size(), 8) + big_endian(stored.size() - stream.size(), 8);
  };
  for (int first = 0; first < kRows; first += kTile) {
    std::vector<std::int16_t> values;
    std::string long_bytes, text_bytes, originals, places;
    for (int row = first; row < std::min(first + kTile, kRows); ++row) {
      values.push_back(static_cast<std::int16_t>(1000 * row - 2000));
      long_bytes += longs[static_cast<std::size_t>(row)];
      text_bytes += texts[static_cast<std::size_t>(row)];
      originals += descriptors[static_cast<std::size_t>(row)];
      const std::string& array = arrays[static_cast<std::size_t>(row)];
      const std::string stream = gzipped(shuffled(array, 4));
      places += array.empty() ? std::string(16, '\0') : store(stream.size() < array.size() ? stream : array);
    }
    cells += store(riced(values)) + store(gzipped(shuffled(long_bytes, 4))) + store(text_bytes) +
             store(gzipped(originals + places));
  }
  file = header({"SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 0"}) + header({"XTENSION= 'BINTABLE'",
                                                                         "BITPIX  = 8",
                                                                         "NAXIS   = 2",
                                                                         "NAXIS1  = 64",
                                                                         "NAXIS2  = 3",
                                                                         "PCOUNT  = " + std::to_string(stored.size()),
                                                                         "GCOUNT  = 1",
                                                                         "TFIELDS = 4",
                                                                         "TFORM1  = '1QB'",
                                                                         "TFORM2  = '1QB'",
                                                                         "TFORM3  = '1QB'",
                                                                         "TFORM4  = '1QB'",
                                                                         "ZTABLE  = T",
                                                                         "ZTILELEN= 3",
                                                                         "ZNAXIS1 = 21",
                                                                         "ZNAXIS2 = 7",
                                                                         "ZPCOUNT = " + std::to_string(heap.size()),
                                                                         "ZFORM1  = 'I'",
                                                                         "ZFORM2  = '2J'",
                                                                         "ZFORM3  = '3A'",
                                                                         "ZFORM4  = 'PJ(30)'",
                                                                         "ZCTYP1  = 'RICE_1'",
                                                                         "ZCTYP2  = 'GZIP_2'",
                                                                         "ZCTYP3  = 'NOCOMPRESS'",
                                                                         "ZCTYP4  = 'GZIP_2'"});
  data_start = file.size();
  file += cells + stored;
}

// Rows [start, start + count), all where count < 0, and the heap; buffers are of just their size, so that
// AddressSanitizer sees a byte too far.
struct Read {
  std::vector<std::byte> rows, heap;
};

std::string text(const std::vector<std::byte>& bytes) { return std::string(fits::as_text(bytes)); }

Read read(const std::string& file, std::int64_t start = 0, std::int64_t count = -1) {
  const std::vector<char> exact(file.begin(), file.end());
  const fits::MemoryBytes bytes(std::as_bytes(std::span(exact)));
  fits::HduList hdus(bytes);
  const fits::Hdu& hdu = hdus.at(1);
  if (hdu.kind != fits::HduKind::compressed_table) throw fits::FileError(fits::Status::bad_header, "no such table");
  if (hdu.data_size > bytes.size() - std::min(hdu.data_start, bytes.size())) {
    throw fits::FileError(fits::Status::truncated, "cut off");  // what compressed_table() asks its callers to see to
  }
  const fits::CompressedTable table = fits::compressed_table(bytes, hdu);
  if (count < 0) count = table.rows;
  Read read;
  if (count > 0 && table.row_size > 0) {
    const std::int64_t first = start / table.tile_rows, last = (start + count - 1) / table.tile_rows;
    const fits::TableTiles tiles(bytes, hdu, table, first, last + 1 - first);
    read.rows.resize(static_cast<std::size_t>(count * table.row_size));
    for (std::int64_t job = 0; job < tiles.jobs(); ++job) tiles.read_rows(job, start, count, read.rows.data());
  }
  const fits::TableTiles tiles(bytes, hdu, table, 0, table.tiles());
  read.heap.resize(static_cast<std::size_t>(table.heap_size));
  for (std::int64_t job = 0; job < tiles.jobs(); ++job) tiles.read_arrays(job, read.heap.data());
  return read;
}

}  // namespace

TEST(rows_and_heap) {
  const Table table;
  const Read all = read(table.file);
  CHECK(text(all.rows) == table.rows);
  CHECK(text(all.heap) == table.heap);
  for (int start = 0; start < kRows; ++start) {
    for (int count = 1; count <= kRows - start; ++count) {
      const auto part =
          table.rows.substr(static_cast<std::size_t>(start * kRowSize), static_cast<std::size_t>(count * kRowSize));
      CHECK(text(read(table.file, start, count).rows) == part);
    }
  }
}

TEST(cut_at_every_byte_of_the_data) {
  const Table table;
  for (std::size_t size = table.data_start; size < table.file.size(); ++size) {
    CHECK_THROWS(fits::FileError, "cut off", read(table.file.substr(0, size)));
  }
}

// The streams of GZIP have check sums; those of RICE_1 and NOCOMPRESS have none, and an array that is not compressed
// neither: their bytes may be others then, and nothing else.
TEST(every_byte_of_the_data_changed) {
  const Table table;
  int refused = 0;
  for (std::size_t place = table.data_start; place < table.file.size(); ++place) {
    for (const int change : {1, 2, 64, 128, 255}) {
      std::string file = table.file;
      file[place] = static_cast<char>(file[place] ^ change);
      try {
        const Read found = read(file);
        CHECK_EQUAL(found.rows.size(), table.rows.size());
        CHECK_EQUAL(found.heap.size(), table.heap.size());
        for (std::size_t i = 0; i < found.rows.size(); ++i) {
          const std::size_t column = i % kRowSize;
          const bool checked = (column >= 2 && column < 10) || column >= 13;
          if (checked && static_cast<char>(found.rows[i]) != table.rows[i])
            check::report(__FILE__, __LINE__, "wrong row");
        }
      } catch (const fits::FileError&) {
        ++refused;
      }
    }
  }
  CHECK(refused > 1000);
}

TEST(every_byte_of_the_header_changed) {
  const Table table;
  for (std::size_t place = fits::kBlockSize; place < table.data_start; ++place) {
    if (table.file[place] == ' ' && place % 7 != 0) continue;
    for (const char c : {'0', '1', '9', '-', ' ', 'P', 'K', 'X', 'E'}) {
      std::string file = table.file;
      file[place] = c;
      try {
        (void)read(file);
      } catch (const fits::FileError&) {
      } catch (const fits::NoSuchHdu&) {
      }
    }
  }
}

TEST(numbers_that_lie) {
  const Table table;
  const auto lie = [&](const std::string& card) {
    std::string file = table.file;
    std::string line = card;
    line.resize(fits::kCardSize, ' ');
    return file.replace(file.find(card.substr(0, 9)), fits::kCardSize, line);
  };
  struct Case {
    std::string card, message;
  };
  const Case cases[] = {
      {"ZNAXIS1 = 4611686018427387904", "make more than 2^62 bytes"},
      {"ZNAXIS2 = 4611686018427387904", "make more than 2^62 bytes"},
      {"ZNAXIS2 = 99999999999", "the rows would have"},
      {"ZNAXIS2 = 1000000", "one row for each tile"},
      {"ZPCOUNT = 99999999999", "the heap would have"},
      {"ZPCOUNT = 9223372036854775807", "make more than 2^62 bytes"},
      {"ZTILELEN= 2", "NAXIS2 = 3: must be 4"},
      {"ZTILELEN= 9223372036854775807", "tile 0, column"},
      {"ZFORM2  = '999999999J'", "bytes wide, ZNAXIS1 = 21"},
      {"ZFORM2  = '9999999999J'", "must be a format of a column"},
      {"ZFORM4  = '2PJ(30)'", "a row has one descriptor of an array"},
      {"TFORM2  = '1QB'", ""},
      {"TFORM4  = '9QB'", "must be 1PB or 1QB"},
      {"NAXIS1  = 63", "bytes wide, NAXIS1 = 63"},
  };
  for (const Case& c : cases) {
    if (c.message.empty()) {
      CHECK(text(read(lie(c.card)).rows) == table.rows);
    } else {
      CHECK_THROWS(fits::FileError, c.message, read(lie(c.card)));
    }
  }
}

TEST(formats_of_columns) {
  const auto tform = [](std::string_view text) { return fits::parse_tform(text).value(); };
  CHECK_EQUAL(tform("11X").width(), 2);
  CHECK_EQUAL(tform("0J").width(), 0);
  CHECK_EQUAL(tform("m").width(), 16);
  CHECK_EQUAL(tform("20A10").width(), 20);
  CHECK_EQUAL(tform("1PE(5)").element, 'E');
  CHECK_EQUAL(tform("QZ").element, '\0');
  CHECK_EQUAL(tform(" 2J").width(), 8);
  CHECK_EQUAL(tform("A7").width(), 7);
  for (const std::string_view text :
       {"", "12", "Z", "-1J", "1000000000J", "99999999999999999999J", " ", "A1000000000"}) {
    CHECK(!fits::parse_tform(text));
  }
}

namespace {

// A file in memory that counts how often the bytes at each place are asked for.
class CountingBytes final : public fits::ByteReader {
 public:
  explicit CountingBytes(const std::string& file) : memory_(std::as_bytes(std::span(file))) {}
  std::uint64_t size() const noexcept override { return memory_.size(); }
  fits::Bytes view(std::uint64_t offset, std::size_t count, std::vector<std::byte>& scratch) const override {
    ++views[offset];
    return memory_.view(offset, count, scratch);
  }
  mutable std::map<std::uint64_t, int> views;

 private:
  fits::MemoryBytes memory_;
};

}  // namespace

TEST(a_window_that_moves_on_decodes_each_tile_once) {
  const Table made;
  for (std::size_t column = 0; column < 3; ++column) {
    const CountingBytes bytes(made.file);
    fits::HduList hdus(bytes);
    const fits::Hdu& hdu = hdus.at(1);
    const fits::CompressedTable table = fits::compressed_table(bytes, hdu);
    fits::TableWindow window(bytes, hdu, table, column);
    const auto start = static_cast<std::size_t>(table.columns[column].start);
    const auto width = static_cast<std::size_t>(table.columns[column].width);
    bytes.views.clear();
    // As a filter that compares each row with the one before it goes: blocks that end with tiles, and a row earlier.
    for (const auto& [first, count] : {std::pair{0, 2}, {1, 2}, {2, 1}, {2, 3}, {4, 2}, {5, 2}, {6, 1}, {2, 5}}) {
      const std::byte* const cells = window.cells(first, count);
      for (int row = first; row < first + count; ++row) {
        const std::string_view cell(made.rows.data() + static_cast<std::size_t>(row * kRowSize) + start, width);
        const std::byte* const found = cells + static_cast<std::size_t>(row - first) * width;
        CHECK(fits::as_text(fits::Bytes(found, width)) == cell);
      }
      if (first == 6) {
        for (const auto& stream : fits::table_streams(bytes, hdu, table, 0, table.tiles())) {
          const auto place = hdu.data_start + static_cast<std::uint64_t>(stream.offset);
          CHECK(!bytes.views.contains(place) || bytes.views[place] == 1);
        }
      }
    }
    int streams = 0;
    for (const auto& [place, times] : bytes.views) streams += place >= made.data_start + 3 * 64 ? times : 0;
    CHECK_EQUAL(streams, 3 + 1);  // going back decodes the one that was left behind
  }
}
