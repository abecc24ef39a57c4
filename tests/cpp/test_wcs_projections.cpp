// Every projection against wcslib, both ways, over the whole plane and sphere, on every kind of lanes.
#include "check.h"
#include "format/error.h"
#include "wcs/evaluate.h"
#include "wcs/pack.h"
#include "wcs/projections.h"
#include "wcs_oracle.h"

using namespace fits::wcs;

namespace {

constexpr int kPoints = 100000;

struct Case {
  std::string code;
  std::map<std::string, double> parameters;  // PV2_m
  double extent;                             // half the side of the square of intermediate coordinates, degrees
  double tolerance = 1e-9;                   // degrees on the sky; s2x: of the plane, times max(1, r / 57 degrees)
  double usual = 1e-11;                      // the same, of 99.9 % of the points, or what wcslib's own iterations leave
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
    {"AZP", {}, 300},
    {"AZP", {{"PV2_1", 2}}, 110},
    {"AZP", {{"PV2_1", 2}, {"PV2_2", 30}}, 150},
    {"AZP", {{"PV2_1", 1.2}, {"PV2_2", -62}}, 300},
    {"AZP", {{"PV2_1", 0.5}, {"PV2_2", -40}}, 250},
    {"AZP", {{"PV2_1", -3}, {"PV2_2", 20}}, 50},
    {"SZP", {}, 300},
    {"SZP", {{"PV2_1", 2}, {"PV2_2", 210}, {"PV2_3", 60}}, 150},
    {"SZP", {{"PV2_1", 0.5}, {"PV2_2", 30}, {"PV2_3", 70}}, 200},
    {"SZP", {{"PV2_1", -4}, {"PV2_2", 110}, {"PV2_3", 50}}, 60},
    {"ZPN", {{"PV2_1", 1.1}}, 200},
    {"ZPN", {{"PV2_0", -0.05}, {"PV2_1", 1}, {"PV2_2", 0.1}}, 200},
    {"ZPN", {{"PV2_0", 0.05}, {"PV2_1", 1}, {"PV2_2", -0.2}}, 100},
    {"ZPN",
     {{"PV2_0", 0.050},
      {"PV2_1", 0.975},
      {"PV2_2", -0.807},
      {"PV2_3", 0.337},
      {"PV2_4", -0.065},
      {"PV2_5", 0.010},
      {"PV2_6", 0.003},
      {"PV2_7", -0.001}},
     70,
     1e-9,
     5e-10},
    {"ZPN", {{"PV2_1", 1}, {"PV2_3", 42}}, 60, 1e-9, 5e-10},
    {"ZPN", {{"PV2_1", 1}, {"PV2_3", -0.1}, {"PV2_5", 0.001}}, 80, 1e-9, 5e-10},
    {"AIR", {}, 300, 1e-9, 3e-10},
    {"AIR", {{"PV2_1", 45}}, 300, 1e-9, 3e-10},
    {"AIR", {{"PV2_1", -30}}, 200, 1e-9, 3e-10},
    {"SFL", {}, 182},
    {"PAR", {}, 182},
    {"MOL", {}, 165, 2e-9, 1e-10},
    {"AIT", {}, 165},
    {"COP", {{"PV2_1", 45}, {"PV2_2", 25}}, 150},
    {"COP", {{"PV2_1", -60}, {"PV2_2", 15}}, 150},
    {"COP", {{"PV2_1", 10}}, 150},
    {"COE", {{"PV2_1", 45}, {"PV2_2", 25}}, 182},
    {"COE", {{"PV2_1", -60}, {"PV2_2", 15}}, 182},
    {"COE", {{"PV2_1", 10}}, 182},
    {"COD", {{"PV2_1", 45}, {"PV2_2", 25}}, 182},
    {"COD", {{"PV2_1", -60}, {"PV2_2", 15}}, 182},
    {"COD", {{"PV2_1", 10}}, 182},
    {"COO", {{"PV2_1", 45}, {"PV2_2", 25}}, 182},
    {"COO", {{"PV2_1", -60}, {"PV2_2", 15}}, 182},
    {"COO", {{"PV2_1", 10}}, 182},
    {"BON", {{"PV2_1", 45}}, 182},
    {"PCO", {}, 182},
    {"TSC", {}, 182},
    {"CSC", {}, 182},
    {"QSC", {}, 182},
    {"HPX", {}, 182},
    {"HPX", {{"PV2_1", 6}, {"PV2_2", 4}}, 182},
    {"XPH", {}, 130},
};

using Numbers = std::vector<double>;

Numbers random_pixels(const Numbers& packed, double extent, int count) {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> any(-extent, extent);
  const LinearLayout at{2};
  const double* const linear = packed.data() + static_cast<int>(packed[head::kLinear]);
  const double* const inverse = linear + at.inverse();
  Numbers pixels;
  for (int i = 0; i < count; ++i) {
    const double x = any(random), y = any(random);
    pixels.push_back(inverse[0] * x + inverse[1] * y + linear[0] - 1);
    pixels.push_back(inverse[2] * x + inverse[3] * y + linear[1] - 1);
  }
  return pixels;
}

Numbers random_sky(std::uint64_t seed, int count) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> any(-1, 1);
  Numbers sky;
  for (int i = 0; i < count; ++i) {
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
             const Case& c, const Distance& distance) {
  Numbers distances;
  int disputed = 0;
  for (std::size_t i = 0; i < theirs.status.size(); ++i) {
    const bool ours_good = ours.status[i] == 0,
               theirs_good = theirs.status[i] == 0 && !std::isnan(theirs.coordinates[2 * i + 1]);
    if (ours_good != theirs_good) ++disputed;
    if (!ours_good) {
      CHECK(std::isnan(ours.coordinates[2 * i]) && std::isnan(ours.coordinates[2 * i + 1]));
      CHECK_EQUAL(ours.status[i], 3);
    }
    if (!ours_good || !theirs_good) continue;
    distances.push_back(distance(i));
  }
  std::sort(distances.begin(), distances.end());
  const std::size_t good = distances.size();
  CHECK(good > theirs.status.size() / 10);
  // Of random points at most one in 10000; and of a pole, where the projection may diverge, its five longitudes.
  const int most_disputed = static_cast<int>(theirs.status.size() / 10000) + 5;
  const double worst = distances.back(), usual = distances[good - 1 - good / 1000];
  if (!(worst < c.tolerance) || !(usual < c.usual) || disputed > most_disputed) {
    std::printf("%s %s: worst %g, 99.9 %% %g, %d disputed, %zu good\n", name.c_str(), what, worst, usual, disputed,
                good);
  }
  CHECK(worst < c.tolerance);
  CHECK(usual < c.usual);
  CHECK(disputed <= most_disputed);
}

void check_case(const Case& c, double crval1, double crval2, std::map<std::string, double> more, int count = kPoints) {
  const std::string name = c.code + " at " + std::to_string(crval1) + ", " + std::to_string(crval2);
  more.insert(c.parameters.begin(), c.parameters.end());
  const std::string cards = oracle::celestial_cards(c.code, crval1, crval2, more);
  if (!oracle::accepts(cards)) {
    CHECK_THROWS(fits::FileError, "(wcslib)", packed_from_header(cards, ' '));
    return;
  }
  const Numbers packed = packed_from_header(cards, ' ');
  oracle::Wcslib wcslib(cards);

  const Numbers pixels = random_pixels(packed, c.extent, count);
  const auto world = evaluate_all(packed, pixels, true);
  const auto their_world = wcslib.to_world(pixels);
  compare("x2s", name, world, their_world, c, [&](std::size_t i) {
    const double* a = &world.coordinates[2 * i];
    const double* b = &their_world.coordinates[2 * i];
    return oracle::separation(a[0], a[1], b[0], b[1]);
  });

  const Numbers sky = random_sky(7, count);
  const auto pixel = evaluate_all(packed, sky, false);
  const auto their_pixel = wcslib.to_pixel(sky);
  compare("s2x", name, pixel, their_pixel, c, [&](std::size_t i) {
    const double* a = &pixel.coordinates[2 * i];
    const double* b = &their_pixel.coordinates[2 * i];
    const double r = 0.2 * std::hypot(a[0], a[1]);
    // A pole that is drawn as a circle is any point of it.
    if (c.parameters.count("PV2_0") != 0 && std::fabs(sky[2 * i + 1]) == 90) return 0.0;
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

  // There and back, for what wcslib does not judge. (A polynomial that starts below zero has two points for one.)
  const auto constant = c.parameters.find("PV2_0");
  if (constant != c.parameters.end() && constant->second < 0) return;
  const auto back = evaluate_all(packed, pixel.coordinates, true);
  double worst = 0;
  for (std::size_t i = 0; i < back.status.size(); ++i) {
    if (pixel.status[i] != 0 || back.status[i] != 0) continue;
    worst = std::max(
        worst, oracle::separation(sky[2 * i], sky[2 * i + 1], back.coordinates[2 * i], back.coordinates[2 * i + 1]));
  }
  // The limb of SIN, the antipode of ZEA: the square root of a rounding. CSC: both ways are only fits to each other.
  CHECK(worst < (c.code == "CSC" ? 0.02 : 1e-5));
}

TEST(every_projection_agrees_with_wcslib) {
  for (const Case& c : kCases) {
    check_case(c, 150.1, 2.2, {});
    check_case(c, 0.0, -61.3, {{"LONPOLE", 33.0}}, kPoints / 5);
    check_case(c, 359.9, 90.0, {}, kPoints / 5);
    check_case(c, 12.5, -90.0, {}, kPoints / 5);
    check_case(c, -40.0, 0.0, {{"LATPOLE", 20.0}}, kPoints / 5);
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

// Where wcslib stops iterating early: the equations of Paper II in extended precision. Errors in degrees on the sky
// (x2s) or in the plane (s2x).
constexpr long double kPi = 3.14159265358979323846264338327950288L, kR0 = 180 / kPi;

template <class Projection, class Radius>
void check_radius(const std::map<std::string, double>& parameters, double limit, double tolerance,
                  const Radius& radius_of) {
  const std::string code(kProjectionCodes[Projection::kNumber - 1]);
  const Numbers packed = packed_from_header(oracle::celestial_cards(code, 150.1, 2.2, parameters), ' ');
  const Constants c{unpack(packed.data(), static_cast<std::int64_t>(packed.size())).celestial()};
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> any(0, 1);
  double worst_x2s = 0, worst_s2x = 0;
  for (int i = 0; i < kPoints; ++i) {
    const double phi = 360 * any(random), zeta = limit * std::pow(any(random), i % 3 == 0 ? 8 : 1);
    const auto along = sincosd(phi), down = sincosd(zeta);
    const Direction<double> v = {down.sine * along.cosine, down.sine * along.sine, down.cosine};
    const auto plane = Projection::s2x(c, NativeDirection<double>{v, true});
    CHECK(plane.valid);
    const auto angle = [](Direction<double> d) {
      return std::atan2(std::hypot(static_cast<long double>(d.l), static_cast<long double>(d.m)),
                        static_cast<long double>(d.n));
    };
    const long double expected = radius_of(angle(v)) * kR0;
    const long double found = std::hypot(static_cast<long double>(plane.x), static_cast<long double>(plane.y));
    worst_s2x = std::max(worst_s2x, static_cast<double>(std::fabs(found - expected) / std::max(1.0L, expected / kR0)));

    const auto native = Projection::x2s(c, plane.x, plane.y);
    CHECK(native.valid);
    const long double back = angle(native.at), step = 1e-6L;
    const long double slope = (radius_of(back + step) - radius_of(back - step)) / (2 * step);
    const long double error = (radius_of(back) - found / kR0) / slope * kR0;
    worst_x2s = std::max(worst_x2s, static_cast<double>(std::fabs(error)));
  }
  if (!(worst_x2s < tolerance) || !(worst_s2x < tolerance)) {
    std::printf("%s: x2s %g, s2x %g\n", code.c_str(), worst_x2s, worst_s2x);
  }
  CHECK(worst_x2s < tolerance);
  CHECK(worst_s2x < tolerance);
}

TEST(zpn_and_air_solve_their_equations) {
  const auto polynomial = [](const std::vector<long double>& coefficients) {
    return [coefficients](long double zeta) {
      long double sum = 0;
      for (std::size_t m = coefficients.size(); m-- > 0;) sum = sum * zeta + coefficients[m];
      return sum;
    };
  };
  // Parameters that a double holds exactly; up to five degrees from where the polynomial stops rising.
  check_radius<Zpn>({{"PV2_1", 1}, {"PV2_3", 42}}, 170, 1e-13, polynomial({0, 1, 0, 42}));
  check_radius<Zpn>({{"PV2_1", 1}, {"PV2_2", -0.25}}, 105, 3e-13, polynomial({0, 1, -0.25}));
  check_radius<Zpn>({{"PV2_1", 1}, {"PV2_3", -0.125}, {"PV2_5", 0.0078125}}, 95, 3e-13,
                    polynomial({0, 1, 0, -0.125, 0, 0.0078125}));
  const auto airy = [](long double theta_b) {
    const long double xi_b = (90 - theta_b) / 2 / kR0;
    const long double w = theta_b == 90 ? -0.5L : std::log(std::cos(xi_b)) / (std::tan(xi_b) * std::tan(xi_b));
    return [w](long double zeta) {
      const long double t = std::tan(zeta / 2);
      return t == 0 ? t : std::log1p(t * t) / t - 2 * w * t;
    };
  };
  check_radius<Air>({}, 175, 1e-13, airy(90));
  check_radius<Air>({{"PV2_1", 45}}, 175, 1e-13, airy(45));
  check_radius<Air>({{"PV2_1", -30}}, 175, 1e-13, airy(-30));
}

TEST(mol_solves_its_equation) {
  const Numbers packed = packed_from_header(oracle::celestial_cards("MOL", 150.1, 2.2), ' ');
  const Constants c{unpack(packed.data(), static_cast<std::int64_t>(packed.size())).celestial()};
  std::mt19937_64 random(13);
  std::uniform_real_distribution<double> any(0, 1);
  double worst_s2x = 0, worst_x2s = 0;
  for (int i = 0; i < kPoints; ++i) {
    // Near the pole, near the equator, anywhere.
    const double away = 90 * std::pow(any(random), i % 3 == 2 ? 1 : 8), theta = i % 3 == 0 ? 90 - away : away;
    const double phi = 360 * any(random) - 180;
    const auto plane = Mol::s2x(c, NativeAngles<double>{angles(Spherical<double>{phi, theta}), true});
    CHECK(plane.valid);
    // With delta = 90 degrees - gamma: 2 delta - sin 2 delta = pi (1 - sin theta), by halving.
    const long double half = (90 - static_cast<long double>(theta)) / kR0 / 2;
    const long double target = 2 * kPi * std::sin(half) * std::sin(half);
    const auto excess = [](long double p) {  // p - sin p
      long double term = p * p * p / 6, sum = 0;
      for (int n = 4; std::fabs(term) > 1e-24L * sum; n += 2) {
        sum += term;
        term *= -p * p / (n * (n + 1));
      }
      return sum;
    };
    long double low = 0, high = kPi;
    for (int step = 0; step < 120; ++step) {
      const long double middle = (low + high) / 2;
      (excess(middle) < target ? low : high) = middle;
    }
    const long double delta = low / 2;
    const long double x = std::sqrt(2.0L) * kR0 / 90 * phi * std::sin(delta),
                      y = std::sqrt(2.0L) * kR0 * std::cos(delta);
    worst_s2x = std::max(worst_s2x, static_cast<double>(std::hypot(plane.x - x, plane.y - y)));

    // At the pole an ulp of y is many of theta: there x2s is asked for points that are not so near.
    if (theta > 89) continue;
    const auto native = Mol::x2s(c, plane.x, plane.y);
    CHECK(native.valid);
    const long double found_delta = std::acos(static_cast<long double>(plane.y) / (std::sqrt(2.0L) * kR0));
    const long double colatitude = 2 * std::asin(std::sqrt(excess(2 * found_delta) / (2 * kPi)));
    worst_x2s = std::max(worst_x2s, static_cast<double>(std::fabs(latitude(native.at) - (90 - colatitude * kR0))));
  }
  if (!(worst_s2x < 1e-13) || !(worst_x2s < 1e-13)) std::printf("MOL: s2x %g, x2s %g\n", worst_s2x, worst_x2s);
  CHECK(worst_s2x < 1e-13);
  CHECK(worst_x2s < 1e-13);
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
            CHECK(i / 2 == at / 2 ? std::isnan(found.coordinates[i])
                                  : same_bits({found.coordinates[i]}, {expected[i]}));
          }
          CHECK_EQUAL(found.status[at / 2], 3);
        }
      }
    }
  }
}

TEST(crpix_is_crval_to_the_last_bit_of_longitude) {
  for (const char* const code : {"TAN", "SIN", "ARC", "STG", "ZEA", "AZP", "SZP", "ZPN", "AIR"}) {
    const auto parameters = code == std::string("ZPN") ? std::map<std::string, double>{{"PV2_1", 1}, {"PV2_3", 0.1}}
                                                       : std::map<std::string, double>{};
    const Numbers packed = packed_from_header(oracle::celestial_cards(code, 150.1, 2.2, parameters), ' ');
    const auto world = evaluate_all(packed, {11.25, -8.5}, true);
    CHECK_EQUAL(world.coordinates[0], 150.1);
    CHECK(std::fabs(world.coordinates[1] - 2.2) < 4e-15);
  }
}

}  // namespace
