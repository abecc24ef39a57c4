// Filters: the words of an expression, its grammar, NULL, vectors, the sky, and every complaint. That rows are
// CFITSIO's is tested in test_filter_cfitsio.cpp; where they are not, and why, is said here.
#include <numbers>

#include "check.h"
#include "filter_table.h"
#include "format/error.h"

namespace {

using check::filter::Filter;
using check::filter::Input;
using check::filter::Type;

const check::FilterTable& table() {
  static const check::FilterTable made(100);
  return made;
}

std::string rows(const std::string& expression) { return table().select(expression, 64); }
bool all(const std::string& expression) { return rows(expression) == std::string(100, '1'); }
bool none(const std::string& expression) { return rows(expression) == std::string(100, '.'); }
bool same(const std::string& a, const std::string& b) { return rows(a) == rows(b); }

bool fails(const std::string& expression, const std::string& part) {
  return check::throws<std::invalid_argument>([&] { Filter(expression, table()); }, part);
}

// Columns made for one test: reals by name.
struct Sky : check::filter::Names {
  std::vector<double> ra, dec;

  std::optional<check::filter::Variable> column(std::string_view name) const override {
    if (name == "RA") return check::filter::Variable{0, Type::real, false, 1, {}};
    if (name == "DEC") return check::filter::Variable{1, Type::real, false, 1, {}};
    return {};
  }
  std::optional<check::filter::Keyword> keyword(std::string_view) const override { return {}; }

  std::string select(const std::string& expression) const {
    const Filter compiled(expression, *this);
    check::filter::Evaluator evaluator(compiled);
    std::string result;
    for (std::size_t i = 0; i < ra.size(); ++i) {
      std::vector<check::filter::Block> blocks;
      for (const Input& input : compiled.inputs()) blocks.push_back({input.column == 0 ? &ra[i] : &dec[i], nullptr});
      std::uint8_t selected = 2;
      evaluator.run(static_cast<std::int64_t>(i) + 1, 1, blocks, &selected);
      result += selected == 1 ? '1' : selected == 0 ? '.' : '?';
    }
    return result;
  }
};

}  // namespace

TEST(operators_have_many_spellings) {
  for (const char* const spelled :
       {"I .lt. 2", "I.LT.2", "I .Lt. 2", "I lt. 2", "2 > I", "2.gt.I", "2.GT.I", "! I >= 2", "!(I=>2)"}) {
    CHECK(same(spelled, "I < 2"));
  }
  CHECK(same("I =< 2", "I <= 2") && same("I .le. 2", "I <= 2") && same("I != 2", ".not. I .eq. 2"));
  CHECK(same("L .and. G", "L&&G") && same("L or. G", "L || G") && same("I ^ 2 == 4", "I ** 2 == 4"));
  CHECK(same("I ^^ 1 == 2", "I .xor. 1 == 2") && same("i<2", "I\n<\t2") && same("$I$ < 2", "I < 2"));
}

TEST(numbers_are_written_in_many_ways) {
  CHECK(all("0x1F == 31 && 0x1f == 31 && 0b101 == 5 && 0o17 == 15"));
  CHECK(all("1.5e1 == 15 && 1.5D1 == 15 && .5 == 0.5 && 2. == 2 && 1.e1 == 10 && 3e-1 == 0.3"));
  CHECK(all("#pi > 3.14159265358979 && #PI < 3.1415926535898 && near(#e, exp(1), 1e-15) && #deg * 180 == #pi"));
  CHECK(all("99999999999999999999 > 9.9e19") && all("5.eq.5") && all("T && !F && t && !f"));
}

