#include <clocale>
#include <stdexcept>
#include <string>

#include "check.h"
#include "format/card.h"
#include "pickle.h"

using namespace fits;

namespace {

std::string padded(std::string text) {
  text.resize(kCardSize, ' ');
  return text;
}

std::string cards(std::initializer_list<const char*> texts) {
  std::string all;
  for (const char* text : texts) all += padded(text);
  return all;
}

// Views into `text`, which must outlive the card.
Card parse(const std::string& text) { return parse_card(text); }

struct Case {
  const char* text;
  ValueKind kind;
  const char* keyword;
  const char* value;
  const char* comment;
};

const Case kCases[] = {
    // Fixed format, section 4.2
    {"SIMPLE  =                    T / conforms", ValueKind::logical, "SIMPLE", "T", "conforms"},
    {"NAXIS   =                    2", ValueKind::integer, "NAXIS", "2", ""},
    {"CRVAL1  =              -1.5E+03/deg", ValueKind::real, "CRVAL1", "-1.5E+03", "deg"},
    {"OBJECT  = 'M 13    '           / name", ValueKind::string, "OBJECT", "M 13    ", "name"},
    {"UNDEF   =                      / nothing", ValueKind::undefined, "UNDEF", "", "nothing"},
    {"UNDEF2  =", ValueKind::undefined, "UNDEF2", "", ""},
    // Free format
    {"naxis   = 2", ValueKind::integer, "naxis", "2", ""},
    {"A       =\t5 /", ValueKind::none, "A", "", "=\t5 /"},
    {"A       = \t5 /", ValueKind::integer, "A", "5", ""},
    {"A       = +007", ValueKind::integer, "A", "+007", ""},
    {"A       = - 5", ValueKind::integer, "A", "- 5", ""},
    {"A       = .5", ValueKind::real, "A", ".5", ""},
    {"A       = 5.", ValueKind::real, "A", "5.", ""},
    {"A       = 1D5", ValueKind::real, "A", "1D5", ""},
    {"A       = 1.5 e -3 / x", ValueKind::real, "A", "1.5 e -3", "x"},
    {"A       = ( 1.0 , -2D3 ) / c", ValueKind::complex, "A", "( 1.0 , -2D3 )", "c"},
    {"A       = (1,2)", ValueKind::complex, "A", "(1,2)", ""},
    {"A       = F", ValueKind::logical, "A", "F", ""},
    // An early value indicator, a keyword after blanks
    {"BITPIX= 16 / x", ValueKind::integer, "BITPIX", "16", "x"},
    {"  GAIN  = 2", ValueKind::integer, "GAIN", "2", ""},
    // Strings: doubled quotes, slashes inside, forgotten doubling
    {"A       = 'it''s / here' / c", ValueKind::string, "A", "it''s / here", "c"},
    {"A       = 'it's' / c", ValueKind::string, "A", "it's", "c"},
    {"A       = 'ends in quote''' / c", ValueKind::string, "A", "ends in quote''", "c"},
    {"A       = ''", ValueKind::string, "A", "", ""},
    {"A       = ''''", ValueKind::string, "A", "''", ""},
    {"A       = 'a'/c / d", ValueKind::string, "A", "a", "c / d"},
    {"A       = 'caf\xe9'", ValueKind::string, "A", "caf\xe9", ""},
    // Malformed
    {"A       = 'open", ValueKind::malformed, "A", "'open", ""},
    {"A       = 'a' b / c", ValueKind::malformed, "A", "'a' b", "c"},
    {"A       = 1.2.3 / c", ValueKind::malformed, "A", "1.2.3", "c"},
    {"A       = 2001-01-02 / c", ValueKind::malformed, "A", "2001-01-02", "c"},
    {"A       = NaN", ValueKind::malformed, "A", "NaN", ""},
    {"A       = TRUE", ValueKind::malformed, "A", "TRUE", ""},
    {"A       = (1, 2", ValueKind::malformed, "A", "(1, 2", ""},
    {"A       = (1)", ValueKind::malformed, "A", "(1)", ""},
    {"A       = 1E", ValueKind::malformed, "A", "1E", ""},
    {"A       = .", ValueKind::malformed, "A", ".", ""},
    {"A       = -", ValueKind::malformed, "A", "-", ""},
    // Without a value
    {"COMMENT = 'no value' / x", ValueKind::none, "COMMENT", "", "= 'no value' / x"},
    {"history   text", ValueKind::none, "history", "", "  text"},
    {"          a blank keyword = 5", ValueKind::none, "", "", "  a blank keyword = 5"},
    {"KEYWORD =5", ValueKind::none, "KEYWORD", "", "=5"},
    {"free text without anything", ValueKind::none, "free tex", "", "t without anything"},
    {"END", ValueKind::none, "END", "", ""},
    // CONTINUE, HIERARCH
    {"CONTINUE  'more&' / c", ValueKind::string, "CONTINUE", "more&", "c"},
    {"CONTINUE  text", ValueKind::none, "CONTINUE", "", "  text"},
    {"HIERARCH ESO DET = 5 / c", ValueKind::integer, "ESO DET", "5", "c"},
    {"HIERARCH ESO='a=b'", ValueKind::string, "ESO", "a=b", ""},
    {"HIERARCH no value", ValueKind::none, "HIERARCH", "", " no value"},
    {"HIERARCH= 5", ValueKind::integer, "HIERARCH", "5", ""},
};

}  // namespace

