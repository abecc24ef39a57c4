// Filters against CFITSIO's fits_find_rows: the same rows for thousands of expressions, drawn at random with a fixed
// seed, over a table with columns of all types. What CFITSIO accepts is accepted here. Where CFITSIO is wrong by its
// own documentation, or crashes, the case is listed in test_filter.cpp (differs_from_cfitsio) and not drawn.
#include <fitsio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <utility>

#include "check.h"
#include "filter_table.h"

namespace {

using check::FilterTable;
using check::filter::Type;

const std::string kFolder = (std::filesystem::temp_directory_path() / ("filter" + std::to_string(getpid()))).string();

// The table as a FITS file in memory, with good time intervals after it; region files in a folder.
class Oracle {
 public:
  explicit Oracle(const FilterTable& table) : table_(table) {
    std::vector<char*> names, forms;
    for (const auto& column : table.columns) {
      names.push_back(const_cast<char*>(column.name.c_str()));
      forms.push_back(const_cast<char*>(column.tform.c_str()));
    }
    must(fits_create_file(&file_, "mem://filter", &status_));
    must(fits_create_tbl(file_, BINARY_TBL, table.rows, static_cast<int>(names.size()), names.data(), forms.data(),
                         nullptr, "T", &status_));
    for (std::size_t i = 0; i < table.columns.size(); ++i) write_keywords(static_cast<int>(i + 1), table.columns[i]);
    long long integer = 3;
    double real = 2.5;
    int logical = 1;
    must(fits_write_key(file_, TLONGLONG, "KEYI", &integer, nullptr, &status_));
    must(fits_write_key(file_, TDOUBLE, "KEYF", &real, nullptr, &status_));
    must(fits_write_key(file_, TSTRING, "KEYS", const_cast<char*>("ab"), nullptr, &status_));
    must(fits_write_key(file_, TLOGICAL, "KEYL", &logical, nullptr, &status_));
    must(fits_set_hdustruc(file_, &status_));
    for (std::size_t i = 0; i < table.columns.size(); ++i) write_values(static_cast<int>(i + 1), table.columns[i]);
    for (const auto& good_times : table.good_times) write_intervals(good_times);
    must(fits_movabs_hdu(file_, 2, nullptr, &status_));
    std::filesystem::create_directories(kFolder);
    for (std::size_t i = 0; i < table.regions.size(); ++i) {
      std::ofstream(kFolder + "/r" + std::to_string(i) + ".reg") << table.regions[i];
    }
    must(fits_flush_file(file_, &status_));
  }
  ~Oracle() {
    stop();
    std::filesystem::remove_all(kFolder);
    int status = 0;
    fits_close_file(file_, &status);
  }
  Oracle(const Oracle&) = delete;

  // As FilterTable::select; empty where CFITSIO refuses, or ends its process: some expressions overrun its buffers. It
  // runs in a child.
  std::string select(const std::string& expression) {
    if (child_ == 0) start();
    const std::uint32_t size = static_cast<std::uint32_t>(expression.size());
    if (write(to_, &size, sizeof size) != sizeof size ||
        write(to_, expression.data(), size) != static_cast<ssize_t>(size)) {
      throw std::runtime_error("the child does not listen");
    }
    std::string rows(static_cast<std::size_t>(table_.rows), ' ');
    char answer = 0;
    if (::read(from_, &answer, 1) == 1) {
      if (answer == 'n') return {};
      if (::read(from_, rows.data(), rows.size()) == static_cast<ssize_t>(rows.size())) return rows;
    }
    ++crashes_;
    stop();
    return {};
  }
  int crashes() const { return crashes_; }

 private:
  void start() {
    int there[2], back[2];
    if (pipe(there) != 0 || pipe(back) != 0) throw std::runtime_error("no pipe");
    child_ = fork();
    if (child_ == 0) {
      close(there[1]);
      if (freopen("/dev/null", "w", stderr) == nullptr) _exit(2);
      for (std::uint32_t size; ::read(there[0], &size, sizeof size) == sizeof size;) {
        std::string expression(size, ' ');
        if (::read(there[0], expression.data(), size) != static_cast<ssize_t>(size)) _exit(3);
        const std::string rows = select_here(expression), answer = rows.empty() ? "n" : "y" + rows;
        if (write(back[1], answer.data(), answer.size()) != static_cast<ssize_t>(answer.size())) _exit(4);
      }
      _exit(0);
    }
    close(there[0]);
    close(back[1]);
    to_ = there[1];
    from_ = back[0];
  }

