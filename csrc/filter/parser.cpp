#include "filter/parser.h"

namespace fits::filter {
namespace {

constexpr int kDeepest = 200;  // parentheses within parentheses, and the like

// How strongly operators bind.
constexpr int kNothing = 0, kRange = 1, kQuestion = 2, kPower = 10, kNot = 11, kCast = 12, kSign = 13;

int binding(Word word) noexcept {
  switch (word) {
    case Word::range: return kRange;
    case Word::question: return kQuestion;
    case Word::logical_or: return 3;
    case Word::logical_and: return 4;
    case Word::equal:
    case Word::not_equal:
    case Word::approximate: return 5;
    case Word::less:
    case Word::less_equal:
    case Word::greater:
    case Word::greater_equal: return 6;
    case Word::plus:
    case Word::minus:
    case Word::modulo: return 7;
    case Word::times:
    case Word::divide: return 8;
    case Word::bit_and:
    case Word::bit_or:
    case Word::bit_xor: return 9;
    case Word::power: return kPower;
    default: return kNothing;
  }
}

// The types that an operator takes.
using Types = unsigned;
constexpr Types only(Type type) noexcept { return 1u << static_cast<unsigned>(type); }
constexpr Types kLogical = only(Type::boolean), kNumber = only(Type::integer) | only(Type::real),
                kString = only(Type::string), kBits = only(Type::bits), kAny = ~Types{0};

class Parser {
 public:
  Parser(std::vector<Token> tokens, Builder& builder) : tokens_(std::move(tokens)), builder_(builder) {}

  int parse() {
    if (token().word == Word::end) fail(0, "the expression is empty");
    const int result = expression(kNothing + 1, kAny);
    if (token().word == Word::end) return result;
    if (token().word == Word::close || token().word == Word::close_bracket || token().word == Word::close_brace) {
      fail(token().at, "nothing was opened that this closes");
    }
    fail(token().at, "an operator is wanted here, or the end");
  }

 private:
  const Token& token() const { return tokens_[i_]; }
  Token take() { return tokens_[i_++]; }
  bool skip(Word word) {
    if (token().word != word) return false;
    ++i_;
    return true;
  }
  void want(Word word, const char* what) {
    if (!skip(word)) fail(token().at, std::string(what) + " is wanted here");
  }
  Type type(int id) const { return builder_.node(id).type; }
  bool fits(int id, Types wanted) const { return (wanted & only(type(id))) != 0; }

  struct Depth {
    int& depth;
    Depth(int& depth, std::size_t at) : depth(depth) {
      if (++depth > kDeepest) fail(at, "this is nested too deeply: at most " + std::to_string(kDeepest) + " levels");
    }
    ~Depth() { --depth; }
  };

  // Takes operators that bind at least as strongly as `weakest`, and weaker ones for as long as the value is of no type
  // that is wanted. What an operator cannot take is left to the one before it: A = 1:5 && B is (A = 1:5) && B.
  int expression(int weakest, Types wanted) {
    const Depth depth(depth_, token().at);
    int value = operand();
    for (;;) {
      const int strength = binding(token().word);
      if (strength == kNothing) return value;
      // No operator makes bits of a logical value, so that a comparison of bits cannot go to an operator of bits.
      const bool cannot = !takes(token().word, type(value)) || (wanted == kBits && compares(token().word));
      const bool leave = strength < weakest || (wanted != kAny && cannot);
      if (leave && fits(value, wanted)) return value;
      value = joined(value, strength);
    }
  }

  int joined(int left, int strength) {
    const Token sign = take();
    if (sign.word == Word::range) return range(left, sign.at);
    if (sign.word == Word::question) return choice(left, sign.at);
    const int right = expression(strength + (sign.word == Word::power ? 0 : 1), partners(sign.word, type(left)));
    return builder_.joined(sign.word, left, right, sign.at);
  }

  static bool compares(Word word) noexcept { return word >= Word::equal && word <= Word::greater_equal; }