TEST(operators_bind_as_in_cfitsio) {
  CHECK(all("-2**2 == 4") && all("2**3**2 == 512") && all("1 | 2 * 2 == 6") && all("7 % 4 + 1 == 4"));
  CHECK(same("!I == 3", "!(I == 3)") && same("!L == G", "(!L) == G") &&
        same("I = 1:3 && L", "(I >= 1 && I <= 3) && L"));
  CHECK(same("L ? G : J == 2 ? T : F", "L ? G : (J == 2 ? T : F)") && fails("I + L ? 1 : 2 == 2", "this is a number"));
  CHECK(same("(I + L ? 1 : 2) == 2", "I + (L ? 1 : 2) == 2") && same("-L * 3 == -3", "-(L * 3) == -3"));
  CHECK(same("(int)E * 2 == 4", "((int)E) * 2 == 4") && same("L || G && T", "L || (G && T)"));
}

TEST(integers_and_reals_are_divided_differently) {
  CHECK(all("7 / 2 == 3 && -7 / 2 == -3 && 7 / 2. == 3.5 && (float)7 / 2 == 3.5 && (int)-3.7 == -3"));
  CHECK(all("-7 % 3 == -1 && 7.5 % 2 == 1.5 && 2 ** -1 == 0 && 2. ** -1 == 0.5"));
  CHECK(all("9223372036854775807 + 1 == -9223372036854775807 - 1"));
  CHECK(all("(-9223372036854775807 - 1) / -1 == -9223372036854775807 - 1 && (-9223372036854775807 - 1) % -1 == 0"));
  CHECK(same("K / 2 == 1.5", "K == 3") && same("UJ / 2 == 1.5", "UJ == 3"));  // 64 bits, and unsigned 32: reals
  CHECK(all("(int)1e300 == -9223372036854775807 - 1") && all("round(2.5) == 3 && round(-2.5) == -2"));
}

TEST(null_is_neither_true_nor_false) {
  CHECK(none("#null == 1") && none("#null != 1") && none("isnull(#null) == F") && all("isnull(#snull)"));
  CHECK(all("T || #null == 1") && none("F && #null == 1") && none("T && #null == 1") && all("!(F && #null == 1)"));
  CHECK(same("defnull(I, 5) == 5", "isnull(I) || I == 5") && same("isnull(setnull(2, N))", "N == 2"));
  CHECK(all("isnull(I / 0)") && all("isnull(sqrt(-N))") && all("isnull(log(N - N))") && all("isnull(asin(N + 1))"));
  CHECK(none("I / 0 == 1 || I / 0 != 1") && all("min(#null, 3) == 3") && all("isnull(min(#null, #null))"));
  CHECK(none("L{-1} && #row == 1") && none("isnull(L) && L") && none("isnull(S)") &&
        same("isnull(D)", "nvalid(D) == 0"));
  CHECK(same("isnull(#null == 1 ? 1 : 2)", "T") && all("(T ? 1 : #null) == 1"));
}

TEST(rows_above_and_below) {
  CHECK(fails("#row{1} == 1", "operator is wanted") && fails("KEYI{1} == 1", "only a column"));
  CHECK_EQUAL(rows("isnull(N{-2})"), "11" + std::string(98, '.'));
  CHECK_EQUAL(rows("isnull(N{3})"), std::string(97, '.') + "111");
  CHECK(all("isnull(N{-100})") && all("isnull(N{1000000})") && all("isnull(S{1000})") && all("X{500} == b0"));
  CHECK_EQUAL(rows("accum(1 * N) - accum(N) == 0 && accum(N{0}) == accum(N)"), std::string(100, '1'));
  CHECK_EQUAL(rows("#row == 3"), "..1" + std::string(97, '.'));
}

TEST(sums_and_differences_go_from_block_to_block) {
  const Filter compiled(
      "accum(#row) == #row * (#row + 1) / 2 && seqdiff(#row) == 1 && seqdiff(accum(N)) == N && accum(T * N) > 0",
      table());
  CHECK(compiled.sequential());
  for (const std::int64_t block : {1, 7, 64, 1000}) CHECK_EQUAL(table().select(compiled, block), std::string(100, '1'));
  CHECK(!Filter("N > 1", table()).sequential());
}

