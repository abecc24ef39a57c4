// Polynomial distortions against wcslib, both ways: TPV, TPD, TNX, ZPX, DSS and Paper IV's Polynomial, before the
// matrix and after it; folds, derivatives, packed vectors and headers that are wrong.
#include "check.h"
#include "format/error.h"
#include "wcs/evaluate.h"
#include "wcs/jacobian.h"
#include "wcs/pack.h"
#include "wcs/polynomial.h"
#include "wcs/update.h"
#include "wcs/write_header.h"
#include "wcs_distorted_cards.h"

using namespace fits::wcs;
using namespace fits::wcs::cards;

namespace {

struct Bounds {
  double size = 2048;      // pixels from 0 to this
  double forward = 1e-11;  // degrees
  double inverse = 1e-9;   // pixels, beside what the digits of the world coordinates allow
};

// A header written back: the same functions, bit for bit, and wcslib reads it. What CTYPE and the head call them
// becomes TPD.
void check_written(const Numbers& packed, const Numbers& pixels, const Numbers& world, double forward) {
  const std::string cards = header_cards(view(packed));
  const Numbers again = packed_from_header(cards, ' ');
  Numbers expected = packed;
  expected[head::kDistortion] = again[head::kDistortion];
  const LinearLayout at{view(packed).naxis};
  const auto ctype = static_cast<std::size_t>(static_cast<int>(packed[head::kLinear]) + at.ctype());
  std::copy_n(again.begin() + static_cast<std::ptrdiff_t>(ctype), 2 * at.naxis,
              expected.begin() + static_cast<std::ptrdiff_t>(ctype));
  CHECK(again == expected);
  CHECK(header_cards(view(again)) == cards);
  const auto theirs = oracle::Wcslib(cards).to_world(pixels);
  CHECK(largest_distance(world, theirs.coordinates, static_cast<std::size_t>(at.naxis)) < forward);
}

// The points of the field agree with wcslib; those that it takes to the sky come back; and so does the header.
void check_against_wcslib(const std::string& cards, unsigned kinds, Bounds bounds = {}) {
  const Numbers packed = packed_from_header(cards, ' ');
  CHECK_EQUAL(packed[head::kDistortion], static_cast<double>(kinds));
  oracle::Wcslib wcslib(cards);
  const std::size_t n = wcslib.naxis();
  CHECK_EQUAL(packed[head::kNaxis], static_cast<double>(n));
  const std::size_t count = 5000;
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> any(0, bounds.size);
  Numbers pixels(count * n), world(count * n), back(count * n);
  for (double& x : pixels) x = any(random);
  std::vector<std::int32_t> status(count);
  pixel_to_world(view(packed), pixels.data(), static_cast<std::int64_t>(count), world.data(), status.data());
  CHECK(std::all_of(status.begin(), status.end(), [](int bits) { return bits == 0; }));
  world_to_pixel(view(packed), world.data(), static_cast<std::int64_t>(count), back.data(), status.data());
  CHECK(std::all_of(status.begin(), status.end(), [](int bits) { return bits == 0; }));
  const auto theirs = wcslib.to_world(pixels);
  double inverse = 0;
  for (std::size_t i = 0; i < count * n; ++i) inverse = std::max(inverse, std::fabs(back[i] - pixels[i]));
  CHECK(largest_distance(world, theirs.coordinates, n) < bounds.forward);
  CHECK(inverse < bounds.inverse + 6e-14 / 9e-5);
  check_written(packed, pixels, world, bounds.forward);
}

TEST(tpv_agrees_with_wcslib) {
  for (const int most : {1, 6, 10, 11, 16, 22, 23, 30, 38, 39}) {
    for (const bool odd : {false, true}) {
      check_against_wcslib(field_cards("TPV") + tpv_cards(most, 2e-3, odd), kDistortionTpv);
    }
  }
  check_against_wcslib(field_cards("TPV", false) + tpv_cards(2, 1e-3, false), kDistortionTpv);
}

// TPU is TPV before the matrix, in pixels: of the second degree here, 1e-7 of (pixels)^2.
TEST(tpu_agrees_with_wcslib) {
  check_against_wcslib(field_cards("TPU") + card("PV1_1", 1.0) + card("PV2_1", 1.0) + card("PV1_4", 1e-6) +
                           card("PV1_5", -2e-6) + card("PV2_6", 1.5e-6) + card("PV2_0", 3.0),
                       kDistortionTpv);
}

TEST(tpd_agrees_with_wcslib) {
  for (const bool prior : {true, false}) {
    for (const int most : {2, 3, 6, 11, 16, 23, 30, 39, 48, 59}) {
      check_against_wcslib(field_cards("TAN") + tpd_cards(prior, most, 1e-3, true, false), kDistortionTpd);
    }
    check_against_wcslib(field_cards("TAN") + tpd_cards(prior, 59, 1e-3, true, true), kDistortionTpd);
    check_against_wcslib(field_cards("TAN") + tpd_cards(prior, 22, 1e-4, false, false), kDistortionTpd);
  }
  check_against_wcslib(
      field_cards("SIN") + tpd_cards(true, 11, 1e-3, true, false) + tpd_cards(false, 23, 1e-3, true, true),
      kDistortionTpd);
}

TEST(sip_as_a_distortion_of_paper_iv) {
  std::string cards = field_cards("TAN");
  for (const std::string axis : {"1", "2"}) {
    cards += text_card("CPDIS" + axis, "SIP") + record("DP" + axis, "NAXES", 2);
    for (const std::string i : {"1", "2"}) cards += record("DP" + axis, "OFFSET." + i, kOffsets[i == "1" ? 0 : 1]);
    cards += record("DP" + axis, "SIP.FWD.2_0", 1.1e-6) + record("DP" + axis, "SIP.FWD.1_2", -3e-9) +
             record("DP" + axis, "SIP.REV.2_0", -1e-6);
  }
  check_against_wcslib(cards, kDistortionTpd);
}

TEST(tnx_and_zpx_agree_with_wcslib) {
  for (int kind = 1; kind <= 3; ++kind) {
    for (int cross = 0; cross <= 2; ++cross) {
      for (const auto& [columns, rows] : {std::array{4, 4}, std::array{3, 5}, std::array{1, 3}, std::array{5, 5}}) {
        for (const std::string code : {"TNX", "ZPX"}) {
          const std::string type = code == "TNX" ? "tnx" : "zpx";
          check_against_wcslib(field_cards(code) + wat_cards(1, surface_text(type, 1, kind, columns, rows, cross)) +
                                   wat_cards(2, surface_text(type, 2, kind, columns, rows, cross)),
                               code == "TNX" ? kDistortionTnx : kDistortionZpx);
        }
      }
    }
  }
  check_against_wcslib(field_cards("TNX") + wat_cards(1, surface_text("tnx", 1, 1, 10, 10, 2)) +
                           wat_cards(2, surface_text("tnx", 2, 2, 10, 10, 2)),
                       kDistortionTnx);
}

TEST(wat_that_is_no_surface_changes_nothing) {
  const std::string cards = field_cards("TAN");
  const Numbers plain = packed_from_header(cards, ' ');
  CHECK(packed_from_header(cards + wat_cards(1, "wtype=tan axtype=ra") + wat_cards(2, "wtype=tan axtype=dec"), ' ') ==
        plain);
  CHECK(packed_from_header(field_cards("TNX"), ' ') == plain);
}

TEST(plates_agree_with_wcslib) {
  check_against_wcslib(plate_cards(), kDistortionDss);
  check_against_wcslib(plate_cards(1e-12), kDistortionDss);
  check_against_wcslib(field_cards("STG") + text_card("WCSNAME", "an approximation") + plate_cards(), kDistortionDss);
}

TEST(polynomials_of_paper_iv_agree_with_wcslib) {
  const std::vector<Numbers> terms = {{2e-2, 0, 0}, {1e-5, 1, 0}, {3e-6, 2, 0}, {-2e-6, 1, 1}, {1e-9, 1, 2}};
  // A template polynomial, with wcslib's translation to TPD and without it.
  for (const std::string type : {"Polynomial", "Polynomial*"}) {
    check_against_wcslib(field_cards("TAN") + text_card("CPDIS1", type) + polynomial_cards("DP1", terms, 2) +
                             record("DP1", "OFFSET.1", 1000.25) + record("DP1", "OFFSET.2", 900.5),
                         kDistortionPolynomial);
    check_against_wcslib(field_cards("TAN") + text_card("CPDIS2", type) +
                             polynomial_cards("DP2", {{1e-2, 1}, {1e-5, 2}}, 1) + record("DP2", "AXIS.1", 2) +
                             record("DP2", "OFFSET.1", 1000.25),
                         kDistortionPolynomial);
  }
  // r = sqrt(x^2 + y^2), alone (a template) and in products.
  const std::string radius = record("DQ2", "AUX.1.COEFF.1", 1) + record("DQ2", "AUX.1.COEFF.2", 1) +
                             record("DQ2", "AUX.1.POWER.0", 0.5) + record("DQ2", "AUX.1.POWER.1", 2) +
                             record("DQ2", "AUX.1.POWER.2", 2);
  for (const auto& more : {Numbers{3e-1, 0, 0, 3}, Numbers{2e-1, 1, 0, 2}}) {
    check_against_wcslib(field_cards("TAN") + text_card("CQDIS2", "Polynomial") +
                             polynomial_cards("DQ2", {{1e-2, 1, 1, 0}, more}, 2, 1) + radius,
                         kDistortionPolynomial);
  }
  // Two general auxiliary variables, and both positions.
  std::string cards = field_cards("ARC") + text_card("CPDIS1", "Polynomial") +
                      polynomial_cards("DP1", {{1e-3, 1, 0, 1, 0}, {-2e-3, 0, 0, 0, 2}}, 2, 2);
  cards += record("DP1", "AUX.1.COEFF.0", 10) + record("DP1", "AUX.1.COEFF.1", 0.01) +
           record("DP1", "AUX.1.COEFF.2", 0.02) + record("DP1", "AUX.1.POWER.0", 0.25) +
           record("DP1", "AUX.1.POWER.2", 0.5) + record("DP1", "AUX.2.COEFF.2", 1e-2) +
           record("DP1", "AUX.2.POWER.2", 0.8);
  cards += text_card("CQDIS2", "Polynomial") + polynomial_cards("DQ2", {{1e-2, 1, 1}}, 2);
  check_against_wcslib(cards, kDistortionPolynomial);
}

// wcslib (7.12) takes fractional and negative powers of the wrong variables, and gives 0 where a variable is 0: the
// truth here is the formula.
TEST(fractional_and_negative_powers) {
  const std::string cards = field_cards("TAN") + text_card("CPDIS1", "Polynomial") +
                            polynomial_cards("DP1", {{0.05, 0.5, 0}, {-3, 1, -1}, {2e-4, 1.25, 0.3}}, 2) +
                            record("DP1", "OFFSET.1", -20) + record("DP1", "OFFSET.2", -50) +
                            record("DP1", "SCALE.1", 0.5);
  const Numbers packed = packed_from_header(cards, ' '), plain = packed_from_header(field_cards("TAN"), ' ');
  std::mt19937_64 random(12);
  std::uniform_real_distribution<double> any(0, 2048);
  const std::int64_t count = 2000;
  Numbers pixels(2 * count), world(2 * count), corrected(2 * count), expected(2 * count), back(2 * count);
  for (double& x : pixels) x = any(random);
  for (std::size_t i = 0; i < pixels.size(); i += 2) {
    const double x = (pixels[i] + 21) * 0.5, y = pixels[i + 1] + 51;
    corrected[i] = pixels[i] + 0.05 * std::sqrt(x) - 3 * x / y + 2e-4 * std::pow(x, 1.25) * std::pow(y, 0.3);
    corrected[i + 1] = pixels[i + 1];
  }
  pixel_to_world(view(packed), pixels.data(), count, world.data(), nullptr);
  pixel_to_world(view(plain), corrected.data(), count, expected.data(), nullptr);
  world_to_pixel(view(packed), world.data(), count, back.data(), nullptr);
  for (std::size_t i = 0; i < pixels.size(); i += 2) {
    CHECK(oracle::separation(world[i], world[i + 1], expected[i], expected[i + 1]) < 2e-13);
    CHECK(std::hypot(back[i] - pixels[i], back[i + 1] - pixels[i + 1]) < 2e-9);
  }
  // Where there is no root there is no world coordinate: NaN, that point alone.
  const Numbers two = {-30, 10, 30, 10};
  Numbers sky(4);
  std::vector<std::int32_t> status(2);
  pixel_to_world(view(packed), two.data(), 2, sky.data(), status.data());
  CHECK(std::isnan(sky[0]) && std::isnan(sky[1]) && !std::isnan(sky[2]) && !std::isnan(sky[3]));
  CHECK(status[0] == 3 && status[1] == 0);
}

// A cube: the spectral axis depends on the position, and the position on itself; another axis is as it was.
TEST(distortions_of_more_axes) {
  std::string cards = field_cards("TAN") + text_card("CTYPE3", "FREQ") + card("CRVAL3", 1.4e9) + card("CRPIX3", 5.0) +
                      card("CD3_3", 1e5) + text_card("CTYPE4", "STOKES") + card("CD4_4", 1.0);
  const std::string spectral = text_card("CQDIS3", "TPD") + record("DQ3", "NAXES", 2) + record("DQ3", "AXIS.1", 2) +
                               record("DQ3", "AXIS.2", 3) + record("DQ3", "TPD.FWD.1", 1e4) +
                               record("DQ3", "TPD.FWD.6", 1e-11);
  check_against_wcslib(cards + spectral, kDistortionTpd);
  check_against_wcslib(cards + tpd_cards(false, 16, 1e-3, true, false) + spectral, kDistortionTpd);
  // Three variables that all depend on each other, and a fourth by itself.
  const std::vector<Numbers> terms = {{1e-2, 1, 0, 0}, {2e-6, 1, 1, 0}, {1e-6, 0, 1, 1}, {-3e-9, 1, 1, 1}};
  for (const std::string axis : {"1", "2", "3"}) {
    cards += text_card("CPDIS" + axis, "Polynomial") + polynomial_cards("DP" + axis, terms, 3);
  }
  cards += text_card("CPDIS4", "Polynomial*") + polynomial_cards("DP4", {{0.5, 1}, {1e-4, 2}}, 1) +
           record("DP4", "AXIS.1", 4);
  check_against_wcslib(cards, kDistortionPolynomial, {2048, 1e-10, 2e-9});
  check_against_wcslib(cards + spectral + tpd_cards(false, 16, 1e-3, true, false),
                       kDistortionPolynomial | kDistortionTpd, {2048, 1e-10, 2e-9});
}

TEST(alternates_have_distortions_of_their_own) {
  std::string cards;
  const std::string primary = field_cards("TAN") + tpd_cards(true, 6, 1e-3, true, false);
  for (std::size_t i = 0; i < primary.size(); i += 80) {
    std::string one = primary.substr(i, 80);
    one[one.find(' ') < 8 ? one.find(' ') : 7] = 'B';
    cards += one;
  }
  const std::string both = field_cards("TAN") + cards;
  CHECK(packed_from_header(both, 'B') == packed_from_header(primary, ' '));
  CHECK(packed_from_header(both, ' ') == packed_from_header(field_cards("TAN"), ' '));
}

// Far outside a strong distortion the map folds over: what comes back is either a point with the same world coordinates
// or NaN with a flag, never a wrong point.
void check_folded(const std::string& cards, double low, double high) {
  const Numbers packed = packed_from_header(cards, ' ');
  std::mt19937_64 random(4);
  std::uniform_real_distribution<double> any(low, high);
  const int count = 4000;
  Numbers pixels(2 * count), world(2 * count), back(2 * count), again(2 * count);
  for (double& x : pixels) x = any(random);
  std::vector<std::int32_t> status(count);
  pixel_to_world(view(packed), pixels.data(), count, world.data(), nullptr);
  world_to_pixel(view(packed), world.data(), count, back.data(), status.data());
  pixel_to_world(view(packed), back.data(), count, again.data(), nullptr);
  int bad = 0;
  for (std::size_t i = 0; i < pixels.size(); i += 2) {
    const bool is_nan = std::isnan(back[i]) && std::isnan(back[i + 1]);
    CHECK_EQUAL(is_nan, status[i / 2] != 0);
    if (is_nan) {
      ++bad;
      CHECK((status[i / 2] & (kNotConverged | kFolded)) != 0);
    } else {
      CHECK(oracle::separation(world[i], world[i + 1], again[i], again[i + 1]) < 1e-12);
    }
  }
  CHECK(bad > 0 && bad < count / 2);
}

TEST(folded_points_are_never_wrong) {
  check_folded(field_cards("TPV") + tpv_cards(10, 0.08, true), -2000, 4000);
  check_folded(field_cards("TAN") + tpd_cards(true, 10, 0.3, true, false), -1000, 3000);
  check_folded(field_cards("TNX") + wat_cards(1, surface_text("tnx", 1, 1, 4, 4, 2, 0.15)) +
                   wat_cards(2, surface_text("tnx", 2, 2, 4, 4, 2, 0.15)),
               -1500, 3500);
  // the same by the path of any axes
  std::string cards = field_cards("TAN");
  const std::vector<Numbers> terms = {{-3e-4, 2, 0}, {2e-4, 1, 1}, {-1e-7, 0, 2.5}};
  for (const std::string axis : {"1", "2"}) {
    cards += text_card("CPDIS" + axis, "Polynomial") + polynomial_cards("DP" + axis, terms, 2) +
             record("DP" + axis, "OFFSET.2", -2000);
  }
  check_folded(cards, -1500, 3500);
}

// Polynomials that are the new coordinates may turn the plane over: then that is the side that is valid.
TEST(direct_polynomials_may_swap_and_mirror) {
  std::string cards = field_cards("TPV");
  for (const std::string axis : {"1", "2"}) {
    cards += card("PV" + axis + "_2", 1.0) + card("PV" + axis + "_4", axis == "1" ? 0.01 : -0.02) +
             card("PV" + axis + "_1", 1e-3);
  }
  check_against_wcslib(cards, kDistortionTpv);
}

TEST(derivatives_are_the_limits_of_differences) {
  std::string cube = field_cards("TAN") + text_card("CTYPE3", "FREQ") + card("CRVAL3", 1.4) + card("CRPIX3", 5.0) +
                     card("CD3_3", 1e-3) + tpd_cards(false, 16, 1e-2, true, false) + text_card("CPDIS3", "Polynomial") +
                     polynomial_cards("DP3", {{1e-3, 1.5, 1}, {2e-3, 0, 2}}, 2) + record("DP3", "OFFSET.1", -40);
  for (const std::string& cards : {field_cards("TPV") + tpv_cards(39, 1e-2, true),
                                   field_cards("TAN") + tpd_cards(true, 59, 1e-2, true, true), plate_cards(), cube}) {
    const Numbers packed = packed_from_header(cards, ' ');
    const Packed wcs = view(packed);
    const auto n = static_cast<std::size_t>(wcs.naxis);
    const std::size_t count = 203;
    std::mt19937_64 random(5);
    std::uniform_real_distribution<double> any(100, 1900);
    Numbers pixels(count * n), found(count * n * n), other(count * n * n);
    for (double& x : pixels) x = any(random);
    jacobian(wcs, pixels.data(), count, found.data(), Level::plain);
    jacobian(wcs, pixels.data(), count, other.data(), best_level());
    CHECK(found == other);
    const double step = 0.05;
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t column = 0; column < n; ++column) {
        Numbers ends(2 * n), sky(2 * n);
        for (std::size_t axis = 0; axis < n; ++axis) ends[axis] = ends[n + axis] = pixels[i * n + axis];
        ends[column] -= step;
        ends[n + column] += step;
        pixel_to_world(wcs, ends.data(), 2, sky.data(), nullptr);
        for (std::size_t row = 0; row < n; ++row) {
          const double slope = (sky[n + row] - sky[row]) / (2 * step);
          CHECK(std::fabs(slope - found[(i * n + row) * n + column]) < 1e-9 * std::max(1.0, std::fabs(slope)));
        }
      }
    }
  }
  // at the reference point r is 0 and has no derivative of its own: what is there is finite
  const Numbers packed = packed_from_header(field_cards("TPV") + tpv_cards(3, 1e-2, true), ' ');
  const Numbers reference = {1023.5, 1019};
  Numbers matrix(4);
  jacobian(view(packed), reference.data(), 1, matrix.data());
  CHECK(std::all_of(matrix.begin(), matrix.end(), [](double value) { return std::isfinite(value); }));
}

