// Every projection against wcslib, both ways, over the whole plane and sphere, on every kind of lanes.
#include "check.h"
#include "format/error.h"
#include "wcs/evaluate.h"
#include "wcs/projections.h"
#include "wcs/wcslib.h"
#include "wcs_oracle.h"

using namespace fits::wcs;

namespace {

constexpr int kPoints = 100000;

struct Case {
  std::string code;
  std::map<std::string, double> parameters;  // PV2_m
  double extent;                             // half the side of the square of intermediate coordinates, degrees
  double tolerance = 1e-9;                   // degrees on the sky; s2x: of the plane, times max(1, r / 57 degrees)
};

const std::vector<Case> kCases = {
    {"TAN", {}, 300},
    {"SIN", {}, 60},
    {"SIN", {{"PV2_1", 0.3}, {"PV2_2", -0.2}}, 70},
    {"ARC", {}, 182},
    {"STG", {}, 500},
    {"ZEA", {}, 116},
    {"CAR", {}, 182},
    {"MER", {}, 185},
    {"CEA", {{"PV2_1", 0.8}}, 182},
    {"CYP", {{"PV2_1", 1.5}, {"PV2_2", 0.7}}, 182},
    {"CYP", {}, 182},
};

using Numbers = std::vector<double>;

Numbers random_pixels(const Numbers& packed, double extent) {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> any(-extent, extent);
  const LinearLayout at{2};
  const double* const linear = packed.data() + static_cast<int>(packed[head::kLinear]);
  const double* const inverse = linear + at.inverse();
  Numbers pixels;
  for (int i = 0; i < kPoints; ++i) {
    const double x = any(random), y = any(random);
    pixels.push_back(inverse[0] * x + inverse[1] * y + linear[0] - 1);
    pixels.push_back(inverse[2] * x + inverse[3] * y + linear[1] - 1);
  }
  return pixels;
}

Numbers random_sky(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> any(-1, 1);
  Numbers sky;
  for (int i = 0; i < kPoints; ++i) {
    sky.push_back(180 + 180 * any(random));
    sky.push_back(std::asin(any(random)) * 57.29577951308232);
  }
  for (const double lng : {0.0, 360.0, 150.1, -30.0, 180.0}) {  // the poles, the edges of longitude
    for (const double lat : {90.0, -90.0, 0.0, 1e-12, 89.9999999999, 33.0}) {
      sky.push_back(lng);
      sky.push_back(lat);
    }
  }
  return sky;
}

std::vector<Level> levels() {
  std::vector<Level> all = {Level::plain};
  if (best_level() != Level::plain) all.push_back(best_level());
  return all;
}

bool same_bits(const Numbers& a, const Numbers& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(a[i] == b[i] || (a[i] != a[i] && b[i] != b[i]))) return false;
  }
  return a.size() == b.size();
}

struct Evaluated {
  Numbers coordinates;
  std::vector<std::int32_t> status;
};

// On every kind of lanes; CHECKs that they agree bit for bit.
Evaluated evaluate_all(const Numbers& packed, const Numbers& in, bool to_world) {
  const Packed wcs = unpack(packed.data(), static_cast<std::int64_t>(packed.size()));
  CHECK(wcs.naxis == 2);
  Evaluated first;
  for (const Level level : levels()) {
    Evaluated result{Numbers(in.size()), std::vector<std::int32_t>(in.size() / 2)};
    const auto count = static_cast<std::int64_t>(in.size() / 2);
    if (to_world) {
      pixel_to_world(wcs, in.data(), count, result.coordinates.data(), result.status.data(), level);
    } else {
      world_to_pixel(wcs, in.data(), count, result.coordinates.data(), result.status.data(), level);
    }
    if (first.coordinates.empty()) {
      first = result;
    } else {
      CHECK(same_bits(first.coordinates, result.coordinates));
      CHECK(first.status == result.status);
    }
  }
  return first;
}

// Points whose status agree but for `disputed` of them; the largest distance among those that are good.
template <class Distance>
void compare(const char* what, const std::string& name, const Evaluated& ours, const oracle::Wcslib::Result& theirs,
             double tolerance, const Distance& distance) {
  double worst = 0;
  int disputed = 0, good = 0;
  for (std::size_t i = 0; i < theirs.status.size(); ++i) {
    const bool ours_good = ours.status[i] == 0,
               theirs_good = theirs.status[i] == 0 && !std::isnan(theirs.coordinates[2 * i + 1]);
    if (ours_good != theirs_good) ++disputed;
    if (!ours_good) {
      CHECK(std::isnan(ours.coordinates[2 * i]) && std::isnan(ours.coordinates[2 * i + 1]));
      CHECK_EQUAL(ours.status[i], 3);
    }
    if (!ours_good || !theirs_good) continue;
    ++good;
    worst = std::max(worst, distance(i));
  }
  if (!(worst < tolerance) || disputed > kPoints / 10000 || good < kPoints / 10) {
    std::printf("%s %s: worst %g, %d disputed, %d good\n", name.c_str(), what, worst, disputed, good);
  }
  CHECK(worst < tolerance);
  CHECK(disputed <= kPoints / 10000);
  CHECK(good > kPoints / 10);
}