TEST(vectors_are_computed_with_element_by_element) {
  CHECK(all("sum({1, 2, 3}) == 6 && max({1, 5, 2}) == 5 && min({1.5, 0}) == 0 && average({1, 2}) == 1.5"));
  CHECK(all(
      "median({3, 1, 2, 9}) == 2 && near(stddev({1, 2, 3, 4}), 1.2909944487358056, 1e-15) && stddev({5, #null}) == 0"));
  CHECK(all("nelem({1, 2, 3}) == 3 && nvalid({1, #null, 3}) == 2 && isnull(sum({#null, #null}))"));
  CHECK(all("{1, 2, 3}[2] == 2 && sum({1, 2} * {3, 4}) == 11 && sum({T, F, T}) == 2 && {1, 2.5}[1] == 1"));
  CHECK(all("naxis(M) == 2 && naxes(M, 1) == 2 && naxes(M, 2) == 3 && naxes(M, 0) == 2 && naxes(M, 5) == 1"));
  CHECK(all(
      "sum(elementnum(M)) == 21 && sum(axiselem(M, 1)) == 9 && sum(axiselem(M, 2)) == 12 && sum(axiselem(M, 3)) == 6"));
  CHECK(all("sum(array(N, {2, 3})) == 6 * N && naxes(array(V, {2, 2}), 2) == 2 && array(2, 4)[3] == 2"));
  CHECK(
      same("M[2, 3] > 0", "M[3][2] > 0") &&
      same("sum(M[2]) > 0", "M[1,2] + M[2,2] > 0 || (isnull(M[1,2]) && M[2,2] > 0) || (isnull(M[2,2]) && M[1,2] > 0)"));
  CHECK(same("V[N] == 0", "(N == 1 && V[1] == 0) || (N == 2 && V[2] == 0) || (N == 3 && V[3] == 0)"));
  CHECK(same("(V + 1)[N] == 1", "V[N] == 0") && same("M[N][1] > 0", "M[1, N] > 0"));
}

TEST(only_what_is_named_is_read) {
  const Filter element("M[2, 3] > 1 && V[4] == 0 && M[2][1] < 3", table());
  CHECK_EQUAL(element.inputs().size(), std::size_t{3});
  CHECK(element.inputs()[0].first == 5 && element.inputs()[0].count == 1);
  CHECK(element.inputs()[1].first == 3 && element.inputs()[1].count == 1);
  CHECK(element.inputs()[2].first == 2 && element.inputs()[2].count == 1);
  CHECK_EQUAL(Filter("I > 1 && I < 5 && i != 3", table()).inputs().size(), std::size_t{1});
  CHECK_EQUAL(Filter("T", table()).inputs().size(), std::size_t{0});
  CHECK_EQUAL(Filter("nelem(V) == 4", table()).inputs().size(), std::size_t{0});
  CHECK_EQUAL(Filter("I{-2} > 1", table()).inputs()[0].row_offset, std::int64_t{-2});
}

TEST(strings_are_compared_by_their_bytes) {
  CHECK(all("'abc' < 'abd' && 'a' < 'ab' && 'B' < 'a' && 'a' != 'A' && \"it's\" == \"it's\" && 'a' + 'b' == 'ab'"));
  CHECK(all("strmid('abcdef', 2, 3) == 'bcd' && strmid('abc', 3, 9) == 'c' && strmid('abc', 9, 1) == ''"));
  CHECK(all("strstr('abcabc', 'ca') == 3 && isnull(strstr(S, 'zz')) && isnull(strmid(S, 0, 2)) && KEYS == 'ab'"));
  CHECK(same("defnull(N == 2 ? #snull : 'x', 'y') == 'y'", "N == 2") && all("nelem(S) == 5 && nvalid(S) == 1"));
  CHECK(same("strmid(S, N, 1) == 'a'",
             "(N == 1 && strmid(S, 1, 1) == 'a') || (N == 2 && strmid(S, 2, 1) == 'a') || (N == 3 && strmid(S, 3, 1) "
             "== 'a')"));
}

