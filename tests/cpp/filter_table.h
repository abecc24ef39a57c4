// A small table with columns of all types that filters know, NULL here and there, in memory and as Filter's Names and
// Blocks. test_filter_cfitsio.cpp writes the same to a file.
#pragma once

#include <cctype>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "filter/filter.h"
#include "filter/intervals.h"
#include "filter/region.h"

namespace check {

namespace filter = fits::filter;

// Region files with a few shapes each, drawn at random; numbers are often whole, so that points lie on edges.
inline std::vector<std::string> made_regions(int count) {
  std::mt19937 random(11);
  const auto below = [&random](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  const auto number = [&](int low, int high) {
    std::string text = std::to_string(low + below(high - low + 1));
    return below(3) == 0 ? text + "." + std::to_string(below(100)) : text;
  };
  const auto place = [&] { return number(-6, 6) + "," + number(-6, 6); };
  const auto lengths = [&](int n) {
    std::string text;
    for (int i = 0; i < n; ++i) text += "," + number(i == 0 || i == n / 2 ? 1 : 3, 4 + 3 * i);
    return text;
  };
  const auto angle = [&] { return "," + number(-400, 400); };
  const auto shape = [&]() -> std::string {
    switch (below(17)) {
      case 0: return "circle(" + place() + lengths(1) + ")";
      case 1: return "Annulus(" + place() + lengths(2) + ")";
      case 2: return "ellipse(" + place() + lengths(2) + (below(3) == 0 ? "" : angle()) + ")";
      case 3: return "elliptannulus(" + place() + lengths(4) + angle() + angle() + ")";
      case 4: return "ellipse(" + place() + lengths(4) + angle() + ")";
      case 5: return "box(" + place() + lengths(2) + (below(3) == 0 ? "" : angle()) + ")";
      case 6: return "rotbox(" + place() + lengths(4) + angle() + (below(2) == 0 ? "" : angle()) + ")";
      case 7: return "rectangle(" + place() + "," + place() + ")";
      case 8: return "rotrectangle(" + place() + "," + place() + angle() + ")";
      case 9: return "diamond(" + place() + lengths(2) + angle() + ")";
      case 10: return "pie(" + place() + angle() + angle() + ")";
      case 11: return "point(" + place() + ")";
      case 12: return "line(" + place() + "," + place() + ")";
      case 13: return "panda(" + place() + angle() + angle() + ",2" + lengths(2) + ",3)";
      case 14: return "epanda(" + place() + angle() + angle() + ",2" + lengths(4) + ",3" + angle() + ")";
      case 15: return "bpanda(" + place() + angle() + angle() + ",2" + lengths(4) + ",3)";
      default: {
        std::string text = "polygon(" + place();
        for (int i = 2 + below(5); i > 0; --i) text += "," + place();
        return text + ")";
      }
    }
  };
  std::vector<std::string> files;
  for (int i = 0; i < count; ++i) {
    std::string text = below(2) == 0 ? "# Region file format: DS9\nglobal color=green (x)\nphysical\n" : "";
    for (int k = 1 + below(5); k > 0; --k) {
      text += (below(3) == 0 ? "-" : "") + shape() + (below(4) == 0 ? " " : below(4) == 0 ? " # (text)\n" : "\n");
    }
    files.push_back(text + "\n");
  }
  return files;
}

// The good time intervals of an extension, as a table may have them.
struct MadeIntervals {
  std::string name;
  filter::Intervals rows;
};

inline std::vector<MadeIntervals> made_intervals() {
  std::vector<MadeIntervals> all{{"GTIMANY", {}}, {"GTIFEW", {}}, {"GTIMIXED", {}}, {"GTINONE", {}}};
  for (int i = 0; i < 24; ++i) {
    all[0].rows.start.push_back(-9 + 0.75 * i);
    all[0].rows.stop.push_back(-9 + 0.75 * i + (i % 3 == 0 ? 0.5 : 0.25));
  }
  all[1].rows = {{-4, -1, 2.5}, {-2, 2, 6}};
  all[2].rows = {{5, -8, -1, -1.5, 0, 7, 8, 3, -5, 3, 1, 2, -3, -9, 6, 4, 0, 3},
                 {6, -7, 1, 2, 0, 7.5, 8, 3.25, -6, 3, 1, 1, -2.5, -9, 6, 4.5, 0, 9}};
  return all;
}

struct FilterColumn {
  std::string name, tform, tdim;
  filter::Type type = filter::Type::real;
  bool wide = false;
  std::int64_t count = 1;
  std::vector<std::int64_t> axes{};
  double tscal = 1, tzero = 0;
  std::optional<std::int64_t> tnull{};
  // The physical values of all rows; those of NULL are anything.
  std::vector<std::int64_t> integers{};
  std::vector<double> reals{};
  std::vector<std::uint8_t> bytes{};  // logicals; strings and bits as they are stored
  std::vector<std::uint8_t> nulls{};

  std::int64_t elements() const { return type == filter::Type::string ? 1 : count; }
};

struct FilterTable : filter::Names {
  std::int64_t rows;
  std::vector<FilterColumn> columns;
  std::vector<std::string> regions = made_regions(40);
  std::vector<MadeIntervals> good_times = made_intervals();

  explicit FilterTable(std::int64_t rows) : rows(rows) {
    using filter::Type;
    std::mt19937 random(20261122);
    const auto below = [&random](std::int64_t n) {
      return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
    };
    const auto number = [&](const char* name, const char* tform, Type type, std::int64_t count, std::int64_t low,
                            std::int64_t high, std::optional<std::int64_t> tnull = {}) -> FilterColumn& {
      FilterColumn column{.name = name, .tform = tform, .tdim = {}, .type = type, .count = count, .tnull = tnull};
      for (std::int64_t i = 0; i < rows * count; ++i) {
        std::int64_t value = low + below(high - low + 1);
        const bool null = tnull && below(6) == 0;
        if (tnull && value == *tnull) value += 1;
        if (null) value = *tnull;
        column.integers.push_back(value);
        column.reals.push_back(static_cast<double>(value));
        column.nulls.push_back(null);
      }
      columns.push_back(column);
      return columns.back();
    };
    const auto logical = [&](const char* name, const char* tform, std::int64_t count) {
      FilterColumn column{.name = name, .tform = tform, .tdim = {}, .type = Type::boolean, .count = count};
      for (std::int64_t i = 0; i < rows * count; ++i) {
        column.bytes.push_back(static_cast<std::uint8_t>(below(2)));
        column.nulls.push_back(below(5) == 0);
      }
      columns.push_back(column);
    };
    const auto real = [&](const char* name, const char* tform, std::int64_t count, std::vector<std::int64_t> axes,
                          const char* tdim, bool single) {
      FilterColumn column{.name = name, .tform = tform, .tdim = tdim, .type = Type::real, .count = count, .axes = axes};
      for (std::int64_t i = 0; i < rows * count; ++i) {
        double value = below(3) == 0 ? static_cast<double>(below(9)) - 4
                                     : (static_cast<double>(random()) / 4294967296.0 - 0.5) * 20;
        if (single) value = static_cast<float>(value);
        const std::int64_t odd = below(12);
        if (odd == 0) value = std::numeric_limits<double>::quiet_NaN();
        if (odd == 1 && below(3) == 0) value = std::numeric_limits<double>::infinity();
        column.reals.push_back(value);
        column.nulls.push_back(!std::isfinite(value));
      }
      columns.push_back(column);
    };
    const auto string = [&](const char* name, const char* tform, std::int64_t width) {
      FilterColumn column{.name = name, .tform = tform, .tdim = {}, .type = Type::string, .count = width};
      for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t length = below(width + 1);
        for (std::int64_t i = 0; i < width; ++i) {
          const char c = i < length ? "abcAB b"[below(7)] : ' ';
          column.bytes.push_back(static_cast<std::uint8_t>(c));
        }
        column.nulls.push_back(0);
      }
      columns.push_back(column);
    };
    const auto bits = [&](const char* name, const char* tform, std::int64_t count) {
      FilterColumn column{.name = name, .tform = tform, .tdim = {}, .type = Type::bits, .count = count};
      for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t first = 0; first < count; first += 8) {
          const std::int64_t used = std::min<std::int64_t>(8, count - first);
          const std::int64_t any = below(3) == 0 ? below(4) : below(256);
          column.bytes.push_back(static_cast<std::uint8_t>(any << (8 - used)));
        }
      }
      columns.push_back(column);
    };
    logical("L", "L", 1);
    logical("G", "L", 1);
    logical("LV", "3L", 3);
    number("C", "B", Type::integer, 1, 0, 9, 7);
    number("I", "I", Type::integer, 1, -6, 6, -99);
    number("J", "J", Type::integer, 1, -40, 40, 1000);
    number("N", "J", Type::integer, 1, 1, 3);
    number("U", "I", Type::integer, 1, 0, 9).tzero = 32768;
    number("UJ", "J", Type::real, 1, 0, 9).tzero = 2147483648.0;
    number("SB", "B", Type::real, 1, -5, 5).tzero = -128;
    number("K", "K", Type::real, 1, -9, 9, 123).wide = true;
    real("E", "E", 1, {}, "", true);
    real("D", "D", 1, {}, "", false);
    auto& scaled = number("SC", "I", Type::real, 1, -8, 8, -77);
    scaled.tscal = 0.5, scaled.tzero = 1;
    for (std::size_t i = 0; i < scaled.reals.size(); ++i) scaled.reals[i] = 1 + 0.5 * scaled.reals[i];
    number("V", "4J", Type::integer, 4, -5, 5, 44);
    number("VW", "4I", Type::integer, 4, 0, 6);
    real("W", "4E", 4, {}, "", true);
    real("M", "6D", 6, {2, 3}, "(2,3)", false);
    string("S", "5A", 5);
    string("R", "3A", 3);
    bits("X", "11X", 11);
    bits("Y", "7X", 7);
    bits("Z", "20X", 20);
  }

  static bool same(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (std::toupper(static_cast<unsigned char>(a[i])) != std::toupper(static_cast<unsigned char>(b[i])))
        return false;
    }
    return true;
  }

  std::optional<filter::Variable> column(std::string_view name) const override {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const FilterColumn& c = columns[i];
      if (same(c.name, name)) return filter::Variable{static_cast<std::int64_t>(i), c.type, c.wide, c.count, c.axes};
    }
    if (name == "ARRAYS") throw std::invalid_argument("the column ARRAYS holds arrays of variable length");
    return {};
  }

  std::optional<filter::Keyword> keyword(std::string_view name) const override {
    if (same(name, "KEYI")) return filter::Keyword{filter::Type::integer, 3, 0, {}};
    if (same(name, "KEYF")) return filter::Keyword{filter::Type::real, 0, 2.5, {}};
    if (same(name, "KEYS")) return filter::Keyword{filter::Type::string, 0, 0, "ab"};
    if (same(name, "KEYL")) return filter::Keyword{filter::Type::boolean, 1, 0, {}};
    return {};
  }

  // "...r7.reg" is one of the made files; any other name is itself the text of one.
  filter::Region region(std::string_view file, const std::optional<filter::ColumnPair>&) const override {
    const auto number = file.ends_with(".reg") && file.find('r') != file.npos ? file.substr(file.rfind('/') + 2) : "";
    const std::size_t i =
        number.empty() || number[0] < '0' || number[0] > '9' ? regions.size() : std::stoul(std::string(number));
    filter::PlaneOfColumns plane{[](double x, double y) { return std::optional<filter::Point>({x / 2, y / 2}); }, 5};
    return filter::read_region_text(i < regions.size() ? std::string_view(regions[i]) : file, plane);
  }

  filter::Intervals intervals(std::string_view file, std::string_view, std::string_view) const override {
    for (const auto& [name, rows] : good_times) {
      if (file == "[" + name + "]" || file.empty() || file == "+2") return rows;
    }
    throw std::invalid_argument("there is no such extension");
  }

  // An input's values of rows [first, first + count), and the memory that they are in.
  struct Part {
    std::vector<std::int64_t> integers;
    std::vector<double> reals;
    std::vector<std::uint8_t> bytes, nulls;
  };
  filter::Block read(const filter::Input& input, std::int64_t first, std::int64_t count, Part& part) const {
    using filter::Type;
    const FilterColumn& column = columns.at(static_cast<std::size_t>(input.column));
    const std::int64_t taken = input.type == Type::string ? 1 : input.count;
    const std::int64_t width = input.type == Type::string ? input.count
                               : input.type == Type::bits ? (input.count + 7) / 8
                                                          : 0;
    part = {};
    bool any = false;
    for (std::int64_t row = first + input.row_offset; row < first + input.row_offset + count; ++row) {
      const bool outside = row < 0 || row >= rows;
      any |= outside;
      for (std::int64_t i = 0; i < width; ++i) {
        part.bytes.push_back(outside ? 0 : column.bytes[static_cast<std::size_t>(row * width + i)]);
      }
      for (std::int64_t i = 0; i < taken && input.type != Type::bits; ++i) {
        const auto at = static_cast<std::size_t>(outside ? 0 : row * column.elements() + input.first + i);
        if (input.type == Type::integer) part.integers.push_back(column.integers[at]);
        if (input.type == Type::real) part.reals.push_back(column.reals[at]);
        if (input.type == Type::boolean) part.bytes.push_back(column.bytes[at]);
        part.nulls.push_back(outside || column.nulls[at] != 0);
        any |= part.nulls.back() != 0;
      }
    }
    const void* values = input.type == Type::integer ? static_cast<const void*>(part.integers.data())
                         : input.type == Type::real  ? static_cast<const void*>(part.reals.data())
                                                     : static_cast<const void*>(part.bytes.data());
    return {values, any && input.type != Type::bits ? part.nulls.data() : nullptr};
  }

  // One '1' or '.' for each row, in blocks of at most `block` rows.
  std::string select(const filter::Filter& compiled, std::int64_t block) const {
    filter::Evaluator evaluator(compiled);
    block = std::min(block, compiled.block_rows());
    std::string result;
    for (std::int64_t first = 0; first < rows; first += block) {
      const std::int64_t count = std::min(block, rows - first);
      std::vector<Part> parts(compiled.inputs().size());
      std::vector<filter::Block> blocks;
      for (std::size_t i = 0; i < parts.size(); ++i)
        blocks.push_back(read(compiled.inputs()[i], first, count, parts[i]));
      std::vector<std::uint8_t> selected(static_cast<std::size_t>(count));
      evaluator.run(first + 1, count, blocks, selected.data());
      for (const std::uint8_t s : selected) result += s != 0 ? '1' : '.';
    }
    return result;
  }
  std::string select(std::string_view expression, std::int64_t block = 1000) const {
    return select(filter::Filter(expression, *this), block);
  }
};

}  // namespace check
