// What the CUDA kernel of cuda/decode_columns.cu does, run on the host by one thread that plays all: the CPU's bits for
// every kind of column, widths, scalings, and rows at any address. Launches and barriers alone are left to tests/ops.
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../../cuda/decode_columns.cuh"
#include "check.h"
#include "format/cells.h"

using namespace fits;

namespace {

struct Scaled {
  std::string tform;
  double tscal = 1, tzero = 0;
};

std::vector<Column> columns_of(const std::vector<Scaled>& formats) {
  std::vector<Column> columns;
  std::int64_t start = 0;
  for (const auto& [tform, tscal, tzero] : formats) {
    Column& column = columns.emplace_back();
    column.tform = *parse_tform(tform);
    column.start = start;
    column.width = column.tform.width();
    column.tscal = tscal, column.tzero = tzero;
    start += column.width;
  }
  return columns;
}

std::int64_t row_width(const std::vector<Column>& columns) {
  return columns.empty() ? 0 : columns.back().start + columns.back().width;
}

// Bytes at any distance from a multiple of 16, in memory of exactly their size: AddressSanitizer sees reads outside.
class Rows {
 public:
  Rows(std::int64_t count, std::int64_t stride, std::size_t offset, unsigned seed)
      : memory_(std::make_unique<std::byte[]>(offset + static_cast<std::size_t>(count * stride))), offset_(offset) {
    std::mt19937_64 random(seed);
    constexpr char kSome[] = {'T', 'F', 0, 'a'};
    for (std::int64_t i = 0; i < count * stride; ++i) {
      const auto bits = random();
      data()[i] = bits % 4 == 0 ? static_cast<std::byte>(kSome[bits >> 8 & 3]) : static_cast<std::byte>(bits >> 16);
    }
  }
  std::byte* data() { return memory_.get() + offset_; }

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::size_t offset_;
};

using Result = std::vector<std::uint64_t>;  // aligned, as torch's memory is

std::int64_t words_of(const CellRecipe& recipe, std::int64_t count) { return recipe.size() * count / 8 + 2; }

constexpr std::uint64_t kUntouched = 0x5a5a5a5a5a5a5a5a;

std::vector<Result> by_cpu(const std::vector<Column>& columns, const std::byte* rows, std::int64_t count,
                           std::int64_t stride) {
  std::vector<Result> results;
  for (const Column& column : columns) {
    Result& result = results.emplace_back(words_of(cell_recipe(column), count), kUntouched);
    const auto reader = value_reader(column);
    CHECK_EQUAL(reader->row_size(), cell_recipe(column).size());
    reader->read(rows + column.start, stride, count, reinterpret_cast<std::byte*>(result.data()));
  }
  return results;
}

std::vector<Result> by_kernel(const std::vector<Column>& columns, const std::byte* rows, std::int64_t count,
                              std::int64_t stride, bool backward) {
  std::vector<Result> results;
  std::vector<WantedCells> wanted;
  for (const Column& column : columns) {
    Result& result = results.emplace_back(words_of(cell_recipe(column), count), kUntouched);
    wanted.push_back({cell_recipe(column), column.start, reinterpret_cast<std::byte*>(result.data())});
  }
  const auto shared = std::make_unique<SectionShared>();
  for (const SectionPlan& section : plan_sections(rows, count, stride, wanted)) {
    CHECK(section.rows_together * section.pitch <= kStageWords);
    for (std::int64_t i = 0; i < section.blocks(); ++i) {
      const std::int64_t block = backward ? section.blocks() - 1 - i : i;
      std::memset(shared.get(), 0xa5, sizeof(SectionShared));
      decode_section(SerialTeam{SerialTeam::kMost, backward}, section, block, *shared);
    }
  }
  return results;
}

// Equal bits, but for the payload of a NaN that went through arithmetic: such results are doubles.
bool same(const CellRecipe& recipe, const Result& a, const Result& b) {
  if (a == b) return true;
  if (!recipe.recipe.arithmetic) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && !(std::isnan(bit_cast<double>(a[i])) && std::isnan(bit_cast<double>(b[i])))) return false;
  }
  return true;
}

void compare(const std::vector<Column>& columns, std::int64_t count, std::int64_t stride, std::size_t offset) {
  Rows rows(count, stride, offset, static_cast<unsigned>(count * 31 + stride));
  const auto expected = by_cpu(columns, rows.data(), count, stride);
  for (const bool backward : {false, true}) {
    const auto found = by_kernel(columns, rows.data(), count, stride, backward);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const CellRecipe recipe = cell_recipe(columns[i]);
      if (same(recipe, found[i], expected[i])) continue;
      CHECK_EQUAL(std::to_string(columns[i].tform.repeat) + columns[i].tform.letter,
                  "differs for " + std::to_string(count) + " rows of " + std::to_string(stride) + " bytes at " +
                      std::to_string(offset));
    }
  }
}

void compare(const std::vector<Scaled>& formats, std::int64_t count, std::size_t offset = 0) {
  const auto columns = columns_of(formats);
  compare(columns, count, row_width(columns), offset);
}

