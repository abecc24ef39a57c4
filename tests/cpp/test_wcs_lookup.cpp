// Lookup tables (CPDIS, D2IM): against an interpolation written anew in extended precision; both ways, with SIP, at the
// edges and where they fold; their keywords; tables and packed vectors that lie.
#include <cmath>
#include <limits>
#include <map>

#include "check.h"
#include "format/error.h"
#include "wcs/evaluate.h"
#include "wcs/jacobian.h"
#include "wcs/pack.h"
#include "wcs_oracle.h"

using namespace fits::wcs;
using oracle::card;
using oracle::text_card;

namespace {

using Numbers = std::vector<double>;

// Images by name and version, in place of a file.
class Images final : public Companions {
 public:
  std::map<std::pair<std::string, std::int64_t>, ImageTable> all;

  ImageTable image(std::string_view extname, std::int64_t extver) const override {
    const auto found = all.find({std::string(extname), extver});
    if (found == all.end()) throw fits::FileError(fits::Status::no_such_hdu, "no image " + std::string(extname));
    return found->second;
  }
  Array cell(std::string_view, std::int64_t, std::int64_t, std::string_view, std::int64_t) const override { throw 1; }
};

struct Grid {
  std::int64_t columns = 9, rows = 7;
  double crpix[2] = {1.25, 0.5}, crval[2] = {-20, 31}, cdelt[2] = {16, 12.5};
};

// Values between -size and size.
ImageTable table(const Grid& grid, double size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> any(-size, size);
  ImageTable image;
  image.pixels.naxes = {grid.columns, grid.rows};
  for (std::int64_t i = 0; i < grid.columns * grid.rows; ++i) image.pixels.values.push_back(any(random));
  for (int i = 0; i < 2; ++i) {
    const std::string n = std::to_string(i + 1);
    image.cards +=
        card("CRPIX" + n, grid.crpix[i]) + card("CRVAL" + n, grid.crval[i]) + card("CDELT" + n, grid.cdelt[i]);
  }
  return image;
}

// Records of one axis: 'EXTVER: 2', 'AXIS.1: 1' ...
std::string records(const std::string& distortion, const std::string& record, int axis, int extver,
                    const std::string& alt = "") {
  const std::string suffix = std::to_string(axis) + alt;
  return text_card(distortion + suffix, "Lookup  ") + text_card(record + suffix, "EXTVER: " + std::to_string(extver)) +
         text_card(record + suffix, "NAXES: 2") + text_card(record + suffix, "AXIS.1: 1") +
         text_card(record + suffix, "AXIS.2: 2.0");
}

// A linear WCS that is the identity on 0-based pixels, so that what is left are the distortions.
std::string identity() {
  std::string cards;
  for (const std::string n : {"1", "2"}) {
    cards += card("CRPIX" + n, 1.0) + card("CRVAL" + n, 0.0) + card("CDELT" + n, 1.0) + text_card("CTYPE" + n, "X");
  }
  return cards;
}

Packed view(const Numbers& packed) { return unpack(packed.data(), static_cast<std::int64_t>(packed.size())); }

long double truth(const ImageTable& image, const Grid& grid, long double x, long double y) {
  const long double pixel[2] = {x + 1, y + 1};
  const std::int64_t size[2] = {grid.columns, grid.rows};
  std::int64_t at[2], next[2];
  long double weight[2];
  for (int i = 0; i < 2; ++i) {
    long double t = (pixel[i] - grid.crval[i]) / grid.cdelt[i] + grid.crpix[i] - 1;
    t = std::fmin(std::fmax(t, 0.0L), static_cast<long double>(size[i] - 1));
    at[i] = static_cast<std::int64_t>(t);
    next[i] = std::min(at[i] + 1, size[i] - 1);
    weight[i] = t - at[i];
  }
  const auto value = [&](std::int64_t i, std::int64_t j) {
    return static_cast<long double>(image.pixels.values[static_cast<std::size_t>(j * size[0] + i)]);
  };
  const long double low = value(at[0], at[1]) + weight[0] * (value(next[0], at[1]) - value(at[0], at[1]));
  const long double high = value(at[0], next[1]) + weight[0] * (value(next[0], next[1]) - value(at[0], next[1]));
  return low + weight[1] * (high - low);
}

Numbers random_pixels(int count, double low, double high, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> any(low, high);
  Numbers pixels(static_cast<std::size_t>(2 * count));
  for (double& x : pixels) x = any(random);
  return pixels;
}

Numbers forward(const Numbers& packed, const Numbers& pixels, Level level = best_level()) {
  Numbers out(pixels.size());
  pixel_to_world(view(packed), pixels.data(), static_cast<std::int64_t>(pixels.size() / 2), out.data(), nullptr, level);
  return out;
}
Numbers inverse(const Numbers& packed, const Numbers& world, std::vector<std::int32_t>* status = nullptr,
                Level level = best_level()) {
  Numbers out(world.size());
  if (status != nullptr) status->resize(world.size() / 2);
  world_to_pixel(view(packed), world.data(), static_cast<std::int64_t>(world.size() / 2), out.data(),
                 status == nullptr ? nullptr : status->data(), level);
  return out;
}
double largest(const Numbers& a, const Numbers& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::fabs(a[i] - b[i]);
    most = difference <= most ? most : difference;  // NaN stays
  }
  return most;
}

