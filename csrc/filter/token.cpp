#include "filter/token.h"

#include <array>
#include <charconv>
#include <cmath>
#include <numbers>
#include <stdexcept>

namespace fits::filter {

void fail(std::size_t at, const std::string& what) {
  throw std::invalid_argument("filter, character " + std::to_string(at + 1) + ": " + what);
}

std::string capitals(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return result;
}

namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool in_name(char c) { return letter(c) || digit(c) || c == '_'; }

int digit_value(char c) {
  if (digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

struct Spelling {
  std::string_view text;
  Word word;
};

// The longest that fits is taken.
constexpr std::array kSigns = {
    Spelling{"**", Word::power},         Spelling{"^^", Word::bit_xor},       Spelling{"==", Word::equal},
    Spelling{"!=", Word::not_equal},     Spelling{"<=", Word::less_equal},    Spelling{"=<", Word::less_equal},
    Spelling{">=", Word::greater_equal}, Spelling{"=>", Word::greater_equal}, Spelling{"&&", Word::logical_and},
    Spelling{"||", Word::logical_or},    Spelling{"^", Word::power},          Spelling{"=", Word::range},
    Spelling{"<", Word::less},           Spelling{">", Word::greater},        Spelling{"!", Word::logical_not},
    Spelling{"~", Word::approximate},    Spelling{"+", Word::plus},           Spelling{"-", Word::minus},
    Spelling{"*", Word::times},          Spelling{"/", Word::divide},         Spelling{"%", Word::modulo},
    Spelling{"&", Word::bit_and},        Spelling{"|", Word::bit_or},         Spelling{"?", Word::question},
    Spelling{":", Word::colon},          Spelling{",", Word::comma},          Spelling{"(", Word::open},
    Spelling{")", Word::close},          Spelling{"[", Word::open_bracket},   Spelling{"]", Word::close_bracket},
    Spelling{"{", Word::open_brace},     Spelling{"}", Word::close_brace},
};

// Written .AND., or AND. as it stands after the point of a number.
constexpr std::array kWords = {
    Spelling{"AND", Word::logical_and}, Spelling{"OR", Word::logical_or}, Spelling{"NOT", Word::logical_not},
    Spelling{"EQ", Word::equal},        Spelling{"NE", Word::not_equal},  Spelling{"LT", Word::less},
    Spelling{"LE", Word::less_equal},   Spelling{"GT", Word::greater},    Spelling{"GE", Word::greater_equal},
    Spelling{"XOR", Word::bit_xor},
};

const Spelling* find_word(std::string_view name) {
  const std::string wanted = capitals(name);
  for (const Spelling& spelling : kWords) {
    if (spelling.text == wanted) return &spelling;
  }
  return nullptr;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::vector<Token> read() {
    std::vector<Token> tokens;
    do {
      tokens.push_back(next());
    } while (tokens.back().word != Word::end);
    return tokens;
  }

 private:
  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  std::string_view rest() const { return text_.substr(i_); }

  Token make(Word word, std::size_t size, std::string text = {}) {
    Token token;
    token.word = word;
    token.at = i_;
    token.text = std::move(text);
    i_ += size;
    return token;
  }

  Token next() {
    while (i_ < text_.size() && (at(i_) == ' ' || at(i_) == '\t' || at(i_) == '\n' || at(i_) == '\r')) ++i_;
    if (i_ == text_.size()) return make(Word::end, 0);
    const char c = at(i_);
    if (digit(c) || (c == '.' && digit(at(i_ + 1)))) return number();
    if (c == '.') return dotted_word();
    if (letter(c) || c == '_') return name();
    if (c == '$') return quoted_name(i_, Word::name);
    if (c == '#') return constant();
    if (c == '\'' || c == '"') return string();
    if (c == '(') {
      for (const auto& [cast, word] : {Spelling{"(INT)", Word::to_integer}, Spelling{"(FLOAT)", Word::to_real},
                                       Spelling{"(DOUBLE)", Word::to_real}}) {
        if (capitals(rest().substr(0, cast.size())) == cast) return make(word, cast.size());
      }
    }
    for (const auto& [sign, word] : kSigns) {
      if (rest().starts_with(sign)) return make(word, sign.size());
    }
    fail(i_, "this character has no meaning in a filter");
  }

  Token number() {
    if (at(i_) == '0') {
      const char c = at(i_ + 1);
      const int base = c == 'b' ? 2 : c == 'o' ? 8 : c == 'x' ? 16 : 0;
      if (base > 0 && digit_value(at(i_ + 2)) < base) return based_integer(base);
    }
    std::size_t end = i_;
    while (digit(at(end))) ++end;
    const bool whole = at(end) != '.';
    if (!whole) {
      ++end;
      while (digit(at(end))) ++end;
    }
    std::size_t mantissa = end;
    const char e = at(end);
    bool exponent = e == 'e' || e == 'E' || e == 'd' || e == 'D';
    if (exponent) {
      std::size_t digits = end + 1;
      if (at(digits) == '+' || at(digits) == '-') ++digits;
      exponent = digit(at(digits));
      while (exponent && digit(at(digits))) ++digits;
      if (exponent) end = digits;
    }
    std::string text(text_.substr(i_, end - i_));
    if (exponent) text[mantissa - i_] = 'e';
    if (whole && !exponent) {
      std::int64_t value = 0;
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
      if (parsed.ec == std::errc()) {
        Token token = make(Word::integer, text.size());
        token.integer = value;
        return token;
      }
    }
    Token token = make(Word::real, text.size());
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), token.real);
    if (parsed.ec != std::errc()) fail(token.at, "a double cannot hold this number");
    return token;
  }

  Token based_integer(int base) {
    std::size_t end = i_ + 2;
    std::uint64_t value = 0;
    for (; digit_value(at(end)) < base; ++end) {
      if (value >> 59 != 0) fail(i_, "this integer has more than 63 bits");
      value = value * static_cast<std::uint64_t>(base) + static_cast<std::uint64_t>(digit_value(at(end)));
    }
    Token token = make(Word::integer, end - i_);
    token.integer = static_cast<std::int64_t>(value);
    return token;
  }

  Token dotted_word() {
    const std::size_t end = text_.find('.', i_ + 1);
    if (end != std::string_view::npos) {
      if (const Spelling* word = find_word(text_.substr(i_ + 1, end - i_ - 1))) return make(word->word, end + 1 - i_);
    }
    fail(i_,
         "a point begins a number or one of .AND. .OR. .NOT. .XOR. .EQ. .NE. .LT. .LE. .GT. .GE.; a name that has "
         "one is written between $ signs");
  }

  // 'b01x', 'o17x', 'h0Fx' as '0', '1' and 'x'; empty where the name is no bit mask.
  static std::string bit_mask(std::string_view name) {
    const int digits = name[0] == 'b' || name[0] == 'B'   ? 1
                       : name[0] == 'o' || name[0] == 'O' ? 3
                       : name[0] == 'h' || name[0] == 'H' ? 4
                                                          : 0;
    if (digits == 0) return {};
    std::string mask;
    for (const char c : name.substr(1)) {
      const int value = digit_value(c);
      if (c != 'x' && c != 'X' && value >= 1 << digits) return {};
      for (int bit = digits - 1; bit >= 0; --bit) mask += c == 'x' || c == 'X' ? 'x' : value >> bit & 1 ? '1' : '0';
    }
    return mask;
  }

  Token name() {
    std::size_t size = 1;
    while (in_name(at(i_ + size))) ++size;
    const std::string_view name = rest().substr(0, size);
    if (at(i_ + size) == '(') return make(Word::function, size + 1, capitals(name));
    if (at(i_ + size) == '.') {
      if (const Spelling* word = find_word(name)) return make(word->word, size + 1);
    }
    if (std::string mask = bit_mask(name); !mask.empty()) return make(Word::bits, size, std::move(mask));
    if (size == 1 && (name == "t" || name == "T" || name == "f" || name == "F")) {
      const bool value = name == "t" || name == "T";
      Token token = make(Word::boolean, size, std::string(name));
      token.integer = value;
      return token;
    }
    std::size_t after = i_ + size;
    while (at(after) == ' ' || at(after) == '\t') ++after;
    if (at(after) == '(') return make(Word::function, after + 1 - i_, capitals(name));
    return make(Word::name, size, std::string(name));
  }

  Token quoted_name(std::size_t dollar, Word word) {
    const std::size_t end = text_.find('$', dollar + 1);
    if (end == std::string_view::npos || end == dollar + 1) {
      fail(dollar, "a name that begins with $ ends with another $");
    }
    return make(word, end + 1 - i_, std::string(text_.substr(dollar + 1, end - dollar - 1)));
  }

  Token constant() {
    if (at(i_ + 1) == '$') return quoted_name(i_ + 1, Word::keyword);
    std::size_t size = 1;
    while (in_name(at(i_ + size))) ++size;
    if (size == 1) fail(i_, "after # the name of a constant or keyword is wanted");
    const std::string name = capitals(rest().substr(1, size - 1));
    for (const auto& [constant, value] : {std::pair{"PI", std::numbers::pi}, std::pair{"E", std::numbers::e},
                                          std::pair{"DEG", std::numbers::pi / 180}}) {
      if (name != constant) continue;
      Token token = make(Word::real, size);
      token.real = value;
      return token;
    }
    if (name == "ROW") return make(Word::row, size);
    if (name == "NULL") return make(Word::null_number, size);
    if (name == "SNULL") return make(Word::null_string, size);
    return make(Word::keyword, size, name);
  }

  Token string() {
    const std::size_t end = text_.find(at(i_), i_ + 1);
    if (end == std::string_view::npos) fail(i_, "this string has no closing quote");
    return make(Word::string, end + 1 - i_, std::string(text_.substr(i_ + 1, end - i_ - 1)));
  }

  std::string_view text_;
  std::size_t i_ = 0;
};

}  // namespace

std::vector<Token> read_tokens(std::string_view expression) {
  if (expression.size() > kLongestExpression) {
    throw std::invalid_argument("filter: the expression has " + std::to_string(expression.size()) +
                                " characters; at most " + std::to_string(kLongestExpression) + " are read");
  }
  return Reader(expression).read();
}

}  // namespace fits::filter
