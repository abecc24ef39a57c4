// Row filters: an expression in the grammar of CFITSIO's row filters (docs/filter.md), compiled once and evaluated
// over blocks of rows, over no columns but those that it names.
//
//   const Filter filter(expression, names);            // names become columns or keywords; types are checked
//   Evaluator evaluator(filter);                       // one per thread: it holds the memory of one block
//   for each block of at most filter.block_rows() rows:
//     for each of filter.inputs(): read its values of these rows
//     evaluator.run(first_row, rows, blocks, selected);
//
// Values are NULL where the table says so and where a result is not defined (division by zero); a row is selected
// where the expression is true, and not where it is NULL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fits::filter {

// In the order of promotion as far as numbers go.
enum class Type : std::uint8_t { boolean, integer, real, string, bits };

// A column as a filter sees it. Integers of up to 32 bits are integers; scaled ones and those of 64 bits count as
// reals, as CFITSIO has it, but a 64-bit column (wide) is compared with integers exactly.
struct Variable {
  std::int64_t column = 0;  // whatever the table calls it: Input gives it back
  Type type = Type::real;
  bool wide = false;               // type is real, and the values are of type int64 without scaling
  std::int64_t count = 1;          // elements in a row; characters of a string; bits
  std::vector<std::int64_t> axes;  // TDIM, fastest first; empty: one axis
};

// The value of a header keyword: a logical is an integer of 0 or 1.
struct Keyword {
  Type type = Type::real;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;
};

struct Region;
struct Intervals;

// Two columns of the table, as Variable::column: those whose keywords bring a region from the sky to their pixels.
struct ColumnPair {
  std::int64_t x = 0, y = 0;
};

// What the names of an expression mean. All throw (std::invalid_argument, FileError, a sentence) where the thing is
// there but no filter can use it.
class Names {
 public:
  virtual ~Names() = default;
  virtual std::optional<Variable> column(std::string_view name) const = 0;
  virtual std::optional<Keyword> keyword(std::string_view name) const = 0;
  // The region file that REGFILTER names. Unless it is overridden, there are no files.
  virtual Region region(std::string_view file, const std::optional<ColumnPair>& columns) const;
  // The good time intervals of a file and extension that GTIFILTER and its like name ("": of this file), in the times
  // of this table; `start` and `stop` are the names of columns, with * for any letters.
  virtual Intervals intervals(std::string_view file, std::string_view start, std::string_view stop) const;
};

// A part of a column that a filter reads: elements [first, first + count) of each row.
struct Input {
  std::int64_t column = 0;
  Type type = Type::real;       // what Block::values holds; integer of a wide column: its exact values
  std::int64_t first = 0;       // of strings and bits always 0
  std::int64_t count = 1;       // characters of a string; bits
  std::int64_t row_offset = 0;  // COLUMN{-1}: rows first_row - 1 ...; NULL (bits: 0) outside the table

  bool operator==(const Input&) const = default;
};

// One input's values for a block, rows one after the other: uint8 0 or 1 (boolean), int64, double, `count` characters
// (string), (count + 7) / 8 bytes, first bit highest (bits). Reals that are not finite are NULL without being marked.
struct Block {
  const void* values = nullptr;
  const std::uint8_t* nulls = nullptr;  // one per element, of strings one per row, not of bits; or none
};

struct Program;

class Filter {
 public:
  // Throws std::invalid_argument: one sentence that names the place in the expression.
  Filter(std::string_view expression, const Names& names);
  ~Filter();
  Filter(Filter&&) noexcept;
  Filter& operator=(Filter&&) noexcept;

  std::span<const Input> inputs() const noexcept;
  std::int64_t block_rows() const noexcept;  // the most rows of a block
  // Whether rows depend on rows before them (accum, seqdiff): then one Evaluator takes all blocks in order.
  bool sequential() const noexcept;
  const Program& program() const noexcept { return *program_; }

 private:
  std::unique_ptr<const Program> program_;
};

class Evaluator {
 public:
  explicit Evaluator(const Filter& filter);  // which must outlive it
  ~Evaluator();
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  // selected[i] becomes 1 where row first_row + i (1-based, as #ROW) is selected, else 0. Throws NoSuchCell
  // where a row's own values index a vector outside of it.
  void run(std::int64_t first_row, std::int64_t rows, std::span<const Block> blocks, std::uint8_t* selected);

 private:
  struct Memory;
  std::unique_ptr<Memory> memory_;
};

}  // namespace fits::filter