TEST(bit_masks_match_with_wild_bits) {
  CHECK(all("b0101 == b101 && o17 == b1111 && h0F == hf && b1x0 == b110 && b1x0 == b100 && b1x0 != b101"));
  CHECK(all("b101 + b01 == b10101 && (b11 & b01) == b1 && (b10 | b01) == b11 && !b10 == b01 && !b1x == b0x"));
  CHECK(all("(b1x & b11) == b10 && (b1x & b11) == b11 && (bx | b1) == b1 && sum(X) == accum(X) - accum(X{-1})"));
  CHECK(same("X[1] == b1", "X >= b10000000000") && same("X[11] == b1", "(X & b1) == b1") &&
        same("X[N] == b1", "(N==1 && X[1]==b1) || (N==2 && X[2]==b1) || (N==3 && X[3]==b1)"));
  CHECK(same("min(Y) == b1", "Y == b1111111") && same("max(Y) == b0", "Y == b0") &&
        same("sum(Y) == 7", "Y == b1111111"));
  const std::string ones(100, '1'), zeros(100, '0');
  CHECK(all("b" + ones + " > b0" + ones.substr(1)) && all("b1" + zeros + " > b" + ones));
}

TEST(a_64_bit_column_is_compared_with_integers_exactly) {
  struct Large : check::filter::Names {
    std::optional<check::filter::Variable> column(std::string_view) const override {
      return check::filter::Variable{0, Type::real, true, 1, {}};
    }
    std::optional<check::filter::Keyword> keyword(std::string_view) const override { return {}; }
  };
  const Filter compiled("ID == 9007199254740993", Large());
  CHECK_EQUAL(compiled.inputs().size(), std::size_t{1});
  CHECK(compiled.inputs()[0].type == Type::integer);
  const std::vector<std::int64_t> values = {9007199254740992, 9007199254740993};
  std::uint8_t selected[2];
  check::filter::Evaluator(compiled).run(1, 2, std::vector{check::filter::Block{values.data(), nullptr}}, selected);
  CHECK(selected[0] == 0 && selected[1] == 1);
  CHECK(Filter("ID + 0 == 9007199254740993", Large()).inputs()[0].type == Type::real);
}

// CFITSIO 4.2 gives other rows here, or none.
TEST(differs_from_cfitsio) {
  CHECK(all("0xFF == 255"));             // reads capital digits as others
  CHECK(all("0o17 == 15"));              // documented, refused
  CHECK(all("1.5D1 == 15"));             // reads 1.5
  CHECK(all("angsep(1, 2, 3, 4) < 3"));  // of constants: 1, the first of them, which is right for no other
  CHECK(none("angsep(1, 2, 3, 4) == 1"));
  CHECK(all("erf(0) == 0 && erfc(0) == 1 && gamma(5) == 24"));  // documented, refused
  CHECK(all("7e9 % 2.5 == 0"));                                 // the quotient is cut to 32 bits
  CHECK(all("b1X0 == b110 && (b1X0 & b111) == b110"));          // & takes X, not x, for 0
  CHECK(all("b1" + std::string(40, '0') + " > b1"));            // compares 31 bits
  CHECK(same("defnull(S, 'x') == S", "T"));                     // writes where it has no memory
  CHECK(all("(accum(N) = 1:1e9)"));                             // computes accum twice in a row
  CHECK(
      all("isnull('a' + strmid(S, 0, 1)) && (F ? 'a' + strmid(S, 0, 1) : 'b') == 'b'"));  // copies what it never wrote
  CHECK(same("accum(L) == 3", "accum((int)L) == 3"));  // reads the bytes of logical values as integers
  CHECK(all("strmid('ab   ', 4, 1) == ' '"));
  CHECK(all("gtifind('[GTIFEW]', 0) == 2"));                      // documented, refused: taken for a logical value
  CHECK(all("gtioverlap('[GTIFEW]', -3, 3) == 1 + 3 + 0.5"));     // likewise until CFITSIO 4.3
  CHECK(all("gtioverlap('[GTIFEW]', 1, 0.5) == 0"));              // -0.5 where the row before was in the same one
  CHECK(all("regfilter('polygon(1,2,3,2,5,2)', 1, 2)"));          // loops for ever
  CHECK(all("regfilter('fk5;ellipse(2,4,3d,1d,85d)', 1, 3.4)"));  // takes an angle with a d for a length
}