// D2IM, then CPDIS at the pixel that it gives; beyond the edges of the tables too.
TEST(tables_are_interpolated_in_their_order) {
  const Grid one, other{5, 11, {2, -1.5}, {40, 3}, {23, -9}}, column{64, 1, {0, 0}, {0, 0}, {1, 1}};
  Images images;
  images.all[{"WCSDVARR", 1}] = table(one, 0.9, 1);
  images.all[{"WCSDVARR", 7}] = table(other, 0.9, 2);
  images.all[{"D2IMARR", 3}] = table(column, 0.2, 3);
  const std::string cpdis = records("CPDIS", "DP", 1, 1) + records("CPDIS", "DP", 2, 7);
  const std::string d2im = records("D2IMDIS", "D2IM", 2, 3);
  const Numbers pixels = random_pixels(20000, -60, 160, 4);
  for (const bool first : {false, true}) {
    const Numbers packed = packed_from_header(identity() + cpdis + (first ? d2im : ""), ' ', &images);
    const Numbers found = forward(packed, pixels);
    for (std::size_t i = 0; i < pixels.size(); i += 2) {
      const long double x = pixels[i];
      const long double y = pixels[i + 1] + (first ? truth(images.all[{"D2IMARR", 3}], column, x, pixels[i + 1]) : 0);
      CHECK(std::fabs(x + truth(images.all[{"WCSDVARR", 1}], one, x, y) - found[i]) < 1e-12);
      CHECK(std::fabs(y + truth(images.all[{"WCSDVARR", 7}], other, x, y) - found[i + 1]) < 1e-12);
    }
    std::vector<std::int32_t> status;
    const Numbers back = inverse(packed, found, &status);
    CHECK(largest(back, pixels) < 1e-9);
    CHECK_EQUAL(std::count(status.begin(), status.end(), 0), 20000);
  }
}

TEST(one_axis_alone_and_two_on_one_grid) {
  const Grid grid;
  Images images;
  images.all[{"WCSDVARR", 1}] = table(grid, 1, 1);
  images.all[{"WCSDVARR", 2}] = table(grid, 1, 2);
  const Numbers pixels = random_pixels(5000, -60, 200, 5);
  const auto packed_of = [&](const std::string& cards) { return packed_from_header(identity() + cards, ' ', &images); };
  const std::string axis_1 = records("CPDIS", "DP", 1, 1), axis_2 = records("CPDIS", "DP", 2, 2);
  const Numbers both = forward(packed_of(axis_1 + axis_2), pixels);
  const Numbers first = forward(packed_of(axis_1), pixels), second = forward(packed_of(axis_2), pixels);
  for (std::size_t i = 0; i < pixels.size(); i += 2) {
    CHECK(both[i] == first[i] && both[i + 1] == second[i + 1]);
    CHECK(first[i + 1] == pixels[i + 1] && second[i] == pixels[i]);
  }
  CHECK(largest(inverse(packed_of(axis_2), second), pixels) < 1e-9);
}

std::string sip(double strength) {
  std::string cards;
  for (const std::string name : {"A", "B"}) {
    cards += card(name + "_ORDER", "3") + card(name + "_2_0", strength * 1e-5) + card(name + "_1_1", -strength * 2e-5) +
             card(name + "_0_3", strength * 1e-7);
  }
  return cards;
}

