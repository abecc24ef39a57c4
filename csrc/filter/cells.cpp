#include "filter/cells.h"

#include <cstring>
#include <stdexcept>

#include "format/error.h"
#include "format/gather.h"

namespace fits::filter {
namespace {

bool holds_integers(Pixel pixel) noexcept {
  return pixel == Pixel::u8 || pixel == Pixel::i16 || pixel == Pixel::u16 || pixel == Pixel::i32;
}

// As CFITSIO has it: integers of up to 32 bits, unsigned ones of up to 16.
bool counts_as_integer(const Column& column, const ElementType& type) noexcept {
  if (column.is_ascii()) return !column.scaled() && holds_integers(type.physical);
  return type.stored != Pixel::i64 && column.tscal == 1 && (column.tzero == 0 || column.tzero == 32768) &&
         holds_integers(type.stored);
}

template <class From, class To>
void widen(const std::byte* from, std::int64_t count, std::byte* to) {
  From in;
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(&in, from + i * static_cast<std::int64_t>(sizeof(From)), sizeof(From));
    const To out = static_cast<To>(in);
    std::memcpy(to + i * static_cast<std::int64_t>(sizeof(To)), &out, sizeof(To));
  }
}

template <class To>
auto widening(Pixel from) noexcept -> void (*)(const std::byte*, std::int64_t, std::byte*) {
  switch (from) {
    case Pixel::u8: return widen<std::uint8_t, To>;
    case Pixel::i8: return widen<std::int8_t, To>;
    case Pixel::i16: return widen<std::int16_t, To>;
    case Pixel::u16: return widen<std::uint16_t, To>;
    case Pixel::i32: return widen<std::int32_t, To>;
    case Pixel::u32: return widen<std::uint32_t, To>;
    case Pixel::i64: return widen<std::int64_t, To>;
    case Pixel::u64: return widen<std::uint64_t, To>;
    case Pixel::f32: return widen<float, To>;
    default: return widen<double, To>;
  }
}

}  // namespace

std::optional<Variable> TableNames::column(std::string_view name) const {
  const Column* found = nullptr;
  try {
    found = &table_.column(name);
  } catch (const NoSuchCell&) {
    return std::nullopt;
  }
  const Column& column = *found;
  column.check_values();
  const ElementType type = column.elements();
  Variable variable{found - table_.columns.data(), Type::real, false, column.count(), column.tdim};
  switch (type.kind) {
    case ElementKind::array:
      throw std::invalid_argument("filter: " + column.title() +
                                  " has arrays of variable length, which no filter can ask about");
    case ElementKind::complex:
      throw std::invalid_argument("filter: " + column.title() + " has complex numbers, which no filter can ask about");
    case ElementKind::logical: variable.type = Type::boolean; break;
    case ElementKind::bit:
      variable.type = Type::bits;
      variable.count = column.tform.repeat;
      break;
    case ElementKind::character:
      variable.type = Type::string;
      variable.count = column.width;
      break;
    case ElementKind::number:
      if (counts_as_integer(column, type)) variable.type = Type::integer;
      variable.wide = type.physical == Pixel::i64 && !column.scaled();
      break;
  }
  return variable;
}

std::optional<Keyword> TableNames::keyword(std::string_view name) const {
  const auto found = cards_.find(name);
  if (!found) return std::nullopt;
  const Card card = cards_.card(*found);
  if (const auto logical = logical_value(card)) return Keyword{Type::boolean, *logical, 0, {}};
  if (const auto integer = integer_value(card)) return Keyword{Type::integer, *integer, 0, {}};
  if (const auto real = real_value(card)) return Keyword{Type::real, 0, *real, {}};
  if (const auto text = cards_.string(name)) return Keyword{Type::string, 0, 0, *text};
  throw std::invalid_argument("filter: the keyword " + std::string(name) + " has no value that a filter can ask about");
}

InputReader::InputReader(const Column& column, const Input& input) : part_(column) {
  if (input.type == Type::string || input.type == Type::bits) {
    value_size_ = input.type == Type::bits ? (input.count + 7) / 8 : input.count;
    if (input.type == Type::string && column.is_ascii() && column.tnull) nulls_ = null_reader(column), null_size_ = 1;
    return;
  }
  const ElementType type = column.elements();
  if (!column.is_ascii()) {  // these elements as a column of their own
    const std::int64_t size = Tform::element_size(column.tform.letter);
    part_.start += input.first * size;
    part_.width = input.count * size;
    part_.tform.repeat = input.count;
    part_.tdim.clear();
  }
  values_ = value_reader(part_);
  const bool can_miss = part_.tnull.has_value() || type.kind == ElementKind::logical;
  if (can_miss && (column.is_ascii() || type.kind == ElementKind::logical || !is_floating(type.stored))) {
    nulls_ = null_reader(part_);
  }
  null_size_ = input.count;
  value_size_ = input.type == Type::boolean ? input.count : 8 * input.count;
  const Pixel wanted = input.type == Type::real ? Pixel::f64 : Pixel::i64;
  if (input.type == Type::boolean || type.physical == wanted) return;
  widen_ = input.type == Type::real ? widening<double>(type.physical) : widening<std::int64_t>(type.physical);
}

std::int64_t InputReader::read(const std::byte* cells, std::int64_t stride, std::int64_t rows, std::byte* scratch,
                               std::byte* values, std::uint8_t* nulls) const {
  if (nulls_ != nullptr) nulls_->read(cells, stride, rows, reinterpret_cast<std::byte*>(nulls));
  if (values_ == nullptr) {
    gather(cells, stride, rows, value_size_, values);
    return rows;
  }
  if (widen_ == nullptr) return values_->read(cells, stride, rows, values);
  const std::int64_t done = values_->read(cells, stride, rows, scratch);
  widen_(scratch, done * (value_size_ / 8), values);
  return done;
}

}  // namespace fits::filter