  void stop() {
    if (child_ == 0) return;
    close(to_);
    close(from_);
    waitpid(child_, nullptr, 0);
    child_ = 0;
  }

  std::string select_here(const std::string& expression) {
    std::vector<char> selected(static_cast<std::size_t>(table_.rows)), text(expression.begin(), expression.end());
    text.push_back(0);
    long count = 0;
    int status = 0;
    fits_find_rows(file_, text.data(), 1, table_.rows, &count, selected.data(), &status);
    fits_clear_errmsg();
    if (status != 0) return {};
    std::string result;
    for (const char s : selected) result += s == 1 ? '1' : '.';
    return result;
  }

  void write_intervals(const check::MadeIntervals& good_times) {
    char* names[] = {const_cast<char*>("START"), const_cast<char*>("STOP")};
    char* forms[] = {const_cast<char*>("D"), const_cast<char*>("D")};
    const auto rows = static_cast<LONGLONG>(good_times.rows.start.size());
    must(fits_create_tbl(file_, BINARY_TBL, rows, 2, names, forms, nullptr, good_times.name.c_str(), &status_));
    if (rows == 0) return;
    must(fits_write_col_dbl(file_, 1, 1, 1, rows, const_cast<double*>(good_times.rows.start.data()), &status_));
    must(fits_write_col_dbl(file_, 2, 1, 1, rows, const_cast<double*>(good_times.rows.stop.data()), &status_));
  }

  void must(int status) {
    if (status == 0) return;
    char text[FLEN_STATUS];
    fits_get_errstatus(status, text);
    throw std::runtime_error(text);
  }

  void write_keywords(int n, const check::FilterColumn& column) {
    const auto key = [&](const char* stem, double value) {
      must(fits_write_key(file_, TDOUBLE, (stem + std::to_string(n)).c_str(), &value, nullptr, &status_));
    };
    if (column.tscal != 1) key("TSCAL", column.tscal);
    if (column.tzero != 0) key("TZERO", column.tzero);
    if (!column.tdim.empty()) {
      must(fits_write_key(file_, TSTRING, ("TDIM" + std::to_string(n)).c_str(), const_cast<char*>(column.tdim.c_str()),
                          nullptr, &status_));
    }
    if (column.tnull) {
      long long value = *column.tnull;
      must(fits_write_key(file_, TLONGLONG, ("TNULL" + std::to_string(n)).c_str(), &value, nullptr, &status_));
    }
  }

  // Stored values, through columns that are not scaled while they are written.
  void write_values(int n, const check::FilterColumn& column) {
    const long long size = static_cast<long long>(column.nulls.empty() ? column.bytes.size() : column.nulls.size());
    if (column.type == Type::string || column.type == Type::bits) {
      const auto width = static_cast<long long>(column.bytes.size()) / table_.rows;
      for (long long row = 0; row < table_.rows; ++row) {
        auto* const cell = const_cast<unsigned char*>(column.bytes.data() + row * width);
        if (column.type == Type::string) {
          std::string text(reinterpret_cast<char*>(cell), static_cast<std::size_t>(width));
          char* pointer = text.data();
          must(fits_write_col_str(file_, n, row + 1, 1, 1, &pointer, &status_));
        } else {
          must(fits_write_col_byt(file_, n, row + 1, 1, width, cell, &status_));
        }
      }
      return;
    }
    if (column.type == Type::boolean) {
      for (long long i = 0; i < size; ++i) {
        char value = static_cast<char>(column.bytes[static_cast<std::size_t>(i)]);
        must(fits_write_col_log(file_, n, i / column.count + 1, i % column.count + 1, 1, &value, &status_));
        if (column.nulls[static_cast<std::size_t>(i)] != 0) {
          must(fits_write_col_null(file_, n, i / column.count + 1, i % column.count + 1, 1, &status_));
        }
      }
      return;
    }
    if (column.tform.back() == 'E' || column.tform.back() == 'D') {
      must(fits_write_col_dbl(file_, n, 1, 1, size, const_cast<double*>(column.reals.data()), &status_));
      return;
    }
    must(fits_set_tscale(file_, n, 1, column.tscal == 1 ? column.tzero : 0, &status_));
    must(fits_write_col_lnglng(file_, n, 1, 1, size,
                               reinterpret_cast<long long*>(const_cast<std::int64_t*>(column.integers.data())),
                               &status_));
    must(fits_set_tscale(file_, n, column.tscal, column.tzero, &status_));
  }

