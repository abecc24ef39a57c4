// Typed nodes from what the parser finds: types and shapes are checked here, and constants computed.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "filter/node.h"
#include "filter/token.h"

namespace fits::filter {

// Each function returns a node's number and throws std::invalid_argument; `at` is the place in the expression.
inline constexpr std::int64_t kMostMade = std::int64_t{1} << 20;  // elements of a vector that ARRAY makes

class Builder {
 public:
  explicit Builder(const Names& names) : names_(names) {}

  int literal(const Token& token);  // a number, logical value, bit mask, string, #ROW, #NULL or #SNULL
  int column_or_keyword(const Token& token);
  int shifted(int column, int rows, std::size_t at);  // COLUMN{rows}
  int prefixed(Word word, int operand, std::size_t at);
  int joined(Word word, int left, int right, std::size_t at);
  int range(int value, int low, int high, std::size_t at);
  int selected(int condition, int yes, int no, std::size_t at);
  int vector(std::span<const int> elements, std::size_t at);
  int indexed(int vector, std::span<const int> indices, std::size_t at);
  int called(const Token& function, std::span<const int> arguments);

  const Node& node(int id) const { return nodes_[static_cast<std::size_t>(id)]; }
  // The nodes that `result` needs. Throws unless it is one logical value for each row.
  Program finish(int result);

 private:
  Type type(int id) const { return node(id).type; }
  bool is_number(int id) const { return node(id).is_number(); }
  std::int64_t count(int id) const { return node(id).shape.count; }

  int add(Node made);
  void fold(Node& made);
  int constant(Type type, std::int64_t integer, double real, std::size_t at);
  int input(const Input& input, bool wide, Shape shape, std::size_t at);
  int keyword(const Token& token);
  int make(Kernel kernel, Type type, Shape shape, std::vector<int> operands, std::size_t at);
  int cast(int id, Type to, std::size_t at);
  void promote(int& a, int& b, std::size_t at);
  Shape conform(std::span<int> ids, std::size_t at);
  int compared(Word word, int left, int right, std::size_t at);
  int exact(int id);
  int wide_bits(Word word, int left, int right, std::size_t at);
  std::int64_t constant_integer(int id, std::string_view what, std::size_t at) const;

  int reduced(const Token& function, int argument);
  int carried(const Token& function, int argument);
  int described(const Token& function, std::span<const int> arguments);
  int array(int value, int axes, std::size_t at);
  int geometry(const Token& function, std::vector<int> arguments);
  int sky(const Token& function, std::vector<int> arguments);
  int about_null(const Token& function, std::span<const int> arguments);
  int text_function(const Token& function, std::span<const int> arguments);
  int in_region(const Token& function, std::span<const int> arguments);
  int in_intervals(const Token& function, std::span<const int> arguments);
  std::string constant_text(const Token& function, std::span<const int> arguments, std::size_t i) const;
  int number_column(const Token& function, std::string_view name);
  std::optional<std::int64_t> only_column(const Token& function, int id) const;

  const Names& names_;
  std::vector<Node> nodes_;
  std::vector<Input> inputs_;
};

}  // namespace fits::filter
