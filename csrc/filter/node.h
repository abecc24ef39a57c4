// An expression as a list of typed nodes, operands before what uses them: what the parser makes and the evaluator runs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "filter/filter.h"
#include "filter/intervals.h"
#include "filter/region.h"

namespace fits::filter {

// Elements of a row, first axis fastest, counted as CFITSIO does: of a string `count` is its longest length, of bits
// their number.
struct Shape {
  std::vector<std::int64_t> axes{1};
  std::int64_t count = 1;

  bool operator==(const Shape&) const = default;
};

// Bits are numbers of any length: words of 64, lowest first; the last bit of a mask is the lowest.
using Bits = std::vector<std::uint64_t>;
constexpr std::int64_t words_of(std::int64_t bits) noexcept { return (bits + 63) / 64; }

struct Call;
// Computes a node's values for a block of rows from those of its operands.
using Kernel = void (*)(Call& call);

// Memory of a node that goes from block to block: accum and seqdiff.
struct Carry {
  std::int64_t integer = 0;
  double real = 0;
  bool null = false;
};

struct Node {
  Type type = Type::boolean;
  Shape shape;
  std::vector<int> operands;
  Kernel kernel = nullptr;  // of constants and inputs none
  std::size_t at = 0;       // where the expression asks for it

  bool constant = false;
  std::int64_t integer = 0;  // of constants: booleans are 0 or 1
  double real = 0;
  std::string text;
  Bits words;

  int input = -1;                      // of columns and parts of them
  bool wide = false;                   // an input of 64-bit integers, as reals
  Bits wild;                           // of bits: those that match anything, whatever the row
  bool carries = false;                // has a Carry
  bool keeps_text = false;             // strings that are made here: needs room for their characters
  std::vector<std::int64_t> integers;  // what else the kernel must know
  std::vector<double> reals;
  std::shared_ptr<const Region> region;
  std::shared_ptr<const Intervals> intervals;
  std::shared_ptr<const IntervalFinder> finder;

  // Values in a row, and their size. Strings are string_views.
  std::int64_t elements() const noexcept {
    return type == Type::string ? 1 : type == Type::bits ? words_of(shape.count) : shape.count;
  }
  std::size_t element_size() const noexcept {
    return type == Type::boolean ? 1 : type == Type::string ? sizeof(std::string_view) : 8;
  }
  bool is_number() const noexcept { return type == Type::integer || type == Type::real; }
};

// A compiled filter: what its result needs, in order.
struct Program {
  std::vector<Node> nodes;
  std::vector<Input> inputs;
  int result = 0;
  std::int64_t block_rows = 1;
  bool sequential = false;
};

}  // namespace fits::filter