  const FilterTable& table_;
  fitsfile* file_ = nullptr;
  int status_ = 0;
  int crashes_ = 0;
  pid_t child_ = 0;
  int to_ = -1, from_ = -1;
};

// Expressions of each type, drawn at random.
class Writer {
 public:
  explicit Writer(unsigned seed) : random_(seed) {}

  std::string logical(int depth) {
    if (depth <= 0)
      return one_of(
          {"L", "G", "T", "F", "KEYL", "#keyl", "I > 0", "E<1", "LV[2]", "S=='ab'", "isnull(I)", "L{-1}", "S{-1}>'b'"});
    switch (below(24)) {
      case 0:
      case 1: return wrap(logical(depth - 1)) + spelled({"&&", ".and.", ".AND.", " and. "}) + wrap(logical(depth - 1));
      case 2:
      case 3: return wrap(logical(depth - 1)) + spelled({"||", ".or.", ".OR."}) + wrap(logical(depth - 1));
      case 4: return one_of({"!", ".not.", ".NOT. "}) + wrap(logical(depth - 1));
      case 5: return wrap(logical(depth - 1)) + equality() + wrap(logical(depth - 1));
      case 6:
      case 7:
      case 8: return wrap(number(depth - 1)) + comparison() + wrap(number(depth - 1));
      case 9: return wrap(integer(depth - 1)) + comparison() + wrap(integer(depth - 1));
      case 10: {
        // CFITSIO computes the value twice, and a sum that it carries from row to row with it.
        const bool carries = std::exchange(carries_, false);
        const std::string value = wrap(number(depth - 1));
        carries_ = carries;
        return value + " = " + wrap(number(depth - 1)) + ":" + wrap(number(depth - 1));
      }
      case 11: return wrap(string(depth - 1)) + comparison() + wrap(string(depth - 1));
      case 12: return wrap(bits(depth - 1)) + comparison() + wrap(bits(depth - 1));
      case 13: return wrap(logical(depth - 1)) + " ? " + wrap(logical(depth - 1)) + " : " + wrap(logical(depth - 1));
      case 14: return "isnull(" + one_of_numbers(depth - 1) + ")";
      case 15: return "defnull(" + logical(depth - 1) + "," + logical(depth - 1) + ")";
      case 16: return "near(" + number(depth - 1) + "," + number(depth - 1) + ",1.5)";
      case 17: return "circle(1,2,5.5," + number(depth - 1) + "," + number(depth - 1) + ")";
      case 18:
        return one_of({"box", "ellipse"}) + "(1,0.5,6,4," + one_of({"0", "30", "I"}) + "," + number(depth - 1) + "," +
               number(depth - 1) + ")";
      case 19:
        return "sum(" + logical_vector(depth - 1) + ")" + comparison() + one_of({"2", "1", "0", "nelem(V)", "N"});
      case 20: return wrap(logical_vector(depth - 1)) + "[" + one_of({"1", "3", "N"}) + "]";
      case 21: return region(one_of({"E", "D", "E*2", "I", "J/4", "W[2]", "W[N]", "1.5", "-E"}));
      case 22:
        return good_time(
            one_of({"E", "D", "E*2-1", "I", "J/4", "K{1}", "SC", "W[2]", "E{-1}", "#row/10.", "I+D", "2.5"}));
      default: return wrap(number(depth - 1)) + "~" + wrap(number(depth - 1));
    }
  }

