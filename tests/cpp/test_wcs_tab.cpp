// -TAB coordinates against wcslib's tabprm: forward and inverse, one to four axes, index vectors, extrapolation,
// degenerate axes; what headers and tables may get wrong; packed vectors that were tampered with.
#include <wcslib/tab.h>

#include <limits>
#include <numeric>

#include "check.h"
#include "format/error.h"
#include "wcs/evaluate.h"
#include "wcs/jacobian.h"
#include "wcs/pack.h"
#include "wcs/tab.h"
#include "wcs/tab_pack.h"
#include "wcs_oracle.h"

using namespace fits::wcs;

namespace {

using Numbers = std::vector<double>;

// A table in memory, its header, and wcslib's struct of it.
struct Sample {
  TabTable table;

  explicit Sample(const std::vector<int>& lengths) {
    std::size_t points = 1;
    for (std::size_t m = 0; m < lengths.size(); ++m) {
      TabTable::Axis axis;
      axis.map = static_cast<int>(m);
      axis.length = lengths[m];
      axis.crval = 1;
      table.axes.push_back(axis);
      points *= static_cast<std::size_t>(lengths[m]);
    }
    table.coordinates.resize(points * lengths.size());
  }
  std::size_t axes() const { return table.axes.size(); }

  // Coordinates of a point of the array given by its place along each axis.
  template <class F>
  void fill(const F& f) {
    std::vector<int> at(axes(), 0);
    for (std::size_t i = 0; i < table.coordinates.size(); i += axes()) {
      f(at, &table.coordinates[i]);
      for (std::size_t m = 0; m < axes() && ++at[m] == table.axes[m].length; ++m) at[m] = 0;
    }
  }

  std::string cards() const {
    std::string cards;
    for (std::size_t m = 0; m < axes(); ++m) {
      const std::string i = std::to_string(m + 1);
      cards += oracle::text_card("CTYPE" + i, "AX" + i + "--TAB") + oracle::card("CRPIX" + i, 1.0) +
               oracle::card("CDELT" + i, 1.0) + oracle::card("CRVAL" + i, table.axes[m].crval) +
               oracle::text_card("PS" + i + "_0", "TABLE") + oracle::text_card("PS" + i + "_1", "COORDS") +
               oracle::card("PV" + i + "_3", static_cast<double>(m + 1));
      if (!table.axes[m].index.empty()) cards += oracle::text_card("PS" + i + "_2", "INDEX" + i);
    }
    return cards;
  }
};

// Serves the cells of one sample.
struct InMemory final : Companions {
  const TabTable& table;
  explicit InMemory(const Sample& sample) : table(sample.table) {}
  ImageTable image(std::string_view, std::int64_t) const override { throw std::runtime_error("no images"); }
  Array cell(std::string_view extname, std::int64_t extver, std::int64_t extlevel, std::string_view ttype,
             std::int64_t row) const override {
    CHECK_EQUAL(extname, "TABLE");
    CHECK(extver == 1 && extlevel == 1 && row == 1);
    if (ttype == "COORDS") {
      Array array = {{static_cast<std::int64_t>(table.axes.size())}, table.coordinates};
      for (const auto& axis : table.axes) array.naxes.push_back(axis.length);
      return array;
    }
    const auto& axis = table.axes[static_cast<std::size_t>(ttype.back() - '1')];
    return {{axis.length}, axis.index};
  }
};

Numbers packed_of(const Sample& sample) {
  const InMemory companions(sample);
  return packed_from_header(sample.cards(), ' ', &companions);
}
Packed view(const Numbers& packed) { return unpack(packed.data(), static_cast<std::int64_t>(packed.size())); }

class Tabprm {
 public:
  explicit Tabprm(const Sample& sample) {
    std::vector<int> lengths;
    for (const auto& axis : sample.table.axes) lengths.push_back(axis.length);
    tab_.flag = -1;
    if (tabini(1, static_cast<int>(lengths.size()), lengths.data(), &tab_) != 0) throw std::runtime_error("tabini");
    for (std::size_t m = 0; m < lengths.size(); ++m) {
      const auto& axis = sample.table.axes[m];
      tab_.map[m] = axis.map;
      tab_.crval[m] = axis.crval;
      double* const own = tab_.index[m];
      indices_.push_back(own);
      if (axis.index.empty()) {
        tab_.index[m] = nullptr;
      } else {
        std::copy(axis.index.begin(), axis.index.end(), own);
      }
    }
    std::copy(sample.table.coordinates.begin(), sample.table.coordinates.end(), tab_.coord);
    const oracle::Silence silence;
    if (tabset(&tab_) != 0) throw std::runtime_error("tabset");
  }
  Tabprm(const Tabprm&) = delete;
  ~Tabprm() {
    std::copy(indices_.begin(), indices_.end(), tab_.index);
    tabfree(&tab_);
  }

