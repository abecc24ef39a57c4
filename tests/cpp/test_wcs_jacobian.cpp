// Derivatives by dual numbers: every kind of lanes gives the same bits, the steps add up, and NaN stays where it is.
#include <cmath>
#include <vector>

#include "check.h"
#include "wcs/jacobian.h"
#include "wcs/pack.h"
#include "wcs/projections.h"
#include "wcs_oracle.h"

using namespace fits::wcs;

namespace {

using Numbers = std::vector<double>;

TEST(levels_agree_and_differences_add_up) {
  for (const char* const code : {"TAN", "SIN", "ARC", "STG", "ZEA", "CAR", "MER", "CEA", "CYP"}) {
    const std::map<std::string, double> parameters = {{"PV2_1", 0.5}};
    const bool has_parameter = std::string(code) == "CEA" || std::string(code) == "SIN";
    const Numbers packed = packed_from_header(
        oracle::celestial_cards(code, 150, 40, has_parameter ? parameters : decltype(parameters){}), ' ');
    const Packed wcs = unpack(packed.data(), static_cast<std::int64_t>(packed.size()));
    const int count = 203;
    Numbers pixels, found(4 * count), other(4 * count);
    for (int i = 0; i < count; ++i) pixels.insert(pixels.end(), {12.0 + 0.37 * i, -8.0 - 0.11 * i});
    jacobian(wcs, pixels.data(), count, found.data(), Level::plain);
    jacobian(wcs, pixels.data(), count, other.data(), best_level());
    CHECK(found == other);
    const double step = 1e-4;
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t column = 0; column < 2; ++column) {
        Numbers ends = {pixels[2 * i], pixels[2 * i + 1], pixels[2 * i], pixels[2 * i + 1]}, sky(4);
        ends[column] -= step;
        ends[2 + column] += step;
        pixel_to_world(wcs, ends.data(), 2, sky.data(), nullptr);
        for (std::size_t row = 0; row < 2; ++row) {
          const double slope = (sky[2 + row] - sky[row]) / (2 * step);
          CHECK(std::fabs(slope - found[4 * i + 2 * row + column]) < 1e-8);
        }
      }
    }
  }
}

TEST(bad_points_have_nan_derivatives_alone) {
  const Numbers packed = packed_from_header(oracle::celestial_cards("SIN", 150, 40), ' ');
  const Packed wcs = unpack(packed.data(), static_cast<std::int64_t>(packed.size()));
  const Numbers pixels = {12, -8, 1000, 1000, std::nan(""), 3, 13, -7};
  Numbers found(16);
  jacobian(wcs, pixels.data(), 4, found.data());
  for (std::size_t i = 0; i < 16; ++i) CHECK_EQUAL(std::isnan(found[i]), i >= 4 && i < 12);
}

}  // namespace