// SIP and tables see the same pixel, and both are added.
TEST(sip_and_tables_are_added) {
  const Grid grid;
  Images images;
  for (int i = 1; i <= 2; ++i) images.all[{"WCSDVARR", i}] = table(grid, 0.8, static_cast<std::uint64_t>(i));
  images.all[{"D2IMARR", 1}] = table({30, 1, {1, 1}, {1, 1}, {7, 1}}, 0.1, 9);
  const std::string cpdis = records("CPDIS", "DP", 1, 1) + records("CPDIS", "DP", 2, 2);
  const std::string d2im = records("D2IMDIS", "D2IM", 1, 1);
  const Numbers pixels = random_pixels(20000, -60, 200, 6);
  const auto packed_of = [&](const std::string& cards) { return packed_from_header(identity() + cards, ' ', &images); };
  const Numbers tables = forward(packed_of(cpdis), pixels), polynomials = forward(packed_of(sip(1)), pixels);
  const Numbers both = forward(packed_of(cpdis + sip(1)), pixels);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    CHECK(std::fabs(tables[i] + polynomials[i] - pixels[i] - both[i]) < 1e-12);
  }
  CHECK(largest(inverse(packed_of(cpdis + sip(1)), both), pixels) < 1e-9);
  const Numbers detector = forward(packed_of(d2im), pixels), all = packed_of(cpdis + sip(1) + d2im);
  CHECK(largest(forward(all, pixels), forward(packed_of(cpdis + sip(1)), detector)) == 0);
  CHECK(largest(inverse(all, forward(all, pixels)), pixels) < 1e-9);
  // AP and BP only say where to begin.
  const std::string hint = card("AP_ORDER", "2") + card("BP_ORDER", "2") + card("AP_1_1", 1e-6);
  CHECK(largest(inverse(packed_of(cpdis + sip(1) + hint), both), pixels) < 1e-9);
}

// Tables so rough that every step of the inverse may land in another cell: the slopes of neighbours differ by 1.2.
TEST(inverse_finds_its_way_through_rough_tables) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const Grid grid{40, 40, {1, 1}, {1, 1}, {3, 3}};
    Images images;
    for (int i = 1; i <= 2; ++i)
      images.all[{"WCSDVARR", i}] = table(grid, 0.45, seed + 10 * static_cast<std::uint64_t>(i));
    const Numbers packed =
        packed_from_header(identity() + records("CPDIS", "DP", 1, 1) + records("CPDIS", "DP", 2, 2), ' ', &images);
    const Numbers pixels = random_pixels(20000, -5, 125, seed);
    std::vector<std::int32_t> status;
    CHECK(largest(inverse(packed, forward(packed, pixels), &status), pixels) < 1e-9);
    CHECK_EQUAL(std::count(status.begin(), status.end(), 0), 20000);
  }
}

TEST(folds_are_never_wrong) {
  const Grid grid{40, 40, {1, 1}, {1, 1}, {3, 3}};
  Images images;
  for (int i = 1; i <= 2; ++i) images.all[{"WCSDVARR", i}] = table(grid, 2.5, static_cast<std::uint64_t>(i));
  const Numbers packed =
      packed_from_header(identity() + records("CPDIS", "DP", 1, 1) + records("CPDIS", "DP", 2, 2), ' ', &images);
  const Numbers pixels = random_pixels(10000, 0, 110, 3), world = forward(packed, pixels);
  std::vector<std::int32_t> status;
  const Numbers back = inverse(packed, world, &status), again = forward(packed, back);
  int bad = 0;
  for (std::size_t i = 0; i < pixels.size(); i += 2) {
    if (std::isnan(back[i]) || std::isnan(back[i + 1])) {
      ++bad;
      CHECK((status[i / 2] & (kNotConverged | kFolded)) != 0);
    } else {
      CHECK_EQUAL(status[i / 2], 0);
      CHECK(std::fabs(again[i] - world[i]) < 1e-9 && std::fabs(again[i + 1] - world[i + 1]) < 1e-9);
    }
  }
  CHECK(bad > 100 && bad < 9000);
}