// The inverse in numbers that carry derivatives: the inverse matrix.
TEST(the_inverse_carries_derivatives) {
  struct One {
    using Real = Dual<double>;
    Real z[3];
    Real get(int axis) const { return z[axis]; }
    void set(int axis, Real value) { z[axis] = value; }
    void flag(bool, int) {}
  };
  std::string general = field_cards("TAN");
  for (const std::string axis : {"1", "2"}) {
    general +=
        text_card("CPDIS" + axis, "Polynomial") + polynomial_cards("DP" + axis, {{1e-3, 1, 0.5}, {1e-6, 2, 0}}, 2);
  }
  for (const std::string& cards : {field_cards("TAN") + tpd_cards(true, 23, 1e-2, true, true), general}) {
    const Numbers packed = packed_from_header(cards, ' ');
    One point{{{700, 1, 0}, {900, 0, 1}}};
    PolynomialForward{view(packed), head::kPolynomial}(point);
    const One forward = point;
    point.z[0] = {forward.z[0].value, 1, 0};
    point.z[1] = {forward.z[1].value, 0, 1};
    PolynomialInverse{view(packed), head::kPolynomial}(point);
    CHECK(std::fabs(point.z[0].value - 700) < 1e-9 && std::fabs(point.z[1].value - 900) < 1e-9);
    for (int row = 0; row < 2; ++row) {
      const auto& back = point.z[row];
      const double d0 = back.d0 * forward.z[0].d0 + back.d1 * forward.z[1].d0;
      const double d1 = back.d0 * forward.z[0].d1 + back.d1 * forward.z[1].d1;
      CHECK(std::fabs(d0 - (row == 0 ? 1 : 0)) < 1e-12 && std::fabs(d1 - (row == 1 ? 1 : 0)) < 1e-12);
    }
  }
}