  oracle::Wcslib::Result to_world(const Numbers& x) { return run(&tabx2s, x); }
  oracle::Wcslib::Result to_intermediate(const Numbers& world) { return run(&tabs2x, world); }

 private:
  template <class Function>
  oracle::Wcslib::Result run(Function function, const Numbers& in) {
    const oracle::Silence silence;
    const auto n = in.size() / static_cast<std::size_t>(tab_.M);
    oracle::Wcslib::Result result{Numbers(in.size()), std::vector<int>(n)};
    function(&tab_, static_cast<int>(n), tab_.M, in.data(), result.coordinates.data(), result.status.data());
    return result;
  }
  tabprm tab_{};
  std::vector<double*> indices_;
};

struct Result {
  Numbers coordinates;
  std::vector<std::int32_t> status;
};
using Transform = void (*)(const Packed&, const double*, std::int64_t, double*, std::int32_t*, Level) noexcept;
Result run(Transform transform, const Numbers& packed, const Numbers& in, Level level = best_level()) {
  const Packed wcs = view(packed);
  CHECK(wcs.naxis > 0);
  const auto n = in.size() / static_cast<std::size_t>(wcs.naxis);
  Result result{Numbers(in.size()), std::vector<std::int32_t>(n)};
  transform(wcs, in.data(), static_cast<std::int64_t>(n), result.coordinates.data(), result.status.data(), level);
  return result;
}

double largest(const Numbers& values) {
  double most = 1e-300;
  for (const double value : values) most = std::max(most, std::isfinite(value) ? std::fabs(value) : 0);
  return most;
}

// Pixels from 1.5 before the array to 1.5 behind it, and the points and edges themselves. With CRPIX = CRVAL = CDELT =
// 1, pixel p (from 0) has index value p + 1.
Numbers pixels_of(const Sample& sample, int count, std::mt19937_64& random) {
  Numbers pixels;
  for (int i = 0; i < count; ++i) {
    for (const auto& axis : sample.table.axes) {
      double low = 1, high = axis.length;
      if (!axis.index.empty())
        low = std::min(axis.index.front(), axis.index.back()),
        high = low + std::fabs(axis.index.front() - axis.index.back());
      const double step = axis.length > 1 ? (high - low) / (axis.length - 1) : 1;
      double psi = std::uniform_real_distribution<double>(low - 0.9 * step, high + 0.9 * step)(random);
      if (i % 5 == 1) psi = std::min(std::max(psi, low), high);
      if (i % 5 == 2) psi = axis.index.empty() ? std::round(psi) : axis.index[random() % axis.index.size()];
      if (i % 50 == 3) psi = low - step / 2;
      if (i % 50 == 4) psi = high + step / 2;
      pixels.push_back(psi - axis.crval);
    }
  }
  return pixels;
}

// Forward as wcslib in value and status. Inverse: where wcslib has a solution the same one, and every pixel that has
// coordinates comes back where `unique`.
void compare(const Sample& sample, int count, std::uint64_t seed, bool unique = true, double tolerance = 1e-12) {
  std::mt19937_64 random(seed);
  const Numbers packed = packed_of(sample);
  Tabprm theirs(sample);
  const std::size_t axes = sample.axes();
  const Numbers pixels = pixels_of(sample, count, random);
  const Result mine = run(&pixel_to_world, packed, pixels), plain = run(&pixel_to_world, packed, pixels, Level::plain);
  const auto forward = theirs.to_world(pixels);
  const double scale = largest(sample.table.coordinates);
  const int all = (1 << axes) - 1;
  CHECK(mine.status == plain.status);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const std::size_t point = i / axes;
    const bool bad = std::isnan(mine.coordinates[i]);
    CHECK(bad ? std::isnan(plain.coordinates[i]) : mine.coordinates[i] == plain.coordinates[i]);
    CHECK_EQUAL(mine.status[point], forward.status[point] == 0 ? 0 : all);
    CHECK_EQUAL(bad, forward.status[point] != 0);
    if (!bad)
      CHECK(std::fabs(mine.coordinates[i] - forward.coordinates[i]) <= 1e-13 * scale);  // wcslib adds k to a fraction
  }
  const Result back = run(&world_to_pixel, packed, mine.coordinates);
  const Result plain_back = run(&world_to_pixel, packed, mine.coordinates, Level::plain);
  const auto inverse = theirs.to_intermediate(mine.coordinates);
  const Result again = run(&pixel_to_world, packed, back.coordinates);
  CHECK(back.status == plain_back.status);
  for (std::size_t point = 0; point < pixels.size() / axes; ++point) {
    if (mine.status[point] != 0) {
      CHECK_EQUAL(back.status[point], all);
      continue;
    }
    CHECK_EQUAL(back.status[point], 0);
    for (std::size_t i = point * axes; i < (point + 1) * axes; ++i) {
      CHECK(back.coordinates[i] == plain_back.coordinates[i]);
      // At the very edge the way back may end a rounding beyond it.
      if (again.status[point] == 0) {
        CHECK(std::fabs(again.coordinates[i] - mine.coordinates[i]) <= 4e-14 * scale);
      } else {
        CHECK_EQUAL(point % 50 == 3 || point % 50 == 4, true);
      }
      const auto& axis = sample.table.axes[i % axes];
      if (axis.length == 1) continue;
      const double size = tolerance * (axis.index.empty() ? axis.length : largest(axis.index));
      if (unique) CHECK(std::fabs(back.coordinates[i] - pixels[i]) <= size);
      const bool beyond =
          pixels[i] + axis.crval < (axis.index.empty() ? 1 : std::min(axis.index.front(), axis.index.back())) ||
          pixels[i] + axis.crval > (axis.index.empty() ? axis.length : std::max(axis.index.front(), axis.index.back()));
      // wcslib's own inverse ends its halving at 2^-32 of a cell, and is wrong beyond an index vector.
      if (inverse.status[point] == 0 && !(beyond && !axis.index.empty())) {
        CHECK(std::fabs(back.coordinates[i] - inverse.coordinates[i]) <= size + (axes > 1 ? 1e-8 : 0));
      }
    }
  }
}