TEST(bad_points_stay_alone) {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  Images images;
  images.all[{"WCSDVARR", 1}] = table({4, 4, {1, 1}, {1, 1}, {10, 10}}, 0.5, 1);
  images.all[{"WCSDVARR", 1}].pixels.values[5] = nan;  // at pixel (11, 11), counted from 1
  const Numbers packed = packed_from_header(identity() + records("CPDIS", "DP", 1, 1), ' ', &images);
  for (const Level level : {Level::plain, best_level()}) {
    const Numbers pixels = {25, 25, 12, 12, 3, 28, nan, 5, 25, nan, inf, 25, -inf, -inf, 28, 2, 1e300, -1e300};
    const Numbers found = forward(packed, pixels, level);
    // The last cell but three is the corner that the NaN is in: one of its four values, though of no weight there.
    const bool is_bad[] = {false, true, false, true, true, false, true, false, false};
    for (std::size_t i = 0; i < 9; ++i) CHECK_EQUAL(std::isnan(found[2 * i]), is_bad[i]);
    std::vector<std::int32_t> status;
    const Numbers back = inverse(packed, {25, 25, 12, 12, nan, 5, 26, 26}, &status, level);
    CHECK_EQUAL(status[0], 0);
    CHECK_EQUAL(status[1], 3 | kNotConverged);
    CHECK_EQUAL(status[2], 3);  // what was NaN before did not fail here
    CHECK_EQUAL(status[3], 0);
  }
}

TEST(levels_agree_bit_for_bit_and_derivatives_with_differences) {
  const Grid grid{33, 17, {0, 0}, {0, 0}, {64, 64}};
  Images images;
  for (int i = 1; i <= 2; ++i) images.all[{"WCSDVARR", i}] = table(grid, 0.3, static_cast<std::uint64_t>(i));
  images.all[{"D2IMARR", 1}] = table({2048, 1, {0, 0}, {0, 0}, {1, 1}}, 0.05, 9);
  const Numbers packed = packed_from_header(
      oracle::celestial_cards("TAN", 150, 40, {{"A_ORDER", 2}, {"B_ORDER", 2}, {"A_2_0", 1e-7}, {"B_1_1", 2e-7}}) +
          records("CPDIS", "DP", 1, 1) + records("CPDIS", "DP", 2, 2) + records("D2IMDIS", "D2IM", 1, 1),
      ' ', &images);
  const int count = 2003;
  const Numbers pixels = random_pixels(count, -100, 400, 7);
  const Numbers world = forward(packed, pixels);
  CHECK(forward(packed, pixels, Level::plain) == world);
  CHECK(inverse(packed, world, nullptr, Level::plain) == inverse(packed, world));
  Numbers matrix(4 * count), other(4 * count);
  jacobian(view(packed), pixels.data(), count, matrix.data(), Level::plain);
  jacobian(view(packed), pixels.data(), count, other.data(), best_level());
  CHECK(matrix == other);
  const double step = 1e-4;
  for (int column = 0; column < 2; ++column) {
    Numbers low = pixels, high = pixels;
    for (std::size_t i = static_cast<std::size_t>(column); i < pixels.size(); i += 2) {
      low[i] -= step;
      high[i] += step;
    }
    const Numbers a = forward(packed, low), b = forward(packed, high);
    int across = 0;  // differences over the edge of a D2IM cell, a pixel wide, mean nothing
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double slope = (b[i] - a[i]) / (2 * step);
      if (std::fabs(slope - matrix[2 * i + static_cast<std::size_t>(column)]) > 1e-7) ++across;
    }
    CHECK(across < count / 200);
  }
}

TEST(records_in_all_their_forms) {
  Images images;
  images.all[{"WCSDVARR", 1}] = table(Grid(), 1, 1);
  images.all[{"WCSDVARR", 2}] = table(Grid(), 1, 2);
  const auto packed_of = [&](const std::string& cards, char alt = ' ') {
    return packed_from_header(identity() + cards, alt, &images);
  };
  const auto line = [](std::string text) {
    text.resize(80, ' ');
    return text;
  };
  const Numbers expected = packed_of(records("CPDIS", "DP", 1, 2));
  CHECK(packed_of(text_card("CPDIS1", "LOOKUP") + line("HIERARCH DP1.EXTVER = 2") +
                  line("HIERARCH DP1.AXIS.1 = 1.0")) == expected);
  CHECK(packed_of(text_card("CPDIS1", "lookup") + text_card("DP1", "EXTVER:2") + text_card("DP1", " axis.1 :  1E0 ") +
                  text_card("DP1", "EXTVER: 1")) == expected);  // the first counts
  const Numbers without = packed_of(text_card("CPDIS1", "lookup") + text_card("DP1", "AXIS.1: 1"));
  CHECK(without == packed_of(records("CPDIS", "DP", 1, 1)));  // EXTVER is 1 where it is not given
  // The axes of the table change places; its WCS cards do not (astropy).
  const Grid turned{7, 9, {1.25, 0.5}, {-20, 31}, {16, 12.5}};
  ImageTable transposed = table(turned, 1, 3);
  images.all[{"WCSDVARR", 5}] = transposed;
  for (std::size_t x = 0; x < 9; ++x) {
    for (std::size_t y = 0; y < 7; ++y) {
      images.all[{"WCSDVARR", 1}].pixels.values[y * 9 + x] = transposed.pixels.values[x * 7 + y];
    }
  }
  CHECK(packed_of(text_card("CPDIS1", "Lookup") + text_card("DP1", "EXTVER: 5") + text_card("DP1", "AXIS.1: 2") +
                  text_card("DP1", "AXIS.2: 1")) == packed_of(records("CPDIS", "DP", 1, 1)));
}