TEST(cards_of_every_kind) {
  for (const auto& c : kCases) {
    const auto text = padded(c.text);
    const auto card = parse(text);
    CHECK_EQUAL(card.kind, c.kind);
    CHECK_EQUAL(card.keyword, std::string_view(c.keyword));
    CHECK_EQUAL(card.value, std::string_view(c.value));
    const bool commentary = c.kind == ValueKind::none;
    CHECK_EQUAL(commentary ? card.comment.substr(0, card.comment.find_last_not_of(' ') + 1) : card.comment,
                std::string_view(c.comment));
    if (card.kind != c.kind) std::cout << "    in: " << c.text << '\n';
  }
}

TEST(values_of_their_kind) {
  const auto integer = [](const char* text) { return integer_value(parse(padded(text))); };
  CHECK_EQUAL(integer("A       = +007"), std::optional<std::int64_t>(7));
  CHECK_EQUAL(integer("A       = - 5"), std::optional<std::int64_t>(-5));
  CHECK_EQUAL(integer("A       = -9223372036854775808"), std::optional<std::int64_t>(INT64_MIN));
  CHECK(!integer("A       = 9223372036854775808"));
  CHECK(!integer("A       = 5."));
  CHECK(!integer("A       = '5'"));
  const auto real = [](const char* text) { return real_value(parse(padded(text))); };
  CHECK_EQUAL(real("A       = 9223372036854775808"), std::optional<double>(9223372036854775808.0));
  CHECK_EQUAL(real("A       = +1.5 d -3"), std::optional<double>(1.5e-3));
  CHECK_EQUAL(real("A       = .5"), std::optional<double>(0.5));
  CHECK_EQUAL(real("A       = 5."), std::optional<double>(5));
  CHECK_EQUAL(real("A       = 1E-400"), std::optional<double>(0));
  CHECK(!real("A       = 1E400"));
  CHECK(!real("A       = T"));
  CHECK_EQUAL(logical_value(parse(padded("A       = F"))), std::optional<bool>(false));
  CHECK(!logical_value(parse(padded("A       = 0"))));
  const auto string = [](const char* text) { return string_value(parse(padded(text))); };
  CHECK_EQUAL(string("A       = 'it''s ''''   '"), std::optional<std::string>("it's ''"));
  CHECK_EQUAL(string("A       = '  x  '"), std::optional<std::string>("  x"));
  CHECK(!string("A       = 5"));
}

TEST(numbers_do_not_depend_on_the_locale) {
  if (!std::setlocale(LC_NUMERIC, "de_DE.UTF-8")) std::setlocale(LC_NUMERIC, "C.UTF-8");
  CHECK_EQUAL(real_value(parse(padded("A       = 1.25"))), std::optional<double>(1.25));
  std::setlocale(LC_NUMERIC, "C");
}