TEST(levels_agree_bit_for_bit) {
  const std::vector<Numbers> terms = {{2e-3, 1.5, 0}, {3e-6, 2, 0}, {-2e-6, 1, 1}};
  for (const std::string& cards :
       {field_cards("TPV") + tpv_cards(39, 0.03, true),
        field_cards("TAN") + text_card("CPDIS2", "Polynomial") + polynomial_cards("DP2", terms, 2)}) {
    const Numbers packed = packed_from_header(cards, ' ');
    std::mt19937_64 random(5);
    std::uniform_real_distribution<double> any(-3000, 5000);
    const int count = 1003;
    Numbers pixels(2 * count), results[2][2];
    std::vector<std::int32_t> status[2];
    for (double& x : pixels) x = any(random);
    for (const Level level : {Level::plain, best_level()}) {
      const std::size_t which = level == Level::plain ? 0 : 1;
      for (Numbers& result : results[which]) result.resize(2 * count);
      status[which].resize(count);
      pixel_to_world(view(packed), pixels.data(), count, results[which][0].data(), nullptr, level);
      world_to_pixel(view(packed), results[which][0].data(), count, results[which][1].data(), status[which].data(),
                     level);
    }
    if (best_level() == Level::plain) return;
    CHECK(status[0] == status[1]);
    for (int way = 0; way < 2; ++way) {
      for (std::size_t i = 0; i < pixels.size(); ++i) {
        const double a = results[0][way][i], b = results[1][way][i];
        CHECK(a == b || (a != a && b != b));
      }
    }
  }
}

