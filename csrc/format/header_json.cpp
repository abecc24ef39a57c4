#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "format/card.h"

namespace fits {
namespace {

constexpr char kSeparator = 0x7f;

constexpr char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// Characters that stand for themselves inside a JSON string, and are ASCII.
constexpr bool is_plain(char c) noexcept { return c >= 32 && c < 127 && c != '"' && c != '\\'; }

void append_escaped(std::string& json, char c) {
  constexpr char kHex[] = "0123456789abcdef";
  if (c == '"' || c == '\\') {
    json += '\\';
    json += c;
    return;
  }
  const auto byte = static_cast<unsigned char>(c);
  json += "\\u00";
  json += kHex[byte >> 4];
  json += kHex[byte & 15];
}

// Eight characters at a time; each term has the high bit of every byte that is not plain, and sometimes of the byte
// after it, which costs a second look only.
bool all_plain(const char* eight) noexcept {
  constexpr std::uint64_t kEach = 0x0101010101010101;
  std::uint64_t word;
  std::memcpy(&word, eight, sizeof(word));
  const auto equal = [word](unsigned char c) { return ((word ^ (c * kEach)) - kEach) & ~(word ^ (c * kEach)); };
  const std::uint64_t odd = word | ((word - 32 * kEach) & ~word) | (word + kEach) | equal('"') | equal('\\');
  return (odd & (0x80 * kEach)) == 0;
}

// The inside of a JSON string.
void append_text(std::string& json, std::string_view text) {
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (i + 8 <= text.size() && all_plain(text.data() + i)) {
      i += 8;
    } else if (is_plain(text[i])) {
      ++i;
    } else {
      json.append(text, done, i - done);
      append_escaped(json, text[i]);
      done = ++i;
    }
  }
  json.append(text, done);
}

void append_string(std::string& json, std::string_view text) {
  json += '"';
  append_text(json, text);
  json += '"';
}

std::string_view without_trailing_blanks(std::string_view text) noexcept {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// A FITS number by the grammar of JSON: no plus sign, no blanks, no leading zeros, digits on both sides of the point
// and e for the exponent. `text` has been parsed: it is a number, of less than 80 characters.
void append_number(std::string& json, std::string_view text) {
  char number[2 * kCardSize];  // at most two zeros more than the text
  char* end = number;
  bool leading = true;       // no digit of the whole part yet but zeros, which are left out
  bool whole = true;         // before point and exponent
  bool after_point = false;  // the point is the last character
  const auto end_digits = [&] {
    if ((whole && leading) || after_point) *end++ = '0';
    whole = after_point = false;
  };
  for (const char c : text.substr(0, kCardSize)) {
    if (is_digit(c)) {
      if (whole && leading && c == '0') continue;
      leading = after_point = false;
      *end++ = c;
    } else if (c == '-') {
      *end++ = c;
    } else if (c == '.') {
      end_digits();
      *end++ = c;
      after_point = true;
    } else if (c != ' ' && c != '\t' && c != '+') {
      end_digits();
      *end++ = 'e';
    }
  }
  end_digits();
  json.append(number, end);
}

void append_complex(std::string& json, std::string_view text) {
  const std::size_t comma = text.find(',');
  json += '[';
  append_number(json, text.substr(1, comma - 1));
  json += ',';
  append_number(json, text.substr(comma + 1, text.size() - comma - 2));
  json += ']';
}

void append_index(std::string& json, std::size_t index) {
  if (!json.empty()) json += ',';
  json += std::to_string(index);
}

// 'AXIS.1: 2': the caller decides; here are only the strings that cannot be told apart at a glance.
bool looks_like_field(std::string_view value) noexcept {
  if (value.empty() || !(is_digit(value.back()) || value.back() == '.') || is_digit(value.front())) return false;
  return value.find(": ") != std::string_view::npos;
}

// Names or comments joined in one string, or as a list when one of them contains the separator.
class Column {
 public:
  explicit Column(std::size_t size) { json_.reserve(size); }

  void add(std::string_view text) {
    if (started_) json_ += kSeparator;
    started_ = true;
    holds_separator_ |= text.find(kSeparator) != std::string_view::npos;
    append_text(json_, text);
  }

  void append_to(std::string& json) const {
    json += holds_separator_ ? "[\"" : "\"";
    if (!holds_separator_) {
      json += json_;
    } else {  // separators inside a text were escaped
      for (const char c : json_) c == kSeparator ? json += "\",\"" : json += c;
    }
    json += holds_separator_ ? "\"]" : "\"";
  }

 private:
  std::string json_;
  bool started_ = false;
  bool holds_separator_ = false;
};

class Writer {
 public:
  explicit Writer(std::size_t cards) : keywords_(cards * 10), comments_(cards * 40) { values_.reserve(cards * 20); }

  void add_long(const Card& card, const LongString& joined) {
    long_ += long_.empty() ? "[" : ",[";
    long_ += std::to_string(record_) + ',' + std::to_string(joined.cards) + ']';
    add_name(card);
    append_string(values_, joined.value);
    comments_.add(joined.comment);
    ++record_;
  }

  void add(const Card& card) {
    add_name(card);
    add_value(card);
    comments_.add(card.kind == ValueKind::none ? std::string_view{} : card.comment);
    ++record_;
  }

  std::string json() const {
    std::string json;
    json.reserve(values_.size() * 6 + 200);
    json += "{\"keywords\":";
    keywords_.append_to(json);
    json += ",\"values\":[";
    json += values_;
    json += "],\"comments\":";
    comments_.append_to(json);
    const auto list = [&](std::string_view name, const std::string& items) {
      json += ",\"";
      json += name;
      json += "\":[";
      json += items;
      json += ']';
    };
    list("long", long_);
    list("hierarch", hierarch_);
    list("complex", complex_);
    list("malformed", malformed_);
    list("text", text_);
    list("fields", fields_);
    json += '}';
    return json;
  }

 private:
  void add_name(const Card& card) {
    if (card.hierarch) {
      keywords_.add(card.keyword);
      append_index(hierarch_, record_);
    } else {  // of at most 8 characters
      char name[8];
      for (std::size_t i = 0; i < card.keyword.size(); ++i) name[i] = upper(card.keyword[i]);
      keywords_.add({name, card.keyword.size()});
    }
    if (record_ > 0) values_ += ',';
  }

  void add_value(const Card& card) {
    switch (card.kind) {
      case ValueKind::none:
        append_string(values_, without_trailing_blanks(card.comment));
        if (!is_commentary(card.keyword)) append_index(text_, record_);
        return;
      case ValueKind::undefined: values_ += "null"; return;
      case ValueKind::logical: values_ += card.value.front() == 'T' ? "true" : "false"; return;
      case ValueKind::integer:
      case ValueKind::real: return append_number(values_, card.value);
      case ValueKind::complex: append_complex(values_, card.value); return append_index(complex_, record_);
      case ValueKind::string: return add_string(card);
      case ValueKind::malformed: append_string(values_, card.value); return append_index(malformed_, record_);
    }
  }

  void add_string(const Card& card) {
    if (looks_like_field(card.value)) append_index(fields_, record_);
    if (card.value.find('\'') == std::string_view::npos) {
      append_string(values_, without_trailing_blanks(card.value));
    } else {
      append_string(values_, *string_value(card));
    }
  }

  static bool is_commentary(std::string_view keyword) noexcept {
    if (keyword.empty()) return true;
    const auto is = [&](std::string_view name) {
      return std::equal(name.begin(), name.end(), keyword.begin(), keyword.end(),
                        [](char a, char b) { return a == upper(b); });
    };
    return is("COMMENT") || is("HISTORY");
  }

  std::size_t record_ = 0;
  Column keywords_;
  std::string values_;
  Column comments_;
  std::string long_, hierarch_, complex_, malformed_, text_, fields_;
};

}  // namespace

std::string header_json(HeaderView header) {
  Writer writer(header.size());
  for (std::size_t i = 0; i < header.size();) {
    const Card card = header.card(i);
    if (card.kind == ValueKind::string && header.is_continued(i)) {
      const LongString joined = header.join(i);
      writer.add_long(card, joined);
      i += joined.cards;
    } else {
      writer.add(card);
      ++i;
    }
  }
  return writer.json();
}

}  // namespace fits
