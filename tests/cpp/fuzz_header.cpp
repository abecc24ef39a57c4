// libFuzzer target: any bytes as header cards. Built with clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined
// -fno-sanitize-recover=all -Icsrc; run with -max_total_time=SECONDS. What the sanitizers do not see is checked here.
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "format/card.h"
#include "pickle.h"

namespace {

void must(bool condition) {
  if (!condition) std::abort();
}

// Every card has a keyword by which find sees it, values only of its kind, and the pickle is sound.
void fuzz_cards(std::string_view bytes) {
  const fits::HeaderView header(bytes);
  for (std::size_t i = 0; i < header.size(); ++i) {
    const fits::Card card = header.card(i);
    const auto found = header.find(card.keyword);
    must(found && *found <= i);
    must(!fits::integer_value(card) || card.kind == fits::ValueKind::integer);
    must(!fits::integer_value(card) || fits::real_value(card));
    must((card.kind == fits::ValueKind::string) == fits::string_value(card).has_value());
    if (header.is_continued(i)) must(i + header.join(i).cards <= header.size());
  }
  must(check::PickleReader(fits::header_pickle(header)).text().has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  fuzz_cards(bytes);
  try {
    fuzz_cards(fits::cards_from_text(bytes));
  } catch (const std::exception&) {  // a text that is not Latin-1
  }
  return 0;
}
