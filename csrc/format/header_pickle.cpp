#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "format/card.h"

namespace fits {
namespace {

constexpr char kSeparator = 0x7f;

// What protocol 4 of pickle calls these (Python's pickletools lists them all).
enum Opcode : char {
  kProto = '\x80',
  kMark = '(',
  kTuple = 't',
  kEmptyList = ']',
  kAppends = 'e',
  kNone = 'N',
  kTrue = '\x88',
  kFalse = '\x89',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kInt = 'I',
  kBinFloat = 'G',
  kShortBinUnicode = '\x8c',
  kBinUnicode = 'X',
  kTuple2 = '\x86',
  kStop = '.',
};

constexpr char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_ascii(char c) noexcept { return static_cast<unsigned char>(c) < 128; }

std::string_view without_trailing_blanks(std::string_view text) noexcept {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// A stream under construction. Its owner makes room once per record; what is added then does not look at the size.
class Buffer {
 public:
  explicit Buffer(std::size_t capacity) { grow(capacity); }

  void reserve(std::size_t size) {
    if (static_cast<std::size_t>(last_ - end_) < size) grow(2 * (this->size() + size));
  }

  void add(char c) { *end_++ = c; }

  void add_plain(std::string_view text) {
    std::memcpy(end_, text.data(), text.size());
    end_ += text.size();
  }

  // Latin-1 as UTF-8: two bytes at most for each character.
  void add_text(std::string_view text) {
    if (std::all_of(text.begin(), text.end(), is_ascii)) return add_plain(text);
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 128) {
        add(c);
      } else {
        add(static_cast<char>(0xc0 | byte >> 6));
        add(static_cast<char>(0x80 | (byte & 0x3f)));
      }
    }
  }

  // As an object: at most kStringOverhead bytes more than its UTF-8.
  static constexpr std::size_t kStringOverhead = 5;
  void add_string(std::string_view text) {
    const auto beyond = text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_ascii));
    const std::size_t length = text.size() + beyond;
    if (length < 256) {
      add(kShortBinUnicode);
      add(static_cast<char>(length));
    } else {
      add(kBinUnicode);
      add_little_endian(static_cast<std::uint32_t>(length));
    }
    add_text(text);
  }

  // At most kCardSize + 2 bytes.
  void add_integer(const Card& card) {
    const auto value = integer_value(card);
    if (!value || *value != static_cast<std::int32_t>(*value)) return add_long_integer(card.value);
    if (*value >= 0 && *value < 256) {
      add(kBinInt1);
      add(static_cast<char>(*value));
    } else {
      add(kBinInt);
      add_little_endian(static_cast<std::uint32_t>(*value));
    }
  }

  void add_real(double value) {
    std::uint64_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    add(kBinFloat);
    for (int shift = 56; shift >= 0; shift -= 8) add(static_cast<char>(bits >> shift));
  }

  std::string_view bytes() const { return {start_.get(), size()}; }

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

  void add_little_endian(std::uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8) add(static_cast<char>(value >> shift));
  }

  // As decimal digits: a card may hold 70 of them. Leading zeros go, because 00 and 01 would be False and True.
  void add_long_integer(std::string_view text) {
    add(kInt);
    bool leading = true;
    for (const char c : text) {
      if (c == '-' || (is_digit(c) && !(leading && c == '0'))) add(c);
      leading = leading && (!is_digit(c) || c == '0');
    }
    if (leading) add('0');
    add('\n');
  }

  std::unique_ptr<char[]> start_;
  char* end_ = nullptr;
  char* last_ = nullptr;
};

// 'AXIS.1: 2': the caller decides; here are only the strings that cannot be told apart at a glance.
bool looks_like_field(std::string_view value) noexcept {
  if (value.empty() || !(is_digit(value.back()) || value.back() == '.') || is_digit(value.front())) return false;
  return value.find(": ") != std::string_view::npos;
}

// A list of small objects, in the making.
class List {
 public:
  void add(std::size_t number) {
    items_ += kBinInt;
    for (int shift = 0; shift < 32; shift += 8) items_ += static_cast<char>(number >> shift);
  }
  void add_pair(std::size_t first, std::size_t second) {
    add(first);
    add(second);
    items_ += kTuple2;
  }
  void append_to(std::string& stream) const {
    stream += kEmptyList;
    if (items_.empty()) return;
    stream += kMark;
    stream += items_;
    stream += kAppends;
  }

