#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "format/card.h"

namespace fits {
namespace {

constexpr char kSeparator = 0x7f;

constexpr char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// Characters that stand for themselves inside a JSON string, and are ASCII.
constexpr bool is_plain(char c) noexcept { return c >= 32 && c < 127 && c != '"' && c != '\\'; }

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

std::string_view without_trailing_blanks(std::string_view text) noexcept {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// A column under construction. Its owner makes room once per record; what is added then does not look at the size.
class Buffer {
 public:
  explicit Buffer(std::size_t capacity) { grow(capacity); }

  // Room for `size` more characters, and for the eight that add_text may write ahead.
  void reserve(std::size_t size) {
    if (static_cast<std::size_t>(last_ - end_) < size + 8) grow(2 * (this->size() + size + 8));
  }

  void add(char c) { *end_++ = c; }

  void add_plain(std::string_view text) {
    std::memcpy(end_, text.data(), text.size());
    end_ += text.size();
  }

  // The inside of a JSON string: six characters at most for each of the text's.
  void add_text(std::string_view text) {
    const char* at = text.data();
    const char* const stop = at + text.size();
    while (at != stop) {
      if (stop - at >= 8 && all_plain(at)) {
        std::memcpy(end_, at, 8);
        end_ += 8;
        at += 8;
      } else if (is_plain(*at)) {
        add(*at++);
      } else {
        add_escaped(*at++);
      }
    }
  }

  void add_string(std::string_view text) {
    add('"');
    add_text(text);
    add('"');
  }

  void add_number(std::string_view text);

  std::string_view text() const { return {start_.get(), size()}; }

 private:
  std::size_t size() const { return static_cast<std::size_t>(end_ - start_.get()); }

  void grow(std::size_t capacity) {
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    const std::size_t used = start_ ? size() : 0;
    if (used > 0) std::memcpy(larger.get(), start_.get(), used);
    start_ = std::move(larger);
    end_ = start_.get() + used;
    last_ = start_.get() + capacity;
  }

  void add_escaped(char c) {
    constexpr char kHex[] = "0123456789abcdef";
    if (c == '"' || c == '\\') {
      add('\\');
      add(c);
      return;
    }
    const auto byte = static_cast<unsigned char>(c);
    add_plain("\\u00");
    add(kHex[byte >> 4]);
    add(kHex[byte & 15]);
  }

  std::unique_ptr<char[]> start_;
  char* end_ = nullptr;
  char* last_ = nullptr;
};

// A FITS number by the grammar of JSON: no plus sign, no blanks, no leading zeros, digits on both sides of the point
// and e for the exponent. `text` has been parsed: it is a number. At most two zeros are added.
void Buffer::add_number(std::string_view text) {
  bool leading = true;       // no digit of the whole part yet but zeros, which are left out
  bool whole = true;         // before point and exponent
  bool after_point = false;  // the point is the last character
  const auto end_digits = [&] {
    if ((whole && leading) || after_point) add('0');
    whole = after_point = false;
  };
  for (const char c : text) {
    if (is_digit(c)) {
      if (whole && leading && c == '0') continue;
      leading = after_point = false;
      add(c);
    } else if (c == '-') {
      add(c);
    } else if (c == '.') {
      end_digits();
      add(c);
      after_point = true;
    } else if (c != ' ' && c != '\t' && c != '+') {
      end_digits();
      add('e');
    }
  }
  end_digits();
}

// 'AXIS.1: 2': the caller decides; here are only the strings that cannot be told apart at a glance.
bool looks_like_field(std::string_view value) noexcept {
  if (value.empty() || !(is_digit(value.back()) || value.back() == '.') || is_digit(value.front())) return false;
  return value.find(": ") != std::string_view::npos;
}

void append_index(std::string& json, std::size_t index) {
  if (!json.empty()) json += ',';
  json += std::to_string(index);
}

// Names or comments joined in one string, or as a list when one of them contains the separator.
class Column {
 public:
  explicit Column(std::size_t capacity) : texts_(capacity) {}

  void add(std::string_view text) {
    texts_.reserve(6 * text.size() + 1);
    if (started_) texts_.add(kSeparator);
    started_ = true;
    texts_.add_text(text);
    holds_separator_ |= text.find(kSeparator) != std::string_view::npos;
  }

  std::size_t size() const { return texts_.text().size(); }

  void append_to(std::string& json) const {
    if (!holds_separator_) {
      json += '"';
      json += texts_.text();
      json += '"';
      return;
    }
    json += "[\"";
    for (const char c : texts_.text())
      c == kSeparator ? json += "\",\"" : json += c;  // those inside a text are escaped
    json += "\"]";
  }

 private:
  Buffer texts_;
  bool started_ = false;
  bool holds_separator_ = false;
};

class Writer {
 public:
  explicit Writer(std::size_t cards)
      : keywords_(cards * 10 + 64), values_(cards * 24 + 64), comments_(cards * 40 + 64) {}

  void add_long(const Card& card, const LongString& joined) {
    long_ += long_.empty() ? "[" : ",[";
    long_ += std::to_string(record_) + ',' + std::to_string(joined.cards) + ']';
    values_.reserve(6 * joined.value.size() + 3);
    add_name(card);
    values_.add_string(joined.value);
    comments_.add(joined.comment);
    ++record_;
  }

  void add(const Card& card) {
    values_.reserve(6 * kCardSize + 3);
    add_name(card);
    add_value(card);
    comments_.add(card.kind == ValueKind::none ? std::string_view{} : card.comment);
    ++record_;
  }

  std::string json() const {
    std::string json;
    json.reserve(keywords_.size() + values_.text().size() + comments_.size() + 256);
    json += "{\"keywords\":";
    keywords_.append_to(json);
    json += ",\"values\":[";
    json += values_.text();
    json += ']';
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
    list("fields", fields_);
    json += "}\n";
    comments_.append_to(json);
    return json;
  }

 private:
  void add_name(const Card& card) {
    if (card.hierarch) append_index(hierarch_, record_);
    if (card.hierarch || (card.kind == ValueKind::none && !is_commentary(card.keyword))) {
      keywords_.add(card.keyword);
    } else {  // of at most 8 characters
      char name[8];
      for (std::size_t i = 0; i < card.keyword.size(); ++i) name[i] = upper(card.keyword[i]);
      keywords_.add({name, card.keyword.size()});
    }
    if (record_ > 0) values_.add(',');
  }

  void add_value(const Card& card) {
    switch (card.kind) {
      case ValueKind::none: values_.add_string(without_trailing_blanks(card.comment)); return;
      case ValueKind::undefined: values_.add_plain("null"); return;
      case ValueKind::logical: values_.add_plain(card.value.front() == 'T' ? "true" : "false"); return;
      case ValueKind::integer:
      case ValueKind::real: return values_.add_number(card.value);
      case ValueKind::complex: add_complex(card.value); return append_index(complex_, record_);
      case ValueKind::string: return add_string(card);
      case ValueKind::malformed: values_.add_string(card.value); return append_index(malformed_, record_);
    }
  }

  void add_complex(std::string_view text) {
    const std::size_t comma = text.find(',');
    values_.add('[');
    values_.add_number(text.substr(1, comma - 1));
    values_.add(',');
    values_.add_number(text.substr(comma + 1, text.size() - comma - 2));
    values_.add(']');
  }

  void add_string(const Card& card) {
    if (looks_like_field(card.value)) append_index(fields_, record_);
    if (card.value.find('\'') == std::string_view::npos) {
      values_.add_string(without_trailing_blanks(card.value));
    } else {
      values_.add_string(*string_value(card));
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
  Buffer values_;
  Column comments_;
  std::string long_, hierarch_, complex_, malformed_, fields_;
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