void check_case(const Case& c, double crval1, double crval2, std::map<std::string, double> more) {
  const std::string name = c.code + " at " + std::to_string(crval1) + ", " + std::to_string(crval2);
  more.insert(c.parameters.begin(), c.parameters.end());
  const std::string cards = oracle::celestial_cards(c.code, crval1, crval2, more);
  if (!oracle::accepts(cards)) {
    CHECK_THROWS(fits::FileError, "(wcslib)", packed_from_header(cards, ' '));
    return;
  }
  const Numbers packed = packed_from_header(cards, ' ');
  oracle::Wcslib wcslib(cards);

  const Numbers pixels = random_pixels(packed, c.extent);
  const auto world = evaluate_all(packed, pixels, true);
  const auto their_world = wcslib.to_world(pixels);
  compare("x2s", name, world, their_world, c.tolerance, [&](std::size_t i) {
    const double* a = &world.coordinates[2 * i];
    const double* b = &their_world.coordinates[2 * i];
    return oracle::separation(a[0], a[1], b[0], b[1]);
  });

  const Numbers sky = random_sky(7);
  const auto pixel = evaluate_all(packed, sky, false);
  const auto their_pixel = wcslib.to_pixel(sky);
  compare("s2x", name, pixel, their_pixel, c.tolerance, [&](std::size_t i) {
    const double* a = &pixel.coordinates[2 * i];
    const double* b = &their_pixel.coordinates[2 * i];
    const double r = 0.2 * std::hypot(a[0], a[1]);
    if (r > 57.3e3) return 0.0;  // so far out a digit of the angle is more than the tolerance
    const double apart = 0.2 * std::hypot(a[0] - b[0], a[1] - b[1]) / std::max(1.0, r * r / 3283);
    if (apart < c.tolerance) return apart;
    // On the cut between phi = -180 and 180 and at poles drawn as lines both are right: the same point of the sky, as
    // far as the plane tells points apart there.
    const auto again = wcslib.to_world({a[0], a[1], b[0], b[1]});
    const double* const sky_of = again.coordinates.data();
    const double between = oracle::separation(sky_of[0], sky_of[1], sky_of[2], sky_of[3]);
    return again.status[0] != 0 || again.status[1] != 0 || (apart > 1e-3 && between < 1e-5) ? 0.0 : between;
  });

  // There and back, for what wcslib does not judge.
  const auto back = evaluate_all(packed, pixel.coordinates, true);
  double worst = 0;
  for (std::size_t i = 0; i < back.status.size(); ++i) {
    if (pixel.status[i] != 0 || back.status[i] != 0) continue;
    worst = std::max(
        worst, oracle::separation(sky[2 * i], sky[2 * i + 1], back.coordinates[2 * i], back.coordinates[2 * i + 1]));
  }
  CHECK(worst < 1e-5);  // the limb of SIN, the antipode of ZEA: the square root of a rounding
}

TEST(every_projection_agrees_with_wcslib) {
  for (const Case& c : kCases) {
    check_case(c, 150.1, 2.2, {});
    check_case(c, 0.0, -61.3, {{"LONPOLE", 33.0}});
    check_case(c, 359.9, 90.0, {});
    check_case(c, 12.5, -90.0, {});
    check_case(c, -40.0, 0.0, {{"LATPOLE", 20.0}});
  }
}

TEST(fiducial_point_elsewhere) {  // PV1_0 = 1: offset; PV1_1, PV1_2: phi0, theta0 (Paper II, section 2.5)
  for (const char* const code : {"TAN", "CAR", "ARC", "CEA"}) {
    Case c{code, {{"PV1_0", 1}, {"PV1_1", 10}, {"PV1_2", 70}}, 40};
    if (std::string(code) == "CEA") c.parameters["PV2_1"] = 1;
    check_case(c, 150.1, 42.0, {});
  }
}

TEST(every_projection_has_a_case) {
  for (int number = 1; number <= kProjectionCount; ++number) {
    if (!Projections::has(number)) continue;
    const auto code = kProjectionCodes[static_cast<std::size_t>(number - 1)];
    CHECK(std::any_of(kCases.begin(), kCases.end(), [&](const Case& c) { return c.code == code; }));
  }
}

TEST(one_bad_point_spoils_no_other) {
  const double nan = std::nan(""), infinite = INFINITY;
  for (const Case& c : kCases) {
    const Numbers packed = packed_from_header(oracle::celestial_cards(c.code, 150.1, 2.2, c.parameters), ' ');
    const Numbers good = {12, -8, 13, -7, 14, -9, 11, -8, 12, -6};
    for (const bool to_world : {true, false}) {
      const Numbers start = to_world ? good : evaluate_all(packed, good, true).coordinates;
      const Numbers expected = evaluate_all(packed, start, to_world).coordinates;
      for (const double bad : {nan, infinite, -infinite}) {
        for (std::size_t at = 0; at < start.size(); ++at) {
          Numbers in = start;
          in[at] = bad;
          const auto found = evaluate_all(packed, in, to_world);
          for (std::size_t i = 0; i < in.size(); ++i) {
            CHECK(i / 2 == at / 2 ? std::isnan(found.coordinates[i]) : found.coordinates[i] == expected[i]);
          }
          CHECK_EQUAL(found.status[at / 2], 3);
        }
      }
    }
  }
}

TEST(crpix_is_crval_to_the_last_bit_of_longitude) {
  for (const char* const code : {"TAN", "SIN", "ARC", "STG", "ZEA"}) {
    const Numbers packed = packed_from_header(oracle::celestial_cards(code, 150.1, 2.2), ' ');
    const auto world = evaluate_all(packed, {11.25, -8.5}, true);
    CHECK_EQUAL(world.coordinates[0], 150.1);
    CHECK(std::fabs(world.coordinates[1] - 2.2) < 4e-15);
  }
}

}  // namespace
