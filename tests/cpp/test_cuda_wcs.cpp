// What a thread of the kernels in cuda/wcs.cu does, run on the host: the same bits as the CPU's loops, for points good
// and bad, and no step outside a packed WCS that is damaged. Launches alone are left to tests/ops.
#include <cstring>

#include "../../cuda/wcs.cuh"
#include "check.h"
#include "wcs/evaluate.h"
#include "wcs/jacobian.h"
#include "wcs/pack.h"
#include "wcs_oracle.h"

using namespace fits::wcs;
using oracle::card;
using oracle::text_card;

namespace {

using Numbers = std::vector<double>;

bool same(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b)); }

template <int kAxes>
void check_same_bits(const std::string& cards) {
  const Numbers packed = packed_from_header(cards, ' ');
  const auto length = static_cast<std::int64_t>(packed.size());
  const Packed wcs = unpack(packed.data(), length);
  const int n = wcs.naxis;
  std::mt19937_64 random(4);
  std::uniform_real_distribution<double> anywhere(-600, 600);
  constexpr int kCount = 500;
  Numbers pixel(static_cast<std::size_t>(kCount * n));
  for (double& x : pixel) x = anywhere(random);
  pixel[3] = NAN;
  Numbers world(pixel.size()), back(pixel.size()), matrix(pixel.size() * static_cast<std::size_t>(n));
  std::vector<std::int32_t> status(kCount), status_back(kCount);
  pixel_to_world(wcs, pixel.data(), kCount, world.data(), status.data(), Level::plain);
  world_to_pixel(wcs, world.data(), kCount, back.data(), status_back.data(), Level::plain);
  jacobian(wcs, pixel.data(), kCount, matrix.data());
  for (int i = 0; i < kCount; ++i) {
    Numbers found(static_cast<std::size_t>(n)), columns(static_cast<std::size_t>(n * n));
    std::int32_t bits = 0;
    const double* const at = pixel.data() + i * n;
    transform_point<Way::to_world, kAxes>(packed.data(), length, n, at, found.data(), &bits);
    for (int axis = 0; axis < n; ++axis)
      CHECK(same(found[static_cast<std::size_t>(axis)], world[static_cast<std::size_t>(i * n + axis)]));
    CHECK_EQUAL(bits, status[static_cast<std::size_t>(i)]);
    transform_point<Way::to_pixel, kAxes>(packed.data(), length, n, world.data() + i * n, found.data(), &bits);
    for (int axis = 0; axis < n; ++axis)
      CHECK(same(found[static_cast<std::size_t>(axis)], back[static_cast<std::size_t>(i * n + axis)]));
    CHECK_EQUAL(bits, status_back[static_cast<std::size_t>(i)]);
    for (int column = 0; column < n; column += 2) {
      jacobian_columns<kAxes>(packed.data(), length, n, at, column, columns.data());
    }
    for (int j = 0; j < n * n; ++j)
      CHECK(same(columns[static_cast<std::size_t>(j)], matrix[static_cast<std::size_t>(i * n * n + j)]));
  }
}

std::string sip_cards() {
  return oracle::celestial_cards("TAN", 33, -12) + card("A_ORDER", "2") + card("B_ORDER", "2") + card("A_2_0", 1e-5) +
         card("B_0_2", -2e-5) + card("A_1_1", 3e-6);
}
std::string cube_cards() {
  return oracle::celestial_cards("SIN", 33, -12) + text_card("CTYPE3", "FREQ") + card("CRVAL3", 1.4e9) +
         card("CDELT3", 1e6) + card("CRPIX3", 3.0) + card("CD3_3", 1e6);
}

TEST(every_projection) {
  for (const auto code : kProjectionCodes) {
    const std::string name(code);
    std::map<std::string, double> more;
    if (name == "CYP") more = {{"PV2_1", 1}, {"PV2_2", 0.7}};
    if (name[0] == 'C' && name[1] == 'O') more = {{"PV2_1", 40}, {"PV2_2", 15}};
    if (name == "BON") more = {{"PV2_1", 35}};
    if (name == "ZPN") more = {{"PV2_1", 1}, {"PV2_3", 0.05}};
    if (name == "AIR") more = {{"PV2_1", 60}};
    check_same_bits<2>(oracle::celestial_cards(name, 33, 20, more));
  }
}

TEST(distortions_and_cubes) {
  check_same_bits<2>(sip_cards());
  check_same_bits<kMaxAxes>(sip_cards());
  check_same_bits<kMaxAxes>(cube_cards());
}

TEST(what_is_no_wcs_gives_nan) {
  Numbers packed = packed_from_header(sip_cards(), ' ');
  const Numbers pixel = {1, 2};
  const double values[] = {-1, 0, 1, 1e18, std::nan(""), INFINITY, 2.5, 3, 17, 29};
  for (int slot = 0; slot < head::kSize; ++slot) {
    for (const double value : values) {
      Numbers bad = packed;
      bad[static_cast<std::size_t>(slot)] = value;
      double out[4];
      transform_point<Way::to_world, 2>(bad.data(), static_cast<std::int64_t>(bad.size()), 2, pixel.data(), out,
                                        nullptr);
      transform_point<Way::to_pixel, 2>(bad.data(), static_cast<std::int64_t>(bad.size()), 2, pixel.data(), out,
                                        nullptr);
      jacobian_columns<2>(bad.data(), static_cast<std::int64_t>(bad.size()), 2, pixel.data(), 0, out);
    }
  }
  packed[head::kVersion] = 99;
  double out[2];
  std::int32_t bits = 0;
  transform_point<Way::to_world, 2>(packed.data(), static_cast<std::int64_t>(packed.size()), 2, pixel.data(), out,
                                    &bits);
  CHECK(std::isnan(out[0]) && std::isnan(out[1]));
  CHECK_EQUAL(bits, 3);
}

}  // namespace