 private:
  std::string items_;
};

// Names or comments joined in one string, or as a list when one of them contains the separator.
class Column {
 public:
  explicit Column(std::size_t capacity) { texts_.reserve(capacity); }

  void add(std::string_view text) {
    if (started_) texts_ += kSeparator;
    started_ = true;
    texts_ += text;
    holds_separator_ |= text.find(kSeparator) != std::string_view::npos;
    ends_.push_back(texts_.size());
  }

  void append_to(std::string& stream) const {
    Buffer buffer(2 * texts_.size() + Buffer::kStringOverhead * (ends_.size() + 1) + 3);
    if (!holds_separator_) {
      buffer.add_string(texts_);
    } else {
      buffer.add(kEmptyList);
      buffer.add(kMark);
      std::size_t start = 0;
      for (const std::size_t end : ends_) {
        buffer.add_string(std::string_view(texts_).substr(start, end - start));
        start = end + 1;
      }
      buffer.add(kAppends);
    }
    stream += buffer.bytes();
  }

 private:
  std::string texts_;
  std::vector<std::size_t> ends_;
  bool started_ = false;
  bool holds_separator_ = false;
};

class Writer {
 public:
  explicit Writer(std::size_t cards)
      : keywords_(cards * 10 + 64), values_(cards * 24 + 64), comments_(cards * 40 + 64) {}

  void add_long(const Card& card, const LongString& joined) {
    long_.add_pair(record_, joined.cards);
    values_.reserve(2 * joined.value.size() + Buffer::kStringOverhead);
    add_name(card);
    values_.add_string(joined.value);
    comments_.add(joined.comment);
    ++record_;
  }

  void add(const Card& card) {
    values_.reserve(2 * kCardSize + Buffer::kStringOverhead);
    add_name(card);
    add_value(card);
    comments_.add(card.kind == ValueKind::none ? std::string_view{} : card.comment);
    ++record_;
  }

  std::string stream() const {
    std::string stream;
    stream += kProto;
    stream += '\x04';
    stream += kMark;
    keywords_.append_to(stream);
    stream += kEmptyList;
    if (record_ > 0) {
      stream += kMark;
      stream += values_.bytes();
      stream += kAppends;
    }
    comments_.append_to(stream);
    for (const List* list : {&long_, &hierarch_, &complex_, &malformed_, &fields_}) list->append_to(stream);
    stream += kTuple;
    stream += kStop;
    return stream;
  }

 private:
  void add_name(const Card& card) {
    if (card.hierarch) hierarch_.add(record_);
    if (card.hierarch || (card.kind == ValueKind::none && !is_commentary(card.keyword))) {
      keywords_.add(card.keyword);
    } else {  // of at most 8 characters
      char name[8];
      for (std::size_t i = 0; i < card.keyword.size(); ++i) name[i] = upper(card.keyword[i]);
      keywords_.add({name, card.keyword.size()});
    }
  }

  void add_value(const Card& card) {
    switch (card.kind) {
      case ValueKind::none: return values_.add_string(without_trailing_blanks(card.comment));
      case ValueKind::undefined: return values_.add(kNone);
      case ValueKind::logical: return values_.add(card.value.front() == 'T' ? kTrue : kFalse);
      case ValueKind::integer: return values_.add_integer(card);
      case ValueKind::real: return values_.add_real(number_value(card.value));
      case ValueKind::complex: add_complex(card.value); return complex_.add(record_);
      case ValueKind::string: return add_string(card);
      case ValueKind::malformed: values_.add_string(card.value); return malformed_.add(record_);
    }
  }

  void add_complex(std::string_view text) {
    const std::size_t comma = text.find(',');
    values_.add_real(number_value(text.substr(1, comma - 1)));
    values_.add_real(number_value(text.substr(comma + 1, text.size() - comma - 2)));
    values_.add(kTuple2);
  }

  void add_string(const Card& card) {
    if (looks_like_field(card.value)) fields_.add(record_);
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
  List long_, hierarch_, complex_, malformed_, fields_;
};

}  // namespace

std::string header_pickle(HeaderView header) {
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
  return writer.stream();
}

}  // namespace fits
