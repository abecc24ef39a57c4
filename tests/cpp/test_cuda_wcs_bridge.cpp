// What a thread of the kernel in cuda/wcs_bridge.cu does, run on the host: the same bits as the CPU's loops, for every
// way from one WCS to another, and NaN where there is none. Launches alone are left to tests/ops.
#include <cstring>

#include "../../cuda/wcs_bridge.cuh"
#include "check.h"
#include "wcs/pack.h"
#include "wcs/pixel_to_pixel.h"
#include "wcs_oracle.h"

using namespace fits::wcs;
using oracle::card;
using oracle::text_card;

namespace {

using Numbers = std::vector<double>;

Packed view(const Numbers& packed) { return unpack(packed.data(), static_cast<std::int64_t>(packed.size())); }

bool same(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b)); }

std::string cards_of(const std::string& name, double crval1, double crval2) {
  std::map<std::string, double> more;
  if (name == "CYP") more = {{"PV2_1", 1}, {"PV2_2", 0.7}};
  if (name[0] == 'C' && name[1] == 'O') more = {{"PV2_1", 40}, {"PV2_2", 15}};
  if (name == "BON") more = {{"PV2_1", 35}};
  if (name == "ZPN") more = {{"PV2_1", 1}, {"PV2_3", 0.05}};
  if (name == "AIR") more = {{"PV2_1", 60}};
  return oracle::celestial_cards(name, crval1, crval2, more);
}

std::string sip_cards(double crval1) {
  return cards_of("TAN", crval1, -12) + card("A_ORDER", "2") + card("B_ORDER", "2") + card("A_2_0", 1e-5) +
         card("B_0_2", -2e-5) + card("A_1_1", 3e-6);
}
std::string cube_cards(const char* coordinate = "FREQ") {
  return cards_of("SIN", 33, -12) + text_card("CTYPE3", coordinate) + card("CRVAL3", 1.4e9) + card("CDELT3", 1e6) +
         card("CRPIX3", 3.0) + card("CD3_3", 1e6);
}

struct Bridged {
  bool meet;
  Numbers pixels;
};

template <int kAxes>
Bridged by_kernel(const Numbers& in, const Numbers& out, const Numbers& pixels, int naxis) {
  Bridge bridge;
  const auto a = static_cast<std::int64_t>(in.size()), b = static_cast<std::int64_t>(out.size());
  Bridged found{put_bridge(in.data(), a, out.data(), b, naxis, bridge), Numbers(pixels.size(), NAN)};
  for (std::size_t i = 0; found.meet && i < pixels.size(); i += static_cast<std::size_t>(naxis)) {
    bridge_point<kAxes>(in.data(), a, out.data(), b, &bridge, naxis, pixels.data() + i, found.pixels.data() + i);
  }
  return found;
}

template <int kAxes>
void check_same_bits(const std::string& one, const std::string& other) {
  const Numbers in = packed_from_header(one, ' '), out = packed_from_header(other, ' ');
  const int naxis = view(in).naxis;
  CHECK_EQUAL(what_separates(view(in), view(out)), "");
  std::mt19937_64 random(4);
  std::uniform_real_distribution<double> anywhere(-100, 100);
  constexpr int kCount = 300;
  Numbers pixels(static_cast<std::size_t>(kCount * naxis)), expected(pixels.size());
  for (double& x : pixels) x = anywhere(random);
  pixels[3] = NAN;
  pixel_to_pixel(view(in), view(out), bridge_between(view(in), view(out)), pixels.data(), kCount, expected.data(),
                 Level::plain);
  const Bridged found = by_kernel<kAxes>(in, out, pixels, naxis);
  CHECK(found.meet);
  int apart = 0, good = 0;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    apart += same(found.pixels[i], expected[i]) ? 0 : 1;
    good += std::isnan(expected[i]) ? 0 : 1;
  }
  CHECK_EQUAL(apart, 0);
  CHECK(good > 0);
}