TEST(regions_are_inside_what_they_say) {
  const auto inside = [](const std::string& text, double x, double y) {
    const char quote = text.find('\'') == text.npos ? '\'' : '"';
    return all("regfilter(" + (quote + text + quote) + ", " + std::to_string(x) + ", " + std::to_string(y) + ")");
  };
  CHECK(inside("circle(1,2,3)", 4, 2) && !inside("circle(1,2,3)", 4.001, 2));
  CHECK(inside("-circle(1,2,3)", 4.001, 2) && !inside("-circle(1,2,3)", 4, 2));
  CHECK(inside("point(1,2)", 0.5, 1.5) && !inside("point(1,2)", 1.5, 2) && inside("line(0,0,10,0)", 10.4, 0.4));
  CHECK(inside("sector(0,0,170,190)", -5, 0) && !inside("sector(0,0,10,20)", -5, 0) &&
        inside("pie(0,0,350,730)", 1, 0));
  CHECK(inside("box(0,0,4,2,90)", 0.9, 1.9) && !inside("box(0,0,4,2,90)", 1.9, 0.9));
  CHECK(inside("rectangle(4,4,0,0)", 0, 4) && inside("diamond(0,0,2,4)", 0, 2) && !inside("diamond(0,0,2,4)", 0.6, 1));
  CHECK(!inside("ellipse(0,0,1,2,3,4)", 0.5, 0) && inside("ellipse(0,0,1,2,3,4)", 2, 0));
  CHECK(inside("panda(0,0,0,90,1,1,2,1)", 1, 1) && !inside("panda(0,0,0,90,1,1,2,1)", -1, 1));
  CHECK(inside("polygon(0,0,4,0,4,4,2,1,0,4)", 2, 1) && !inside("polygon(0,0,4,0,4,4,2,1,0,4)", 2, 1.5));
  // What is excluded takes from all that comes before it in the file, and from nothing that comes after.
  CHECK(!inside("circle(0,0,3)-circle(0,0,1)", 0, 0) && inside("circle(0,0,3)-circle(0,0,1)circle(0,0,1)", 0, 0));
  CHECK(inside("-circle(0,0,1)circle(0,0,.5)", 0.1, 0) && inside("-circle(0,0,1)circle(0,0,.5)-point(9,9)", 9, 9));
  // Lengths and angles on the sky: the plane of these tests has two degrees to a pixel, turned by 5 degrees.
  CHECK(inside("fk5;circle(10,20,2d)", 6, 10) && !inside("fk5;circle(10,20,119')", 6, 10));
  CHECK(inside("icrs\ncircle(0:40:0,20:00:00,7200\")", 5, 11) && inside("fk5;sector(0,0,-6,-4)", 1, 0));
  CHECK(!inside("image;circle(10,20,2)", 6, 10) && inside("circle(10:0:0,20:0:0,4)circle(0,0,2)", 1, 1));
}

