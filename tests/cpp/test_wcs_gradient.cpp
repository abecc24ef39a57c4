// The chain backwards: every kind of lanes gives the same bits, and sums are those of differences, also of sums' own
// derivatives; wcs_update makes again what a header gave.
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "wcs/gradient.h"
#include "wcs/pack.h"
#include "wcs/projections.h"
#include "wcs/update.h"
#include "wcs_oracle.h"

using namespace fits::wcs;

namespace {

using Numbers = std::vector<double>;

std::map<std::string, double> parameters_of(std::string_view code) {
  if (code == "AZP" || code == "SZP") return {{"PV2_1", 2}, {"PV2_2", 30}, {"PV2_3", 60}};
  if (code == "SIN") return {{"PV2_1", 0.1}, {"PV2_2", -0.2}};
  if (code == "ZPN") return {{"PV2_0", 1e-3}, {"PV2_1", 1}, {"PV2_2", 0.05}, {"PV2_3", -0.02}};
  if (code == "CYP") return {{"PV2_1", 1.5}, {"PV2_2", 0.8}};
  if (code == "CEA") return {{"PV2_1", 0.9}};
  if (code == "AIR" || code == "BON") return {{"PV2_1", 45}};
  if (code.starts_with("CO")) return {{"PV2_1", 45}, {"PV2_2", 25}};
  return {};
}

Numbers packed_of(std::string_view code) {
  auto parameters = parameters_of(code);
  if (code == "AZP") parameters.erase("PV2_3");
  return packed_from_header(oracle::celestial_cards(std::string(code), 150, 40, parameters), ' ');
}

Packed view(const Numbers& packed) { return unpack(packed.data(), static_cast<std::int64_t>(packed.size())); }

struct Points {
  Numbers pixel, gradient;
  explicit Points(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const double at = static_cast<double>(i);
      pixel.insert(pixel.end(), {12.0 + 0.037 * at, -8.0 - 0.011 * at});
      gradient.insert(gradient.end(), {std::cos(at), std::sin(3 * at)});
    }
  }
  std::int64_t count() const { return static_cast<std::int64_t>(pixel.size() / 2); }
};

TEST(levels_agree_bit_for_bit) {
  for (const std::string_view code : kProjectionCodes) {
    const Numbers packed = packed_of(code);
    const Packed wcs = view(packed);
    for (const std::size_t count : {1, 3, 64, 203}) {
      Points points(count);
      points.pixel[0] = std::numeric_limits<double>::quiet_NaN();
      points.gradient[0] = points.gradient[1] = 0;  // a point that is not used
      Numbers found[2], sums[2];
      for (std::size_t i = 0; i < 2; ++i) {
        found[i].resize(2 * count);
        sums[i].resize(packed.size());
        pixel_to_world_gradient(wcs, points.gradient.data(), points.pixel.data(), points.count(), found[i].data(),
                                sums[i].data(), i == 0 ? Level::plain : best_level());
        settle(wcs, sums[i].data());
      }
      CHECK(found[0] == found[1]);
      CHECK(sums[0] == sums[1]);
      for (const double sum : sums[0]) CHECK(std::isfinite(sum));
    }
  }
}

// The sum over points of gradient . world.
double weighed(const Numbers& packed, const Points& points) {
  Numbers world(points.pixel.size());
  pixel_to_world(view(packed), points.pixel.data(), points.count(), world.data(), nullptr);
  double sum = 0;
  for (std::size_t i = 0; i < world.size(); ++i) sum += points.gradient[i] * world[i];
  return sum;
}

Numbers settled(const Numbers& packed, const Points& points) {
  Numbers sums(packed.size());
  pixel_to_world_gradient(view(packed), points.gradient.data(), points.pixel.data(), points.count(), nullptr,
                          sums.data());
  settle(view(packed), sums.data());
  return sums;
}

Numbers moved(Numbers packed, std::size_t slot, double step) {
  packed[slot] += step;
  CHECK_EQUAL(update(view(packed), packed.data()), "");
  return packed;
}

TEST(sums_and_their_derivatives_are_those_of_differences) {
  for (const std::string_view code : kProjectionCodes) {
    if (code == "CSC") continue;  // defined in float32
    const Numbers packed = packed_of(code);
    const Packed wcs = view(packed);
    const Points points(21);
    const Numbers sums = settled(packed, points);
    const auto at = [](double offset, int slot) {
      return static_cast<std::size_t>(offset) + static_cast<std::size_t>(slot);
    };
    std::vector<std::size_t> slots;
    for (int i = 0; i < 8; ++i) slots.push_back(at(packed[head::kLinear], i));  // CRPIX, CRVAL, matrix
    const FreePv pv = free_pv(wcs);
    for (int m = 0; m < pv.count; ++m) slots.push_back(at(packed[head::kCelestial], celestial::kPv + pv.first + m));
    for (const std::size_t slot : slots) {
      const double step = 1e-5;
      const Numbers up = moved(packed, slot, step), down = moved(packed, slot, -step);
      const double slope = (weighed(up, points) - weighed(down, points)) / (2 * step);
      CHECK(std::fabs(slope - sums[slot]) < 1e-5 + 1e-7 * std::fabs(slope));

      Numbers direction(packed.size());
      direction[slot] = 1;
      const Directed directed(wcs, direction.data());
      std::vector<Dual<double>> partial(packed.size(), 0.0);
      const Numbers still(points.pixel.size());
      Numbers world(still.size()), pixel(still.size()), found(packed.size());
      directed.gradient(points.gradient.data(), points.pixel.data(), still.data(), points.count(), world.data(),
                        pixel.data(), partial.data());
      directed.settle(partial.data(), found.data());
      const Numbers above = settled(up, points), below = settled(down, points);
      for (const std::size_t other : slots) {
        const double bend = (above[other] - below[other]) / (2 * step);
        CHECK(std::fabs(bend - found[other]) < 1e-4 + 1e-6 * std::fabs(bend));
      }
    }
  }
}

TEST(hostile_slots_neither_crash_nor_run_on) {
  for (const std::string_view code : {"TAN", "ZPN", "COE", "SZP"}) {
    const Numbers packed = packed_of(code);
    const Points points(5);
    for (std::size_t slot = 0; slot < packed.size(); ++slot) {
      for (const double value : {0.0, -1.0, 7.0, 1e9, 1e300, std::numeric_limits<double>::quiet_NaN()}) {
        Numbers changed = packed;
        changed[slot] = value;
        const Packed wcs = view(changed);
        if (wcs.naxis == 0 || !Projections::has(wcs.projection)) continue;
        settled(changed, points);
        Numbers found(changed.size()), world(10), pixel(10);
        std::vector<Dual<double>> partial(changed.size(), 0.0);
        const Directed directed(wcs, packed.data());
        directed.gradient(points.gradient.data(), points.pixel.data(), points.pixel.data(), 5, world.data(),
                          pixel.data(), partial.data());
        directed.settle(partial.data(), found.data());
        update(wcs, changed.data());
      }
    }
  }
}

}  // namespace