Numbers increasing(int length, double sense, std::mt19937_64& random) {
  std::uniform_real_distribution<double> any(0.1, 3);
  Numbers values;
  double value = std::uniform_real_distribution<double>(-5, 5)(random);
  for (int i = 0; i < length; ++i) values.push_back(sense * (value += any(random)));
  return values;
}

TEST(one_axis) {
  std::mt19937_64 random(1);
  for (const int length : {2, 3, 4, 5, 17, 64, 1000, 1024}) {
    for (const double sense : {1.0, -1.0}) {
      for (const int index : {0, 1, -1}) {
        Sample sample({length});
        sample.table.coordinates = increasing(length, sense, random);
        if (index != 0) sample.table.axes[0].index = increasing(length, index, random);
        sample.table.axes[0].crval = index == 0 ? 1 : 0.25;
        compare(sample, 1003, random(), true, 1e-11);
      }
    }
  }
}

TEST(one_axis_that_is_not_monotonic) {
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> any(-1, 1);
  for (const int length : {3, 4, 10, 100, 1025}) {
    for (const bool index : {false, true}) {
      Sample sample({length});
      for (double& value : sample.table.coordinates) value = any(random);
      if (index) sample.table.axes[0].index = increasing(length, 1, random);
      compare(sample, 1000, random(), false, 1e-9);
    }
  }
}

