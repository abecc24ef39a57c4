// Headers of polynomial distortions written back: cutouts, slots that no header has, SIP beside them; and what updates
// and cutouts make of the slots that follow. (test_wcs_distort.cpp writes each header that it reads.)
#include "check.h"
#include "wcs/crop.h"
#include "wcs/pack.h"
#include "wcs/update.h"
#include "wcs/write_header.h"
#include "wcs_distorted_cards.h"

using namespace fits::wcs;
using namespace fits::wcs::cards;

namespace {

// The keywords of a cutout are in its own pixels, also of functions that are the new coordinate (DOCORR = 0).
TEST(cutouts_are_written_in_their_own_pixels) {
  const std::string sip = card("A_ORDER", "2") + card("B_ORDER", "2") + card("A_2_0", 2e-6) + card("B_1_1", -1e-6);
  // Corrections, and new coordinates; with an auxiliary variable, so that the template does not hold them.
  std::string general = field_cards("TAN"), whole_coordinates = field_cards("TAN");
  for (const std::string axis : {"1", "2"}) {
    const std::string key = "DP" + axis, type = text_card("CPDIS" + axis, "Polynomial");
    const std::string auxiliary =
        record(key, "AUX.1.COEFF.0", 3) + record(key, "AUX.1.COEFF.1", 0.01) + record(key, "AUX.1.POWER.0", 0.75);
    general += type + polynomial_cards(key, {{1e-3, 1, 0, 0}, {1e-6, 1, 1, 1}, {2, 0, 0, 2}}, 2, 1) + auxiliary +
               record(key, "OFFSET.2", -20.5) + record(key, "SCALE.1", 0.5);
    const double own = axis == "1" ? 1.0 : 0.01, other = axis == "1" ? 0.02 : 1.0;
    whole_coordinates += type + record(key, "DOCORR", 0) + auxiliary +
                         polynomial_cards(key, {{own, 1, 0, 0}, {other, 0, 1, 0}, {1e-6, 1, 1, 1}}, 2, 1);
  }
  general += text_card("CQDIS2", "TPD") + record("DQ2", "NAXES", 1) + record("DQ2", "AXIS.1", 2) +
             record("DQ2", "SCALE.1", 3) + record("DQ2", "TPD.FWD.4", 1e-3);
  for (const std::string& cards :
       {field_cards("TPV") + tpv_cards(39, 2e-3, true), field_cards("TAN") + tpd_cards(true, 59, 1e-3, true, true),
        field_cards("TAN") + tpd_cards(true, 22, 1e-4, false, false), general, whole_coordinates, plate_cards(),
        field_cards("TPU") + card("PV1_1", 1.0) + card("PV2_1", 1.0) + card("PV1_4", 1e-6) + card("PV2_0", 3.0),
        field_cards("TAN-SIP") + sip + tpd_cards(true, 11, 1e-3, true, true)}) {
    for (const auto& step : {std::array<std::int64_t, 2>{1, 1}, std::array<std::int64_t, 2>{3, -2}}) {
      const std::int64_t start[] = {300, 1500};
      Numbers cut = packed_from_header(cards, ' ');
      const Numbers whole = cut;
      crop(view(whole), start, step.data(), cut.data());
      std::mt19937_64 random(3);
      std::uniform_real_distribution<double> any(0, 400);
      Numbers pixels(1000), original(1000);
      for (std::size_t i = 0; i < pixels.size(); ++i) {
        pixels[i] = any(random);
        original[i] = static_cast<double>(start[i % 2]) + static_cast<double>(step[i % 2]) * pixels[i];
      }
      const std::string text = header_cards(view(cut));
      const Numbers expected = world_of(whole, original), written = world_of(packed_from_header(text, ' '), pixels);
      CHECK(largest_distance(written, expected, 2) < 1e-12);
      if (cards.find("A_ORDER") != std::string::npos) continue;  // wcslib takes no other distortion beside SIP
      CHECK(largest_distance(oracle::Wcslib(text).to_world(pixels).coordinates, expected, 2) < 1e-11);
    }
  }
}

TEST(slots_of_distortions_that_no_header_gives_are_refused) {
  const Numbers good = packed_from_header(field_cards("TAN") + text_card("CQDIS2", "TPD") + record("DQ2", "NAXES", 1) +
                                              record("DQ2", "AXIS.1", 2) + record("DQ2", "TPD.FWD.4", 1e-3),
                                          ' ');
  const auto first = static_cast<std::size_t>(good[head::kSequent]) + distortion::kRecords;
  for (const auto& [slot, value] : {std::pair(distortion::record::kCorrects, 0.5),
                                    {distortion::record::kMap, 1.0},
                                    {distortion::record::kRadial, 2.0}}) {
    Numbers wrong = good;
    wrong[first + static_cast<std::size_t>(slot)] = value;
    CHECK_THROWS(std::invalid_argument, "slots that no header gives", header_cards(view(wrong)));
  }
  Numbers wrong = good;
  wrong[first + distortion::record::kTerms] = std::nan("");
  CHECK_THROWS(std::invalid_argument, "DQ2 'TPD.FWD.0' would not be finite", header_cards(view(wrong)));
}

// SIP comes first and the polynomials of CPDIS after it, as where astropy evaluates SIP and wcslib the rest.
TEST(sip_beside_polynomials_before_the_matrix) {
  const std::string polynomials = tpd_cards(true, 16, 1e-3, true, false);
  const std::string sip =
      card("A_ORDER", "3") + card("B_ORDER", "2") + card("A_2_0", 2e-6) + card("A_1_2", 3e-9) + card("B_1_1", -1e-6);
  const Numbers both = packed_from_header(field_cards("TAN-SIP") + sip + polynomials, ' ');
  std::mt19937_64 random(13);
  std::uniform_real_distribution<double> any(0, 2048);
  Numbers pixels(2000), shifted(2000), back(2000);
  for (double& x : pixels) x = any(random);
  for (std::size_t i = 0; i < pixels.size(); i += 2) {
    const double u = pixels[i] - 1023.5, v = pixels[i + 1] - 1019;
    shifted[i] = pixels[i] + 2e-6 * u * u + 3e-9 * u * v * v;
    shifted[i + 1] = pixels[i + 1] - 1e-6 * u * v;
  }
  const Numbers world = world_of(both, pixels);
  const auto theirs = oracle::Wcslib(field_cards("TAN") + polynomials).to_world(shifted);
  CHECK(largest_distance(world, theirs.coordinates, 2) < 1e-11);
  world_to_pixel(view(both), world.data(), 1000, back.data(), nullptr);
  for (std::size_t i = 0; i < pixels.size(); ++i) CHECK(std::fabs(back[i] - pixels[i]) < 2e-9);
  CHECK(packed_from_header(header_cards(view(both)), ' ') == both);
  CHECK(!oracle::accepts(field_cards("TAN-SIP") + sip + polynomials));
}

// What follows from the linear transformation, for the inverse: of another one that is another number.
TEST(updates_and_cutouts_complete_distortions) {
  const std::string cards = field_cards("TPV") + tpv_cards(10, 2e-3, true);
  std::string changed = cards;
  for (const auto& [key, value] : {std::pair("CD1_1", -6e-5), {"CD1_2", 7e-5}}) {
    changed.replace(changed.find(key), 80, card(key, value));
  }
  const Numbers expected = packed_from_header(changed, ' ');
  Numbers found = packed_from_header(cards, ' ');
  const auto linear = static_cast<std::ptrdiff_t>(found[head::kLinear]);
  std::copy_n(expected.begin() + linear + LinearLayout{2}.matrix(), 4,
              found.begin() + linear + LinearLayout{2}.matrix());
  CHECK(update(view(Numbers(found)), found.data()).empty());
  CHECK(found == expected);

  // A mirror image: the side of the fold that is valid is the other one.
  const auto first = static_cast<std::size_t>(found[head::kSequent]) + distortion::kRecords;
  CHECK_EQUAL(found[first + distortion::record::kOrientation], 1.0);
  found[first + distortion::record::kTerms + static_cast<std::size_t>(sip::row(1))] *= -1;
  CHECK(update(view(Numbers(found)), found.data()).empty());
  CHECK_EQUAL(found[first + distortion::record::kOrientation], -1.0);

  Numbers cut = expected;
  const std::int64_t start[] = {5, 7}, step[] = {4, -4};
  crop(view(expected), start, step, cut.data());
  for (const std::size_t weight :
       {first + distortion::record::kWeight, first + distortion::record::kSize + distortion::record::kWeight}) {
    CHECK(std::fabs(cut[weight] * 4 - expected[weight]) < 1e-12 * expected[weight]);
  }
}

}  // namespace
