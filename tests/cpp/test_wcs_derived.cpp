// What follows from packed WCS: pixels of one to pixels of another, cutouts, and headers written back.
#include "check.h"
#include "format/error.h"
#include "wcs/crop.h"
#include "wcs/evaluate.h"
#include "wcs/pack.h"
#include "wcs/pixel_to_pixel.h"
#include "wcs/write_header.h"
#include "wcs_oracle.h"

using namespace fits::wcs;
using oracle::card;
using oracle::text_card;

namespace {

using Numbers = std::vector<double>;

Packed view(const Numbers& packed) { return unpack(packed.data(), static_cast<std::int64_t>(packed.size())); }

// Cards of a projection with what it needs.
std::string cards_of(std::string_view code, double crval1, double crval2) {
  std::map<std::string, double> pv;
  if (code == "ZPN") pv = {{"PV2_1", 1.0}, {"PV2_2", 0.05}};
  if (code == "CEA") pv = {{"PV2_1", 0.9}};
  if (code == "BON" || code == "COP" || code == "COE" || code == "COD" || code == "COO") pv = {{"PV2_1", 45.0}};
  if (code == "SZP") pv = {{"PV2_1", 1.5}, {"PV2_2", 30.0}, {"PV2_3", 70.0}};
  if (code == "AZP") pv = {{"PV2_1", 2.0}, {"PV2_2", 20.0}};
  if (code == "SIN") pv = {{"PV2_1", 0.1}, {"PV2_2", -0.2}};
  return oracle::celestial_cards(std::string(code), crval1, crval2, pv);
}

Numbers random_pixels(int count, double low, double high, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> any(low, high);
  Numbers pixels(2 * static_cast<std::size_t>(count));
  for (double& x : pixels) x = any(random);
  return pixels;
}

Numbers through(const Numbers& in, const Numbers& out, const Numbers& pixels, Level level = best_level()) {
  Numbers result(pixels.size());
  const Bridge bridge = bridge_between(view(in), view(out));
  pixel_to_pixel(view(in), view(out), bridge, pixels.data(), static_cast<std::int64_t>(pixels.size() / 2),
                 result.data(), level);
  return result;
}

Numbers step_by_step(const Numbers& in, const Numbers& out, const Numbers& pixels) {
  Numbers world(pixels.size()), result(pixels.size());
  const auto count = static_cast<std::int64_t>(pixels.size() / 2);
  pixel_to_world(view(in), pixels.data(), count, world.data(), nullptr);
  world_to_pixel(view(out), world.data(), count, result.data(), nullptr);
  return result;
}

bool same_bits(const Numbers& a, const Numbers& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](double x, double y) { return x == y || (x != x && y != y); });
}

std::vector<Numbers> all_projections(double crval1, double crval2) {
  std::vector<Numbers> all;
  for (const std::string_view code : kProjectionCodes) {
    try {
      all.push_back(packed_from_header(cards_of(code, crval1, crval2), ' '));
    } catch (const fits::FileError&) {  // no native pole is possible there: wcslib says so
    }
  }
  return all;
}

// Within the digits that degrees have: 3e-14 degree of longitude, wherever it lies, is what the steps may be apart.
TEST(every_pair_agrees_with_the_two_steps_and_has_the_same_bits_on_every_level) {
  const Numbers pixels = random_pixels(203, -60, 80, 1);
  int pairs = 0;
  for (const auto& one : all_projections(150.1, 2.2)) {
    for (const auto& other : all_projections(151, 2.5)) {
      const Numbers direct = through(one, other, pixels), steps = step_by_step(one, other, pixels);
      CHECK(same_bits(direct, through(one, other, pixels, Level::plain)));
      int apart = 0;
      for (std::size_t i = 0; i < pixels.size(); ++i) {
        if ((direct[i] != direct[i]) != (steps[i] != steps[i])) ++apart;
        // CSC is computed in float32: where its two ways meet an edge of rounding, 1e-5 degree
        const bool is_csc =
            view(one).projection == projection_number("CSC") || view(other).projection == projection_number("CSC");
        const double size = std::max(1.0, direct[i] * direct[i] / 1e5);
        if (std::fabs(direct[i] - steps[i]) > (is_csc ? 1e-4 : 1e-9) * size) ++apart;
      }
      CHECK_EQUAL(apart, 0);
      ++pairs;
    }
  }
  CHECK_EQUAL(pairs, 28 * 28);
}