TEST(repeated_values) {
  std::mt19937_64 random(3);
  for (const double sense : {1.0, -1.0}) {
    Sample sample({9});
    sample.table.axes[0].crval = 0.5;
    sample.table.axes[0].index = {1, 1, 2, 3, 3, 3, 5, 6, 6};
    sample.table.coordinates = {1, 2, 4, 5, 8, 9, 12, 13, 17};
    for (double& value : sample.table.axes[0].index) value *= sense;
    compare(sample, 500, 4);
    // The coordinates between 1 and 2, 5 and 8, 8 and 9, 13 and 17 are nowhere; 1 is the very first.
    const Result nowhere = run(&world_to_pixel, packed_of(sample), {1.5, 6, 8.5, 15, 1, 4.5, 12.5});
    CHECK(nowhere.status == std::vector<std::int32_t>({1, 1, 1, 1, 0, 0, 0}));
    sample.table.coordinates = {3, 3, 3, 4, 4, 5, 5, 6, 6};
    sample.table.axes[0].index.clear();
    compare(sample, 500, 5, false);
    // Of a plateau wcslib takes its first cell's end, or its very first point.
    CHECK(run(&world_to_pixel, packed_of(sample), {3, 4, 5, 6}).coordinates ==
          Tabprm(sample).to_intermediate({3, 4, 5, 6}).coordinates);
  }
}

TEST(degenerate_axes) {
  Sample one({1});
  one.table.coordinates = {7};
  const Numbers without = packed_of(one);
  const Result mine = run(&pixel_to_world, without, {0, 0.5, -0.5, 0.501, -0.501});
  CHECK(mine.status == Tabprm(one).to_world({0, 0.5, -0.5, 0.501, -0.501}).status);
  CHECK(mine.coordinates[0] == 7 && mine.coordinates[1] == 7 && mine.coordinates[2] == 7);
  const Result back = run(&world_to_pixel, without, {7, 7.1});
  CHECK(back.coordinates[0] == 0 && back.status[1] == 1);
  one.table.axes[0].index = {5};  // wcslib (7.12) takes no index value but 1
  one.table.axes[0].crval = 3;
  const Numbers with = packed_of(one);
  CHECK(run(&pixel_to_world, with, {2, 2.5, 1.5, 2.6}).status == std::vector<std::int32_t>({0, 0, 0, 1}));
  CHECK_EQUAL(run(&world_to_pixel, with, {7}).coordinates[0], 2.0);

  std::mt19937_64 random(5);
  Sample slit({1, 20, 1});  // three coordinates along a line
  slit.fill([](const std::vector<int>& at, double* value) {
    value[0] = 150 + 0.01 * at[1];
    value[1] = 2 + 0.003 * at[1] + 1e-5 * at[1] * at[1];
    value[2] = 5;
  });
  compare(slit, 500, 6);
  CHECK_EQUAL(run(&world_to_pixel, packed_of(slit), {150.05, 2.1, 5}).status[0], 7);  // not on the line
  Sample point({1, 1});
  point.table.coordinates = {3, 4};
  compare(point, 50, 7);
}

