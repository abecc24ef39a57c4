// Trigonometry in degrees and exponentials against 80-bit arithmetic.
#include <cmath>
#include <random>

#include "check.h"
#include "wcs/angle.h"
#include "wcs/exponential.h"

using namespace fits::wcs;

namespace {

constexpr int kPoints = 300000;
constexpr long double kDegreeLong = 3.14159265358979323846264338327950288L / 180;

// Units in the last place between a result and the truth.
double ulps(double found, long double truth) {
  const double size = std::fabs(static_cast<double>(truth));
  return static_cast<double>(fabsl(found - truth)) / (std::nextafter(size, INFINITY) - size);
}

struct Worst {
  double ulp = 0;
  void note(double found, long double truth) { ulp = std::max(ulp, ulps(found, truth)); }
};

// The truth, reduced by quarter turns exactly, so that pi's missing digits do not show beside the zeros.
long double sine_of(double degrees, int quarters) {
  const long double k = roundl(degrees / 90.0L);
  const long double rest = fmal(k, -90, degrees) * kDegreeLong;
  const int quarter = (static_cast<int>(k) + quarters) & 3;
  const long double value = (quarter & 1) != 0 ? cosl(rest) : sinl(rest);
  return quarter < 2 ? value : -value;
}

TEST(sine_and_cosine_within_1_6_ulp) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> any(-720, 720);
  Worst sine, cosine;
  for (int i = 0; i < kPoints; ++i) {
    const double angle = any(random);
    const auto s = sincosd(angle);
    sine.note(s.sine, sine_of(angle, 0));
    cosine.note(s.cosine, sine_of(angle, 1));
  }
  CHECK(sine.ulp < 1.6);
  CHECK(cosine.ulp < 1.6);
  if (check::failed()) std::printf("ulp: sine %g, cosine %g\n", sine.ulp, cosine.ulp);
}

TEST(arc_tangent_within_2_3_ulp) {
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> any(-1, 1);
  Worst worst;
  for (int i = 0; i < kPoints; ++i) {
    const double x = any(random), y = any(random) * std::pow(10, 12 * any(random));
    worst.note(atan2d(y, x), atan2l(y, x) / kDegreeLong);
  }
  CHECK(worst.ulp < 2.3);
  if (check::failed()) std::printf("ulp: %g\n", worst.ulp);
}

TEST(multiples_of_90_are_exact) {
  const double sines[] = {0, 1, 0, -1};
  for (int k = -8; k <= 8; ++k) {
    const auto s = sincosd(90.0 * k);
    CHECK_EQUAL(s.sine, sines[(k + 8) % 4]);
    CHECK_EQUAL(s.cosine, sines[(k + 9) % 4]);
  }
  CHECK_EQUAL(atan2d(1.0, 0.0), 90.0);
  CHECK_EQUAL(atan2d(-1.0, 0.0), -90.0);
  CHECK_EQUAL(atan2d(0.0, 1.0), 0.0);
  CHECK_EQUAL(atan2d(0.0, -1.0), 180.0);
  CHECK_EQUAL(atan2d(-0.0, -1.0), -180.0);
  CHECK_EQUAL(atan2d(3.0, 3.0), 45.0);
  CHECK_EQUAL(atan2d(3.0, -3.0), 135.0);
  CHECK_EQUAL(atan2d(0.0, 0.0), 0.0);
  CHECK_EQUAL(asind(1.0), 90.0);
  CHECK_EQUAL(acosd(-1.0), 180.0);
  CHECK_EQUAL(acosd(0.0), 90.0);
}

TEST(bad_angles_are_nan) {
  const double nan = std::nan(""), infinite = INFINITY;
  for (const double bad : {nan, infinite, -infinite}) {
    CHECK(std::isnan(sincosd(bad).sine) && std::isnan(sincosd(bad).cosine));
  }
  CHECK(std::isnan(atan2d(nan, 1.0)) && std::isnan(atan2d(1.0, nan)));
  CHECK(std::isnan(asind(1.0000001)) && std::isnan(acosd(-1.0000001)));
}

TEST(exponential_and_logarithm_within_two_ulp) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> any(-1, 1);
  Worst e, e1, l, l1;
  for (int i = 0; i < kPoints; ++i) {
    const double a = 700 * any(random), small = any(random) * std::pow(10, 8 * any(random) - 8);
    e.note(fits::wcs::exp(a), expl(a));
    e1.note(fits::wcs::expm1(small), expm1l(small));
    l1.note(fits::wcs::log1p(small), log1pl(small));
    const double positive = std::exp(a);
    l.note(fits::wcs::log(positive), logl(positive));
  }
  CHECK(e.ulp < 1);
  CHECK(e1.ulp < 2);
  CHECK(l.ulp < 1.5);
  CHECK(l1.ulp < 1.5);
  if (check::failed()) std::printf("ulp: exp %g, expm1 %g, log %g, log1p %g\n", e.ulp, e1.ulp, l.ulp, l1.ulp);
  CHECK_EQUAL(fits::wcs::log(0.0), -INFINITY);
  CHECK(std::isnan(fits::wcs::log(-1.0)) && std::isnan(fits::wcs::log1p(-1.5)));
  CHECK_EQUAL(fits::wcs::log1p(-1.0), -INFINITY);
  CHECK_EQUAL(fits::wcs::exp(800.0), INFINITY);
  CHECK_EQUAL(fits::wcs::exp(-800.0), 0.0);
  CHECK_EQUAL(fits::wcs::log(double{INFINITY}), INFINITY);
  CHECK_EQUAL(fits::wcs::exp(0.0), 1.0);
}

}  // namespace