TEST(a_wcs_to_itself_changes_nothing) {
  const Numbers pixels = random_pixels(101, -20, 40, 2);
  for (const double latitude : {2.2, 90.0, -90.0, 47.0}) {
    for (const auto& wcs : all_projections(33, latitude)) {
      if (view(wcs).projection == projection_number("CSC")) continue;  // its inverse is another fit
      const Numbers same = through(wcs, wcs, pixels);
      int apart = 0;
      for (std::size_t i = 0; i < pixels.size(); ++i) {
        if (same[i] == same[i] && !(std::fabs(same[i] - pixels[i]) < 1e-9)) ++apart;
      }
      CHECK_EQUAL(apart, 0);
    }
  }
}

TEST(pairs_agree_with_wcslib) {
  const Numbers pixels = random_pixels(500, -60, 80, 3);
  for (const auto& [from, to] : {std::pair("TAN", "TAN"), std::pair("TAN", "SIN"), std::pair("STG", "AIT"),
                                 std::pair("CAR", "ZEA"), std::pair("HPX", "CAR"), std::pair("COE", "AZP")}) {
    const std::string one = cards_of(from, 150.1, 2.2), other = cards_of(to, 150.4, 2.0);
    const Numbers mine = through(packed_from_header(one, ' '), packed_from_header(other, ' '), pixels);
    const auto sky = oracle::Wcslib(one).to_world(pixels);
    const auto theirs = oracle::Wcslib(other).to_pixel(sky.coordinates);
    int apart = 0;
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      const bool bad = sky.status[i / 2] != 0 || theirs.status[i / 2] != 0;
      if (bad != (mine[i] != mine[i]) || (!bad && std::fabs(mine[i] - theirs.coordinates[i]) > 2e-9)) ++apart;
    }
    CHECK_EQUAL(apart, 0);
  }
}

TEST(differing_worlds_are_named) {
  const std::string base = cards_of("TAN", 10, 20);
  const auto between = [](const std::string& one, const std::string& other) {
    const Numbers a = packed_from_header(one, ' '), b = packed_from_header(other, ' ');
    return what_separates(view(a), view(b));
  };
  const std::string fk5 = text_card("RADESYS", "FK5"), fk4 = text_card("RADESYS", "FK4");
  CHECK_EQUAL(between(base, base + text_card("RADESYS", "ICRS")), std::string());
  CHECK_EQUAL(between(base + fk5, base + fk5 + card("EQUINOX", 2000.0)), std::string());
  CHECK(between(base, base + fk5).starts_with("wcs_in is ICRS and wcs_out is FK5 of equinox 2000;"));
  CHECK_EQUAL(between(base + fk5, base + fk5 + card("EQUINOX", 2000.004)), std::string());
  CHECK(between(base + fk5, base + fk5 + card("EQUINOX", 2000.006)).find("is FK5 of equinox 2000.006;") < 100);
  CHECK(between(base + fk4 + card("EQUINOX", 1950.0), base + fk4 + card("EQUINOX", 1975.0))
            .starts_with("wcs_in is FK4 of equinox 1950 and wcs_out is FK4 of equinox 1975;"));
  const std::string axis = text_card("CTYPE3", "FREQ") + card("CRVAL3", 1e9);
  CHECK_EQUAL(between(base + axis, base), std::string("wcs_in has 3 axes and wcs_out has 2"));
  CHECK_EQUAL(between(base + text_card("CTYPE3", "X") + text_card("CUNIT3", "m"),
                      base + text_card("CTYPE3", "X") + text_card("CUNIT3", "s")),
              std::string("axis 3 of wcs_in is 'X' in 'm' and axis 3 of wcs_out is 'X' in 's'"));
  CHECK_EQUAL(between(text_card("CTYPE1", "X") + text_card("CTYPE2", "Y"), base),
              std::string("wcs_out has projected celestial axes and wcs_in has none"));
}

TEST(cutouts_of_cutouts) {
  std::string cards = cards_of("TAN", 150.1, 2.2);
  for (const char* const name : {"A", "B"}) {
    cards += card(std::string(name) + "_ORDER", "3") + card(std::string(name) + "_2_0", 1e-4) +
             card(std::string(name) + "_1_2", -3e-6);
  }
  for (const std::string& header : {cards, cards_of("ZEA", 10, 80)}) {
    const Numbers whole = packed_from_header(header, ' ');
    const std::int64_t start[] = {3, -20, 5, 7}, step[] = {-2, 3, 1, -1};
    Numbers once = whole, twice;
    crop(view(whole), start, step, once.data());
    twice = once;
    crop(view(once), start + 2, step + 2, twice.data());
    const Numbers pixels = random_pixels(50, -5, 20, 4);
    Numbers original(pixels.size()), expected(pixels.size()), found(pixels.size()), back(pixels.size());
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      const double inner = static_cast<double>(start[2 + i % 2]) + static_cast<double>(step[2 + i % 2]) * pixels[i];
      original[i] = static_cast<double>(start[i % 2]) + static_cast<double>(step[i % 2]) * inner;
    }
    pixel_to_world(view(whole), original.data(), 50, expected.data(), nullptr);
    pixel_to_world(view(twice), pixels.data(), 50, found.data(), nullptr);
    world_to_pixel(view(twice), expected.data(), 50, back.data(), nullptr);
    // A header for the same cutout: SIP is rewritten for its pixels.
    const Numbers again = packed_from_header(header_cards(view(twice)), ' ');
    Numbers written(pixels.size());
    pixel_to_world(view(again), pixels.data(), 50, written.data(), nullptr);
    for (std::size_t i = 0; i < pixels.size(); i += 2) {
      CHECK(oracle::separation(found[i], found[i + 1], expected[i], expected[i + 1]) < 1e-12);
      CHECK(oracle::separation(written[i], written[i + 1], expected[i], expected[i + 1]) < 1e-12);
      CHECK(std::hypot(back[i] - pixels[i], back[i + 1] - pixels[i + 1]) < 1e-9);
    }
  }
}