// A smooth map of a few turns and stretches, invertible cell by cell and as a whole.
Sample smooth(const std::vector<int>& lengths, std::mt19937_64& random, bool index) {
  Sample sample(lengths);
  std::uniform_real_distribution<double> any(-1, 1);
  const std::size_t n = lengths.size();
  Numbers matrix(n * n), phase(n);
  for (double& element : matrix) element = 0.4 * any(random) / static_cast<double>(n);
  for (std::size_t m = 0; m < n; ++m) matrix[m * n + m] += (m % 2 == 0 ? 1 : -1), phase[m] = any(random);
  sample.fill([&](const std::vector<int>& at, double* value) {
    for (std::size_t m = 0; m < n; ++m) {
      value[m] = 3;
      for (std::size_t j = 0; j < n; ++j) value[m] += matrix[m * n + j] * at[j];
      value[m] += 0.15 * std::sin(0.9 * at[m] + phase[m]) * std::cos(0.7 * at[(m + 1) % n]);
    }
  });
  for (std::size_t m = 0; m < n && index; ++m) {
    if (lengths[m] > 1) sample.table.axes[m].index = increasing(lengths[m], m % 2 == 0 ? 1 : -1, random);
    sample.table.axes[m].crval = lengths[m] > 1 ? 0.25 : 1;
  }
  return sample;
}

TEST(several_axes) {
  std::mt19937_64 random(8);
  const std::vector<std::vector<int>> shapes = {{2, 2},    {2, 3},       {7, 5},          {20, 31},
                                                {1, 12},   {12, 1},      {5, 4, 6},       {3, 2, 2},
                                                {6, 1, 7}, {3, 4, 3, 2}, {2, 2, 3, 2, 2}, {2, 2, 2, 2, 2, 2}};
  for (const auto& shape : shapes) {
    for (const bool index : {false, true}) {
      if (std::count(shape.begin(), shape.end(), 1) > 0 && index) continue;
      compare(smooth(shape, random, index), shape.size() > 3 ? 60 : 300, random(), true, 1e-10);
    }
  }
}

TEST(a_fold_gives_the_first_cell_as_wcslib) {
  Sample sample({12, 9});
  sample.fill([](const std::vector<int>& at, double* value) {
    const double x = at[0] - 5.3, y = at[1];
    value[0] = x * x + 0.1 * y;
    value[1] = y + 0.05 * x;
  });
  compare(sample, 1000, 9, false, 1e-9);
}

TEST(derivatives) {
  std::mt19937_64 random(11);
  for (const auto& shape : std::vector<std::vector<int>>{{9}, {7, 5}, {4, 1, 5}}) {
    const Sample sample = smooth(shape, random, shape.size() < 3);
    const Numbers packed = packed_of(sample);
    const std::size_t n = shape.size();
    Numbers pixels;
    for (int i = 0; i < 101; ++i) {
      for (std::size_t m = 0; m < n; ++m) {
        const auto& axis = sample.table.axes[m];
        const int length = axis.length;
        // the middle half of a cell
        const int cell = length > 1 ? static_cast<int>(random() % static_cast<unsigned>(length - 1)) : 0;
        const double place = std::uniform_real_distribution<double>(0.25, 0.75)(random);
        const auto at = static_cast<std::size_t>(cell);
        pixels.push_back((axis.index.empty() ? (length > 1 ? cell + 1 + place : 1)
                                             : axis.index[at] + place * (axis.index[at + 1] - axis.index[at])) -
                         axis.crval);
      }
    }
    Numbers found(101 * n * n), plain(101 * n * n);
    jacobian(view(packed), pixels.data(), 101, found.data());
    jacobian(view(packed), pixels.data(), 101, plain.data(), Level::plain);
    CHECK(found == plain);
    for (std::size_t column = 0; column < n; ++column) {
      Numbers low = pixels, high = pixels;
      for (std::size_t i = column; i < pixels.size(); i += n) low[i] -= 1e-3, high[i] += 1e-3;
      const Numbers a = run(&pixel_to_world, packed, low).coordinates,
                    b = run(&pixel_to_world, packed, high).coordinates;
      for (std::size_t i = 0; i < pixels.size(); ++i) {
        CHECK(std::fabs((b[i] - a[i]) / 2e-3 - found[i * n + column]) < 1e-9);
      }
    }
  }
}