  // What may stand to the left of an operator, and to its right.
  static bool takes(Word word, Type left) noexcept {
    const bool number = (only(left) & kNumber) != 0;
    switch (word) {
      case Word::question:
      case Word::logical_or:
      case Word::logical_and: return left == Type::boolean;
      case Word::equal:
      case Word::not_equal: return true;
      case Word::less:
      case Word::less_equal:
      case Word::greater:
      case Word::greater_equal: return left != Type::boolean;
      case Word::plus: return left != Type::boolean;
      case Word::times: return number || left == Type::boolean;
      case Word::bit_and:
      case Word::bit_or: return number || left == Type::bits;
      default: return number;
    }
  }
  static Types partners(Word word, Type left) noexcept {
    const Types same = left == Type::boolean  ? kLogical
                       : left == Type::string ? kString
                       : left == Type::bits   ? kBits
                                              : kNumber;
    if (word == Word::times) return left == Type::boolean ? kNumber : kNumber | kLogical;
    if (word == Word::logical_and || word == Word::logical_or) return kLogical;
    return same;
  }

  int range(int value, std::size_t at) {
    const int low = expression(kRange + 1, kNumber);
    if (token().word != Word::colon) fail(at, "= begins a range, VALUE = LOW:HIGH; == compares");
    ++i_;
    const int high = expression(kQuestion, kNumber);
    return builder_.range(value, low, high, at);
  }

  int choice(int condition, std::size_t at) {
    const int yes = expression(kNothing + 1, kAny);
    want(Word::colon, "the : of ?:");
    const int no = expression(kQuestion, type(yes) == Type::string ? kString : kNumber | kLogical);
    return builder_.selected(condition, yes, no, at);
  }

  int operand() {
    const Token sign = token();
    switch (sign.word) {
      case Word::logical_not: ++i_; return prefixed(sign, kNot + 1, kLogical | kBits);
      case Word::to_integer:
      case Word::to_real: ++i_; return prefixed(sign, kCast + 1, kNumber | kLogical);
      case Word::plus:
      case Word::minus: ++i_; return prefixed(sign, kSign + 1, kNumber);
      default: return element();
    }
  }

  int prefixed(const Token& sign, int weakest, Types wanted) {
    return builder_.prefixed(sign.word, expression(weakest, wanted), sign.at);
  }

  // A value with the indices after it.
  int element() {
    int value = single();
    while (token().word == Word::open_bracket) {
      const Token bracket = take();
      const std::vector<int> indices = list(Word::close_bracket, "]");
      value = builder_.indexed(value, indices, bracket.at);
    }
    return value;
  }

  int single() {
    const Token first = take();
    switch (first.word) {
      case Word::integer:
      case Word::real:
      case Word::boolean:
      case Word::bits:
      case Word::string:
      case Word::row:
      case Word::null_number:
      case Word::null_string: return builder_.literal(first);
      case Word::name:
      case Word::keyword: {
        const int value = builder_.column_or_keyword(first);
        if (token().word != Word::open_brace) return value;
        const Token brace = take();
        const int rows = expression(kNothing + 1, kAny);
        want(Word::close_brace, "}");
        return builder_.shifted(value, rows, brace.at);
      }
      case Word::function: {
        if (skip(Word::close)) return builder_.called(first, {});
        return builder_.called(first, list(Word::close, ")"));
      }
      case Word::open: {
        const int value = expression(kNothing + 1, kAny);
        want(Word::close, ")");
        return value;
      }
      case Word::open_brace: return builder_.vector(list(Word::close_brace, "}"), first.at);
      default:
        fail(first.at,
             first.word == Word::end ? "a value is wanted where the expression ends" : "a value is wanted here");
    }
  }

  std::vector<int> list(Word closing, const char* what) {
    std::vector<int> values;
    do {
      values.push_back(expression(kNothing + 1, kAny));
    } while (skip(Word::comma));
    want(closing, what);
    return values;
  }

  std::vector<Token> tokens_;
  Builder& builder_;
  std::size_t i_ = 0;
  int depth_ = 0;
};

}  // namespace

int parse(std::string_view expression, Builder& builder) { return Parser(read_tokens(expression), builder).parse(); }

}  // namespace fits::filter