  std::string integer(int depth) {
    if (depth <= 0) {
      return one_of({"C", "I",    "J",     "N",    "U",    "V[2]",  "V[N]",  "VW[4]", "1",      "2",     "-3",
                     "7", "0x1f", "0b101", "#row", "KEYI", "#KEYI", "I{-1}", "J{2}",  "C{300}", "#NULL", "V{1}[3]"});
    }
    switch (below(16)) {
      case 0:
      case 1:
      case 2: return wrap(integer(depth - 1)) + one_of({"+", "-", "*"}) + wrap(integer(depth - 1));
      case 3: return wrap(integer(depth - 1)) + one_of({"/", "%", " % "}) + wrap(integer(depth - 1));
      case 4: return wrap(integer(depth - 1)) + one_of({"&", "|", "^^", ".xor."}) + wrap(integer(depth - 1));
      case 5: return one_of({"-", "+"}) + wrap(integer(depth - 1));
      case 6: return "(int)" + wrap(number(depth - 1));
      case 7: return "abs(" + integer(depth - 1) + ")";
      case 8: return one_of({"min", "max"}) + "(" + integer(depth - 1) + "," + integer(depth - 1) + ")";
      case 9:
        return one_of({"sum", "min", "max", "median", "nvalid", "SUM", "nelem"}) + "(" + integer_vector(depth - 1) +
               ")";
      case 10: return wrap(logical(depth - 1)) + "?" + wrap(integer(depth - 1)) + ":" + wrap(integer(depth - 1));
      case 11: return one_of({"strstr(S,", "strstr(R,"}) + string(depth - 1) + ")";
      case 12:
        return one_of({"sum(X)", "sum(Z)", "nelem(X)", "sum(X&Y)", "nelem(S)", "nvalid(S)", "naxis(M)", "naxes(M,2)",
                       "sum(elementnum(V))"});
      case 13: return "setnull(" + one_of({"2", "-1", "3.0"}) + "," + integer(depth - 1) + ")";
      case 14: return "(int)" + wrap(logical(depth - 1));
      default: return carries_ ? one_of({"accum", "seqdiff"}) + "(" + integer(depth - 1) + ")" : integer(depth - 1);
    }
  }

  std::string real(int depth) {
    if (depth <= 0) {
      return one_of({"UJ", "SB",  "K",    "E",   "D",   "SC", "W[1]", "M[2,3]", "M[1,N]", "M[2][1]", "1.5",
                     "2.", ".25", "3e-1", "1e2", "#pi", "#E", "#deg", "KEYF",   "D{-2}",  "K{1}",    "W{-1}[2]"});
    }
    switch (below(18)) {
      case 0:
      case 1: return wrap(number(depth - 1)) + one_of({"+", "-", "*"}) + wrap(real(depth - 1));
      case 2: return wrap(real(depth - 1)) + "/" + wrap(number(depth - 1));
      case 3:
        return wrap(number(depth - 1)) + one_of({"**", "^"}) +
               wrap(one_of({"2", "3", "0.5", "N", "-1", number(depth - 1).c_str()}));
      case 4: return "-" + wrap(real(depth - 1));
      case 5: return one_of({"(float)", "(double)", "(FLOAT)"}) + wrap(number(depth - 1));
      case 6:
        return one_of({"sin",  "cos", "tan", "arcsin", "asin", "arccos", "acos",  "arctan", "atan", "sinh", "cosh",
                       "tanh", "exp", "log", "log10",  "sqrt", "round",  "floor", "ceil",   "SQRT", "Sin"}) +
               "(" + variable_number(depth - 1) + ")";
      case 7: return "abs(" + real(depth - 1) + ")";
      case 8: return one_of({"min", "max"}) + "(" + number(depth - 1) + "," + real(depth - 1) + ")";
      case 9: return one_of({"sum", "min", "max", "median", "average", "stddev"}) + "(" + real_vector(depth - 1) + ")";
      case 10: return one_of({"average", "stddev"}) + "(" + integer_vector(depth - 1) + ")";
      case 11: return wrap(logical(depth - 1)) + "?" + wrap(real(depth - 1)) + ":" + wrap(number(depth - 1));
      case 12: return "arctan2(" + number(depth - 1) + "," + variable_number(depth - 1) + ")";
      case 13: return "angsep(E," + number(depth - 1) + "," + number(depth - 1) + ",D)";
      case 14: return "defnull(" + number(depth - 1) + "," + number(depth - 1) + ")";
      case 15: return (carries_ ? one_of({"accum", "seqdiff"}) : "") + "(" + variable_number(depth - 1) + ")";
      case 16: return real(0) + "%" + wrap(one_of({"E", "2.5", "N", "0.3", "W[2]"}));
      default: return wrap(logical(depth - 1)) + "*" + wrap(real(depth - 1));
    }
  }

