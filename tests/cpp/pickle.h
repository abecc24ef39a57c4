// The pickles that header_pickle writes, as text that a test can compare: Python's notation, reals by %.17g. Knows the
// opcodes of data that they are made of and no other; empty where a stream is anything else.
#pragma once

#include <bit>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace check {

class PickleReader {
 public:
  explicit PickleReader(std::string_view stream) : stream_(stream) {}

  std::optional<std::string> text() {
    if (stream_.size() < 3 || stream_[0] != '\x80' || stream_[1] != 4) return std::nullopt;
    at_ = 2;
    while (at_ < stream_.size()) {
      const char opcode = stream_[at_++];
      if (opcode == '.') return at_ == stream_.size() && stack_.size() == 1 ? std::optional(stack_[0]) : std::nullopt;
      if (!step(opcode)) return std::nullopt;
    }
    return std::nullopt;
  }

 private:
  bool step(char opcode) {
    switch (opcode) {
      case '(': marks_.push_back(stack_.size()); return true;
      case ']': return push("[]");
      case 'e': return collect('[', ']') && join_list();
      case 't': return collect('(', ')');
      case '\x86': return stack_.size() >= 2 && (marks_.push_back(stack_.size() - 2), collect('(', ')'));
      case 'N': return push("None");
      case '\x88': return push("True");
      case '\x89': return push("False");
      case 'K': return fits(1) && push(std::to_string(number(1)));
      case 'J': return fits(4) && push(std::to_string(static_cast<std::int32_t>(number(4))));
      case 'I': return decimal();
      case 'G': return fits(8) && push(real());
      case '\x8c': return fits(1) && string(number(1));
      case 'X': return fits(4) && string(number(4));
      default: return false;
    }
  }

  bool fits(std::size_t size) const { return stream_.size() - at_ >= size; }

  std::uint64_t number(std::size_t size) {  // little-endian
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i)
      value |= std::uint64_t{static_cast<unsigned char>(stream_[at_ + i])} << (8 * i);
    at_ += size;
    return value;
  }

  std::string real() {
    std::uint64_t bits = 0;
    for (int i = 0; i < 8; ++i) bits = bits << 8 | static_cast<unsigned char>(stream_[at_++]);
    char text[40];
    std::snprintf(text, sizeof(text), "%.17g", std::bit_cast<double>(bits));
    return std::string(text).find_first_of(".en") == std::string::npos ? std::string(text) + ".0" : text;
  }

  bool decimal() {
    const std::size_t end = stream_.find('\n', at_);
    if (end == std::string_view::npos) return false;
    const std::string digits(stream_.substr(at_, end - at_));
    at_ = end + 1;
    const std::string_view magnitude = std::string_view(digits).substr(digits.starts_with('-') ? 1 : 0);
    if (magnitude.empty() || magnitude.find_first_not_of("0123456789") != std::string_view::npos) return false;
    if (magnitude.size() > 1 && magnitude.front() == '0') return false;  // Python takes 00 and 01 for bool
    return push(digits);
  }

  bool string(std::size_t size) {
    if (!fits(size)) return false;
    const std::string_view utf8 = stream_.substr(at_, size);
    at_ += size;
    for (std::size_t i = 0; i < size; ++i) {  // Latin-1 only: one byte, or C2 or C3 and one more
      const auto byte = static_cast<unsigned char>(utf8[i]);
      if (byte < 128) continue;
      if ((byte != 0xc2 && byte != 0xc3) || ++i == size || (static_cast<unsigned char>(utf8[i]) & 0xc0) != 0x80)
        return false;
    }
    return push('\'' + std::string(utf8) + '\'');
  }

  bool push(std::string text) {
    stack_.push_back(std::move(text));
    return true;
  }

  bool collect(char open, char close) {
    if (marks_.empty()) return false;
    std::string all(1, open);
    for (std::size_t i = marks_.back(); i < stack_.size(); ++i) all += (i == marks_.back() ? "" : ", ") + stack_[i];
    stack_.resize(marks_.back());
    marks_.pop_back();
    return push(all + close);
  }

  bool join_list() {  // the items go into the empty list before their mark
    if (stack_.size() < 2 || stack_[stack_.size() - 2] != "[]") return false;
    stack_.erase(stack_.end() - 2);
    return true;
  }

  std::string_view stream_;
  std::size_t at_ = 0;
  std::vector<std::string> stack_;
  std::vector<std::size_t> marks_;
};

}  // namespace check