TEST(headers_come_back_bit_for_bit_and_wcslib_reads_them) {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> turn(-180, 180), tilt(-90, 90);
  const Numbers pixels = random_pixels(20, -20, 40, 6);
  int count = 0;
  for (int round = 0; round < 8; ++round) {
    for (const std::string_view code : kProjectionCodes) {
      std::string cards = cards_of(code, turn(random), round == 7 ? 90 : tilt(random));
      if (round % 2 == 1) cards += card("LONPOLE", turn(random)) + card("LATPOLE", tilt(random));
      if (round % 4 == 2) cards += card("PV1_1", turn(random)) + card("PV1_2", tilt(random));
      if (round % 4 == 3) cards += card("PV1_0", "1") + card("PV1_1", 5.0) + card("PV1_2", 40.0);
      Numbers packed;
      try {
        packed = packed_from_header(cards, ' ');
      } catch (const fits::FileError&) {
        continue;
      }
      const std::string header = header_cards(view(packed));
      CHECK(packed_from_header(header, ' ') == packed);
      const auto one = oracle::Wcslib(cards).to_world(pixels), other = oracle::Wcslib(header).to_world(pixels);
      CHECK(one.coordinates == other.coordinates);
      ++count;
    }
  }
  CHECK(count > 150);
}

TEST(what_a_header_cannot_say_is_refused) {
  const std::string cards = cards_of("TAN", 10, 20) + card("A_ORDER", "2") + card("B_ORDER", "2");
  Numbers packed = packed_from_header(cards, ' ');
  const int sip = static_cast<int>(packed[head::kSip]);
  CHECK_EQUAL(header_cards(view(packed)).size() % 80, std::size_t{0});
  packed[static_cast<std::size_t>(sip)] += 1;
  CHECK_THROWS(std::invalid_argument, "the origin of SIP on pixel axis 1 is not CRPIX", header_cards(view(packed)));
  const std::string unit = text_card("CTYPE1", "X") + text_card("CUNIT1", "erg/s/cm2") + text_card("CTYPE2", "Y");
  const Numbers long_unit = packed_from_header(unit, ' ');
  CHECK_THROWS(std::invalid_argument, "longer than the 8 characters", header_cards(view(long_unit)));
  packed[static_cast<std::size_t>(sip)] -= 1;
  packed[head::kTab] = 30;
  CHECK_THROWS(std::invalid_argument, "-TAB", header_cards(view(packed)));
}

TEST(damaged_packed_wcs_are_not_followed) {
  const Numbers good = packed_from_header(cards_of("TAN", 10, 20) + card("A_ORDER", "2") + card("B_ORDER", "2"), ' ');
  const Numbers pixels = {1, 2, 3, 4};
  for (std::size_t slot = 0; slot < good.size(); ++slot) {
    for (const double value : {-1.0, 0.0, 1.0, 1e18, -1e18, std::nan(""), HUGE_VAL, 2.5, 3.0, 17.0, 29.0}) {
      Numbers bad = good;
      bad[slot] = value;
      const Packed wcs = view(bad);
      if (wcs.naxis != 2) continue;
      Numbers out(4), cut = bad;
      for (const Level level : {Level::plain, best_level()}) {
        pixel_to_pixel(wcs, view(good), bridge_between(wcs, view(good)), pixels.data(), 2, out.data(), level);
        pixel_to_pixel(view(good), wcs, bridge_between(view(good), wcs), pixels.data(), 2, out.data(), level);
      }
      what_separates(wcs, view(good));
      const std::int64_t start[] = {1, 2}, step[] = {3, -1};
      crop(wcs, start, step, cut.data());
      try {
        header_cards(wcs);
      } catch (const std::invalid_argument&) {
      }
    }
  }
}

}  // namespace