TEST(nan_stays_in_the_axes_that_depend_on_it) {
  const std::string cards = field_cards("TAN") + text_card("CTYPE3", "FREQ") + card("CRVAL3", 1.4e9) +
                            card("CD3_3", 1e5) + tpd_cards(false, 6, 1e-3, true, false) + text_card("CQDIS3", "TPD") +
                            record("DQ3", "NAXES", 1) + record("DQ3", "AXIS.1", 3) + record("DQ3", "TPD.FWD.4", 1e-12);
  const Numbers packed = packed_from_header(cards, ' ');
  const Numbers pixels = {100, 200, std::nan(""), std::nan(""), 200, 3, 100, 200, 3};
  Numbers world(9), back(9);
  std::vector<std::int32_t> status(3);
  pixel_to_world(view(packed), pixels.data(), 3, world.data(), status.data());
  CHECK(status[0] == 4 && status[1] == 3 && status[2] == 0);
  CHECK(!std::isnan(world[0]) && std::isnan(world[2]) && std::isnan(world[3]) && !std::isnan(world[5]));
  world_to_pixel(view(packed), world.data(), 3, back.data(), status.data());
  CHECK(status[0] == 4 && status[1] == 3 && status[2] == 0);
  CHECK(std::fabs(back[0] - 100) < 1e-9 && std::fabs(back[5] - 3) < 1e-9 && std::fabs(back[8] - 3) < 1e-9);
  CHECK(std::isnan(back[2]) && std::isnan(back[3]) && std::isnan(back[4]));
}