TEST(times_are_found_among_intervals_in_any_order) {
  const auto brute = [](const fits::filter::Intervals& in, double t) {
    std::int64_t row = -1;
    for (std::size_t i = 0; i < in.start.size(); ++i) {
      if (in.start[i] <= t && t <= in.stop[i]) row = static_cast<std::int64_t>(i);
    }
    return row;
  };
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    fits::filter::Intervals in;
    for (int i = static_cast<int>(random() % 12); i > 0; --i) {
      in.start.push_back(static_cast<double>(random() % 20));
      in.stop.push_back(in.start.back() + static_cast<double>(random() % 8) - 1);
      if (random() % 20 == 0) in.stop.back() = std::nan("");
    }
    const fits::filter::IntervalFinder finder(in);
    std::size_t near = 0;
    for (int k = 0; k < 100; ++k) {
      const double t = static_cast<double>(random() % 60) / 2 - 1;
      CHECK_EQUAL(finder.row(t, near), brute(in, t));
    }
    CHECK_EQUAL(finder.row(std::nan(""), near), -1);
    CHECK_EQUAL(finder.row(HUGE_VAL, near), -1);
    CHECK_EQUAL(finder.row(-HUGE_VAL, near), -1);
  }
}

TEST(cones_have_no_seams) {
  Sky sky;
  sky.ra = {0, 359.9, 0.1, 180, 90, 0.3, std::nan("")};
  sky.dec = {0, 0.05, -0.05, 0, 90, 0, 0};
  CHECK_EQUAL(sky.select("cone(RA, DEC, 0, 0, 0.2)"), "111....");
  CHECK_EQUAL(sky.select("cone(RA, DEC, 360, 0, 0.2)"), "111....");
  CHECK_EQUAL(sky.select("cone(RA, DEC, -360, 0, 180)"), "111111.");
  CHECK_EQUAL(sky.select("cone(RA, DEC, 10, 0, -1)"), ".......");
  CHECK_EQUAL(sky.select("!cone(RA, DEC, 0, 0, 0.2)"), "...111.");
  sky.ra = {0, 120, 240, 17, 0};
  sky.dec = {89.5, 89.5, 89.4, 90, -90};
  CHECK_EQUAL(sky.select("cone(RA, DEC, 77, 90, 0.55)"), "11.1.");
  CHECK_EQUAL(sky.select("cone(RA, DEC, 180, 89.5, 1.01)"), "1111.");
  sky.ra = {10, 10 + 1e-9, 10 + 3e-9};  // microarcseconds
  sky.dec = {20, 20, 20};
  CHECK_EQUAL(sky.select("cone(RA, DEC, 10, 20, 2e-9)"), "11.");
  CHECK_EQUAL(sky.select("cone(10, 20, RA, DEC, 2e-9)"), "11.");
}

TEST(boxes_on_the_sky_have_no_seams) {
  Sky sky;
  sky.ra = {350, 355, 0, 360, -5, 10, 10.1, 180};
  sky.dec = {0, 0, 0, 0, 0, 1, 0, 90};
  CHECK_EQUAL(sky.select("skybox(RA, DEC, 350, 10, -1, 1)"), "111111..");
  CHECK_EQUAL(sky.select("skybox(RA, DEC, -10, 10, -1, 1)"), "111111..");
  CHECK_EQUAL(sky.select("skybox(RA, DEC, 350, 370, 0, 0)"), "11111...");
  CHECK_EQUAL(sky.select("skybox(RA, DEC, 0, 360, -90, 90)"), "11111111");
  CHECK_EQUAL(sky.select("skybox(RA, DEC, 10, 20, 80, 90)"), ".......1");
  CHECK_EQUAL(sky.select("skybox(RA, DEC, 350, 360, 0, 0)"), "11111...");
}