// An inverse evaluated with dual numbers has the derivatives of the inverse.
struct OnePoint {
  using Real = Dual<double>;
  Dual<double> at[3];
  Dual<double> get(int axis) const { return at[axis]; }
  void set(int axis, Dual<double> value) { at[axis] = value; }
  void flag(bool mask, int) { CHECK(!mask); }
};

TEST(derivatives_of_the_inverse) {
  std::mt19937_64 random(12);
  for (const auto& shape : std::vector<std::vector<int>>{{9}, {7, 5}}) {
    const Sample sample = smooth(shape, random, true);
    const Numbers block = tab_block({sample.table});
    const TabView table(block.data() + 1);
    for (int i = 0; i < 50; ++i) {
      OnePoint point{};
      for (std::size_t m = 0; m < shape.size(); ++m) {
        const Numbers& index = sample.table.axes[m].index;
        const std::size_t cell = random() % (index.size() - 1);
        const double place = std::uniform_real_distribution<double>(0.01, 0.99)(random);
        const double x = index[cell] + place * (index[cell + 1] - index[cell]) - sample.table.axes[m].crval;
        point.at[m] = {x, m == 0 ? 1.0 : 0.0, m == 1 ? 1.0 : 0.0};
      }
      const OnePoint start = point;
      TabForward{table}(point);
      TabInverse{table}(point);
      for (std::size_t m = 0; m < shape.size(); ++m) {
        CHECK(std::fabs(point.at[m].value - start.at[m].value) < 1e-11);
        CHECK(std::fabs(point.at[m].d0 - start.at[m].d0) < 1e-11);
        CHECK(std::fabs(point.at[m].d1 - start.at[m].d1) < 1e-11);
      }
    }
  }
}

TEST(coordinates_that_are_not_there) {
  Sample sample({4});
  const double nan = std::nan("");
  sample.table.coordinates = {1, 2, nan, 5};
  const Numbers packed = packed_of(sample);
  const Result world = run(&pixel_to_world, packed, {0.5, 1, 1.25, 2, 3, 2.5});
  CHECK(world.status == std::vector<std::int32_t>({0, 0, 1, 1, 0, 1}));
  CHECK(world.coordinates[0] == 1.5 && world.coordinates[1] == 2 && world.coordinates[4] == 5);
  CHECK(run(&world_to_pixel, packed, {1.5, 3, nan}).status == std::vector<std::int32_t>({0, 1, 1}));
  const double infinity = std::numeric_limits<double>::infinity();
  std::mt19937_64 random(10);
  for (const auto& shape : std::vector<std::vector<int>>{{5}, {5, 4}}) {
    const Sample whole = smooth(shape, random, false);
    for (const double bad : {nan, infinity, -infinity, 1e300, -1e300}) {
      Numbers point(shape.size(), 2.0);
      point[0] = bad;
      for (const auto transform : {&pixel_to_world, &world_to_pixel}) {
        const Result result = run(transform, packed_of(whole), point);
        CHECK_EQUAL(result.status[0], (1 << shape.size()) - 1);
        for (const double value : result.coordinates) CHECK(std::isnan(value));
      }
    }
  }
}