  std::string number(int depth) { return below(2) == 0 ? integer(depth) : real(depth); }
  // Not a constant: CFITSIO fails where one lies outside of what a function takes, and so do we, but elsewhere.
  std::string variable_number(int depth) { return depth <= 0 ? one_of({"E", "D", "I", "K", "SC"}) : number(depth); }
  std::string one_of_numbers(int depth) { return below(3) == 0 ? string(depth) : variable_number(depth); }

  std::string integer_vector(int depth) {
    if (depth <= 0) return one_of({"V", "VW", "V{-1}", "{1,2,I,N}", "{I,J,C,-1}"});
    switch (below(7)) {
      case 0:
      case 1:
        return wrap(integer_vector(depth - 1)) + one_of({"+", "-", "*", "/", "%", "&"}) + wrap(integer(depth - 1));
      case 2: return wrap(integer_vector(depth - 1)) + one_of({"+", "-", "*"}) + wrap(integer_vector(depth - 1));
      case 3: return "elementnum(V)";
      case 4: return "(int)" + wrap(real_vector(depth - 1));
      case 5: return "max(" + integer_vector(depth - 1) + "," + integer(depth - 1) + ")";
      default:
        return "{" + integer(depth - 1) + "," + integer(depth - 1) + "," + integer(depth - 1) + "," +
               integer(depth - 1) + "}";
    }
  }

  std::string real_vector(int depth) {
    if (depth <= 0) return one_of({"W", "W{1}", "{1.5,E,D,2}", "{M[1],M[2,2],I}"});
    switch (below(7)) {
      case 0:
      case 1: return wrap(real_vector(depth - 1)) + one_of({"+", "-", "*", "/"}) + wrap(number(depth - 1));
      case 2: return wrap(integer(depth - 1)) + one_of({"+", "-", "*", "/"}) + wrap(real_vector(depth - 1));
      case 3: return "sqrt(" + real_vector(depth - 1) + ")";
      case 4: return wrap(logical_vector(depth - 1)) + "?" + wrap(real_vector(depth - 1)) + ":" + wrap(real(depth - 1));
      case 5: return "defnull(" + real_vector(depth - 1) + "," + number(depth - 1) + ")";
      default: return wrap(real_vector(depth - 1)) + one_of({"+", "*"}) + wrap(integer_vector(depth - 1));
    }
  }

  std::string logical_vector(int depth) {
    if (depth <= 0) return one_of({"V>0", "W<1.5", "V==VW", "isnull(V)", "LV", "{L,G,T}", "isnull(W)"});
    switch (below(7)) {
      case 0: return wrap(integer_vector(depth - 1)) + comparison() + wrap(integer_vector(depth - 1));
      case 1: return wrap(real_vector(depth - 1)) + comparison() + wrap(number(depth - 1));
      case 2: return "!" + wrap(logical_vector(depth - 1));
      case 3: return wrap(logical_vector(depth - 1)) + spelled({"&&", "||"}) + wrap(logical(depth - 1));
      case 4: return region(one_of({"W", "V", "W*2"}));
      case 5: return good_time(one_of({"W", "V/2."}));
      default: return wrap(logical_vector(depth - 1)) + equality() + wrap(logical(depth - 1));
    }
  }

  std::string region(const std::string& x) {
    return "regfilter('" + kFolder + "/r" + std::to_string(below(40)) + ".reg'," + x + "," +
           one_of({"D", "E", "D-1", "I", "K", "2", "D{1}"}) + ")";
  }
  // The number of an interval can only be asked for so: elsewhere CFITSIO does not take it for a number. Of no time
  // that is NaN: in CFITSIO it is in the interval where the one before it was.
  std::string good_time(const std::string& time) {
    const std::string arguments =
        "('" + one_of({"", "[GTIMANY]", "[GTIFEW]", "[GTIMIXED]", "[GTINONE]", "+2"}) + "'," + time + ")";
    return below(4) == 0 ? "isnull(gtifind" + arguments + ")" : "gtifilter" + arguments;
  }

  std::string string(int depth) {
    if (depth <= 0) return one_of({"S", "R", "'ab'", "\"b\"", "'A'", "KEYS", "''", "'abcAB'"});
    switch (below(4)) {
      // Not of strings that may be NULL: of those CFITSIO copies what it never wrote.
      case 0: return wrap(plain_string()) + "+" + wrap(plain_string()) + one_of({"", "+'a'", "+R"});
      case 1: return wrap(logical(depth - 1)) + "?" + wrap(string(depth - 1)) + ":" + wrap(string(depth - 1));
      case 2: return one_of({"strmid(S,1,", "strmid(R,1,", "strmid(S,0,"}) + one_of({"1", "2", "3"}) + ")";
      default: return string(0);
    }
  }

