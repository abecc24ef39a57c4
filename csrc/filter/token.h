// The words of a filter expression. What CFITSIO's scanner takes apart in an odd way is taken apart in the same way:
// names that read as bit masks (b01, hd) are bit masks, "5.eq.x" is a comparison, (int) is a cast.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fits::filter {

enum class Word : std::uint8_t {
  integer,
  real,
  boolean,
  bits,
  string,
  name,
  keyword,   // #NAME: of the header, whatever the columns are called
  function,  // a name and its opening parenthesis
  row,
  null_number,
  null_string,
  // Operators, in the order of how strongly they bind
  range,     // =
  question,  // ?
  logical_or,
  logical_and,
  equal,
  not_equal,
  approximate,
  less,
  less_equal,
  greater,
  greater_equal,
  plus,
  minus,
  modulo,
  times,
  divide,
  bit_and,
  bit_or,
  bit_xor,
  power,
  logical_not,
  to_integer,
  to_real,
  // Punctuation
  colon,
  comma,
  open,
  close,
  open_bracket,
  close_bracket,
  open_brace,
  close_brace,
  end,
};

struct Token {
  Word word = Word::end;
  std::size_t at = 0;  // where it begins in the expression
  std::string text;    // name, string, or bits as '0', '1' and 'x'
  std::int64_t integer = 0;
  double real = 0;
};

// Expressions are no longer than that.
inline constexpr std::size_t kLongestExpression = 65536;

// Ends with Word::end. Throws std::invalid_argument.
std::vector<Token> read_tokens(std::string_view expression);

// Throws std::invalid_argument: "filter, character N: WHAT".
[[noreturn]] void fail(std::size_t at, const std::string& what);

// Function names and the like, in capitals.
std::string capitals(std::string_view text);

}  // namespace fits::filter