TEST(polygons_are_of_great_circles) {
  Sky sky;
  sky.ra = {0, 359, 2, 180, 0, 0};
  sky.dec = {0, 0.5, 0, 0, 0.99, -1.5};
  CHECK_EQUAL(sky.select("skypolygon(RA, DEC, 359, -1, 1, -1, 1, 1, 358, 1)"), "11..1.");
  CHECK_EQUAL(sky.select("skypolygon(RA, DEC, 358, 1, 1, 1, 1, -1, 359, -1)"), "11..1.");
  sky.ra = {0, 45, 200, 0, 60};  // around the pole: the edges bulge towards it
  sky.dec = {90, 81, 89, 79, 80.1};
  CHECK_EQUAL(sky.select("skypolygon(RA, DEC, 0, 80, 120, 80, 240, 80)"), "1.1..");
  CHECK_EQUAL(sky.select("skypolygon(RA, DEC, 0, 80, 90, 80, 180, 80, 270, 80)"), "1.1..");
  // A parallel is no great circle: between two corners at 60 degrees the edge passes 3.7 degrees north of it.
  sky.ra = {45, 45};
  sky.dec = {63, 68.5};
  CHECK_EQUAL(sky.select("skypolygon(RA, DEC, 0, 60, 90, 60, 45, 85)"), ".1");
}

// Random points in random triangles: to the left of all edges, or to the right of all.
TEST(triangles_agree_with_the_sides_of_their_edges) {
  std::mt19937 random(3);
  const auto uniform = [&random](double low, double high) { return low + (high - low) * random() / 4294967296.0; };
  int inside = 0;
  for (int trial = 0; trial < 300; ++trial) {
    double v[3][3], corners[3][2];
    const double ra0 = uniform(0, 360), dec0 = uniform(-80, 80), spread = uniform(1, 9);
    std::string expression = "skypolygon(RA, DEC";
    const auto direction = [](double ra, double dec, double* out) {
      const double degree = std::numbers::pi / 180;
      out[0] = std::cos(dec * degree) * std::cos(ra * degree), out[1] = std::cos(dec * degree) * std::sin(ra * degree);
      out[2] = std::sin(dec * degree);
    };
    for (int k = 0; k < 3; ++k) {
      corners[k][0] = trial % 3 == 0 ? uniform(0, 360) : ra0 + uniform(-spread, spread) * 3;
      corners[k][1] = trial % 3 == 0 ? 90 - uniform(0, spread) : dec0 + uniform(-spread, spread);
      direction(corners[k][0], corners[k][1], v[k]);
      char text[100];
      std::snprintf(text, sizeof text, ", %.17g, %.17g", corners[k][0], corners[k][1]);
      expression += text;
    }
    Sky sky;
    std::string expected;
    for (int point = 0; point < 40; ++point) {
      sky.ra.push_back(trial % 3 == 0 ? uniform(0, 360) : ra0 + uniform(-spread, spread) * 3);
      sky.dec.push_back(trial % 3 == 0 ? 90 - uniform(0, spread) : dec0 + uniform(-spread, spread));
      double p[3];
      direction(sky.ra.back(), sky.dec.back(), p);
      int left = 0;
      for (int k = 0; k < 3; ++k) {
        const double *a = v[k], *b = v[(k + 1) % 3];
        left += (a[1] * b[2] - a[2] * b[1]) * p[0] + (a[2] * b[0] - a[0] * b[2]) * p[1] +
                    (a[0] * b[1] - a[1] * b[0]) * p[2] >
                0;
      }
      expected += left == 3 || left == 0 ? '1' : '.';
    }
    inside += expected.find('1') != std::string::npos;
    CHECK_EQUAL(sky.select(expression + ")"), expected);
  }
  CHECK(inside > 100);
}