// Any number in any slot: refused, or evaluated without reading outside the vector (AddressSanitizer sees that, at the
// level that it is compiled into).
TEST(packed_vectors_that_lie) {
  std::string general = field_cards("TAN") + text_card("CPDIS2", "Polynomial") +
                        polynomial_cards("DP2", {{1e-3, 1.5, 0, 1}, {2e-3, 0, 1, 2}}, 2, 1) +
                        record("DP2", "AUX.1.COEFF.1", 1) + record("DP2", "OFFSET.1", -9);
  const Numbers pixels = {100, 200, 3, 4, 5, 6, 7, 8};
  for (const std::string& cards : {field_cards("TPV") + tpv_cards(39, 1e-2, true), general}) {
    const Numbers packed = packed_from_header(cards, ' ');
    const auto start = static_cast<std::size_t>(packed[head::kSequent] + packed[head::kPolynomial]);
    int refused = 0;
    for (std::size_t slot = start; slot < packed.size(); ++slot) {
      for (const double lie : {-1.0, 0.5, 3.0, 15.0, 16.0, 77.0, 1e3, 1e9, 1e300, std::nan(""), -0.0, HUGE_VAL}) {
        Numbers wrong = packed;
        wrong[slot] = lie;
        const Packed wcs = view(wrong);
        if (wcs.naxis == 0) {
          ++refused;
          continue;
        }
        Numbers out(8);
        pixel_to_world(wcs, pixels.data(), 4, out.data(), nullptr, Level::plain);
        world_to_pixel(wcs, pixels.data(), 4, out.data(), nullptr, Level::plain);
        Numbers changed = wrong;
        update(wcs, changed.data());
        try {
          header_cards(wcs);
        } catch (const std::invalid_argument&) {
        }
      }
    }
    CHECK(refused > 40);
    for (std::size_t length = 0; length < packed.size(); ++length) {
      const Numbers cut(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(length));
      CHECK_EQUAL(unpack(cut.data(), static_cast<std::int64_t>(length)).naxis, 0);
      Numbers shorter = cut;
      if (length > head::kSize) {
        shorter[head::kLength] = static_cast<double>(length);
        CHECK_EQUAL(view(shorter).naxis, 0);
      }
    }
  }
}