std::vector<Scaled> every_kind(const std::string& repeat) {
  std::vector<Scaled> formats;
  for (const char letter : std::string("LXBIJKAEDCM")) {
    formats.push_back({repeat + letter});
    if (std::string("BIJKEDCM").find(letter) != std::string::npos) formats.push_back({repeat + letter, 0.5, -3});
  }
  return formats;
}

const std::vector<Scaled> kConventions = {
    {"B", 1, -128}, {"I", 1, 32768}, {"J", 1, 2147483648.0}, {"K", 1, 9223372036854775808.0}, {"3I", 1, 32768}};

TEST(one_column_alone_at_any_address) {
  for (const std::string repeat : {"", "2", "3", "4", "5", "13"}) {
    for (const Scaled& format : every_kind(repeat)) {
      for (const std::int64_t count : {1, 2, 31, 300}) {
        for (std::size_t offset = 0; offset < 5; ++offset) compare({format}, count, offset);
      }
    }
  }
}

TEST(every_kind_together) {
  for (const std::string repeat : {"", "1", "3", "7", "9", "64"}) {
    auto formats = every_kind(repeat);
    formats.insert(formats.end(), kConventions.begin(), kConventions.end());
    formats.insert(formats.end(), {{"PE(9)"}, {"0QJ"}, {"1QJ"}, {"0A"}, {"0X"}});
    for (const std::int64_t count : {1, 37, 500}) {
      for (std::size_t offset = 0; offset < 4; ++offset) compare(formats, count, offset);
    }
  }
}

TEST(rows_of_every_width) {
  for (int width = 1; width < 70; ++width) {
    compare({{"I"}, {std::to_string(width) + "A"}, {"D"}, {"3L"}, {"5X"}}, 300, static_cast<std::size_t>(width % 4));
  }
}

TEST(many_rows) {
  compare({{"B"}}, 100'000);
  compare({{"I"}, {"J"}, {"E"}, {"D"}, {"5A"}, {"L"}}, 20'001, 1);
}

// Cells and rows that no block of threads can hold are cut.
TEST(wide_cells_and_rows) {
  const std::string around[] = {"495", "496", "497", "4095", "8191", "8192", "8193", "16385", "70001"};
  for (const std::string& repeat : around) {
    for (const Scaled& format : every_kind(repeat)) compare({{"3A"}, format, {"J"}}, 5, 3);
  }
  std::vector<Scaled> many(999, {"E"});
  for (std::size_t i = 0; i < many.size(); i += 7) many[i] = {"3A"};
  compare(many, 100, 1);
}

TEST(chosen_columns_in_any_order) {
  const auto all = columns_of({{"J"}, {"300A"}, {"I", 2, 1}, {"D"}, {"1000E"}, {"L"}, {"11X"}, {"20000B"}, {"C"}});
  const std::int64_t stride = row_width(all);
  std::mt19937 random(5);
  for (int round = 0; round < 40; ++round) {
    std::vector<Column> chosen;
    for (int i = 0; i < 1 + round % 6; ++i) chosen.push_back(all[random() % all.size()]);
    compare(chosen, 67, stride, round % 4);
  }
}

TEST(sections_take_what_is_wanted_and_little_else) {
  const auto all = columns_of({{"J"}, {"300A"}, {"I"}, {"D"}, {"9000E"}});
  const auto sections = [&](const std::vector<int>& chosen) {
    std::vector<WantedCells> wanted;
    for (const int i : chosen) {
      const Column& column = all[static_cast<std::size_t>(i)];
      wanted.push_back({cell_recipe(column), column.start, nullptr});
    }
    return plan_sections(nullptr, 10, row_width(all), wanted);
  };
  CHECK_EQUAL(sections({0, 1, 2, 3}).size(), 1U);
  const auto apart = sections({3, 0, 2, 0});  // 300 bytes that nobody wants lie between
  CHECK_EQUAL(apart.size(), 2U);
  CHECK_EQUAL(apart[0].cells, 2);
  CHECK_EQUAL(apart[0].width, 4);
  CHECK_EQUAL(apart[1].first, 304);
  CHECK_EQUAL(apart[1].width, 10);
  const auto pieces = sections({4});
  CHECK_EQUAL(pieces[0].pieces, 5);
  CHECK_EQUAL(pieces[0].last_width, 36000 - 4 * kMostPiece);
  CHECK_EQUAL(sections({}).size(), 0U);
}

TEST(quotients_are_exact) {
  std::mt19937 random(6);
  for (int round = 0; round < 20'000; ++round) {
    const int number = static_cast<int>(random() % (1 << 17)), divisor = 1 + static_cast<int>(random() % (1 << 17));
    CHECK_EQUAL(quotient(number, inverse_of(divisor)), number / divisor);
    CHECK_EQUAL(quotient(number / divisor * divisor, inverse_of(divisor)), number / divisor);
  }
}

}  // namespace
