#include "format/ascii_cells.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

#include "format/bytes.h"
#include "format/scaling.h"

namespace fits {
namespace {

// What pads a field: blanks, and the NUL and control characters that writers leave.
constexpr bool is_blank(char c) noexcept { return static_cast<unsigned char>(c) <= ' '; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Without the blanks inside; empty where `buffer` is too small.
constexpr std::size_t kLongestNumber = 512;
using Buffer = std::array<char, kLongestNumber>;

std::string_view without_blanks(std::string_view text, Buffer& buffer) noexcept {
  std::size_t size = 0;
  for (const char c : text) {
    if (is_blank(c)) continue;
    if (size == buffer.size()) return {};
    buffer[size++] = c;
  }
  return {buffer.data(), size};
}

// "-1.5D+03" in its parts: value = digits * 10^(exponent - decimals).
struct Real {
  std::string_view digits;  // with the decimal point
  std::int64_t exponent = 0;
  bool negative = false, point = false;
};

std::int64_t take_exponent(std::string_view& text) noexcept {
  constexpr std::int64_t kMost = 1'000'000;  // beyond it every number is 0 or infinite
  bool negative = false;
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  std::int64_t exponent = 0;
  while (!text.empty() && is_digit(text.front())) {
    exponent = std::min(kMost, 10 * exponent + (text.front() - '0'));
    text.remove_prefix(1);
  }
  return negative ? -exponent : exponent;
}

// `text` has no blanks at its ends. Empty where it is no number.
std::optional<Real> split(std::string_view text) noexcept {
  Real real;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    real.negative = text.front() == '-';
    text.remove_prefix(1);
  }
  std::size_t size = 0;
  bool any = false;
  for (; size < text.size(); ++size) {
    if (is_digit(text[size])) {
      any = true;
    } else if (text[size] == '.' && !real.point) {
      real.point = true;
    } else {
      break;
    }
  }
  if (!any) return std::nullopt;
  real.digits = text.substr(0, size);
  text.remove_prefix(size);
  if (text.empty()) return real;
  const char letter = static_cast<char>(text.front() & 0xdf);
  // FORTRAN also writes "1.5+03", without the letter.
  if (letter == 'E' || letter == 'D') {
    text.remove_prefix(1);
  } else if (text.front() != '+' && text.front() != '-') {
    return std::nullopt;
  }
  const bool has_digits = !text.empty() && is_digit(text.back());
  real.exponent = take_exponent(text);
  if (!has_digits || !text.empty()) return std::nullopt;
  return real;
}

// Powers of ten that a double holds exactly.
constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr std::int64_t kMostPower = 22;
constexpr std::uint64_t kMostWhole = std::uint64_t{1} << 53;

// Up to 19 digits are an integer below 2^64; one below 2^53 times or over a power of ten up to 10^22, both exact in a
// double, is rounded once (Clinger 1990). Else from_chars reads it.
double value_of(const Real& real, std::int64_t decimals) noexcept {
  std::int64_t power = real.exponent - (real.point ? 0 : decimals);
  const std::int64_t asked = power;
  std::uint64_t whole = 0;
  bool after_point = false;
  bool small = real.digits.size() <= 20;
  if (small) {
    for (const char c : real.digits) {
      if (c == '.') {
        after_point = true;
        continue;
      }
      whole = 10 * whole + static_cast<std::uint64_t>(c - '0');
      power -= after_point ? 1 : 0;
    }
    small = real.digits.size() - (real.point ? 1 : 0) <= 19 && whole <= kMostWhole;
  }
  double value = 0;
  if (small && power >= -kMostPower && power <= kMostPower) {
    value = static_cast<double>(whole);
    value = power < 0 ? value / kPowers[-power] : value * kPowers[power];
  } else {
    std::array<char, kLongestNumber + 32> text;
    char* end = std::copy(real.digits.begin(), real.digits.end(), text.data());
    *end++ = 'e';
    end = std::to_chars(end, text.data() + text.size(), asked).ptr;
    if (std::from_chars(text.data(), end, value).ec == std::errc::result_out_of_range) {
      // It does not say which: a number of 512 digits at most is below 1 or above it by its exponent.
      value = asked < 0 ? 0 : std::numeric_limits<double>::infinity();
    }
  }
  return real.negative ? -value : value;
}

std::optional<double> parse_word(std::string_view text) noexcept {
  bool negative = false;
  if (text.starts_with('-') || text.starts_with('+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  std::array<char, 8> word{};
  if (text.size() > word.size()) return std::nullopt;
  std::ranges::transform(text, word.begin(), [](char c) { return static_cast<char>(c | 0x20); });
  const std::string_view lower(word.data(), text.size());
  double value = 0;
  if (lower == "nan") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (lower == "inf" || lower == "infinity") {
    value = std::numeric_limits<double>::infinity();
  } else {
    return std::nullopt;
  }
  return negative ? -value : value;
}

std::optional<double> parse_real(std::string_view text, std::int64_t decimals) noexcept {
  Buffer buffer;
  if (text.size() > kLongestNumber) return std::nullopt;
  auto real = split(text);
  if (!real) real = split(text = without_blanks(text, buffer));
  return real ? std::optional(value_of(*real, decimals)) : parse_word(text);
}

template <class Integer>
std::optional<Integer> parse_integer(std::string_view text) noexcept {
  Buffer buffer;
  if (text.find(' ') != std::string_view::npos) text = without_blanks(text, buffer);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  Integer value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The text that stands for an undefined field. Longer than the field, its beginning does (as astropy has it).
std::optional<std::string> null_text(const Column& column) {
  if (!column.tnull) return std::nullopt;
  const std::string_view text = trimmed(*column.tnull);
  return std::string(text.substr(0, std::min(text.size(), static_cast<std::size_t>(column.width))));
}

class Fields {
 public:
  explicit Fields(const Column& column) : width_(static_cast<std::size_t>(column.width)), null_(null_text(column)) {}
  std::string_view at(const std::byte* cell) const noexcept { return trimmed(as_text({cell, width_})); }
  std::size_t width() const noexcept { return width_; }
  bool may_be_null() const noexcept { return null_.has_value(); }
  bool is_null(std::string_view field) const noexcept { return null_ && field == *null_; }

 private:
  std::size_t width_;
  std::optional<std::string> null_;
};

// The digits that `at` points to, as many as there are before `end`, behind those of `whole`.
inline const char* take_digits(const char* at, const char* end, std::uint64_t& whole) noexcept {
  for (; at != end; ++at) {
    const unsigned digit = static_cast<unsigned char>(*at) - unsigned{'0'};
    if (digit > 9) break;
    whole = 10 * whole + digit;
  }
  return at;
}

inline const char* skip_blanks(const char* at, const char* end) noexcept {
  while (at != end && is_blank(*at)) ++at;
  return at;
}

// The usual number in one look: at most 19 digits, a short exponent with its letter, blanks around it; the same bits as
// parse_real gives. Empty where it is anything else, a blank field among it.
inline std::optional<double> usual_real(const char* at, const char* end, std::int64_t decimals) noexcept {
  at = skip_blanks(at, end);
  if (at == end) return std::nullopt;
  const bool negative = *at == '-';
  if (negative || *at == '+') ++at;
  std::uint64_t whole = 0;
  const char* const first = at;
  at = take_digits(at, end, whole);
  std::int64_t digits = at - first, power = -decimals;
  if (at != end && *at == '.') {
    const char* const point = ++at;
    at = take_digits(at, end, whole);
    power = point - at;
    digits -= power;
  }
  if (digits == 0 || digits > 19 || whole > kMostWhole) return std::nullopt;
  if (at != end && ((*at & 0xdf) == 'E' || (*at & 0xdf) == 'D')) {
    if (++at == end) return std::nullopt;
    const bool below = *at == '-';
    if (below || *at == '+') ++at;
    std::uint64_t exponent = 0;
    const char* const start = at;
    at = take_digits(at, end, exponent);
    if (at == start || at - start > 4) return std::nullopt;
    power += below ? -static_cast<std::int64_t>(exponent) : static_cast<std::int64_t>(exponent);
  }
  if (skip_blanks(at, end) != end || power < -kMostPower || power > kMostPower) return std::nullopt;
  const auto value = static_cast<double>(whole);
  const double scaled = power < 0 ? value / kPowers[-power] : value * kPowers[power];
  return negative ? -scaled : scaled;
}

// The same of integers: at most 18 digits, which any 64 bits hold.
template <class Integer>
std::optional<Integer> usual_integer(const char* at, const char* end) noexcept {
  at = skip_blanks(at, end);
  if (at == end) return std::nullopt;
  const bool negative = *at == '-';
  if (negative || *at == '+') ++at;
  std::uint64_t whole = 0;
  const char* const first = at;
  at = take_digits(at, end, whole);
  if (at == first || at - first > 18 || skip_blanks(at, end) != end) return std::nullopt;
  const auto value = negative ? -static_cast<std::int64_t>(whole) : static_cast<std::int64_t>(whole);
  if (value < std::numeric_limits<Integer>::min() || value > std::numeric_limits<Integer>::max()) return std::nullopt;
  return static_cast<Integer>(value);
}

template <class Number>
class AsciiNumbers final : public CellReader {
 public:
  explicit AsciiNumbers(const Column& column)
      : CellReader(column.scaled() ? sizeof(double) : sizeof(Number)),
        fields_(column),
        decimals_(column.ascii.decimals),
        scaled_(column.scaled()),
        tscal_(column.tscal),
        tzero_(column.tzero) {}

  std::int64_t read(const std::byte* cells, std::int64_t stride, std::int64_t rows,
                    std::byte* out) const noexcept override {
    for (std::int64_t row = 0; row < rows; ++row, cells += stride, out += row_size()) {
      auto value = usual(cells);
      if (!value) value = parse(fields_.at(cells));
      if (!value) return row;
      if (scaled_) {
        const double result = physical(static_cast<double>(*value), tscal_, tzero_);
        std::memcpy(out, &result, sizeof(result));
      } else {
        std::memcpy(out, &*value, sizeof(Number));
      }
    }
    return rows;
  }

 private:
  // What TNULLn says comes first, and it might look like a number.
  std::optional<Number> usual(const std::byte* cell) const noexcept {
    if (fields_.may_be_null()) return std::nullopt;
    const auto* const text = reinterpret_cast<const char*>(cell);
    if constexpr (std::is_floating_point_v<Number>) {
      return usual_real(text, text + fields_.width(), decimals_);
    } else {
      return usual_integer<Number>(text, text + fields_.width());
    }
  }

  std::optional<Number> parse(std::string_view field) const noexcept {
    constexpr bool kReal = std::is_floating_point_v<Number>;
    if (fields_.is_null(field)) return kReal ? std::numeric_limits<Number>::quiet_NaN() : Number{0};
    if (field.empty()) return Number{0};
    if constexpr (kReal) {
      return parse_real(field, decimals_);
    } else {
      return parse_integer<Number>(field);
    }
  }

  Fields fields_;
  std::int64_t decimals_;
  bool scaled_;
  double tscal_, tzero_;
};

class AsciiNulls final : public CellReader {
 public:
  explicit AsciiNulls(const Column& column)
      : CellReader(1), fields_(column), blank_is_null_(column.ascii.letter == 'A') {}
  std::int64_t read(const std::byte* cells, std::int64_t stride, std::int64_t rows,
                    std::byte* out) const noexcept override {
    for (std::int64_t row = 0; row < rows; ++row, cells += stride) {
      const std::string_view field = fields_.at(cells);
      out[row] = static_cast<std::byte>((blank_is_null_ && field.empty()) || fields_.is_null(field));
    }
    return rows;
  }

 private:
  Fields fields_;
  bool blank_is_null_;
};

}  // namespace

std::unique_ptr<CellReader> ascii_value_reader(const Column& column) {
  switch (column.elements().stored) {
    case Pixel::i16: return std::make_unique<AsciiNumbers<std::int16_t>>(column);
    case Pixel::i32: return std::make_unique<AsciiNumbers<std::int32_t>>(column);
    case Pixel::i64: return std::make_unique<AsciiNumbers<std::int64_t>>(column);
    default: return std::make_unique<AsciiNumbers<double>>(column);
  }
}

std::unique_ptr<CellReader> ascii_null_reader(const Column& column) { return std::make_unique<AsciiNulls>(column); }

}  // namespace fits
