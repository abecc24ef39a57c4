// TAN in one stage (wcs/gnomonic.h) against the two that it stands for: any pole, any field, lanes and one number.
#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "check.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define FITS_LANES4
#include "wcs/gnomonic.h"
#include "wcs/linear.h"
#include "wcs/update.h"

namespace {

using namespace fits::wcs;

template <class Number>
struct Two {
  using Real = Number;
  Real at[2];
  bool flagged = false;
  FITS_HOST_DEVICE Real get(int axis) const { return at[axis]; }
  FITS_HOST_DEVICE void set(int axis, Real value) { at[axis] = value; }
  FITS_HOST_DEVICE void flag(MaskOf<Real> mask, int) { flagged = flagged || any(mask); }
};

__attribute__((noinline)) std::vector<double> header(double lng, double lat, double lonpole, const double* matrix) {
  const LinearLayout at{2};
  std::vector<double> slots(static_cast<std::size_t>(head::kSize + at.size() + celestial::kSize));
  slots[head::kVersion] = kLayoutVersion;
  slots[head::kLength] = static_cast<double>(slots.size());
  slots[head::kNaxis] = 2;
  slots[head::kLat] = 1;
  slots[head::kSpec] = -1;
  slots[head::kProjection] = Tan::kNumber;
  slots[head::kLinear] = head::kSize;
  slots[head::kCelestial] = head::kSize + at.size();
  double* const linear = slots.data() + head::kSize;
  linear[0] = 512.5;
  linear[1] = -31.25;
  std::copy_n(matrix, 4, linear + at.matrix());
  linear[at.kind()] = linear[at.kind() + 1] = static_cast<double>(AxisKind::celestial);
  double* const block = linear + at.size();
  block[celestial::kReference + 2] = lonpole;
  block[celestial::kTheta0] = 90;
  block[celestial::kRadius] = kRadian;
  CHECK(complete_pole(lng, lat, block));
  return slots;
}

// Degrees between two directions.
double apart(const double* a, const double* b) {
  const double rad = std::acos(-1.0) / 180, lng = std::remainder(a[0] - b[0], 360.0);
  return std::hypot(lng * std::cos(a[1] * rad), a[1] - b[1]);
}

__attribute__((noinline)) void compare(const std::vector<double>& slots, double reach, std::mt19937_64& random) {
  const Packed wcs = unpack(slots.data(), static_cast<std::int64_t>(slots.size()));
  CHECK(wcs.naxis == 2 && Gnomonic::is_all_of(wcs));
  const Gnomonic once(wcs);
  std::uniform_real_distribution<double> any(-reach, reach);
  for (int i = 0; i < 500; ++i) {
    double x[4], y[4];
    for (int k = 0; k < 4; ++k) {
      x[k] = 511.5 + any(random);
      y[k] = -32.25 + any(random);
    }
    if (i == 0) x[1] = std::nan(""), y[2] = std::nan(""), x[3] = INFINITY;
    if (i == 1) x[0] = 511.5, y[0] = -32.25;  // CRPIX
    Two<Lanes4> lanes{{load<Lanes4>(x), load<Lanes4>(y)}};
    once(lanes);
    double lng[4], lat[4];
    store(lng, lanes.at[0]);
    store(lat, lanes.at[1]);
    for (int k = 0; k < 4; ++k) {
      Two<double> one{{x[k], y[k]}}, steps = one;
      once(one);
      PixelToIntermediate{wcs}(steps);
      IntermediateToCelestial<Tan>{wcs}(steps);
      const bool bad = std::isnan(one.at[0]);
      CHECK(bad == std::isnan(steps.at[0]) && bad == std::isnan(one.at[1]) && bad == one.flagged);
      CHECK(bad ? std::isnan(lng[k]) && std::isnan(lat[k]) : lng[k] == one.at[0] && lat[k] == one.at[1]);
      CHECK(bad || apart(one.at, steps.at) < 6e-14);
      if (i == 1 && k == 0) CHECK(one.at[0] == steps.at[0] && one.at[1] == steps.at[1]);
    }
  }
}

TEST(one_stage_is_the_two) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return;
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> unit(-1, 1);
  for (const double scale : {5.5e-5, 0.05}) {
    for (const double lat : {2.2, -47.0, 90.0, -90.0, 89.9999, 0.0, 65.0}) {
      const double c = scale * unit(random), s = scale * unit(random);
      const double turned[4] = {-c, s, s, c + 0.1 * scale}, upright[4] = {-scale, 0, 0, scale};
      compare(header(180 + 180 * unit(random), lat, 180, turned), 1000, random);
      compare(header(0.0, lat, 180 * unit(random), upright), 1000, random);
    }
  }
}

}  // namespace

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
