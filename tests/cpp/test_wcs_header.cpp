// Headers to packed WCS: linear forms, alternates, axes, and what is refused; and packed WCS that are wrong.
#include <atomic>
#include <thread>

#include "check.h"
#include "format/error.h"
#include "wcs/evaluate.h"
#include "wcs/pack.h"
#include "wcs_oracle.h"

using namespace fits::wcs;
using oracle::card;
using oracle::text_card;

namespace {

using Numbers = std::vector<double>;

Packed view(const Numbers& packed) { return unpack(packed.data(), static_cast<std::int64_t>(packed.size())); }

// The header's points agree with wcslib, both ways, within 1e-11 of what they are.
void check_against_wcslib(const std::string& cards, const Numbers& pixels, char alt = ' ') {
  const Numbers packed = packed_from_header(cards, alt);
  oracle::Wcslib wcslib(cards, alt);
  CHECK_EQUAL(packed[head::kNaxis], static_cast<double>(wcslib.naxis()));
  Numbers world(pixels.size()), back(pixels.size());
  const auto count = static_cast<std::int64_t>(pixels.size() / wcslib.naxis());
  pixel_to_world(view(packed), pixels.data(), count, world.data(), nullptr);
  world_to_pixel(view(packed), world.data(), count, back.data(), nullptr);
  const auto theirs = wcslib.to_world(pixels);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    CHECK(std::fabs(world[i] - theirs.coordinates[i]) <= 1e-11 * std::max(1.0, std::fabs(world[i])));
    CHECK(std::fabs(back[i] - pixels[i]) < 1e-8);
  }
}

const Numbers kPixels = {0, 0, 10, 5, -3, 8.5, 100, 77};

std::string sky(double crval1 = 33, double crval2 = -12) {
  return text_card("CTYPE1", "RA---TAN") + text_card("CTYPE2", "DEC--TAN") + card("CRVAL1", crval1) +
         card("CRVAL2", crval2) + card("CRPIX1", 5.5) + card("CRPIX2", 6.25);
}
std::string scale() { return card("CDELT1", -0.01) + card("CDELT2", 0.02); }

TEST(linear_forms) {
  check_against_wcslib(sky() + scale(), kPixels);
  check_against_wcslib(sky() + scale() + card("CROTA2", 31.0), kPixels);
  check_against_wcslib(sky() + scale() + card("PC1_2", 0.3) + card("PC2_1", -0.25), kPixels);
  check_against_wcslib(sky() + card("CD1_2", 0.01) + card("CD2_1", 0.02), kPixels);
}

TEST(latitude_before_longitude) {
  check_against_wcslib(text_card("CTYPE1", "DEC--SIN") + text_card("CTYPE2", "RA---SIN") + card("CRVAL1", 33.0) +
                           card("CRVAL2", 250.0) + scale(),
                       kPixels);
}

TEST(galactic_and_units) {
  check_against_wcslib(text_card("CTYPE1", "GLON-CAR") + text_card("CTYPE2", "GLAT-CAR") + card("CRVAL1", 3600.0) +
                           text_card("CUNIT1", "arcsec") + text_card("CUNIT2", "arcmin") + card("CDELT1", -30.0) +
                           card("CDELT2", 1.0),
                       kPixels);
}

TEST(alternates) {
  const std::string cards = sky() + scale() + text_card("CTYPE1B", "GLON-ZEA") + text_card("CTYPE2B", "GLAT-ZEA") +
                            card("CRVAL1B", 12.0) + card("CDELT1B", -0.5) + card("CDELT2B", 0.5);
  check_against_wcslib(cards, kPixels);
  check_against_wcslib(cards, kPixels, 'B');
  CHECK_THROWS(fits::FileError, "version 'C'", packed_from_header(cards, 'C'));
  CHECK_THROWS(fits::FileError, "no world coordinates", packed_from_header(card("BITPIX", "8"), ' '));
}

