#include "filter/builder.h"

#include <algorithm>

#include "filter/kernels.h"

namespace fits::filter {
namespace {

constexpr std::int64_t kMostElements = std::int64_t{1} << 24;  // of a row of a vector
constexpr std::int64_t kLongestText = 4096;                    // characters of a string made here
constexpr std::int64_t kMostBits = 16384;                      // of bits made here

const char* name_of(Type type) noexcept {
  switch (type) {
    case Type::boolean: return "a logical value";
    case Type::integer:
    case Type::real: return "a number";
    case Type::string: return "a string";
    case Type::bits: return "a bit mask";
  }
  return "nothing";
}

const char* sign_of(Word word) noexcept {
  switch (word) {
    case Word::plus: return "+";
    case Word::minus: return "-";
    case Word::times: return "*";
    case Word::divide: return "/";
    case Word::modulo: return "%";
    case Word::power: return "**";
    case Word::bit_and: return "&";
    case Word::bit_or: return "|";
    case Word::bit_xor: return "^^";
    case Word::logical_and: return "&&";
    case Word::logical_or: return "||";
    case Word::equal: return "==";
    case Word::not_equal: return "!=";
    case Word::approximate: return "~";
    case Word::less: return "<";
    case Word::less_equal: return "<=";
    case Word::greater: return ">";
    case Word::greater_equal: return ">=";
    default: return "an operator";
  }
}

bool is_comparison(Word word) noexcept { return word >= Word::equal && word <= Word::greater_equal; }

Shape text_shape(std::int64_t count) { return {{1}, count}; }

}  // namespace

int Builder::add(Node made) {
  if (made.shape.count > kMostElements) {
    fail(made.at, "a vector of " + std::to_string(made.shape.count) + " elements is too long; at most " +
                      std::to_string(kMostElements) + " are computed with: name the elements that are wanted");
  }
  const auto is_constant = [this](int id) { return node(id).constant; };
  if (made.kernel != nullptr && !made.operands.empty() && !made.constant &&
      std::all_of(made.operands.begin(), made.operands.end(), is_constant)) {
    fold(made);
  }
  nodes_.push_back(std::move(made));
  return static_cast<int>(nodes_.size()) - 1;
}

namespace {

// A constant's value as kernels see it.
struct Value {
  std::uint8_t boolean;
  std::string_view text;
  Operand operand;