TEST(find_agrees_with_parsed_keywords) {
  const auto text =
      cards({"SIMPLE  = T", "NAXIS1  = 10", "naxis2  = 20", "BITPIX= 16", "  GAIN  = 2", "HIERARCH ESO DET ID = 'x'",
             "HIERARCH EXPTIME = 3", "COMMENT hello", "", "A-B     = 1", "NAXIS1  = 11"});
  const HeaderView header(text);
  CHECK_EQUAL(header.size(), 11u);
  for (std::size_t i = 0; i < header.size(); ++i) {
    const auto found = header.find(header.card(i).keyword);
    CHECK(found.has_value());
    CHECK_EQUAL(found, std::optional<std::size_t>(i == 10 ? 1 : i));
  }
  CHECK_EQUAL(header.find("naxis1"), std::optional<std::size_t>(1));
  CHECK_EQUAL(header.find("NAXIS1", 2), std::optional<std::size_t>(10));
  CHECK_EQUAL(header.find("HIERARCH ESO DET ID"), std::optional<std::size_t>(5));
  CHECK_EQUAL(header.find("eso det id"), std::optional<std::size_t>(5));
  CHECK_EQUAL(header.real("GAIN"), std::optional<double>(2));
  CHECK_EQUAL(header.integer("BITPIX"), std::optional<std::int64_t>(16));
  CHECK_EQUAL(header.logical("SIMPLE"), std::optional<bool>(true));
  CHECK(!header.find("NAXIS"));
  CHECK(!header.find("NAXIS11"));
  CHECK(!header.find("A\rB"));  // '-' and '\r' differ in bit 5 only
  CHECK(!header.find("NAXIS1", 11));
  CHECK(!header.integer("SIMPLE"));
  CHECK(!HeaderView("").find("A"));
}

TEST(long_strings_are_joined) {
  const auto text = cards({"LONG    = 'one &' / first", "CONTINUE  'two''s&'", "CONTINUE  ' three  ' / last",
                           "CONTINUE  'orphan'", "PLAIN   = 'a &'", "NAXIS   = 0", "LAST    = 'x&'", "CONTINUE  'y&'"});
  const HeaderView header(text);
  CHECK_EQUAL(header.string("LONG"), std::optional<std::string>("one two's three"));
  CHECK_EQUAL(header.join(0).cards, 3u);
  CHECK_EQUAL(header.join(0).comment, std::string("first last"));
  CHECK_EQUAL(header.string("PLAIN"), std::optional<std::string>("a &"));
  CHECK_EQUAL(header.string("LAST"), std::optional<std::string>("xy&"));  // no card follows: the '&' is text
  CHECK(!header.is_continued(7));
  CHECK(!header.string("NAXIS"));
}

TEST(endless_continue_ends) {
  std::string text = padded("LONG    = '&'");
  for (int i = 0; i < 100000; ++i) text += padded("CONTINUE  '0123456789&'");
  const HeaderView header(text);
  CHECK_EQUAL(header.string("LONG")->size(), 100000u * 10 + 1);
}

// Any bytes: no crash, no read outside (the sanitizers watch), and views inside the card.
TEST(random_bytes_are_survived) {
  std::uint32_t state = 1;
  const auto random = [&] { return state = state * 1664525 + 1013904223, state >> 8; };
  const std::string alphabet = "A = '/&.+-EDTF(),0123 \t\n\xff\0";
  for (int round = 0; round < 20000; ++round) {
    std::string text = padded(round % 2 ? "HIERARCH" : "KEYWORD =");
    for (std::size_t i = random() % 12; i < kCardSize; ++i) text[i] = alphabet[random() % alphabet.size()];
    const HeaderView header(text);
    const Card card = header.card(0);
    for (const auto part : {card.keyword, card.value, card.comment}) {
      CHECK(part.empty() || (part.data() >= text.data() && part.data() + part.size() <= text.data() + kCardSize));
    }
    if (card.kind == ValueKind::real) CHECK(real_value(card) || text.find_first_of("EeDd") != std::string::npos);
    CHECK(card.kind != ValueKind::string || header.string(card.keyword));
    const bool found = header.find(card.keyword) == std::optional<std::size_t>(0);
    CHECK(found);
    if (!found) return void(std::cout << "    in: " << text << '\n');
  }
}

TEST(hierarch_name_that_repeats_the_word) {
  const auto text = cards({"HIERARCH HIERARCH ESO A = 1"});
  CHECK_EQUAL(HeaderView(text).card(0).keyword, std::string_view("HIERARCH ESO A"));
  CHECK(HeaderView(text).find("HIERARCH ESO A") == std::optional<std::size_t>(0));
  CHECK(!HeaderView(text).find("ESO A"));
}

std::string pickled(std::string_view text) {
  return check::PickleReader(header_pickle(HeaderView(text))).text().value_or("not a pickle");
}

