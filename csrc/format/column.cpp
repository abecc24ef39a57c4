#include "format/column.h"

#include "format/error.h"
#include "format/recipe.h"
#include "format/scaling.h"

namespace fits {
namespace {

ElementType element_type(char letter) noexcept {
  switch (letter) {
    case 'L': return {ElementKind::logical, Pixel::u8, Pixel::u8};
    case 'X': return {ElementKind::bit, Pixel::u8, Pixel::u8};
    case 'A': return {ElementKind::character, Pixel::u8, Pixel::u8};
    case 'I': return {ElementKind::number, Pixel::i16, Pixel::i16};
    case 'J': return {ElementKind::number, Pixel::i32, Pixel::i32};
    case 'K': return {ElementKind::number, Pixel::i64, Pixel::i64};
    case 'E': return {ElementKind::number, Pixel::f32, Pixel::f32};
    case 'D': return {ElementKind::number, Pixel::f64, Pixel::f64};
    case 'C': return {ElementKind::complex, Pixel::f32, Pixel::f32};
    case 'M': return {ElementKind::complex, Pixel::f64, Pixel::f64};
    case 'P':
    case 'Q': return {ElementKind::array, Pixel::u8, Pixel::u8};
    default: return {};  // B
  }
}

// Integers of the width: those of fewer than 5 characters fit 16 bits, of fewer than 10 32 bits (CFITSIO, astropy).
ElementType element_type(const AsciiFormat& format) noexcept {
  if (format.letter == 'A') return {ElementKind::character, Pixel::u8, Pixel::u8};
  const bool integer = format.letter == 'I' || format.letter == 'J';
  const Pixel pixel = !integer                                   ? Pixel::f64
                      : format.letter == 'J' || format.width > 9 ? Pixel::i64
                      : format.width > 4                         ? Pixel::i32
                                                                 : Pixel::i16;
  return {ElementKind::number, pixel, pixel};
}

}  // namespace

std::optional<AsciiFormat> parse_ascii_tform(std::string_view text) noexcept {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (text.empty()) return std::nullopt;
  AsciiFormat format;
  format.letter = static_cast<char>(text.front() & 0xdf);
  if (std::string_view("AIJFED").find(format.letter) == std::string_view::npos) return std::nullopt;
  text.remove_prefix(1);
  const auto number = [&](std::int64_t& value) {
    const auto found = leading_number(text);
    std::size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
    if (!found || digits == 0) return false;
    value = *found;
    text.remove_prefix(digits);
    return true;
  };
  if (!number(format.width) || format.width == 0) return std::nullopt;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!number(format.decimals)) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  return format;
}

std::string Column::title() const {
  return "column " + std::to_string(number) + (name.empty() ? "" : " (" + name + ")");
}

ElementType Column::elements(bool in_heap) const noexcept {
  ElementType type = is_ascii() ? element_type(ascii) : element_type(in_heap ? tform.element : tform.letter);
  const bool numeric = type.kind == ElementKind::number || type.kind == ElementKind::complex;
  if (!numeric || !scaled()) return type;
  const auto convention = type.kind == ElementKind::number && !is_ascii()
                              ? integer_convention(bitpix_of(type.stored), tscal, tzero)
                              : std::nullopt;
  type.physical = convention.value_or(Pixel::f64);  // scaled values are of double precision, as astropy's
  return type;
}

std::vector<std::int64_t> Column::shape() const {
  if (is_ascii()) return ascii.letter == 'A' ? std::vector{ascii.width} : std::vector<std::int64_t>{};
  if (tform.letter == 'X' || tform.letter == 'P' || tform.letter == 'Q') return {tform.repeat};
  if (!tdim.empty()) return {tdim.rbegin(), tdim.rend()};
  if (tform.letter != 'A' && tform.repeat == 1) return {};
  return {tform.repeat};
}

void Column::check_shape() const {
  if (!bad_shape.empty()) throw FileError(Status::bad_header, bad_shape);
}

void Column::check_values() const {
  check_shape();
  if (!bad_scaling.empty()) throw FileError(Status::bad_header, bad_scaling);
}

std::int64_t Column::count() const noexcept {
  std::int64_t elements = 1;
  if (is_ascii()) return ascii.letter == 'A' ? ascii.width : 1;
  if (tdim.empty() || tform.letter == 'X') return tform.repeat;
  for (const auto length : tdim) elements *= length;
  return elements;
}

}  // namespace fits