TEST(complaints_name_the_place) {
  CHECK(fails("", "empty") && fails("I >", "a value is wanted where the expression ends") &&
        fails("I > 2)", "character 6"));
  CHECK(fails("(I > 2", ") is wanted") && fails("I 2", "operator is wanted") && fails("I = 2", "== compares"));
  CHECK(fails("NOSUCH > 1", "character 1: the table has no column and its header no keyword NOSUCH"));
  CHECK(fails("#NOSUCH > 1", "header has no keyword NOSUCH") && fails("ARRAYS > 1", "variable length"));
  CHECK(fails("I + 'a'", "a number and a string") && fails("HD == 3", "$HD$") && fails("I", "this is a number"));
  CHECK(fails("V > 1", "SUM(...) > 0") && fails("V[5] == 1", "outside of 1 to 4") && fails("V[1,2] == 1", "axes"));
  CHECK(fails("I[1] == 1", "single value") && fails("V == M", "do not go together") &&
        fails("V[1.5] == 1", "one integer"));
  CHECK(fails("1 / 0 == 1", "has no value") && fails("sqrt(-1) == 1", "has no value") && fails("E & 1 == 1", "(int)"));
  CHECK(fails("random() > 0.5", "other rows each time") && fails("gtifilter()", "no column of numbers TIME"));
  CHECK(fails("regfilter('point(1,2)')", "no column of numbers X") && fails("regfilter(S, E, D)", "a name in quotes") &&
        fails("regfilter('point(1,2)', E + I, D)", "several columns") &&
        fails("regfilter('poin(1,2)', E, D)", "line 1: 'poin' is no shape") &&
        fails("gtioverlap('[GTIMIXED]', E, D) > 1", "in order, and row 1 begins before row 0 has ended"));
  CHECK(fails("nosuch(I) > 1", "no function NOSUCH") && fails("sin('a') > 1", "takes other arguments") &&
        fails("sin() > 1", "takes other"));
  CHECK(fails("I{J} > 1", "constant integer") && fails("(I + 1){1} > 1", "") && fails("'abc", "no closing quote") &&
        fails("$abc", "another $"));
  CHECK(fails("I > 2 @", "character 7: this character has no meaning") && fails("a.b > 1", "$ signs") &&
        fails("L < G", "does not compare"));
  CHECK(fails("I ? T : F", "before ? a logical value") && fails("strmid(S, -1, 2) == 'a'", "character 1") &&
        fails("strmid(S, 1, 0) == 'a'", "1 character"));
  CHECK(fails("skypolygon(E, D, 0, 0, 180, 0, 0, 90, 0, -90)", "hemisphere") &&
        fails("skypolygon(E, D, I, 0, 1, 0, 0, 1)", "constants"));
  CHECK(fails("cone(E, D, 1)", "CONE(RA") && fails("skypolygon(E, D, 0, 99, 1, 0, 0, 1)", "-90 to 90"));
  CHECK(fails("array(1, 99999999)[1] == 1", "elements") && fails("array(V, 3)[1] == 1", "other axes") &&
        fails("1e999 > 1", "double"));
  CHECK(fails(std::string(70000, ' ') + "T", "at most 65536") && fails("axiselem(M, 0)[1] == 1", "counted from 1"));
}

TEST(deep_and_long_expressions_are_bounded) {
  CHECK(fails(std::string(1000, '(') + "T" + std::string(1000, ')'), "nested too deeply"));
  CHECK(fails(std::string(60000, '!') + "T", "nested too deeply") &&
        fails(std::string(60000, '-') + "1 == 1", "nested too deeply"));
  CHECK(all(std::string(150, '(') + "T" + std::string(150, ')')));
  std::string chain = "F";
  for (int i = 0; i < 4000; ++i) chain += " || I == " + std::to_string(i % 7);
  CHECK(same(chain, "I >= 0"));
  std::string text = "''";
  for (int i = 0; i < 3000; ++i) text += "+'aaaaaaaaaa'";
  CHECK(fails(text + " == S", "at most 4096"));
}

TEST(an_index_that_is_not_there_names_the_row) {
  CHECK_THROWS(fits::NoSuchCell, "row 1, filter, character 2: the index 14 lies outside of 1 to 4",
               table().select("V[N*0+14] == 1"));
  CHECK_THROWS(fits::NoSuchCell, "row 100, filter", table().select("V[#row / 100 * 4 + 1] == 1"));
  CHECK_THROWS(fits::NoSuchCell, "NULL", table().select("V[N / 0] == 1"));
  CHECK_THROWS(fits::NoSuchCell, "begins at character -1", table().select("strmid(S, -N/N, 1) == 'a'"));
}
