// Tables: headers as columns, cells to values, arrays in the heap, and headers that lie.
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "check.h"
#include "format/arrays.h"
#include "format/block.h"
#include "format/cells.h"
#include "format/error.h"
#include "format/table.h"

namespace {

using Lines = std::vector<std::string>;
using fits::ElementKind;
using fits::FileError;
using fits::Pixel;

std::string cards(const Lines& lines) {
  std::string text;
  for (auto line : lines) {
    line.resize(fits::kCardSize, ' ');
    text += line;
  }
  return text;
}

fits::Hdu hdu_of(std::int64_t row_size, std::int64_t rows, fits::HduKind kind = fits::HduKind::binary_table) {
  fits::Hdu hdu;
  hdu.kind = kind;
  hdu.naxes = {row_size, rows};
  hdu.data_size = static_cast<std::uint64_t>(row_size * rows);
  return hdu;
}

fits::Table table_of(const Lines& lines, std::int64_t row_size, fits::HduKind kind = fits::HduKind::binary_table) {
  const std::string text = cards(lines);
  return fits::Table(fits::HeaderView(text), hdu_of(row_size, 3, kind));
}

fits::Column column_of(const std::string& tform, const Lines& more = {}) {
  Lines lines = {"TFIELDS = 1", "TFORM1  = '" + tform + "'"};
  lines.insert(lines.end(), more.begin(), more.end());
  return table_of(lines, fits::parse_tform(tform)->width()).columns[0];
}

fits::Column field_of(const std::string& tform, const Lines& more = {}) {
  Lines lines = {"TFIELDS = 1", "TFORM1  = '" + tform + "'", "TBCOL1  = 1"};
  lines.insert(lines.end(), more.begin(), more.end());
  const auto width = fits::parse_ascii_tform(tform)->width;
  return table_of(lines, width, fits::HduKind::ascii_table).columns[0];
}

std::string hex(const std::string& digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

// What a reader makes of cells that lie `stride` bytes apart, of exactly as many bytes as it may look at.
template <class T>
std::vector<T> read(const fits::CellReader& reader, const std::string& bytes, std::int64_t stride, std::int64_t rows) {
  const std::vector<char> exact(bytes.begin(), bytes.end());
  std::vector<T> out(static_cast<std::size_t>(reader.row_size() * rows) / sizeof(T));
  const auto done = reader.read(reinterpret_cast<const std::byte*>(exact.data()), stride, rows,
                                reinterpret_cast<std::byte*>(out.data()));
  CHECK_EQUAL(done, rows);
  return out;
}

// One field of an ASCII table as a double; NaN of another sign where it is no number.
double field(const std::string& tform, const std::string& text, const Lines& more = {}) {
  const auto column = field_of(tform, more);
  const auto reader = fits::value_reader(column);
  double value = 0;
  CHECK_EQUAL(reader->row_size(), 8);
  const auto done = reader->read(reinterpret_cast<const std::byte*>(text.data()), column.width, 1,
                                 reinterpret_cast<std::byte*>(&value));
  return done == 1 ? value : -987654321;
}

TEST(formats) {
  const auto seven = fits::parse_tform("A7");
  CHECK(seven && seven->letter == 'A' && seven->repeat == 7);
  const auto sub = fits::parse_tform("60A12");
  CHECK(sub && sub->repeat == 60);
  const auto blank = fits::parse_tform(" 3j ");
  CHECK(blank && blank->letter == 'J' && blank->repeat == 3);
  for (const char* bad : {"", " ", "J3x9Z?", "1Z", "-1J", "9999999999J", "A9999999999"}) {
    if (std::string_view(bad) == "J3x9Z?") continue;  // what follows the letter is for others
    CHECK(!fits::parse_tform(bad));
  }
  const auto real = fits::parse_ascii_tform("f12.5");
  CHECK(real && real->letter == 'F' && real->width == 12 && real->decimals == 5);
  for (const char* bad : {"", "F", "I", "I0", "X5", "F5.", "F5.2x", "I-3", "A99999999999"}) {
    CHECK(!fits::parse_ascii_tform(bad));
  }
}

TEST(columns_of_a_binary_table) {
  const auto table = table_of({"TFIELDS = 4", "TTYPE1  = 'RA'", "TFORM1  = 'D'", "TFORM2  = '6E'", "TDIM2   = '(2,3)'",
                               "tform3  = '3A'", "TFORM4  = '11X'", "TTYPE4  = 'flags'", "TFORM1  = '7D'"},
                              37);
  CHECK_EQUAL(table.columns.size(), 4U);
  CHECK_EQUAL(table.columns[0].tform.repeat, 1);  // the first of duplicates counts
  CHECK_EQUAL(table.column("ra").start, 0);
  CHECK_EQUAL(table.column("#2").start, 8);
  CHECK((table.column("#2").shape() == std::vector<std::int64_t>{3, 2}));
  CHECK_EQUAL(table.column("#3").start, 32);
  CHECK_EQUAL(table.column("FLAGS").width, 2);
  CHECK_EQUAL(table.column("FLAGS").title(), "column 4 (flags)");
  CHECK_THROWS(fits::NoSuchCell, "there is no column 'x': the table has RA, #2, #3, flags", table.column("x"));
}

TEST(axes_of_cells_that_cannot_be) {
  const auto table = table_of({"TFIELDS = 3", "TFORM1  = '6E'", "TDIM1   = '(2,4)'", "TFORM2  = '3A'", "TDIM2   = '3'",
                               "TFORM3  = '1PE(9)'", "TDIM3   = '(3,3)'"},
                              35);
  CHECK_THROWS(FileError, "TDIM1 = '(2,4)': a cell of TFORM1 has only 6 elements", table.columns[0].check_shape());
  CHECK_THROWS(FileError, "TDIM2 = '3': must be axes, such as (3,4)", table.columns[1].check_values());
  table.columns[2].check_values();  // is left to who reads the arrays
}

TEST(headers_that_lie) {
  CHECK_THROWS(FileError, "keyword TFIELDS is missing", table_of({"TFORM1  = 'J'"}, 4));
  CHECK_THROWS(FileError, "TFIELDS = 1000", table_of({"TFIELDS = 1000"}, 4));
  CHECK_THROWS(FileError, "keyword TFORM2 is missing", table_of({"TFIELDS = 2", "TFORM1  = 'J'"}, 4));
  CHECK_THROWS(FileError, "TFORM1 = 1Z", table_of({"TFIELDS = 1", "TFORM1  = '1Z'"}, 4));
  CHECK_THROWS(FileError, "the columns TFORMn are 8 bytes wide, NAXIS1 = 4",
               table_of({"TFIELDS = 1", "TFORM1  = '2J'"}, 4));
  const auto ascii = fits::HduKind::ascii_table;
  CHECK_THROWS(FileError, "keyword TBCOL1 is missing", table_of({"TFIELDS = 1", "TFORM1  = 'I4'"}, 4, ascii));
  CHECK_THROWS(FileError, "TBCOL1 = 2: 4 characters",
               table_of({"TFIELDS = 1", "TFORM1  = 'I4'", "TBCOL1  = 2"}, 4, ascii));
  CHECK_THROWS(FileError, "TBCOL1 = 0", table_of({"TFIELDS = 1", "TFORM1  = 'I4'", "TBCOL1  = 0"}, 4, ascii));
  CHECK_THROWS(FileError, "TFORM1 = 4I: must be Aw",
               table_of({"TFIELDS = 1", "TFORM1  = '4I'", "TBCOL1  = 1"}, 4, ascii));
  fits::Hdu hdu = hdu_of(4, 3);
  hdu.data_size = 11;
  CHECK_THROWS(FileError, "a table must have BITPIX = 8", fits::TableRows{hdu});
  hdu.naxes = {std::int64_t{1} << 40, std::int64_t{1} << 40};
  CHECK_THROWS(FileError, "a table must have BITPIX = 8", fits::TableRows{hdu});
}

TEST(numbers) {
  const auto shorts = fits::value_reader(column_of("I"));
  CHECK((read<std::int16_t>(*shorts,
                            hex("0001"
                                "ff"
                                "fffe"
                                "ff"
                                "8000"),
                            3, 3) == std::vector<std::int16_t>{1, -2, -32768}));
  const auto pairs = fits::value_reader(column_of("2J"));
  CHECK((read<std::int32_t>(*pairs,
                            hex("00000001"
                                "00000002"
                                "ff"
                                "80000000"
                                "7fffffff"),
                            9, 2) == std::vector<std::int32_t>{1, 2, INT32_MIN, INT32_MAX}));
  const auto unsigned_shorts = fits::value_reader(column_of("I", {"TZERO1  = 32768"}));
  CHECK((read<std::uint16_t>(*unsigned_shorts,
                             hex("8000"
                                 "00"
                                 "7fff"),
                             3, 2) == std::vector<std::uint16_t>{0, 65535}));
  const auto signed_bytes = fits::value_reader(column_of("B", {"TZERO1  = -128"}));
  CHECK((read<std::int8_t>(*signed_bytes,
                           hex("00"
                               "ff"
                               "80"),
                           1, 3) == std::vector<std::int8_t>{-128, 127, 0}));
  const auto scaled = fits::value_reader(column_of("B", {"TSCAL1  = 0.5", "TZERO1  = 1"}));
  CHECK((read<double>(*scaled,
                      hex("00"
                          "ee"
                          "03"),
                      2, 2) == std::vector<double>{1, 2.5}));
  const auto complex = fits::value_reader(column_of("C", {"TSCAL1  = 2.0", "TZERO1  = 1"}));
  CHECK((read<double>(*complex,
                      hex("3f800000"
                          "40000000"),
                      8, 1) == std::vector<double>{3, 4}));
}

TEST(bits_logicals_and_strings) {
  const auto bits = fits::value_reader(column_of("11X"));
  CHECK((read<char>(*bits,
                    hex("a5"
                        "60"),
                    2, 1) == std::vector<char>{1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1}));
  const auto logicals = fits::value_reader(column_of("3L"));
  CHECK((read<char>(*logicals,
                    std::string("TF\0"
                                "?"
                                "tTx",
                                7),
                    4, 2) == std::vector<char>{1, 0, 0, 0, 1, 0}));
  const auto undefined = fits::null_reader(column_of("3L"));
  CHECK((read<char>(*undefined, std::string("TF\0", 3), 3, 1) == std::vector<char>{0, 0, 1}));
  for (std::int64_t width = 1; width < 140; ++width) {  // every kind of move, of exactly as many bytes as there are
    const auto column = column_of(std::to_string(width) + "A");
    std::string rows, expected;
    for (char row = 'a'; row < 'f'; ++row) {
      const std::string cell(static_cast<std::size_t>(width), row);
      rows += cell + (row < 'e' ? "--" : "");
      expected += cell;
    }
    const auto found = read<char>(*fits::value_reader(column), rows, width + 2, 5);
    CHECK((std::string(found.begin(), found.end()) == expected));
  }
}

TEST(nulls) {
  const auto longs = fits::null_reader(column_of("J", {"TNULL1  = -1"}));
  CHECK((read<char>(*longs,
                    hex("00000001"
                        "ffffffff"),
                    4, 2) == std::vector<char>{0, 1}));
  const auto never = fits::null_reader(column_of("I", {"TNULL1  = 100000"}));
  CHECK((read<char>(*never,
                    hex("0001"
                        "86a0"),
                    2, 2) == std::vector<char>{0, 0}));
  CHECK_THROWS(FileError, "TNULL1 = x: must be an integer", fits::null_reader(column_of("J", {"TNULL1  = 'x'"})));
  const auto floats = fits::null_reader(column_of("2E"));
  CHECK((read<char>(*floats,
                    hex("7f800000"
                        "ffc00000"),
                    8, 1) == std::vector<char>{0, 1}));
  const auto strings = fits::null_reader(column_of("4A", {"TDIM1   = '(2,2)'"}));
  CHECK((read<char>(*strings, std::string("a  \0", 4), 4, 1) == std::vector<char>{0, 1}));
}

TEST(fields_of_ascii_tables) {
  CHECK_EQUAL(field("F8.3", "  12.500"), 12.5);
  CHECK_EQUAL(field("F8.3", "   12500"), 12.5);  // a decimal point before the last three digits
  CHECK_EQUAL(field("E10.3", " -1.5D+03 "), -1500.0);
  CHECK_EQUAL(field("E10.0", " 1.5+03   "), 1500.0);  // FORTRAN's exponent without a letter
  CHECK_EQUAL(field("D24.17", " 1.79769313486231571D308"), std::numeric_limits<double>::max());
  CHECK_EQUAL(field("D25.17", "  4.9406564584124654E-324"), 5e-324);
  CHECK_EQUAL(field("F30.0", "  9007199254740993            "), 9007199254740992.0);
  CHECK_EQUAL(field("F30.0", "  9007199254740993.00000000001"), 9007199254740994.0);
  CHECK_EQUAL(field("F24.0", "123456789012345678901234"), 123456789012345678901234.0);
  CHECK_EQUAL(field("E9.0", "1.0E99999"), std::numeric_limits<double>::infinity());
  CHECK_EQUAL(field("E9.0", "-1E-99999"), 0.0);
  CHECK_EQUAL(field("F8.3", "        "), 0.0);
  CHECK_EQUAL(field("F8.3", " 1 2.5  "), 12.5);
  CHECK(std::isnan(field("F8.3", "     nan")));
  CHECK(std::isnan(field("F8.3", "    ****", {"TNULL1  = '****'"})));
  CHECK(std::isnan(field("F8.3", "        ", {"TNULL1  = '  '"})));
  CHECK_EQUAL(field("I12", "           7", {"TSCAL1  = 0.5"}), 3.5);
  for (const char* none : {"    1.2x", "      --", "  1.2.3 ", "     1E ", "       .", "    0x10", "    ****"}) {
    CHECK_EQUAL(field("F8.3", none), -987654321);
  }
  const auto integers = fits::value_reader(field_of("I12"));
  CHECK((read<std::int64_t>(*integers, "         -12         +12            ", 12, 3) ==
         std::vector<std::int64_t>{-12, 12, 0}));
  CHECK_EQUAL(fits::value_reader(field_of("I4"))->row_size(), 2);
  CHECK_EQUAL(fits::value_reader(field_of("I9"))->row_size(), 4);
  std::int64_t value = 0;
  CHECK_EQUAL(fits::value_reader(field_of("I20"))
                  ->read(reinterpret_cast<const std::byte*>("99999999999999999999"), 20, 1,
                         reinterpret_cast<std::byte*>(&value)),
              0);
  const auto nulls = fits::null_reader(field_of("A3", {"TNULL1  = 'N/A'"}));
  CHECK((read<char>(*nulls, "N/Aabc   ", 3, 3) == std::vector<char>{1, 0, 1}));
}

TEST(reals_as_strtod_reads_them) {
  std::uint64_t state = 12345;
  const auto random = [&] { return state = state * 6364136223846793005U + 1442695040888963407U; };
  for (int i = 0; i < 20000; ++i) {
    char text[64];
    const int digits = static_cast<int>(random() >> 33) % 20 + 1;
    const double scale = std::pow(10.0, static_cast<double>(static_cast<int>(random() >> 33) % 60 - 30));
    const double number = static_cast<double>(static_cast<std::int64_t>(random())) * scale;
    const int size = std::snprintf(text, sizeof(text), i % 2 == 0 ? "%40.*E" : "%40.*G", digits, number);
    CHECK_EQUAL(size, 40);
    CHECK_EQUAL(field("E40.0", text, {}), std::strtod(text, nullptr));
  }
}

TEST(arrays) {
  const auto column = column_of("PJ");
  const fits::HeapArrays arrays(column, 40);
  const auto count = [&](const std::string& cell) {
    return arrays.count(reinterpret_cast<const std::byte*>(cell.data()), 7);
  };
  CHECK_EQUAL(count(hex("0000000a"
                        "00000000")),
              10);
  CHECK_EQUAL(count(hex("00000001"
                        "00000024")),
              1);
  CHECK_EQUAL(count(hex("00000000"
                        "ffffffff")),
              0);
  CHECK_THROWS(FileError, "row 7, column 1: an array of 1 elements at byte 37",
               (void)count(hex("00000001"
                               "00000025")));
  CHECK_THROWS(FileError, "does not lie in the heap",
               (void)count(hex("ffffffff"
                               "00000000")));
  CHECK_THROWS(FileError, "does not lie in the heap",
               (void)count(hex("00000001"
                               "ffffffff")));
  const auto bits = column_of("QX");
  const fits::HeapArrays many(bits, 2);
  const std::string stored = hex("a560");
  std::vector<char> values(11);
  many.read(reinterpret_cast<const std::byte*>(stored.data()), 11, reinterpret_cast<std::byte*>(values.data()));
  CHECK((values == std::vector<char>{1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1}));
  CHECK_THROWS(FileError, "must be followed by the letter", fits::HeapArrays(column_of("PQ"), 4));
  CHECK_THROWS(FileError, "not 2", fits::HeapArrays(column_of("2PJ"), 4));
}

}  // namespace