  explicit Value(const Node& node) : boolean(node.integer != 0), text(node.text) {
    operand.constant = true;
    operand.values = node.type == Type::boolean   ? static_cast<const void*>(&boolean)
                     : node.type == Type::integer ? static_cast<const void*>(&node.integer)
                     : node.type == Type::real    ? static_cast<const void*>(&node.real)
                     : node.type == Type::string  ? static_cast<const void*>(&text)
                                                  : static_cast<const void*>(node.words.data());
  }
  Value(const Value&) = delete;
};

}  // namespace

// A node whose operands are all constant becomes one, by its own kernel, unless it is a vector.
void Builder::fold(Node& made) {
  if (made.type != Type::string && made.type != Type::bits && made.shape.count != 1) return;
  std::vector<std::unique_ptr<Value>> values;
  std::vector<Operand> operands;
  for (const int id : made.operands) {
    values.push_back(std::make_unique<Value>(node(id)));
    operands.push_back(values.back()->operand);
  }
  const auto size = static_cast<std::size_t>(made.elements());
  std::vector<std::uint64_t> result(2 * size);
  std::vector<std::uint8_t> nulls(size);
  std::string text(made.keeps_text ? static_cast<std::size_t>(made.shape.count) : 0, ' ');
  Carry carry;
  Call call{made, nodes_, 1, 1, operands.data(), result.data(), nulls.data(), text.data(), &carry};
  made.kernel(call);
  const bool text_result = made.kernel == substring_kernel() || made.kernel == search_kernel();
  if (call.has_nulls && nulls[0] != 0 && !text_result) {
    fail(made.at, "this has no value: a division by zero, or a number outside of what the function takes");
  }
  switch (made.type) {
    case Type::boolean: made.integer = call.out<std::uint8_t>()[0]; break;
    case Type::integer: made.integer = call.out<std::int64_t>()[0]; break;
    case Type::real: made.real = call.out<double>()[0]; break;
    case Type::string: made.text = std::string(call.out<std::string_view>()[0]); break;
    case Type::bits: made.words.assign(result.begin(), result.begin() + static_cast<std::ptrdiff_t>(size)); break;
  }
  made.constant = true;
  made.kernel = nullptr;
  made.operands.clear();
}

int Builder::make(Kernel kernel, Type type, Shape shape, std::vector<int> operands, std::size_t at) {
  Node made;
  made.type = type;
  made.shape = std::move(shape);
  made.operands = std::move(operands);
  made.kernel = kernel;
  made.at = at;
  return add(std::move(made));
}

int Builder::constant(Type type, std::int64_t integer, double real, std::size_t at) {
  Node made;
  made.type = type;
  made.constant = true;
  made.integer = integer;
  made.real = real;
  made.at = at;
  return add(std::move(made));
}

int Builder::literal(const Token& token) {
  switch (token.word) {
    case Word::integer: return constant(Type::integer, token.integer, 0, token.at);
    case Word::real: return constant(Type::real, 0, token.real, token.at);
    case Word::boolean: return constant(Type::boolean, token.integer, 0, token.at);
    case Word::row: return make(row_kernel(), Type::integer, {}, {}, token.at);
    case Word::null_number: return make(null_kernel(), Type::integer, {}, {}, token.at);
    case Word::null_string: return make(null_kernel(), Type::string, text_shape(0), {}, token.at);
    default: break;
  }
  Node made;
  made.constant = true;
  made.at = token.at;
  const auto size = static_cast<std::int64_t>(token.text.size());
  made.shape = text_shape(size);
  if (token.word == Word::string) {
    made.type = Type::string;
    made.text = token.text;
    return add(std::move(made));
  }
  if (size > kMostBits) fail(token.at, "a bit mask has at most " + std::to_string(kMostBits) + " bits");
  made.type = Type::bits;
  made.words.resize(static_cast<std::size_t>(words_of(size)));
  made.wild = made.words;
  for (std::int64_t i = 0; i < size; ++i) {
    const char c = token.text[static_cast<std::size_t>(size - 1 - i)];
    const std::uint64_t bit = std::uint64_t{1} << (i % 64);
    if (c == '1') made.words[static_cast<std::size_t>(i / 64)] |= bit;
    if (c == 'x') made.wild[static_cast<std::size_t>(i / 64)] |= bit;
  }
  return add(std::move(made));
}

int Builder::input(const Input& input, bool wide, Shape shape, std::size_t at) {
  const auto found = std::find(inputs_.begin(), inputs_.end(), input);
  Node made;
  made.type = input.type;
  made.shape = std::move(shape);
  made.at = at;
  made.input = static_cast<int>(found - inputs_.begin());
  made.wide = wide;
  if (found == inputs_.end()) inputs_.push_back(input);
  return add(std::move(made));
}

int Builder::column_or_keyword(const Token& token) {
  if (token.word == Word::keyword) return keyword(token);
  const auto column = names_.column(token.text);
  if (!column) return keyword(token);
  Shape shape{column->axes, column->count};
  if (column->count < 1 && column->type != Type::string)
    fail(token.at, "the column " + token.text + " has no elements");
  if (shape.axes.empty() || column->type == Type::string || column->type == Type::bits) shape.axes = {column->count};
  return input({column->column, column->type, 0, column->count, 0}, column->wide, std::move(shape), token.at);
}

int Builder::keyword(const Token& token) {
  const auto value = names_.keyword(token.text);
  if (!value) {
    fail(token.at, token.word == Word::keyword ? "the header has no keyword " + token.text
                                               : "the table has no column and its header no keyword " + token.text);
  }
  if (value->type != Type::string) return constant(value->type, value->integer, value->real, token.at);
  Token text = token;
  text.word = Word::string;
  text.text = value->text;
  return literal(text);
}

int Builder::shifted(int column, int rows, std::size_t at) {
  const Node& from = node(column);
  if (from.input < 0) fail(at, "only a column is followed by {rows}: COLUMN{-1} is its value in the row before");
  Input shifted = inputs_[static_cast<std::size_t>(from.input)];
  shifted.row_offset = constant_integer(rows, "a number of rows", at);
  if (shifted.row_offset > INT32_MAX || shifted.row_offset < -INT32_MAX) fail(at, "no table has as many rows as that");
  return input(shifted, from.wide, from.shape, at);
}

std::int64_t Builder::constant_integer(int id, std::string_view what, std::size_t at) const {
  if (type(id) != Type::integer || !node(id).constant) fail(at, std::string(what) + " must be a constant integer");
  return node(id).integer;
}

int Builder::cast(int id, Type to, std::size_t at) {
  if (type(id) == to) return id;
  return make(cast_kernel(type(id), to), to, node(id).shape, {id}, at);
}

void Builder::promote(int& a, int& b, std::size_t at) {
  const Type to = std::max(type(a), type(b));
  a = cast(a, to, at);
  b = cast(b, to, at);
}

// One shape for all: single values are repeated for each element of the others.
Shape Builder::conform(std::span<int> ids, std::size_t at) {
  Shape shape;
  for (const int id : ids) {
    if (count(id) > 1) shape = node(id).shape;
  }
  for (int& id : ids) {
    if (count(id) > 1 && node(id).shape != shape) {
      fail(at, "vectors of " + std::to_string(count(id)) + " and " + std::to_string(shape.count) +
                   " elements, or of other axes, do not go together");
    }
    if (count(id) == 1 && shape.count > 1 && !node(id).constant) {
      id = make(broadcast_kernel(node(id).element_size()), type(id), shape, {id}, at);
    }
  }
  return shape;
}

int Builder::prefixed(Word word, int operand, std::size_t at) {
  switch (word) {
    case Word::plus:
      if (is_number(operand)) return operand;
      break;
    case Word::minus:
      if (is_number(operand))
        return make(negation_kernel(type(operand)), type(operand), node(operand).shape, {operand}, at);
      break;
    case Word::to_integer:
    case Word::to_real:
      if (!is_number(operand) && type(operand) != Type::boolean) break;
      return cast(operand, word == Word::to_real ? Type::real : Type::integer, at);
    default:
      if (type(operand) == Type::boolean) {
        return make(logic_kernel(word), Type::boolean, node(operand).shape, {operand}, at);
      }
      if (type(operand) != Type::bits) break;
      Node made;
      made.type = Type::bits;
      made.shape = node(operand).shape;
      made.wild = node(operand).wild;
      made.operands = {operand};
      made.kernel = complement_kernel();
      made.at = at;
      return add(std::move(made));
  }
  fail(at, std::string(name_of(type(operand))) + " cannot follow this sign");
}

int Builder::exact(int id) {
  if (!node(id).wide) return id;
  Input integers = inputs_[static_cast<std::size_t>(node(id).input)];
  integers.type = Type::integer;
  return input(integers, false, node(id).shape, node(id).at);
}

int Builder::compared(Word word, int left, int right, std::size_t at) {
  if (is_number(left)) {
    const auto whole = [this](int id) { return node(id).wide || type(id) == Type::integer; };
    if (word != Word::approximate && whole(left) && whole(right)) left = exact(left), right = exact(right);
    promote(left, right, at);
  }
  const Kernel kernel = comparison_kernel(word, type(left));
  if (kernel == nullptr) {
    fail(at, std::string(sign_of(word)) + " does not compare " + name_of(type(left)) + " with another");
  }
  if (type(left) == Type::string || type(left) == Type::bits) return make(kernel, Type::boolean, {}, {left, right}, at);
  int operands[] = {left, right};
  Shape shape = conform(operands, at);
  return make(kernel, Type::boolean, std::move(shape), {operands[0], operands[1]}, at);
}

// & | + of bits.
int Builder::wide_bits(Word word, int left, int right, std::size_t at) {
  Node made;
  made.type = Type::bits;
  made.at = at;
  made.operands = {left, right};
  const Node &a = node(left), &b = node(right);
  const bool join = word == Word::plus;
  const std::int64_t bits = join ? a.shape.count + b.shape.count : std::max(a.shape.count, b.shape.count);
  if (join && bits > kMostBits) fail(at, "at most " + std::to_string(kMostBits) + " bits are joined");
  made.shape = text_shape(bits);
  made.kernel = join ? concatenation_kernel(Type::bits) : bitwise_kernel(word);
  if (join) {
    // The wild bits are joined as the bits themselves are.
    made.wild.resize(static_cast<std::size_t>(words_of(bits)));
    const auto copy = [&made](const Bits& wild, std::int64_t count, std::int64_t first) {
      for (std::int64_t i = 0; i < count && i / 64 < static_cast<std::int64_t>(wild.size()); ++i) {
        const std::uint64_t bit = wild[static_cast<std::size_t>(i / 64)] >> (i % 64) & 1;
        made.wild[static_cast<std::size_t>((first + i) / 64)] |= bit << ((first + i) % 64);
      }
    };
    copy(b.wild, b.shape.count, 0);
    copy(a.wild, a.shape.count, b.shape.count);
  } else {
    made.wild.resize(std::max(a.wild.size(), b.wild.size()));
    for (std::size_t i = 0; i < made.wild.size(); ++i) {
      const std::uint64_t x = i < a.wild.size() ? a.wild[i] : 0, y = i < b.wild.size() ? b.wild[i] : 0;
      made.wild[i] = word == Word::bit_and ? x | y : x & y;
    }
  }
  return add(std::move(made));
}

int Builder::joined(Word word, int left, int right, std::size_t at) {
  const auto fail_types = [&] {
    fail(at, std::string(sign_of(word)) + " does not join " + name_of(type(left)) + " and " + name_of(type(right)) +
                 "; a column that is named like a bit mask (HD, B1) or a logical value (T, F) is written $HD$");
  };
  const bool numbers = is_number(left) && is_number(right);
  if (is_comparison(word)) {
    if (!numbers && type(left) != type(right)) fail_types();
    return compared(word, left, right, at);
  }
  if (word == Word::logical_and || word == Word::logical_or) {
    if (type(left) != Type::boolean || type(right) != Type::boolean) fail_types();
    int operands[] = {left, right};
    Shape shape = conform(operands, at);
    return make(logic_kernel(word), Type::boolean, std::move(shape), {operands[0], operands[1]}, at);
  }
  if (type(left) == Type::bits && type(right) == Type::bits &&
      (word == Word::plus || word == Word::bit_and || word == Word::bit_or)) {
    return wide_bits(word, left, right, at);
  }
  if (word == Word::plus && type(left) == Type::string && type(right) == Type::string) {
    Node made;
    made.type = Type::string;
    made.shape = text_shape(count(left) + count(right));
    if (made.shape.count > kLongestText)
      fail(at, "a joined string has at most " + std::to_string(kLongestText) + " characters");
    made.operands = {left, right};
    made.kernel = concatenation_kernel(Type::string);
    made.keeps_text = true;
    made.at = at;
    return add(std::move(made));
  }
  if (word == Word::times && is_number(left) && type(right) == Type::boolean) right = cast(right, type(left), at);
  if (word == Word::times && type(left) == Type::boolean && is_number(right)) left = cast(left, type(right), at);
  if (!is_number(left) || !is_number(right)) fail_types();
  promote(left, right, at);
  const Kernel kernel = arithmetic_kernel(word, type(left));
  if (kernel == nullptr) fail(at, std::string(sign_of(word)) + " joins integers: (int) makes one of a real number");
  const Type result = type(left);
  int operands[] = {left, right};
  Shape shape = conform(operands, at);
  return make(kernel, result, std::move(shape), {operands[0], operands[1]}, at);
}

int Builder::range(int value, int low, int high, std::size_t at) {
  for (const int id : {value, low, high}) {
    if (!is_number(id)) fail(at, "a range is of numbers: VALUE = LOW:HIGH");
  }
  const int from = compared(Word::less_equal, low, value, at), to = compared(Word::less_equal, value, high, at);
  return joined(Word::logical_and, from, to, at);
}

int Builder::selected(int condition, int yes, int no, std::size_t at) {
  if (type(condition) != Type::boolean) fail(at, "before ? a logical value is wanted: x != 0 makes one of a number");
  if (type(yes) == Type::string && type(no) == Type::string) {
    if (count(condition) != 1) fail(at, "one logical value chooses between strings, not a vector");
    return make(select_kernel(Type::string), Type::string, text_shape(std::max(count(yes), count(no))),
                {yes, no, condition}, at);
  }
  for (const int id : {yes, no}) {
    if (!is_number(id) && type(id) != Type::boolean)
      fail(at, "?: chooses between two values of one kind, not bit masks");
  }
  promote(yes, no, at);
  int operands[] = {yes, no, condition};
  Shape shape = conform(operands, at);
  return make(select_kernel(type(yes)), type(yes), std::move(shape), {operands[0], operands[1], operands[2]}, at);
}

int Builder::vector(std::span<const int> elements, std::size_t at) {
  Type highest = Type::boolean;
  for (const int id : elements) {
    if (!is_number(id) && type(id) != Type::boolean) fail(at, "a vector is made of numbers or logical values");
    highest = std::max(highest, type(id));
  }
  std::vector<int> operands;
  std::int64_t total = 0;
  for (const int id : elements) {
    operands.push_back(cast(id, highest, at));
    total += count(id);
    if (total > kMostElements) fail(at, "this vector is too long");
  }
  Node made;
  made.type = highest;
  made.shape = {{total}, total};
  made.operands = std::move(operands);
  made.kernel = join_kernel(made.element_size());
  made.at = at;
  nodes_.push_back(std::move(made));  // never a constant, as in CFITSIO: it can be indexed
  return static_cast<int>(nodes_.size()) - 1;
}

int Builder::indexed(int vector, std::span<const int> indices, std::size_t at) {
  const Node base = node(vector);
  if (base.constant || base.shape.count == 1) fail(at, "a single value has no elements to choose from");
  const auto& axes = base.shape.axes;
  bool fixed = true;
  for (const int id : indices) {
    if (type(id) != Type::integer || count(id) != 1) fail(at, "the index of an element is one integer");
    fixed &= node(id).constant;
  }
  if (indices.size() != 1 && indices.size() != axes.size()) {
    fail(at,
         "a vector of " + std::to_string(axes.size()) + " axes takes as many indices, or one: that of the last axis");
  }
  Shape shape;
  if (indices.size() < axes.size()) {
    shape.axes.assign(axes.begin(), axes.end() - 1);
    shape.count = base.shape.count / axes.back();
  }
  std::int64_t first = 0;
  for (std::size_t k = indices.size(); fixed && k-- > 0;) {
    const std::int64_t size = indices.size() == axes.size() ? axes[k] : axes.back();
    const std::int64_t index = node(indices[k]).integer;
    if (index < 1 || index > size) {
      fail(at, "the index " + std::to_string(index) + " lies outside of 1 to " + std::to_string(size));
    }
    first = first * size + index - 1;
  }
  first *= shape.count;
  Node made;
  made.type = base.type;
  made.shape = std::move(shape);
  made.at = at;
  made.operands = {vector};
  if (base.type == Type::bits) {
    made.operands.push_back(indices[0]);
    made.kernel = bit_kernel();
    if (std::any_of(base.wild.begin(), base.wild.end(), [](std::uint64_t word) { return word != 0; })) {
      fail(at, "a bit of a mask with x in it has no value: choose it before the masks are joined");
    }
    return add(std::move(made));
  }
  if (fixed && base.input >= 0) {  // only these elements are read
    Input part = inputs_[static_cast<std::size_t>(base.input)];
    part.first += first;
    part.count = made.shape.count;
    return input(part, base.wide, made.shape, at);
  }
  if (fixed) {
    made.integers = {first};
    made.kernel = slice_kernel(made.element_size());
  } else {
    made.integers = axes;
    made.operands.insert(made.operands.end(), indices.begin(), indices.end());
    made.kernel = pick_kernel(made.element_size());
  }
  return add(std::move(made));
}

Program Builder::finish(int result) {
  if (type(result) != Type::boolean || count(result) != 1) {
    const std::string what = type(result) != Type::boolean ? name_of(type(result)) : "a vector";
    fail(0, "a filter is one logical value for each row, and this is " + what +
                (type(result) == Type::boolean ? ": SUM(...) > 0 asks for any of its elements" : ""));
  }
  std::vector<int> place(nodes_.size(), -1);
  std::vector<bool> needed(nodes_.size());
  needed[static_cast<std::size_t>(result)] = true;
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    if (!needed[i]) continue;
    for (const int id : nodes_[i].operands) needed[static_cast<std::size_t>(id)] = true;
  }
  Program program;
  std::vector<int> input_place(inputs_.size(), -1);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!needed[i]) continue;
    Node kept = std::move(nodes_[i]);
    for (int& id : kept.operands) id = place[static_cast<std::size_t>(id)];
    if (kept.input >= 0) {
      int& at = input_place[static_cast<std::size_t>(kept.input)];
      if (at < 0) {
        at = static_cast<int>(program.inputs.size());
        program.inputs.push_back(inputs_[static_cast<std::size_t>(kept.input)]);
      }
      kept.input = at;
    }
    program.sequential |= kept.carries;
    place[i] = static_cast<int>(program.nodes.size());
    program.nodes.push_back(std::move(kept));
  }
  program.result = place[static_cast<std::size_t>(result)];
  return program;
}

}  // namespace fits::filter
