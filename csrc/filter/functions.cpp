// Functions of filter expressions: which arguments each takes, and what it gives.
#include <algorithm>
#include <array>

#include "filter/builder.h"
#include "filter/kernels.h"

namespace fits::filter {
namespace {

bool among(std::string_view name, std::initializer_list<std::string_view> names) noexcept {
  return std::find(names.begin(), names.end(), name) != names.end();
}

struct Refused {
  std::string_view name;
  const char* why;
};

constexpr std::array kRefused = {
    Refused{"RANDOM", "RANDOM would select other rows each time: mark rows with a column of random numbers"},
    Refused{"RANDOMN", "RANDOMN would select other rows each time: mark rows with a column of random numbers"},
    Refused{"RANDOMP", "RANDOMP would select other rows each time: mark rows with a column of random numbers"},
};

}  // namespace

int Builder::called(const Token& function, std::span<const int> arguments) {
  const std::string_view name = function.text;
  const std::size_t at = function.at, size = arguments.size();
  for (const Refused& refused : kRefused) {
    if (name == refused.name) fail(at, refused.why);
  }
  std::vector<int> ids(arguments.begin(), arguments.end());
  if (size == 1 && among(name, {"SUM", "AVERAGE", "STDDEV", "MEDIAN", "NVALID", "MIN", "MAX"}))
    return reduced(function, ids[0]);
  if (size == 1 && among(name, {"ACCUM", "SEQDIFF"})) return carried(function, ids[0]);
  if (among(name, {"NELEM", "NAXIS", "NAXES", "ELEMENTNUM", "AXISELEM", "ARRAY"}))
    return described(function, arguments);
  if (among(name, {"ISNULL", "DEFNULL", "SETNULL"})) return about_null(function, arguments);
  if (among(name, {"STRSTR", "STRMID"})) return text_function(function, arguments);
  if (among(name, {"CONE", "SKYBOX", "SKYPOLYGON"})) return sky(function, std::move(ids));
  if (name == "REGFILTER") return in_region(function, arguments);
  if (among(name, {"GTIFILTER", "GTIFIND", "GTIOVERLAP"})) return in_intervals(function, arguments);
  const bool numbers = size > 0 && std::all_of(ids.begin(), ids.end(), [this](int id) { return is_number(id); });
  if (numbers && size == 2 && (name == "MIN" || name == "MAX")) {
    promote(ids[0], ids[1], at);
    const Type result = type(ids[0]);
    Shape shape = conform(ids, at);
    return make(extreme_kernel(name == "MAX", result), result, std::move(shape), std::move(ids), at);
  }
  if (numbers && size == 1 && name == "ABS") {
    return make(absolute_kernel(type(ids[0])), type(ids[0]), node(ids[0]).shape, ids, at);
  }
  if (const Kernel kernel = function_kernel(name); kernel != nullptr && numbers && size == 1) {
    const int real = cast(ids[0], Type::real, at);
    return make(kernel, Type::real, node(real).shape, {real}, at);
  }
  if (numbers && geometry_kernel(name, size) != nullptr) return geometry(function, std::move(ids));
  const bool known =
      function_kernel(name) != nullptr || geometry_kernel(name, 0) != nullptr ||
      among(name, {"ABS", "MIN", "MAX", "SUM", "AVERAGE", "STDDEV", "MEDIAN", "NVALID", "ACCUM", "SEQDIFF"});
  fail(at,
       known ? std::string(name) + " takes other arguments than these" : "there is no function " + std::string(name));
}

int Builder::reduced(const Token& function, int argument) {
  const std::string_view name = function.text;
  const Type from = type(argument);
  const std::size_t at = function.at;
  if (from == Type::bits) {
    if (name == "NVALID") return constant(Type::integer, count(argument), 0, at);
    if (!among(name, {"SUM", "MIN", "MAX"})) fail(at, std::string(name) + " takes no bit mask");
    const bool bits = name != "SUM";
    return make(bit_reduction_kernel(name), bits ? Type::bits : Type::integer, {}, {argument}, at);
  }
  const Kernel kernel = from == Type::string && name != "NVALID" ? nullptr : reduction_kernel(name, from);
  if (kernel == nullptr) fail(at, std::string(name) + " takes a number or a vector of numbers");
  const bool real = among(name, {"AVERAGE", "STDDEV"}) || (from == Type::real && name != "NVALID");
  return make(kernel, real ? Type::real : Type::integer, {}, {argument}, at);
}

// ACCUM and SEQDIFF. As in CFITSIO, of a constant they do not count rows.
int Builder::carried(const Token& function, int argument) {
  const bool sum = function.text == "ACCUM";
  const Type from = type(argument);
  if (from == Type::string || (!sum && !node(argument).is_number())) {
    fail(function.at, function.text + " takes a number" + (sum ? ", a logical value or a bit mask" : ""));
  }
  const Type result = from == Type::real ? Type::real : Type::integer;
  if (node(argument).constant && from != Type::bits)
    return sum ? cast(argument, result, function.at) : constant(result, 0, 0, function.at);
  Node made;
  made.type = result;
  made.shape = from == Type::bits ? Shape{} : node(argument).shape;
  made.operands = {argument};
  made.kernel = from == Type::bits ? bit_reduction_kernel("ACCUM") : sum ? sum_kernel(from) : difference_kernel(from);
  made.carries = true;
  made.at = function.at;
  return add(std::move(made));
}

// What an expression's shape says, whatever its values.
int Builder::described(const Token& function, std::span<const int> arguments) {
  const std::string_view name = function.text;
  const std::size_t at = function.at, wanted = among(name, {"NAXES", "AXISELEM", "ARRAY"}) ? 2 : 1;
  if (arguments.size() != wanted) fail(at, std::string(name) + " takes " + std::to_string(wanted) + " arguments");
  const int of = arguments[0];
  if (name == "NELEM") return constant(Type::integer, count(of), 0, at);
  if (type(of) == Type::string || type(of) == Type::bits)
    fail(at, std::string(name) + " takes a vector of numbers or logical values");
  if (name == "ARRAY") return array(of, arguments[1], at);
  const auto axes = node(of).shape.axes;
  const auto naxis = static_cast<std::int64_t>(axes.size());
  if (name == "NAXIS") return constant(Type::integer, node(of).constant ? 1 : naxis, 0, at);
  std::int64_t axis = 0;
  if (wanted == 2) {
    axis = constant_integer(arguments[1], "an axis", at);
    if (axis < (name == "NAXES" ? 0 : 1)) fail(at, "axes are counted from 1");
  }
  if (node(of).constant) return constant(Type::integer, 1, 0, at);
  if (name == "NAXES") {
    const std::int64_t size = axis == 0 ? naxis : axis <= naxis ? axes[static_cast<std::size_t>(axis - 1)] : 1;
    return constant(Type::integer, size, 0, at);
  }
  Node made;
  made.type = Type::integer;
  made.shape = node(of).shape;
  made.kernel = position_kernel();
  made.at = at;
  std::int64_t period = made.shape.count, run = 1;
  if (name == "AXISELEM") {
    period = 1;
    for (std::int64_t k = 0; k < std::min(axis, naxis); ++k) {
      if (k + 1 < axis)
        run *= axes[static_cast<std::size_t>(k)];
      else
        period = axes[static_cast<std::size_t>(k)];
    }
  }
  made.integers = {period, run};
  return add(std::move(made));
}

int Builder::array(int value, int axes, std::size_t at) {
  Shape shape{{}, 1};
  const auto take = [&](int id) {
    const std::int64_t size = constant_integer(id, "the size of an axis", at);
    if (size < 1 || __builtin_mul_overflow(shape.count, size, &shape.count) || shape.count > kMostMade) {
      fail(at, "ARRAY makes 1 to " + std::to_string(kMostMade) + " elements");
    }
    shape.axes.push_back(size);
  };
  if (node(axes).kernel == join_kernel(8) && type(axes) == Type::integer) {
    for (const int id : std::vector<int>(node(axes).operands)) take(id);
  } else {
    take(axes);
  }
  const Node from = node(value);
  Node made;
  made.type = from.type;
  made.shape = std::move(shape);
  made.operands = {value};
  made.at = at;
  if (from.shape.count > 1) {
    if (from.shape.count != made.shape.count) {
      fail(at, "ARRAY gives " + std::to_string(from.shape.count) + " elements other axes, not another number of them");
    }
    made.integers = {0};
    made.kernel = slice_kernel(made.element_size());
  } else {
    made.kernel = broadcast_kernel(made.element_size());
  }
  nodes_.push_back(std::move(made));  // never a constant: it can be indexed
  return static_cast<int>(nodes_.size()) - 1;
}

int Builder::geometry(const Token& function, std::vector<int> arguments) {
  const std::size_t at = function.at;
  for (int& id : arguments) id = cast(id, Type::real, at);
  Shape shape = conform(arguments, at);
  const Type result = is_predicate(function.text) ? Type::boolean : Type::real;
  const Kernel kernel = geometry_kernel(function.text, arguments.size());
  return make(kernel, result, std::move(shape), std::move(arguments), at);
}

int Builder::sky(const Token& function, std::vector<int> arguments) {
  const std::size_t at = function.at, size = arguments.size();
  for (int& id : arguments) {
    if (!is_number(id)) fail(at, function.text + " takes numbers, in degrees");
    id = cast(id, Type::real, at);
  }
  const bool polygon = function.text == "SKYPOLYGON";
  if (function.text == "CONE" && size != 5)
    fail(at, "a cone is CONE(RA, DEC, RA of its centre, DEC of its centre, radius)");
  if (function.text == "SKYBOX" && size != 6) fail(at, "a box is SKYBOX(RA, DEC, RA from, RA to, DEC from, DEC to)");
  if (polygon && (size < 8 || size % 2 != 0)) {
    fail(at, "a polygon is SKYPOLYGON(RA, DEC, RA of a corner, DEC of a corner, ...) with three corners or more");
  }
  std::vector<double> corners;
  for (std::size_t k = 2; polygon && k < size; ++k) {
    if (!node(arguments[k]).constant) fail(at, "the corners of SKYPOLYGON are constants");
    corners.push_back(node(arguments[k]).real);
  }
  if (polygon) arguments.resize(2);
  Node made;
  made.type = Type::boolean;
  made.shape = conform(arguments, at);
  made.at = at;
  made.operands = std::move(arguments);
  made.kernel = polygon ? polygon_kernel() : size == 5 ? cone_kernel() : sky_box_kernel();
  if (polygon) {
    if (const std::string wrong = prepare_polygon(corners, made.reals); !wrong.empty()) fail(at, wrong);
  }
  return add(std::move(made));
}

int Builder::about_null(const Token& function, std::span<const int> arguments) {
  const std::string_view name = function.text;
  const std::size_t at = function.at;
  if (arguments.size() != (name == "ISNULL" ? 1 : 2)) {
    fail(at, std::string(name) + (name == "ISNULL" ? " takes one argument" : " takes two arguments"));
  }
  int first = arguments[0];
  if (type(first) == Type::bits) fail(at, "bits are never NULL");
  if (name == "ISNULL") {
    return make(is_null_kernel(), Type::boolean, type(first) == Type::string ? Shape{} : node(first).shape, {first},
                at);
  }
  int second = arguments[1];
  if (name == "SETNULL") {  // the value that becomes NULL, and where it may be found
    if (!is_number(first) || !is_number(second) || !node(first).constant) {
      fail(at, "SETNULL(x, y) makes NULL of y where it is the constant number x");
    }
    if (type(first) != type(second)) first = cast(first, type(second), at);
    return make(set_null_kernel(type(second)), type(second), node(second).shape, {second, first}, at);
  }
  if (type(first) == Type::string && type(second) == Type::string) {
    return make(default_kernel(Type::string), Type::string, {{1}, std::max(count(first), count(second))},
                {first, second}, at);
  }
  const bool logical = type(first) == Type::boolean && type(second) == Type::boolean;
  if (!logical && !(is_number(first) && is_number(second))) fail(at, "DEFNULL takes two values of one kind");
  if (count(first) < count(second)) fail(at, "DEFNULL(x, y): y has more elements than x");
  promote(first, second, at);
  int operands[] = {first, second};
  Shape shape = conform(operands, at);
  return make(default_kernel(type(first)), type(first), std::move(shape), {operands[0], operands[1]}, at);
}

int Builder::text_function(const Token& function, std::span<const int> arguments) {
  const std::size_t at = function.at;
  const bool search = function.text == "STRSTR";
  const auto is_string = [&](std::size_t i) { return i < arguments.size() && type(arguments[i]) == Type::string; };
  if (search) {
    if (arguments.size() != 2 || !is_string(0) || !is_string(1)) fail(at, "STRSTR takes two strings");
    return make(search_kernel(), Type::integer, {}, {arguments[0], arguments[1]}, at);
  }
  const auto is_index = [&](std::size_t i) { return type(arguments[i]) == Type::integer && count(arguments[i]) == 1; };
  if (arguments.size() != 3 || !is_string(0) || !is_index(1) || !is_index(2)) {
    fail(at, "STRMID takes a string, the number of its first character and a length, both integers");
  }
  const Node &first = node(arguments[1]), &length = node(arguments[2]);
  if (first.constant && first.integer < 0) fail(at, "STRMID begins at character 1 or later");
  if (length.constant && length.integer < 1) fail(at, "STRMID takes 1 character or more");
  const std::int64_t most = length.constant ? std::min(length.integer, count(arguments[0])) : count(arguments[0]);
  return make(substring_kernel(), Type::string, {{1}, most}, {arguments[0], arguments[1], arguments[2]}, at);
}

}  // namespace fits::filter