TEST(two_tables_and_other_axes) {
  std::mt19937_64 random(13);
  const Sample plane = smooth({6, 5}, random, false);
  Sample line({8});
  line.table.coordinates = increasing(8, -1, random);
  // Axes 1 and 3 in one table, the other way round; axis 2 linear; axis 4 in a table of its own.
  std::string cards = oracle::text_card("CTYPE1", "AAAA-TAB") + oracle::text_card("CTYPE2", "LINEAR") +
                      oracle::text_card("CTYPE3", "BBBB-TAB") + oracle::text_card("CTYPE4", "CCCC-TAB");
  for (const std::string i : {"1", "2", "3", "4"}) {
    cards += oracle::card("CRPIX" + i, 1.0) + oracle::card("CRVAL" + i, 1.0) + oracle::card("CDELT" + i, 1.0);
  }
  cards +=
      oracle::text_card("PS1_0", "PLANE") + oracle::text_card("PS3_0", "PLANE") + oracle::text_card("PS4_0", "LINE");
  for (const std::string i : {"1", "3", "4"}) cards += oracle::text_card("PS" + i + "_1", "C");
  cards += oracle::card("PV1_3", 2.0) + oracle::card("PV3_3", 1.0) + oracle::card("PV4_1", 7.0);
  struct Both final : Companions {
    const Sample &plane, &line;
    Both(const Sample& p, const Sample& l) : plane(p), line(l) {}
    ImageTable image(std::string_view, std::int64_t) const override { return {}; }
    Array cell(std::string_view extname, std::int64_t extver, std::int64_t, std::string_view,
               std::int64_t) const override {
      if (extname == "PLANE") return {{2, 6, 5}, plane.table.coordinates};
      CHECK_EQUAL(extver, 7);
      return {{8}, line.table.coordinates};  // without TDIM's 1
    }
  };
  const Both both(plane, line);
  const Numbers packed = packed_from_header(cards, ' ', &both);
  const Result world = run(&pixel_to_world, packed, {2.25, 9, 3.5, 4.75, 2.25, 9, 70, 4.75, 2, 9, 3, 70});
  CHECK(world.status == std::vector<std::int32_t>({0, 5, 8}));
  const Result a = run(&pixel_to_world, packed_of(plane), {3.5, 2.25}),
               b = run(&pixel_to_world, packed_of(line), {4.75});
  CHECK(Numbers(world.coordinates.begin(), world.coordinates.begin() + 4) ==
        Numbers({a.coordinates[1], 10, a.coordinates[0], b.coordinates[0]}));
  CHECK(std::isnan(world.coordinates[4]) && world.coordinates[5] == 10 && world.coordinates[7] == b.coordinates[0]);
  const Result back = run(&world_to_pixel, packed, world.coordinates);
  CHECK(back.status == world.status);
  CHECK(std::fabs(back.coordinates[0] - 2.25) < 1e-12 && std::fabs(back.coordinates[2] - 3.5) < 1e-12);
  CHECK(back.coordinates[5] == 9 && std::fabs(back.coordinates[7] - 4.75) < 1e-12 && std::isnan(back.coordinates[11]));
}

// What a header may ask for, and the sentence it gets. wcstab() of wcslib 7.12 writes outside its arrays for some.
TEST(what_is_refused) {
  Sample sample({4});
  sample.table.coordinates = {1, 2, 3, 4};
  const InMemory companions(sample);
  const auto refuses = [&](const std::string& cards, const std::string& why) {
    CHECK_THROWS(fits::FileError, why, packed_from_header(cards, ' ', &companions));
  };
  const std::string cards = sample.cards();
  CHECK_THROWS(fits::FileError,
               "CTYPE1 = 'AX1--TAB': its coordinates are in column 'COORDS' of the table 'TABLE' of the same file; use "
               "wcs_from_file",
               packed_from_header(cards, ' '));
  for (const double number : {0.0, -1.0, 7.0, 1e300, -1e300}) {
    refuses(cards + oracle::card("PV1_3", number), "must be an integer from 1 to 6");
    refuses(cards + oracle::card("PV1_1", number == 7 ? 0 : number), "PV1_1");
  }
  refuses(cards + oracle::card("PV1_3", 2.0), "no axis of the image goes with axis 1");
  refuses(cards + oracle::text_card("CTYPE2", "AX2--TAB") + oracle::text_card("PS2_0", "TABLE") +
              oracle::text_card("PS2_1", "COORDS"),
          "also that of CTYPE1");
  refuses(oracle::text_card("CTYPE1", "AX1--TAB") + oracle::card("CRVAL1", 1.0), "PS1_0 and PS1_1 must name");
  refuses(oracle::text_card("CTYPE1", "AX1--TAB") + oracle::text_card("PS1_0", "TABLE"), "PS1_0 and PS1_1 must name");
  const auto with_index = [&](const Numbers& index, const std::string& why) {
    sample.table.axes[0].index = index;
    const std::string with = sample.cards();
    struct Own final : Companions {
      const TabTable& table;
      explicit Own(const TabTable& t) : table(t) {}
      ImageTable image(std::string_view, std::int64_t) const override { return {}; }
      Array cell(std::string_view, std::int64_t, std::int64_t, std::string_view ttype, std::int64_t) const override {
        if (ttype == "COORDS") return {{1, 4}, table.coordinates};
        return {{static_cast<std::int64_t>(table.axes[0].index.size())}, table.axes[0].index};
      }
    };
    const Own own(sample.table);
    CHECK_THROWS(fits::FileError, why, packed_from_header(with, ' ', &own));
  };
  with_index({1, 2, 3}, "has 3 values for 4 coordinates");
  with_index({1, 2, 3, std::nan("")}, "not finite");
  with_index({1, 3, 2, 4}, "does not increase or decrease");
  with_index({1, 1, 1, 1}, "does not increase or decrease");
  struct Shapes final : Companions {
    std::vector<std::int64_t> naxes;
    ImageTable image(std::string_view, std::int64_t) const override { return {}; }
    Array cell(std::string_view, std::int64_t, std::int64_t, std::string_view, std::int64_t) const override {
      return {naxes, Numbers(4)};
    }
  };
  sample.table.axes[0].index.clear();
  for (const auto& naxes : std::vector<std::vector<std::int64_t>>{{2, 2}, {4, 1}, {1, 2, 2}, {}, {0}}) {
    Shapes shapes;
    shapes.naxes = naxes;
    CHECK_THROWS(fits::FileError, "its coordinate array in column 'COORDS'",
                 packed_from_header(sample.cards(), ' ', &shapes));
  }
}