TEST(every_projection_from_and_to_others) {
  for (const auto code : kProjectionCodes) {
    const std::string name(code);
    for (const char* other : {"TAN", "SIN", "CAR", "AIT"}) {
      check_same_bits<2>(cards_of(name, 33, 20), cards_of(other, 33.5, 20.5));
      check_same_bits<2>(cards_of(other, 33, 20), cards_of(name, 33.5, 20.5));
    }
    check_same_bits<2>(cards_of(name, 33, 20), cards_of(name, 33, 20));
  }
}

TEST(distortions_shifts_and_cubes) {
  check_same_bits<2>(sip_cards(33), sip_cards(33.2));
  check_same_bits<2>(sip_cards(33), cards_of("TAN", 33.2, -12));
  check_same_bits<2>(cards_of("ZEA", 33, -12), sip_cards(33.2));
  check_same_bits<2>(cards_of("CAR", 33, 0), cards_of("MOL", 40, 0));  // native angles are shifted
  check_same_bits<kMaxAxes>(sip_cards(33), sip_cards(33.2));
  check_same_bits<kMaxAxes>(cube_cards(), cube_cards());
  const std::string other_order = "CTYPE1  = 'FREQ    '" + std::string(60, ' ') + text_card("CTYPE2", "RA---SIN") +
                                  text_card("CTYPE3", "DEC--SIN") + card("CRVAL1", 1.4e9) + card("CDELT1", 2e6) +
                                  card("CRVAL2", 33.1) + card("CRVAL3", -12.0) + card("CDELT2", -0.01) +
                                  card("CDELT3", 0.01) + text_card("CUNIT1", "Hz");
  check_same_bits<kMaxAxes>(cube_cards(), other_order);
  check_same_bits<kMaxAxes>(other_order, cube_cards());
  const std::string line = text_card("CTYPE1", "AWAV") + text_card("CUNIT1", "m") + card("CDELT1", 1e-9);
  check_same_bits<kMaxAxes>(line + card("CRVAL1", 5e-7), line + card("CRVAL1", 6e-7));
}

TEST(what_separates_two_wcs_is_seen) {
  const std::string base = cards_of("TAN", 10, 20), fk5 = base + text_card("RADESYS", "FK5");
  const std::string wave = cube_cards("WAVE");
  const std::pair<std::string, std::string> pairs[] = {
      {base, fk5},
      {fk5, fk5 + card("EQUINOX", 1975.0)},
      {base, cube_cards()},
      {cube_cards(), wave},
      {cube_cards() + text_card("SPECSYS", "LSRK"), cube_cards() + text_card("SPECSYS", "BARYCENT")},
      {base, text_card("CTYPE1", "LINEAR") + text_card("CTYPE2", "LINEAR")}};
  for (const auto& [one, other] : pairs) {
    const Numbers in = packed_from_header(one, ' '), out = packed_from_header(other, ' ');
    CHECK(what_separates(view(in), view(out)) != "");
    CHECK(!by_kernel<kMaxAxes>(in, out, Numbers(6), view(in).naxis).meet);
    CHECK(!by_kernel<kMaxAxes>(out, in, Numbers(6), view(in).naxis).meet);
  }
}

TEST(damaged_slots_are_survived) {
  const Numbers good = packed_from_header(cube_cards(), ' '), pixels = {1, 2, 3};
  const double values[] = {-1, 0, 1, 1e18, std::nan(""), INFINITY, 2.5, 3, 17, 29};
  for (int slot = 0; slot < head::kSize; ++slot) {
    for (const double value : values) {
      Numbers bad = good;
      bad[static_cast<std::size_t>(slot)] = value;
      by_kernel<kMaxAxes>(bad, good, pixels, 3);
      by_kernel<kMaxAxes>(good, bad, pixels, 3);
    }
  }
  CHECK(!by_kernel<kMaxAxes>(Numbers(200), good, pixels, 3).meet);
  CHECK(!by_kernel<2>(good, good, pixels, 2).meet);
}

}  // namespace