  std::string plain_string() { return one_of({"S", "R", "'ab'", "\"b\"", "KEYS", "strmid(S,1,2)", "strmid(R,1,1)"}); }

  std::string bits(int depth) {
    if (depth <= 0)
      return one_of({"X", "Y", "Z", "b101", "b1x0x1", "o17", "h3x", "hA", "X{-1}", "Y{1}", "b0000000", "bxxx"});
    switch (below(6)) {
      case 0: return wrap(bits(depth - 1)) + "&" + wrap(bits(depth - 1));
      case 1: return wrap(bits(depth - 1)) + "|" + wrap(bits(depth - 1));
      case 2: return "!" + wrap(bits(depth - 1));
      case 3: return depth == 1 ? bits(0) + "+" + one_of({"b1", "Y", "b0x"}) : bits(depth - 1);
      case 4: return one_of({"X[3]", "Y[7]", "Z[1]", "X[N]", "min(Y)", "max(Y)"});
      default: return bits(depth - 1);
    }
  }

  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }

 private:
  std::string one_of(std::initializer_list<const char*> choices) {
    return choices.begin()[below(static_cast<int>(choices.size()))];
  }
  std::string spelled(std::initializer_list<const char*> choices) { return " " + one_of(choices) + " "; }
  std::string comparison() {
    return spelled(
        {"==", ".eq.", ".EQ.", "!=", ".ne.", "<", ".lt.", "<=", "=<", ".le.", ">", ".gt.", ">=", "=>", ".ge.", ".GE."});
  }
  std::string equality() { return spelled({"==", "!=", ".eq.", ".ne."}); }
  // Mostly in parentheses: without them an expression often means something else, or nothing.
  std::string wrap(const std::string& text) { return below(5) == 0 ? text : "(" + text + ")"; }

  std::mt19937 random_;
  bool carries_ = true;  // whether accum and seqdiff are drawn
};

const FilterTable& table() {
  static const FilterTable made(257);
  return made;
}

// How one expression fares: refused by CFITSIO, agreed, or not.
enum class Outcome { refused, agreed, differs };

Outcome compare(Oracle& oracle, const std::string& expression) {
  const std::string expected = oracle.select(expression);
  std::string found;
  std::string error;
  try {
    const check::filter::Filter compiled(expression, table());
    found = table().select(compiled, 1000);
    if (found != table().select(compiled, 37)) error = "blocks of other sizes give other rows";
  } catch (const std::exception& e) {
    error = e.what();
  }
  if (expected.empty()) return Outcome::refused;
  if (error.empty() && found == expected) return Outcome::agreed;
  std::cout << "    " << expression << "\n      CFITSIO: " << expected
            << "\n      filter:  " << (error.empty() ? found : error) << '\n';
  return Outcome::differs;
}

}  // namespace

TEST(generated_expressions_select_the_rows_of_cfitsio) {
  Oracle oracle(table());
  const char* const asked = std::getenv("FILTER_EXPRESSIONS");
  const int count = asked != nullptr ? std::atoi(asked) : 4000;
  const char* const seed = std::getenv("FILTER_SEED");
  Writer writer(seed != nullptr ? static_cast<unsigned>(std::atoi(seed)) : 7);
  int refused = 0, agreed = 0, differs = 0, mixed = 0;
  for (int i = 0; i < count && differs < 20; ++i) {
    const std::string expression = writer.logical(1 + writer.below(4));
    switch (compare(oracle, expression)) {
      case Outcome::refused: ++refused; break;
      case Outcome::agreed: ++agreed; break;
      case Outcome::differs: ++differs; break;
    }
    try {
      const std::string rows = table().select(expression);
      mixed += rows.find('1') != std::string::npos && rows.find('.') != std::string::npos;
    } catch (const std::exception&) {
    }
  }
  std::cout << "    " << agreed << " agree, " << differs << " differ, " << refused << " refused by CFITSIO ("
            << oracle.crashes() << " of them end it); " << mixed << " select some rows and not others\n";
  CHECK_EQUAL(differs, 0);
  CHECK(agreed > count * 3 / 4 && mixed > count / 2);
}