TEST(alternates_have_tables_of_their_own_or_none) {
  Images images;
  images.all[{"WCSDVARR", 1}] = table(Grid(), 1, 1);
  images.all[{"WCSDVARR", 2}] = table(Grid(), 1, 2);
  images.all[{"D2IMARR", 1}] = table(Grid(), 0.1, 3);
  std::string alternate;
  for (const std::string n : {"1", "2"}) {
    alternate += card("CRPIX" + n + "A", 1.0) + card("CRVAL" + n + "A", 0.0) + card("CDELT" + n + "A", 1.0) +
                 text_card("CTYPE" + n + "A", "X");
  }
  const auto packed_of = [&](const std::string& cards, char alt) {
    return packed_from_header(identity() + alternate + cards, alt, &images);
  };
  const std::string d2im = records("D2IMDIS", "D2IM", 1, 1), first = records("CPDIS", "DP", 1, 1);
  CHECK(packed_of(first, 'A') == packed_of("", ' '));
  CHECK(packed_of(d2im + first, 'A') == packed_of(d2im, ' '));  // the detector's is for all
  CHECK(packed_of(first + records("CPDIS", "DP", 1, 2, "A"), 'A') == packed_of(records("CPDIS", "DP", 1, 2), ' '));
  CHECK(packed_of(first + records("CPDIS", "DP", 1, 2, "A"), ' ') == packed_of(first, ' '));
}

TEST(old_detector_tables) {
  Images images;
  ImageTable& row = images.all[{"D2IMARR", 1}] = table({50, 1, {5, 0}, {5, 0}, {2, 1}}, 0.1, 3);
  images.all[{"D2IMARR", 2}] = row;
  const Numbers expected = packed_from_header(identity() + records("D2IMDIS", "D2IM", 2, 2), ' ', &images);
  row.pixels.naxes = {50};
  CHECK(packed_from_header(identity() + card("AXISCORR", "2"), ' ', &images) == expected);
  CHECK(packed_from_header(identity() + card("AXISCORR", "1"), ' ', &images) != expected);
  // astropy: then D2IMDIS does not count
  CHECK(packed_from_header(identity() + card("AXISCORR", "2") + records("D2IMDIS", "D2IM", 1, 2), ' ', &images) ==
        expected);
  const auto parse = [&](const std::string& cards) { return packed_from_header(identity() + cards, ' ', &images); };
  CHECK_THROWS(fits::FileError, "AXISCORR must be 1 or 2", parse(card("AXISCORR", "3")));
  row.pixels.naxes = {50, 1};
  CHECK_THROWS(fits::FileError, "has 2 axes and not 1", parse(card("AXISCORR", "1")));
  images.all.clear();
  CHECK_THROWS(fits::FileError, "no image D2IMARR", parse(card("AXISCORR", "1")));
}