TEST(headers_that_are_wrong_say_why) {
  const std::string base = field_cards("TAN");
  const auto parse = [](const std::string& cards) { return packed_from_header(cards, ' '); };
  const auto tpd = [&](const std::string& field, double value) {
    return base + text_card("CPDIS1", "TPD") + record("DP1", "NAXES", 2) + record("DP1", field, value);
  };
  CHECK_THROWS(fits::FileError, "no distortion that is known",
               parse(base + text_card("CPDIS1", "Splines") + record("DP1", "NAXES", 2)));
  CHECK_THROWS(fits::FileError, "without the record NAXES", parse(base + text_card("CPDIS1", "TPD")));
  CHECK_THROWS(fits::FileError, "there is no CQDIS2", parse(base + record("DQ2", "NAXES", 2)));
  CHECK_THROWS(fits::FileError, "there are 2 axes", parse(base + text_card("CPDIS3", "TPD")));
  CHECK_THROWS(fits::FileError, "not a finite number",
               parse(base + text_card("CPDIS1", "TPD") + text_card("DP1", "NAXES: two")));
  CHECK_THROWS(fits::FileError, "not a finite number",
               parse(base + text_card("CPDIS1", "TPD") + text_card("DP1", "NAXES: 1e999")));
  CHECK_THROWS(fits::FileError, "index from 0 to 59", parse(tpd("TPD.FWD.60", 1)));
  CHECK_THROWS(fits::FileError, "index from 0 to 59", parse(tpd("TPD.REV.x", 1)));
  CHECK_THROWS(fits::FileError, "index from 1 to 2", parse(tpd("OFFSET.7000", 1)));
  CHECK_THROWS(fits::FileError, "index from 1 to 2", parse(tpd("AXIS.99999999999", 1)));
  CHECK_THROWS(fits::FileError, "must be an integer from 1 to 2", parse(tpd("AXIS.1", 3)));
  CHECK_THROWS(fits::FileError, "must be an integer from 1 to 2", parse(tpd("NAXES", 1e9)));
  CHECK_THROWS(fits::FileError, "twice", parse(tpd("AXIS.2", 1)));
  CHECK_THROWS(fits::FileError, "no field of the distortion 'TPD'", parse(tpd("TPD.SIDEWAYS.1", 1)));
  CHECK_THROWS(fits::FileError, "NAXES must be 2",
               parse(base + text_card("CQDIS1", "TPV") + record("DQ1", "NAXES", 1)));
  CHECK_THROWS(fits::FileError, "terms 0 to 39", parse(field_cards("TPV") + card("PV1_40", 1.0)));
  const std::string polynomial = base + text_card("CPDIS1", "Polynomial") + record("DP1", "NAXES", 2);
  CHECK_THROWS(fits::FileError, "without the record NTERMS", parse(polynomial));
  CHECK_THROWS(fits::FileError, "integer from 1 to 4096", parse(polynomial + record("DP1", "NTERMS", 1e6)));
  const std::string one = polynomial + record("DP1", "NTERMS", 1);
  CHECK_THROWS(fits::FileError, "index from 1 to 2", parse(one + record("DP1", "TERM.1.VAR.3", 1)));
  CHECK_THROWS(fits::FileError, "index from 1 to 1", parse(one + record("DP1", "TERM.2.COEFF", 1)));
  CHECK_THROWS(fits::FileError, "index from 1 to 0", parse(one + record("DP1", "AUX.1.COEFF.1", 1)));
  CHECK_THROWS(fits::FileError, "powers of 9 or less",
               parse(base + text_card("CPDIS1", "SIP") + record("DP1", "NAXES", 2) + record("DP1", "SIP.FWD.7_3", 1)));
  CHECK_THROWS(fits::FileError, "beside other distortions",
               parse(field_cards("TPV") + card("PV1_1", 1.0) + text_card("CQDIS1", "TPD") + record("DQ1", "NAXES", 2)));
  CHECK_THROWS(fits::FileError, "there can be but one",
               parse(plate_cards() + text_card("CQDIS1", "TPD") + record("DQ1", "NAXES", 2)));
}