TEST(pickle_of_every_kind) {
  CHECK_EQUAL(pickled(""), std::string("('', [], '', [], [], [], [], [])"));
  const auto text = cards({"simple  = T / a \"b\" \\", "A       =", "B       = 'it''s'", "HIERARCH ESO det = F / d\xe9",
                           "LONG    = 'one&' / 1", "CONTINUE  'two' / 2", "C       = (1, -.5D3)",
                           "BAD     = 1.2.3 / why", "COMMENT  hi / there", "free text", "DP1     = 'AXIS.1: 2'"});
  CHECK_EQUAL(pickled(text),
              std::string("('SIMPLE\x7f"
                          "A\x7f"
                          "B\x7f"
                          "ESO det\x7fLONG\x7f"
                          "C\x7f"
                          "BAD\x7f"
                          "COMMENT\x7f"
                          "free tex\x7f"
                          "DP1', "
                          "[True, None, 'it's', False, 'onetwo', (1.0, -500.0), '1.2.3', ' hi / there', 't', "
                          "'AXIS.1: 2'], "
                          "'a \"b\" \\\x7f\x7f\x7f"
                          "d\xc3\xa9\x7f"
                          "1 2\x7f\x7fwhy\x7f\x7f\x7f', "
                          "[(4, 2)], [3], [5], [6], [9])"));
}

TEST(pickled_numbers) {
  const std::pair<const char*, const char*> numbers[] = {
      {"1.", "1.0"},
      {".5", "0.5"},
      {"+3", "3"},
      {"007", "7"},
      {"255", "255"},
      {"256", "256"},
      {"-1", "-1"},
      {"1D5", "100000.0"},
      {"0", "0"},
      {"-0", "0"},
      {"000", "0"},
      {"- 5", "-5"},
      {"-.5d-03", "-0.00050000000000000001"},
      {"1.5 E +3", "1500.0"},
      {"1E400", "inf"},
      {"-1E-400", "-0.0"},
      {"2147483647", "2147483647"},
      {"-2147483648", "-2147483648"},
      {"+2147483648", "2147483648"},
      {"-0009223372036854775808", "-9223372036854775808"},
      {"123456789012345678901234567890", "123456789012345678901234567890"}};
  for (const auto& [fits_text, python_text] : numbers) {
    const auto text = pickled(padded(std::string("A       = ") + fits_text));
    const auto start = text.find('[') + 1;
    CHECK_EQUAL(text.substr(start, text.find(']') - start), std::string(python_text));
  }
}

TEST(pickle_with_the_separator_in_a_text_is_a_list) {
  const auto text = cards({"A       = 1 / x\x7fy", "B       = 2"});
  CHECK_EQUAL(pickled(text), std::string("('A\x7f"
                                         "B', [1, 2], ['x\x7fy', ''], [], [], [], [], [])"));
}

TEST(pickled_strings_of_every_length) {
  std::vector<std::string> lines{"A       = '" + std::string(66, 'x') + "&'"};
  for (int i = 0; i < 4; ++i) lines.push_back("CONTINUE  '" + std::string(66, '\xe9') + (i < 3 ? "&'" : "'"));
  std::string text;
  for (const auto& line : lines) text += padded(line);
  std::string expected(66, 'x');
  for (int i = 0; i < 4 * 66; ++i) expected += "\xc3\xa9";
  CHECK_EQUAL(pickled(text), "('A', ['" + expected + "'], '', [(0, 5)], [], [], [], [])");
}

TEST(cards_from_any_text) {
  const auto two = cards({"A       = 1", "B       = 2"});
  CHECK_EQUAL(cards_from_text(""), std::string());
  CHECK_EQUAL(cards_from_text(two), two);
  CHECK_EQUAL(cards_from_text(two + padded("END") + padded("")), two);
  CHECK_EQUAL(cards_from_text(two.substr(0, 100)), two);
  CHECK_EQUAL(cards_from_text("A       = 1\nB       = 2"), two);
  CHECK_EQUAL(cards_from_text("A       = 1\r\nB       = 2\r\nEND\r\njunk"), two);
  CHECK_EQUAL(cards_from_text("\n"), padded(""));
  CHECK_EQUAL(cards_from_text(two + padded("END") + two + "\n"), two);
  CHECK_EQUAL(cards_from_text("ENDING  = 1\n"), padded("ENDING  = 1"));
  CHECK_EQUAL(cards_from_text("A = 'caf\xc3\xa9'\n"), padded("A = 'caf\xe9'"));
  CHECK_EQUAL(cards_from_text("A = 'caf\xe9'\n"), padded("A = 'caf\xe9'"));  // already Latin-1
  CHECK_THROWS(std::invalid_argument, "outside Latin-1", cards_from_text("A = '\xe2\x80\x94'"));
}