TEST(tables_that_are_wrong_are_refused) {
  Images images;
  const ImageTable good = table(Grid(), 1, 1);
  ImageTable& image = images.all[{"WCSDVARR", 1}] = good;
  const std::string ask = records("CPDIS", "DP", 1, 1);
  const auto parse = [&](const std::string& cards) { return packed_from_header(identity() + cards, ' ', &images); };
  CHECK_EQUAL(parse(ask)[head::kDistortion], 2.0);
  for (const std::string& cards : {ask, records("D2IMDIS", "D2IM", 2, 1), card("AXISCORR", "1")}) {
    CHECK_THROWS(fits::FileError, "use wcs_from_file", packed_from_header(identity() + cards, ' '));
  }
  CHECK_THROWS(fits::FileError, "no image WCSDVARR", parse(records("CPDIS", "DP", 1, 4)));
  const auto with_axes = [&](std::vector<std::int64_t> naxes) {
    image = good;
    image.pixels.naxes = std::move(naxes);
    return parse(ask);
  };
  CHECK_THROWS(fits::FileError, "has 1 axes and not 2", with_axes({63}));
  CHECK_THROWS(fits::FileError, "has 3 axes and not 2", with_axes({9, 7, 1}));
  CHECK_THROWS(fits::FileError, "has no pixels", with_axes({9, 0}));
  CHECK_THROWS(fits::FileError, "has 63 values", with_axes({9, 8}));
  CHECK_THROWS(fits::FileError, "more than 2^26", with_axes({std::int64_t{1} << 40, std::int64_t{1} << 40}));
  for (const auto& [key, value, reason] : std::vector<std::array<std::string, 3>>{
           {"CDELT1", "0.0", "its CDELT1 is 0"}, {"CRVAL2", "'a'", "its CRVAL2 is not a finite number"}}) {
    image = good;
    image.cards = card(key, value);
    CHECK_THROWS(fits::FileError, reason, parse(ask));
  }
  image = good;
  const std::string lookup = text_card("CPDIS1", "Lookup"), along = text_card("DP1", "AXIS.1: 1");
  CHECK_THROWS(fits::FileError, "without DP1 = 'AXIS.1", parse(lookup));
  CHECK_THROWS(fits::FileError, "must be a number", parse(lookup + text_card("DP1", "AXIS.1: one")));
  CHECK_THROWS(fits::FileError, "DP1.EXTVER is not an integer",
               parse(lookup + along + text_card("DP1", "EXTVER: 1.5")));
  CHECK_THROWS(fits::FileError, "DP1.NAXES = 3", parse(lookup + along + text_card("DP1", "NAXES: 3")));
  CHECK_THROWS(fits::FileError, "DP1.AXIS.1 = 3", parse(lookup + text_card("DP1", "AXIS.1: 3")));
  CHECK_THROWS(fits::FileError, "CQDIS1 = 'Lookup'", parse(records("CQDIS", "DQ", 1, 1)));
  CHECK_THROWS(fits::FileError, "pixel axis 3", parse(records("CPDIS", "DP", 3, 1)));
  CHECK_THROWS(fits::FileError, "D2IMDIS1: only 'Lookup'", parse(text_card("D2IMDIS1", "Polynomial")));
}

// Whatever the slots hold, nothing is read outside of them (AddressSanitizer watches) and nothing takes long.
TEST(hostile_vectors_are_refused_or_harmless) {
  Images images;
  images.all[{"WCSDVARR", 1}] = table(Grid(), 1, 1);
  images.all[{"D2IMARR", 1}] = table({30, 1, {0, 0}, {0, 0}, {1, 1}}, 0.1, 3);
  const Numbers packed = packed_from_header(
      identity() + sip(1) + records("CPDIS", "DP", 1, 1) + records("D2IMDIS", "D2IM", 2, 1), ' ', &images);
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  const Numbers values = {0, -1, 1, 2, 0.5, 62, 63, 64, 1e9, 1e18, 1e300, -1e300, nan, inf, -inf, 2147483648.0};
  const Numbers pixels = {5, 5, -1e9, 1e9, 1e300, nan, 40, 70};
  std::size_t refused = 0;
  const auto slot_of = [&](int head_slot) {
    return static_cast<std::size_t>(packed[static_cast<std::size_t>(head_slot)]);
  };
  for (const std::size_t start : {std::size_t{0}, slot_of(head::kCpdis), slot_of(head::kD2im)}) {
    for (std::size_t slot = start; slot < start + 24; ++slot) {
      for (const double value : values) {
        Numbers bad(packed.begin(), packed.end());
        bad.shrink_to_fit();
        bad[slot] = value;
        const Packed wcs = view(bad);
        if (wcs.naxis != 2) {
          ++refused;
          continue;
        }
        Numbers out(8);
        std::vector<std::int32_t> status(4);
        for (const Level level : {Level::plain, best_level()}) {
          pixel_to_world(wcs, pixels.data(), 4, out.data(), status.data(), level);
          world_to_pixel(wcs, pixels.data(), 4, out.data(), status.data(), level);
        }
      }
    }
  }
  CHECK(refused > 200);
  for (std::size_t length = 0; length < packed.size(); ++length) {
    const Numbers cut(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(length));
    CHECK_EQUAL(unpack(cut.data(), static_cast<std::int64_t>(cut.size())).naxis, 0);
  }
}

}  // namespace
