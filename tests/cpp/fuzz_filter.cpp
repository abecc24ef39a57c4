// libFuzzer target: any text as a filter. Built and run as fuzz_header.cpp. What is compiled is evaluated, in blocks of
// two sizes, which must select the same rows. The name of a region file is taken for its text:
// regfilter('circle(1,2,3)').
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "filter/node.h"
#include "filter_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const check::FilterTable table(9);
  try {
    const check::filter::Filter compiled(std::string_view(reinterpret_cast<const char*>(data), size), table);
    std::int64_t memory = 0;
    for (const auto& node : compiled.program().nodes) memory += node.elements();
    if (memory > 100'000) return 0;  // ARRAY(1, 1000000) is right, and slow
    if (table.select(compiled, 9) != table.select(compiled, 2)) std::abort();
  } catch (const std::invalid_argument&) {  // no filter
  } catch (const std::out_of_range&) {      // an index that is not there
  }
  return 0;
}
