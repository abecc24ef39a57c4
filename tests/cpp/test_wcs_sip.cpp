// SIP against wcslib's own, both ways; its inverse where the polynomial folds; and what headers may get wrong.
#include "check.h"
#include "format/error.h"
#include "wcs/evaluate.h"
#include "wcs/pack.h"
#include "wcs_oracle.h"

using namespace fits::wcs;

namespace {

using Numbers = std::vector<double>;

std::string sip_cards(int order, double strength, bool inverse = false, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> any(-1, 1);
  std::string cards = oracle::text_card("CTYPE1", "RA---TAN-SIP") + oracle::text_card("CTYPE2", "DEC--TAN-SIP") +
                      oracle::card("CRVAL1", 202.4) + oracle::card("CRVAL2", 47.2) + oracle::card("CRPIX1", 1024.5) +
                      oracle::card("CRPIX2", 1020.0) + oracle::card("CD1_1", -1e-4) + oracle::card("CD1_2", 2e-5) +
                      oracle::card("CD2_1", 3e-5) + oracle::card("CD2_2", 1.1e-4);
  for (const std::string name : {"A", "B"}) {
    cards += oracle::card(name + "_ORDER", std::to_string(order));
    for (int p = 0; p <= order; ++p) {
      for (int q = 0; q <= order - p; ++q) {
        if (p + q < 2) continue;
        cards += oracle::card(name + "_" + std::to_string(p) + "_" + std::to_string(q),
                              strength * any(random) * std::pow(1000.0, -(p + q)));
      }
    }
  }
  if (inverse) {  // not the inverse of anything: it only says where to begin
    for (const std::string name : {"AP", "BP"})
      cards += oracle::card(name + "_ORDER", "2") + oracle::card(name + "_1_1", 1e-7);
  }
  return cards;
}

Packed view(const Numbers& packed) { return unpack(packed.data(), static_cast<std::int64_t>(packed.size())); }

TEST(sip_agrees_with_wcslib) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> any(0, 2048);
  Numbers pixels(20000);
  for (double& x : pixels) x = any(random);
  for (int order = 2; order <= 9; ++order) {
    const std::string cards = sip_cards(order, 8);
    const Numbers packed = packed_from_header(cards, ' ');
    Numbers world(pixels.size()), back(pixels.size());
    std::vector<std::int32_t> status(pixels.size() / 2);
    pixel_to_world(view(packed), pixels.data(), 10000, world.data(), status.data());
    world_to_pixel(view(packed), world.data(), 10000, back.data(), status.data());
    const auto theirs = oracle::Wcslib(cards).to_world(pixels);
    double forward = 0, inverse = 0;
    for (std::size_t i = 0; i < pixels.size(); i += 2) {
      forward = std::max(forward,
                         oracle::separation(world[i], world[i + 1], theirs.coordinates[i], theirs.coordinates[i + 1]));
      inverse = std::max(inverse, std::hypot(back[i] - pixels[i], back[i + 1] - pixels[i + 1]));
      CHECK_EQUAL(status[i / 2], 0);
    }
    CHECK(forward < 1e-12);
    CHECK(inverse < 2e-9);  // a digit of the world coordinates is 6e-10 of these pixels
  }
}

TEST(inverse_does_not_depend_on_ap_and_bp) {
  const Numbers pixels = {100, 200, 1900, 30, 1024, 1020, 5, 5};
  const Numbers plain = packed_from_header(sip_cards(4, 8), ' ');
  const Numbers with = packed_from_header(sip_cards(4, 8, true), ' ');
  Numbers world(8), other(8), a(8), b(8);
  pixel_to_world(view(plain), pixels.data(), 4, world.data(), nullptr);
  pixel_to_world(view(with), pixels.data(), 4, other.data(), nullptr);
  CHECK(world == other);
  world_to_pixel(view(plain), world.data(), 4, a.data(), nullptr);
  world_to_pixel(view(with), world.data(), 4, b.data(), nullptr);
  for (std::size_t i = 0; i < 8; ++i) CHECK(std::fabs(a[i] - b[i]) < 1e-9);
}

// Far outside a strong distortion the map folds over: what comes back is either the point, or flagged NaN, or another
// point with the same world coordinates and a positive determinant; never a wrong one.
TEST(folded_points_are_never_wrong) {
  std::mt19937_64 random(4);
  std::uniform_real_distribution<double> any(-6000, 8000);
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const Numbers packed = packed_from_header(sip_cards(3, 30, false, seed), ' ');
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
    CHECK(bad < count / 2);
  }
}

TEST(levels_agree_bit_for_bit) {
  const Numbers packed = packed_from_header(sip_cards(5, 20), ' ');
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> any(-3000, 5000);
  const int count = 1003;
  Numbers pixels(2 * count), results[2][2];
  for (double& x : pixels) x = any(random);
  for (const Level level : {Level::plain, best_level()}) {
    auto& mine = results[level == Level::plain ? 0 : 1];
    mine[0].resize(2 * count);
    mine[1].resize(2 * count);
    pixel_to_world(view(packed), pixels.data(), count, mine[0].data(), nullptr, level);
    world_to_pixel(view(packed), mine[0].data(), count, mine[1].data(), nullptr, level);
  }
  if (best_level() == Level::plain) return;
  for (int way = 0; way < 2; ++way) {
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      const double a = results[0][way][i], b = results[1][way][i];
      CHECK(a == b || (a != a && b != b));
    }
  }
}

TEST(headers_with_half_a_distortion_are_refused) {
  const std::string base = oracle::celestial_cards("TAN", 10, 20);
  const auto parse = [](const std::string& cards) { return packed_from_header(cards, ' '); };
  CHECK_THROWS(fits::FileError, "A_ORDER is there without B_ORDER", parse(base + oracle::card("A_ORDER", "2")));
  CHECK_THROWS(fits::FileError, "must be an integer from 0 to 9",
               parse(base + oracle::card("A_ORDER", "10") + oracle::card("B_ORDER", "2")));
  CHECK_THROWS(fits::FileError, "must be an integer from 0 to 9",
               parse(base + oracle::card("A_ORDER", "2.5") + oracle::card("B_ORDER", "2")));
  CHECK_THROWS(
      fits::FileError, "A_2_0 is not a finite number",
      parse(base + oracle::card("A_ORDER", "2") + oracle::card("B_ORDER", "2") + oracle::text_card("A_2_0", "x")));
  CHECK_EQUAL(parse(base + oracle::card("A_ORDER", "1") + oracle::card("B_ORDER", "1")).size(), parse(base).size());
}

}  // namespace