// Any slot may hold anything: evaluation keeps inside the vector (AddressSanitizer) and ends.
TEST(hostile_vectors) {
  std::mt19937_64 random(14);
  const std::vector<Sample> samples = {smooth({9}, random, true), smooth({4, 5}, random, true),
                                       smooth({3, 1, 3}, random, false)};
  const Numbers values = {0,  -1,  1,     2,      3,   24,           29,
                          40, 1e9, 1e300, -1e300, 0.5, std::nan(""), std::numeric_limits<double>::infinity()};
  int usable = 0;
  for (const Sample& sample : samples) {
    const Numbers whole = packed_of(sample);
    for (std::size_t slot = 0; slot < whole.size(); ++slot) {
      for (double value : values) {
        if (value == 0.5) value = whole[slot] + 1;
        Numbers tampered = whole;  // memory of exactly its length
        tampered[slot] = value;
        tampered.shrink_to_fit();
        const Packed wcs = view(tampered);
        if (wcs.naxis == 0) continue;
        ++usable;
        Numbers points(3 * static_cast<std::size_t>(wcs.naxis)), out(points.size());
        for (double& x : points) x = std::uniform_real_distribution<double>(-1, 5)(random);
        pixel_to_world(wcs, points.data(), 3, out.data(), nullptr);
        world_to_pixel(wcs, points.data(), 3, out.data(), nullptr, Level::plain);
        world_to_pixel(wcs, whole.data() + 24, 1, out.data(), nullptr);
      }
    }
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const Numbers cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      CHECK_EQUAL(view(cut).naxis, 0);
    }
  }
  CHECK(usable > 1000);
}

// Every box holds every value: a search that cannot end soon gives up and says so.
TEST(a_search_that_would_not_end) {
  Sample sample({300, 300});
  std::mt19937_64 random(15);
  for (double& value : sample.table.coordinates) value = random() % 2 == 0 ? -1 : 1;
  const Numbers packed = packed_of(sample);
  const Result result = run(&world_to_pixel, packed, {0.9999999, -0.9999999, 9, 9});
  CHECK(result.status[0] == 0 || result.status[0] == (3 | kNotConverged));
  CHECK_EQUAL(result.status[1], 3);
}

}  // namespace