TEST(cube_with_linear_axes) {
  const std::string cards = sky() + scale() + text_card("CTYPE3", "FREQ") + text_card("CUNIT3", "GHz") +
                            card("CRVAL3", 1.4) + card("CRPIX3", 3.0) + card("CDELT3", 0.001) +
                            text_card("CTYPE4", "STOKES") + card("CRPIX4", 1.0) + card("CRVAL4", 1.0);
  check_against_wcslib(cards, {0, 0, 0, 0, 10, 5, 2, 1, -3, 8.5, 7, 2});
  // A frequency that is not there leaves the position alone, and the other way round.
  const Numbers packed = packed_from_header(cards, ' ');
  const Numbers pixels = {0, 0, std::nan(""), 0, std::nan(""), 0, 5, 1};
  Numbers world(8);
  std::vector<std::int32_t> status(2);
  pixel_to_world(view(packed), pixels.data(), 2, world.data(), status.data());
  CHECK(!std::isnan(world[0]) && !std::isnan(world[1]) && std::isnan(world[2]) && world[3] == 1);
  CHECK(std::isnan(world[4]) && std::isnan(world[5]) && !std::isnan(world[6]));
  CHECK_EQUAL(status[0], 4);
  CHECK_EQUAL(status[1], 3);
}

TEST(linear_only) {
  check_against_wcslib(text_card("CTYPE1", "X") + text_card("CTYPE2", "Y") + text_card("CTYPE3", "Z") +
                           card("CDELT1", 2.0) + card("PC1_3", 0.5) + card("CRVAL2", 1e6),
                       {1, 2, 3, 4, 5, 6});
  check_against_wcslib(
      text_card("CTYPE1", "WAVE") + text_card("CUNIT1", "Angstrom") + card("CRVAL1", 5000.0) + card("CDELT1", 1.5),
      {1, 2, 3, 4000});
}

TEST(comments_and_order_do_not_matter) {
  std::string comment = "COMMENT CTYPE1  = 'nonsense'";
  comment.resize(80, ' ');
  CHECK(packed_from_header(sky() + scale(), ' ') == packed_from_header(scale() + comment + sky(), ' '));
}

TEST(what_cannot_be_evaluated_is_refused) {
  const auto refuses = [](const char* part, const std::string& cards) {
    CHECK_THROWS(fits::FileError, part, packed_from_header(cards, ' '));
  };
  refuses("(wcslib)", text_card("CTYPE1", "RA---TAN") + text_card("CTYPE2", "DEC--SIN") + scale());
  refuses("singular", sky() + scale() + card("PC1_2", 1.0) + card("PC2_1", 1.0));
  refuses("(wcslib)", text_card("CTYPE1", "RA---TAN") + scale());
  refuses("CPDIS1", sky() + scale() + text_card("CPDIS1", "Lookup"));
  refuses("D2IMDIS2", sky() + scale() + text_card("D2IMDIS2", "Lookup"));
}

TEST(threads_share_nothing) {
  const std::string good = sky() + scale(), bad = text_card("CTYPE1", "RA---TAN") + scale();
  const Numbers expected = packed_from_header(good, ' ');
  std::atomic<int> wrong = 0;
  const auto parse = [&] {
    for (int i = 0; i < 300; ++i) {
      if (packed_from_header(good, ' ') != expected) ++wrong;
      try {
        packed_from_header(bad, ' ');
        ++wrong;
      } catch (const fits::FileError&) {
      }
    }
  };
  std::thread other(parse);
  parse();
  other.join();
  CHECK_EQUAL(wrong.load(), 0);
}

TEST(damaged_packed_wcs_are_not_followed) {
  const Numbers good = packed_from_header(sky() + scale(), ' ');
  CHECK_EQUAL(what_is_wrong(good.data(), static_cast<std::int64_t>(good.size())), std::string());
  const double values[] = {-1, 0, 1, 1e18, -1e18, std::nan(""), INFINITY, 2.5, 3, 17, 29};
  std::mt19937_64 random(6);
  const Numbers pixels = {1, 2, 3, 4};
  for (int slot = 0; slot < head::kSize; ++slot) {
    for (const double value : values) {
      Numbers bad = good;
      bad[static_cast<std::size_t>(slot)] = value;
      const Packed wcs = view(bad);
      if (wcs.naxis == 0 || wcs.naxis > 2) continue;
      Numbers out(4);
      pixel_to_world(wcs, pixels.data(), 2, out.data(), nullptr);
      world_to_pixel(wcs, pixels.data(), 2, out.data(), nullptr);
    }
  }
  for (std::size_t length = 0; length < good.size(); ++length) {
    CHECK(what_is_wrong(good.data(), static_cast<std::int64_t>(length)) != "");
  }
  CHECK_THROWS(fits::FileError, "not finite",
               packed_from_header(sky() + scale() + card("CRVAL3", "1E999") + text_card("CTYPE3", "X"), ' '));
}

}  // namespace
