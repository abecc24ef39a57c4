// Functions that ask about what lies in other extensions and files: regions and good time intervals.
#include <algorithm>
#include <stdexcept>

#include "filter/builder.h"
#include "filter/kernels.h"

namespace fits::filter {

Region Names::region(std::string_view, const std::optional<ColumnPair>&) const {
  throw std::invalid_argument("filter: there are no region files here");
}

Intervals Names::intervals(std::string_view, std::string_view, std::string_view) const {
  throw std::invalid_argument("filter: there are no good time intervals here");
}

std::string Builder::constant_text(const Token& function, std::span<const int> arguments, std::size_t i) const {
  const Node& text = node(arguments[i]);
  if (text.type == Type::string && text.constant) return text.text;
  fail(text.at, "argument " + std::to_string(i + 1) + " of " + function.text + " is a name in quotes");
}

int Builder::number_column(const Token& function, std::string_view name) {
  const auto column = names_.column(name);
  if (!column || (column->type != Type::integer && column->type != Type::real)) {
    fail(function.at,
         "the table has no column of numbers " + std::string(name) + ": tell " + function.text + " what to compare");
  }
  Token token;
  token.word = Word::name;
  token.at = function.at;
  token.text = name;
  return column_or_keyword(token);
}

// The one column that a value is made of, if any.
std::optional<std::int64_t> Builder::only_column(const Token& function, int id) const {
  std::optional<std::int64_t> found;
  std::vector<int> left{id};
  std::vector<bool> met(nodes_.size());
  while (!left.empty()) {
    const int next = left.back();
    left.pop_back();
    if (met[static_cast<std::size_t>(next)]) continue;
    met[static_cast<std::size_t>(next)] = true;
    const Node& part = node(next);
    left.insert(left.end(), part.operands.begin(), part.operands.end());
    if (part.input < 0) continue;
    const std::int64_t column = inputs_[static_cast<std::size_t>(part.input)].column;
    if (found && *found != column) {
      fail(function.at,
           "a coordinate of " + function.text +
               " is made of several columns: name the two that have the region's keywords, REGFILTER(file, "
               "x, y, \"X Y\")");
    }
    found = column;
  }
  return found;
}

int Builder::in_region(const Token& function, std::span<const int> arguments) {
  const std::size_t at = function.at, size = arguments.size();
  if (size != 1 && size != 3 && size != 4) {
    fail(at, "a region is asked for as REGFILTER(\"file\"), (\"file\", x, y) or (\"file\", x, y, \"columns\")");
  }
  const std::string file = constant_text(function, arguments, 0);
  const std::string names = size == 4 ? constant_text(function, arguments, 3) : "";
  int operands[] = {size > 1 ? arguments[1] : number_column(function, "X"),
                    size > 1 ? arguments[2] : number_column(function, "Y")};
  for (const int id : operands) {
    if (!is_number(id)) fail(node(id).at, "the coordinates of REGFILTER are numbers");
  }
  std::optional<ColumnPair> columns;
  if (names.find_first_not_of(' ') != std::string::npos) {
    const std::size_t first = names.find_first_not_of(' '),
                      end = std::min(names.find_first_of(" ,", first), names.size());
    const std::size_t second = names.find_first_not_of(' ', std::min(end + 1, names.size()));
    if (second == std::string::npos) {
      fail(node(arguments[3]).at, "two names of columns are wanted, with a blank or a comma between");
    }
    const std::size_t last = names.find_last_not_of(' ') + 1;
    const auto x = names_.column(names.substr(first, end - first)),
               y = names_.column(names.substr(second, last - second));
    if (!x || !y) fail(node(arguments[3]).at, "the table has no columns '" + names + "'");
    columns = {x->column, y->column};
  } else {
    const auto x = only_column(function, operands[0]), y = only_column(function, operands[1]);
    if (x && y) columns = {*x, *y};
  }
  Node made;
  made.type = Type::boolean;
  made.at = at;
  made.region = std::make_shared<const Region>(names_.region(file, columns));
  for (int& id : operands) id = cast(id, Type::real, at);
  made.shape = conform(operands, at);
  made.operands = {operands[0], operands[1]};
  made.kernel = region_kernel();
  return add(std::move(made));
}

int Builder::in_intervals(const Token& function, std::span<const int> arguments) {
  const std::string_view name = function.text;
  const std::size_t at = function.at, size = arguments.size();
  const std::size_t times = name == "GTIOVERLAP" ? 2 : 1;
  if (size != times + 1 && size != times + 3 && (times == 2 || size > 1)) {
    fail(at, times == 2
                 ? "intervals are asked for as GTIOVERLAP(\"file\", from, to) or (\"file\", from, to, \"START\", "
                   "\"STOP\")"
                 : function.text +
                       " takes nothing, (\"file\"), (\"file\", time) or (\"file\", time, \"START\", "
                       "\"STOP\")");
  }
  const std::string file = size > 0 ? constant_text(function, arguments, 0) : "";
  const bool named = size == times + 3;
  const std::string start = named ? constant_text(function, arguments, size - 2) : "*START*";
  const std::string stop = named ? constant_text(function, arguments, size - 1) : "*STOP*";
  std::vector<int> operands;
  if (size < 2) operands.push_back(number_column(function, "TIME"));
  for (std::size_t i = 1; i <= times && i < size; ++i) operands.push_back(arguments[i]);
  for (int& id : operands) {
    if (!is_number(id)) fail(node(id).at, "the times of " + function.text + " are numbers");
    id = cast(id, Type::real, at);
  }
  Intervals intervals = names_.intervals(file, start, stop);
  Node made;
  made.type = times == 2 ? Type::real : name == "GTIFIND" ? Type::integer : Type::boolean;
  made.at = at;
  if (times == 2) {
    if (const std::string disorder = intervals.disorder(); !disorder.empty()) {
      fail(at, "GTIOVERLAP takes good time intervals in order, and " + disorder);
    }
    if (count(operands[0]) != count(operands[1]))
      fail(at, "the two times of GTIOVERLAP have different numbers of elements");
    made.intervals = std::make_shared<const Intervals>(std::move(intervals));
  } else {
    made.finder = std::make_shared<const IntervalFinder>(intervals);
  }
  if (name == "GTIFIND" && node(operands[0]).constant) {  // a constant cannot be NULL
    std::size_t near = 0;
    const std::int64_t row = made.finder->row(node(operands[0]).real, near);
    return constant(Type::integer, row >= 0 ? row + 1 : -1, 0, at);
  }
  made.shape = conform(operands, at);
  made.operands = std::move(operands);
  made.kernel = interval_kernel(name);
  return add(std::move(made));
}

}  // namespace fits::filter