// wcslib (7.12) runs past its buffer there: the string of CUNIT2 without its end, and a quote cards later.
TEST(strings_without_an_end_are_left_out) {
  std::string open = text_card("CUNIT2", std::string(67, 'x'));
  open.back() = 'x';
  const std::string base = field_cards("TAN");
  CHECK(packed_from_header(base + open + card("EQUINOX", 2000.0) + text_card("RADESYS", "FK5"), ' ') ==
        packed_from_header(base + card("EQUINOX", 2000.0) + text_card("RADESYS", "FK5"), ' '));
}

TEST(surfaces_and_plates_that_are_wrong_say_why) {
  const std::string base = field_cards("TNX"), good = surface_text("tnx", 1, 1, 3, 3, 2);
  const auto parse = [&](const std::string& first, const std::string& second) {
    return packed_from_header(base + wat_cards(1, first) + wat_cards(2, second), ' ');
  };
  const std::string start = "wtype=tnx axtype=dec latcor = ";
  CHECK_THROWS(fits::FileError, "WAT2_001 is missing", packed_from_header(base + wat_cards(1, good), ' '));
  CHECK_THROWS(fits::FileError, "has no polynomial", parse(good, "wtype=tnx axtype=dec"));
  CHECK_THROWS(fits::FileError, "ends before the order in x", parse(good, start + "\"1. \""));
  CHECK_THROWS(fits::FileError, "the type of function", parse(good, start + "\"4. 2. 2. 0. 0 1 0 1 1 1 1\""));
  CHECK_THROWS(fits::FileError, "integer from 1 to 100", parse(good, start + "\"1. 1e9 2. 0. 0 1 0 1 1 1 1\""));
  CHECK_THROWS(fits::FileError, "integer from 0 to 2", parse(good, start + "\"1. 2. 2. 3. 0 1 0 1 1 1 1\""));
  CHECK_THROWS(fits::FileError, "'INDEF'", parse(good, start + "\"1. 2. 2. 0. INDEF 1 0 1 1 1 1\""));
  CHECK_THROWS(fits::FileError, "the range of x or y is empty", parse(good, start + "\"1. 2. 2. 0. 1 1 0 1 1 1 1\""));
  CHECK_THROWS(fits::FileError, "ends before its last coefficient", parse(good, start + "\"1. 2. 2. 0. 0 1 0 1 1 1\""));
  CHECK_THROWS(fits::FileError, "a term of degree 10", parse(good, surface_text("tnx", 2, 3, 6, 6, 1)));
  CHECK_THROWS(fits::FileError, "projp0 to projp29",
               parse(surface_text("zpx", 1, 1, 2, 2, 0), "wtype=zpx projp30=1. latcor = \"1. 1. 1. 0. 0 1 0 1 0\""));
  // wcslib reads this type into eight characters
  CHECK(parse("wtype=" + std::string(500, 'x'), good) == packed_from_header(base, ' '));

  std::string plate = plate_cards();
  const std::size_t at = plate.find("PLTRAM");
  CHECK_THROWS(fits::FileError, "without a number in PLTRAM",
               packed_from_header(std::string(plate).erase(at, 80), ' '));
  CHECK_THROWS(fits::FileError, "terms of magnitude and colour", packed_from_header(plate + card("AMDX15", 1.0), ' '));
  CHECK_THROWS(fits::FileError, "of scale zero",
               packed_from_header(card("NAXIS", "2") + card("AMDX1", 0.0) + card("AMDX2", 0.0) + card("AMDX3", 0.0) +
                                      card("AMDY1", 0.0) + card("AMDY2", 0.0) + card("AMDY3", 0.0) +
                                      card("XPIXELSZ", 15.0) + card("YPIXELSZ", 15.0),
                                  ' '));
}

}  // namespace
