// The whole test framework: TEST(name) { ... } registers itself, CHECK and CHECK_EQUAL report a failure with its place
// and go on, and main (which comes with this header: one executable per test file) counts tests.
#pragma once

#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

namespace check {

struct Test {
  const char* name;
  void (*run)();
};

inline std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

inline bool& failed() {
  static bool flag = false;
  return flag;
}

struct Registration {
  Registration(const char* name, void (*run)()) { tests().push_back({name, run}); }
};

inline void report(const char* file, int line, const std::string& what) {
  failed() = true;
  std::cout << file << ':' << line << ": " << what << '\n';
}

template <class T>
void print(std::ostream& out, const T& value) {
  if constexpr (requires { out << value; }) {
    out << value;
  } else if constexpr (requires { static_cast<long long>(value); }) {
    out << static_cast<long long>(value);
  } else {
    out << "(a value without a text)";
  }
}

template <class T>
void print(std::ostream& out, const std::optional<T>& value) {
  value ? print(out, *value) : print(out, "nothing");
}

template <class A, class B>
void equal(const A& a, const B& b, const char* a_text, const char* b_text, const char* file, int line) {
  if (a == b) return;
  report(file, line, std::string(a_text) + " == " + b_text + " fails:");
  std::cout << "    left:  ";
  print(std::cout, a);
  std::cout << "\n    right: ";
  print(std::cout, b);
  std::cout << '\n';
}

// True when `call` throws an `Exception` whose message contains `part`.
template <class Exception, class Call>
bool throws(Call call, const std::string& part = "") {
  try {
    call();
  } catch (const Exception& e) {
    if (std::string(e.what()).find(part) != std::string::npos) return true;
    std::cout << "    the message is: " << e.what() << '\n';
  }
  return false;
}

inline int run_all() {
  int passed = 0;
  int broken = 0;
  for (const auto& test : tests()) {
    failed() = false;
    try {
      test.run();
    } catch (const std::exception& e) {
      report(test.name, 0, std::string("throws ") + e.what());
    }
    if (failed()) std::cout << "FAILED " << test.name << '\n';
    ++(failed() ? broken : passed);
  }
  std::cout << passed << " passed, " << broken << " failed\n";
  return broken == 0 && passed > 0 ? 0 : 1;
}

}  // namespace check

#define TEST(name)                                                      \
  static void test_##name();                                            \
  static const check::Registration register_##name(#name, test_##name); \
  static void test_##name()

#define CHECK(condition)                                                                \
  do {                                                                                  \
    if (!(condition)) check::report(__FILE__, __LINE__, "CHECK(" #condition ") fails"); \
  } while (false)

#define CHECK_EQUAL(a, b) check::equal((a), (b), #a, #b, __FILE__, __LINE__)

#define CHECK_THROWS(exception, part, ...) CHECK((check::throws<exception>([&] { __VA_ARGS__; }, part)))

int main() { return check::run_all(); }
