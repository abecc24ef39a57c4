// Spectral, logarithmic, time and conventional axes against wcslib: every type with every algorithm, grisms, faces of
// quad-cubes; what has no solution; derivatives; and packed WCS whose axes contradict each other.
#include "check.h"
#include "format/error.h"
#include "wcs/evaluate.h"
#include "wcs/jacobian.h"
#include "wcs/pack.h"
#include "wcs_oracle.h"

using namespace fits::wcs;
using oracle::card;
using oracle::text_card;

namespace {

using Numbers = std::vector<double>;
constexpr double kC = 299792458.0;

Packed view(const Numbers& packed) { return unpack(packed.data(), static_cast<std::int64_t>(packed.size())); }

struct Evaluated {
  Numbers coordinates;
  std::vector<std::int32_t> status;
};

// The same bits at every level.
template <class Transform>
Evaluated at_all_levels(const Numbers& in, int naxis, Transform transform) {
  Evaluated out{Numbers(in.size()), std::vector<std::int32_t>(in.size() / static_cast<std::size_t>(naxis))};
  Evaluated plain = out;
  transform(out, best_level());
  transform(plain, Level::plain);
  CHECK(out.status == plain.status);
  for (std::size_t i = 0; i < in.size(); ++i) {
    const double a = out.coordinates[i], b = plain.coordinates[i];
    CHECK(a == b || (std::isnan(a) && std::isnan(b)));
  }
  return out;
}
Evaluated to_world(const Numbers& packed, const Numbers& pixel) {
  const Packed wcs = view(packed);
  return at_all_levels(pixel, wcs.naxis, [&](Evaluated& out, Level level) {
    pixel_to_world(wcs, pixel.data(), static_cast<std::int64_t>(out.status.size()), out.coordinates.data(),
                   out.status.data(), level);
  });
}
Evaluated to_pixel(const Numbers& packed, const Numbers& world) {
  const Packed wcs = view(packed);
  return at_all_levels(world, wcs.naxis, [&](Evaluated& out, Level level) {
    world_to_pixel(wcs, world.data(), static_cast<std::int64_t>(out.status.size()), out.coordinates.data(),
                   out.status.data(), level);
  });
}

// Derivatives against differences over two pixels to either side, fourth order.
void check_derivatives(const Numbers& packed, const Numbers& pixel, int axis) {
  const Packed wcs = view(packed);
  const auto n = static_cast<std::size_t>(wcs.naxis);
  const auto count = static_cast<std::int64_t>(pixel.size() / n);
  Numbers matrix(pixel.size() * n);
  jacobian(wcs, pixel.data(), count, matrix.data());
  const auto moved = [&](double step) {
    Numbers at = pixel;
    for (std::size_t i = static_cast<std::size_t>(axis); i < at.size(); i += n) at[i] += step;
    return to_world(packed, at).coordinates;
  };
  const Numbers a = moved(-2), b = moved(-1), c = moved(1), d = moved(2), middle = moved(0);
  for (std::size_t i = 0; i < pixel.size(); ++i) {
    const double difference = (a[i] - 8 * b[i] + 8 * c[i] - d[i]) / 12;
    const double derivative = matrix[i * n + static_cast<std::size_t>(axis)];
    const double scale = std::max({std::fabs(difference), 1e-9 * std::fabs(middle[i]), 1e-300});
    CHECK(std::fabs(derivative - difference) <= 1e-6 * scale);
  }
}

// One axis: values within 1e-13 of wcslib's, or 1e-14 of `unit` (velocities: that of light, of which X has all digits);
// pixels within 1e-13 of their distance from X = 0.
void check_axis(const std::string& cards, const Numbers& pixel, double unit, double pixels_to_zero) {
  const Numbers packed = packed_from_header(cards, ' ');
  oracle::Wcslib wcslib(cards);
  const auto world = to_world(packed, pixel);
  const auto theirs = wcslib.to_world(pixel);
  const auto back = to_pixel(packed, theirs.coordinates);
  const auto their_pixels = wcslib.to_pixel(theirs.coordinates);
  for (std::size_t i = 0; i < pixel.size(); ++i) {
    CHECK_EQUAL(world.status[i], 0);
    CHECK_EQUAL(theirs.status[i], 0);
    const double expected = theirs.coordinates[i];
    CHECK(std::fabs(world.coordinates[i] - expected) <= 1e-13 * std::fabs(expected) + 1e-14 * unit);
    CHECK_EQUAL(back.status[i], 0);
    CHECK(std::fabs(back.coordinates[i] - their_pixels.coordinates[i]) <= 1e-13 * pixels_to_zero + 1e-10);
    CHECK(std::fabs(back.coordinates[i] - pixel[i]) <= 1e-13 * pixels_to_zero + 1e-10);
  }
  check_derivatives(packed, pixel, 0);
}

// The coordinate of each type at a frequency of a line.
double coordinate(std::string_view type, double frequency, double rest) {
  spxprm spx{};
  CHECK_EQUAL(specx("FREQ", frequency, rest, 0, &spx), 0);
  const std::map<std::string_view, double> all = {{"FREQ", spx.freq}, {"AFRQ", spx.afrq}, {"ENER", spx.ener},
                                                  {"WAVN", spx.wavn}, {"VRAD", spx.vrad}, {"WAVE", spx.wave},
                                                  {"VOPT", spx.vopt}, {"ZOPT", spx.zopt}, {"AWAV", spx.awav},
                                                  {"VELO", spx.velo}, {"BETA", spx.beta}};
  return all.at(type);
}

char variable_of(std::string_view type) {
  if (type == "WAVE" || type == "VOPT" || type == "ZOPT") return 'W';
  if (type == "AWAV") return 'A';
  return type == "VELO" || type == "BETA" ? 'V' : 'F';
}

bool is_velocity(std::string_view type) {
  return type == "VRAD" || type == "VOPT" || type == "ZOPT" || type == "VELO" || type == "BETA";
}

double unit_of(std::string_view type) {
  if (!is_velocity(type)) return 0;
  return type == "ZOPT" || type == "BETA" ? 1 : kC;
}

// A spectrum of 2 * kReach pixels that spans a few percent of the frequency.
constexpr int kReach = 200;
Numbers pixels() {
  Numbers all;
  for (double x = -kReach; x <= kReach; x += 12.37) all.push_back(x);
  return all;
}

std::string axis_cards(const std::string& ctype, double crval, double cdelt, double restfrq, double restwav) {
  std::string cards = text_card("CTYPE1", ctype) + card("CRPIX1", 1.25) + card("CRVAL1", crval) + card("CDELT1", cdelt);
  if (restfrq != 0) cards += card("RESTFRQ", restfrq);
  if (restwav != 0) cards += card("RESTWAV", restwav);
  return cards;
}

TEST(every_type_with_every_algorithm) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> uniform(-1, 1);
  for (const std::string_view type : kSpectralTypes) {
    for (const char x : {'F', 'W', 'A', 'V'}) {
      const std::string ctype = std::string(type) + "-" + x + "2" + variable_of(type);
      for (int trial = 0; trial < 8; ++trial) {
        // wavelengths of 0.4 to 1.4 micrometres where air matters, up to radio elsewhere
        const bool air = x == 'A' || type == "AWAV";
        const double frequency = 4e14 * std::exp2(uniform(random)) * (air ? 1 : std::exp2(10 * uniform(random) - 10));
        const double rest = frequency * (1 + 0.3 * uniform(random));
        const double crval = coordinate(type, frequency, rest);
        // the step that moves frequency by 1e-4 of itself, and a different one each time
        const double step =
            (coordinate(type, frequency * (1 + 1e-7), rest) - crval) * 1e3 * (1 + 0.5 * uniform(random));
        const bool by_frequency = uniform(random) > 0;
        check_axis(axis_cards(ctype, crval, step, by_frequency ? rest : 0, by_frequency ? 0 : kC / rest), pixels(),
                   unit_of(type), 1e5);
      }
    }
  }
}

TEST(linear_and_logarithmic_spectra) {
  for (const std::string_view type : kSpectralTypes) {
    const double crval = coordinate(type, 1.5e14, 1.4e14) * (is_velocity(type) ? -1 : 1);
    check_axis(axis_cards(std::string(type), crval, crval * 1e-4, 1.4e14, 0), pixels(), 0, 1e4);
    check_axis(axis_cards(std::string(type), crval, crval * 1e-4, 0, 0), pixels(), 0, 1e4);
    if (crval > 0) check_axis(axis_cards(std::string(type) + "-LOG", crval, crval * 1e-3, 0, 0), pixels(), 0, 1e4);
  }
}

TEST(velocities_of_velocities_need_no_line) {
  for (const std::string ctype : {"VRAD-V2F", "VOPT-V2W", "ZOPT-V2W"}) {  // wcslib has a scale of 0 there
    const double unit = ctype[0] == 'Z' ? 1 : kC;
    const Numbers packed = packed_from_header(axis_cards(ctype, 0.01 * unit, 1e-5 * unit, 0, 0), ' ');
    const auto world = to_world(packed, pixels());
    const auto theirs = oracle::Wcslib(axis_cards(ctype, 0.01 * unit, 1e-5 * unit, 1.4e9, 0)).to_world(pixels());
    for (std::size_t i = 0; i < world.coordinates.size(); ++i) {
      CHECK(std::fabs(world.coordinates[i] - theirs.coordinates[i]) < 1e-14 * unit);
    }
  }
  CHECK_THROWS(fits::FileError, "(wcslib)", packed_from_header(axis_cards("VELO-F2V", 2e6, 1e4, 0, 0), ' '));
  CHECK_THROWS(fits::FileError, "(wcslib)", packed_from_header(axis_cards("VRAD-W2F", 2e6, 1e4, 0, 0), ' '));
}

std::string grism_cards(const Numbers& pv) {
  std::string cards;
  for (std::size_t m = 0; m < pv.size(); ++m) cards += card("PV1_" + std::to_string(m), pv[m]);
  return cards;
}

TEST(grisms) {
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> uniform(-1, 1);
  for (const std::string_view type : kSpectralTypes) {
    for (const char* const code : {"-GRI", "-GRA"}) {
      for (int trial = 0; trial < 8; ++trial) {
        const double frequency = 5e14 * (1 + 0.2 * uniform(random)), rest = frequency * (1 + 0.1 * uniform(random));
        const double crval = coordinate(type, frequency, rest);
        const double step = (coordinate(type, frequency * (1 + 1e-7), rest) - crval) * 1e3;
        // rulings per metre, order, incidence, index, its derivative per metre, tilts of grating and detector (degrees)
        const Numbers pv = {4.5e5 * (1 + 0.3 * uniform(random)),
                            trial % 2 == 0 ? 1.0 : -1.0,
                            10 + 10 * uniform(random),
                            1.5 + 0.1 * uniform(random),
                            -5e4 * (1 + uniform(random)),
                            5 * uniform(random),
                            8 * uniform(random)};
        check_axis(axis_cards(std::string(type) + code, crval, step, rest, 0) + grism_cards(pv), pixels(),
                   unit_of(type), 1e5);
      }
    }
  }
  // Defaults; no diffraction at all; no ray at the reference point.
  check_axis(axis_cards("WAVE-GRI", 5e-7, 1e-10, 0, 0) + grism_cards({4.5e5, 1}), pixels(), 0, 1e5);
  const auto refused = [](const Numbers& pv) {
    CHECK_THROWS(fits::FileError, "no spectrum has this CRVAL",
                 packed_from_header(axis_cards("WAVE-GRI", 5e-7, 1e-10, 0, 0) + grism_cards(pv), ' '));
  };
  refused({});
  refused({5e6, 1});
}

TEST(grism_rays_that_are_not_there) {
  const std::string cards = axis_cards("WAVE-GRI", 5e-7, 1e-9, 0, 0) + grism_cards({4.5e5, 1, 27, 1.76, -1.077e6});
  const Numbers packed = packed_from_header(cards, ' ');
  oracle::Wcslib wcslib(cards);
  const Numbers world = {5e-7, 1e-3, -1e-3, 5.1e-7, 0};
  const auto ours = to_pixel(packed, world);
  const auto theirs = wcslib.to_pixel(world);  // which finds no fault, and pixels
  CHECK(ours.status == (std::vector<std::int32_t>{0, 1, 1, 0, 1}));
  CHECK(std::isnan(ours.coordinates[1]) && std::isnan(ours.coordinates[4]));
  CHECK(std::fabs(ours.coordinates[3] - theirs.coordinates[3]) < 1e-9);
}

// No negative frequency or wavelength, no velocity beyond light's: NaN and the bit of the axis, that point alone.
TEST(values_that_do_not_exist) {
  const auto statuses = [](const std::string& cards, const Numbers& at, bool forward) {
    const Numbers packed = packed_from_header(cards, ' ');
    const auto out = forward ? to_world(packed, at) : to_pixel(packed, at);
    for (std::size_t i = 0; i < at.size(); ++i) CHECK_EQUAL(std::isnan(out.coordinates[i]), out.status[i] == 1);
    return out.status;
  };
  using Statuses = std::vector<std::int32_t>;
  const double nan = std::nan("");
  const std::string wave = axis_cards("WAVE-F2W", 1e-6, 1e-8, 0, 0);  // frequency 0 about 100 pixels up
  CHECK(statuses(wave, {0, 99, 102, nan, 1e9}, true) == (Statuses{0, 0, 1, 1, 1}));
  CHECK(statuses(wave, {1e-6, -1e-6, 0, nan, 2e-7}, false) == (Statuses{0, 1, 1, 1, 0}));
  const std::string velo = axis_cards("VELO-F2V", 1e6, 1e4, 1.4e9, 0);
  CHECK(statuses(velo, {0, 1e9, -1e9}, true) == (Statuses{0, 1, 0}));
  CHECK(statuses(velo, {0, kC, -kC, 1.5 * kC, -1e6}, false) == (Statuses{0, 1, 1, 1, 0}));
  const std::string freq = axis_cards("FREQ-V2F", 1.4e9, 1e5, 1.42e9, 0);
  CHECK(statuses(freq, {0, 5, 1e7, -1e7}, true) == (Statuses{0, 0, 1, 1}));
  CHECK(statuses(text_card("CTYPE1", "LAMB-LOG") + card("CRVAL1", 10.0), {1, 0, -5, nan, 1e-300, 1e300}, false) ==
        (Statuses{0, 1, 1, 1, 0, 0}));
  CHECK_THROWS(fits::FileError, "must be positive",
               packed_from_header(text_card("CTYPE1", "LAMB-LOG") + card("CRVAL1", -1.0), ' '));
}

TEST(logarithmic_axes_of_any_type) {
  for (const std::string ctype : {"LAMB-LOG", "TIME-LOG", "FREQ-LOG", "UTC--LOG", "XX---LOG"}) {
    for (const double crval : {3.0, 1.25e-7, 4e11}) {
      check_axis(
          text_card("CTYPE1", ctype) + card("CRPIX1", 3.0) + card("CRVAL1", crval) + card("CDELT1", crval * 0.01),
          pixels(), 0, 1e3);
    }
  }
}

std::string sky_cards() {
  return text_card("CTYPE1", "RA---TAN") + text_card("CTYPE2", "DEC--TAN") + card("CRVAL1", 150.0) +
         card("CRVAL2", -30.0) + card("CRPIX1", 32.0) + card("CRPIX2", 32.0) + card("CDELT1", -0.01) +
         card("CDELT2", 0.01);
}
std::string third(const std::string& ctype, double crval, double cdelt) {
  return text_card("CTYPE3", ctype) + card("CRVAL3", crval) + card("CDELT3", cdelt) + card("CRPIX3", 1.0);
}

TEST(cubes) {
  const std::string cards = sky_cards() + third("VELO-F2V", 2e6, 5e3) + card("RESTFRQ", 1.420405752e9) +
                            text_card("CTYPE4", "STOKES") + card("CRVAL4", 1.0) + card("CRPIX4", 1.0);
  const Numbers packed = packed_from_header(cards, ' ');
  oracle::Wcslib wcslib(cards);
  Numbers pixel;
  for (int i = 0; i < 300; ++i) pixel.insert(pixel.end(), {i * 0.21, 64 - i * 0.19, i * 0.5, i % 4 * 1.0});
  const auto world = to_world(packed, pixel);
  const auto theirs = wcslib.to_world(pixel);
  const auto back = to_pixel(packed, world.coordinates);
  for (std::size_t i = 0; i < pixel.size(); ++i) {
    CHECK(std::fabs(world.coordinates[i] - theirs.coordinates[i]) <= (i % 4 == 2 ? 1e-6 : 1e-12));
    CHECK(std::fabs(back.coordinates[i] - pixel[i]) < 1e-8);
  }
  // One axis without a solution leaves the others alone, both ways.
  const double nan = std::nan("");
  const auto one = to_world(packed, {1, 2, nan, 0, nan, 2, 3, 1, 1, 2, 1e9, 2});
  CHECK(one.status == (std::vector<std::int32_t>{4, 3, 4}));
  CHECK(!std::isnan(one.coordinates[0]) && std::isnan(one.coordinates[2]) && one.coordinates[3] == 1);
  CHECK(std::isnan(one.coordinates[4]) && std::isnan(one.coordinates[5]) && !std::isnan(one.coordinates[6]));
  const auto other = to_pixel(packed, {150, -30, 2 * kC, 1, 330, 30, 2e6, 1});
  CHECK(other.status == (std::vector<std::int32_t>{4, 3}));
  CHECK(!std::isnan(other.coordinates[0]) && std::isnan(other.coordinates[2]));
  CHECK(std::isnan(other.coordinates[4]) && std::fabs(other.coordinates[6]) < 1e-9);
  check_derivatives(packed, {10, 20, 30, 0, 12, 50, 60, 1}, 2);
}

// A spectral axis that is mixed with the sky by PC: NaN goes where the matrix takes it.
TEST(cubes_with_a_turned_spectral_axis) {
  const std::string cards =
      sky_cards() + third("WAVE-V2W", 6.6e-7, 1e-10) + card("RESTWAV", 6.5628e-7) + card("PC3_1", 0.01);
  const Numbers packed = packed_from_header(cards, ' ');
  oracle::Wcslib wcslib(cards);
  const Numbers pixel = {5, 6, 7, 60, 12, 300};
  const auto world = to_world(packed, pixel);
  const auto theirs = wcslib.to_world(pixel);
  const auto back = to_pixel(packed, world.coordinates);
  for (std::size_t i = 0; i < pixel.size(); ++i) {
    CHECK(std::fabs(world.coordinates[i] - theirs.coordinates[i]) <= 1e-13 * std::fabs(theirs.coordinates[i]));
    CHECK(std::fabs(back.coordinates[i] - pixel[i]) < 1e-8);
  }
  for (const int axis : {0, 2}) check_derivatives(packed, pixel, axis);
}

TEST(time_and_conventional_axes) {
  const std::string base = card("MJDREFI", 55555.0) + card("MJDREFF", 0.25) + text_card("TIMEUNIT", "s") +
                           text_card("TREFPOS", "TOPOCENTER") + text_card("TIMESYS", "UTC");
  for (const std::string ctype : {"TIME", "UTC", "TAI", "TT", "TDB", "GPS"}) {
    const std::string cards =
        base + text_card("CTYPE1", ctype) + card("CRVAL1", 1000.5) + card("CDELT1", 0.125) + text_card("CUNIT1", "s");
    check_axis(cards, pixels(), 0, 1e5);
    const Numbers packed = packed_from_header(cards, ' ');
    CHECK(packed[head::kTime] != 0);
    const double* const block = packed.data() + static_cast<int>(packed[head::kTime]);
    CHECK_EQUAL(block[fits::wcs::time::kMjdref] + block[fits::wcs::time::kMjdref + 1], 55555.25);
    CHECK_EQUAL(static_cast<int>(block[fits::wcs::time::kPresent]) & 1, 1);
  }
  check_axis(text_card("CTYPE1", "STOKES") + card("CRVAL1", 1.0) + card("CDELT1", 1.0), {0, 1, 2.25, 3}, 0, 10);
}

TEST(spectral_keywords_are_kept) {
  const std::string cards = axis_cards("VOPT-F2W", 1e6, 1e3, 1.4e9, 0) + text_card("SPECSYS", "BARYCENT") +
                            text_card("SSYSOBS", "TOPOCENT") + card("VELOSYS", 1234.5);
  const Numbers packed = packed_from_header(cards, ' ');
  const double* const block = packed.data() + static_cast<int>(packed[head::kSpectral]);
  CHECK_EQUAL(block[spectral::kRestfrq], 1.4e9);
  CHECK_EQUAL(block[spectral::kVelosys], 1234.5);
  CHECK_EQUAL(block[spectral::kSpecsys], static_cast<double>(0x42415259));  // BARY
  CHECK_EQUAL(kSpectralTypes[static_cast<std::size_t>(block[spectral::kType])], "VOPT");
}

// FREQ-LSR, VELO-HEL, FELO and VELREF (AIPS) mean axes of the Standard.
TEST(conventions_of_aips) {
  const std::string line = card("RESTFREQ", 1.420405752e9);
  const auto check = [&](const std::string& ctype, double crval, double cdelt, int velref, const char* frame) {
    const std::string cards = text_card("CTYPE1", ctype) + card("CRVAL1", crval) + card("CDELT1", cdelt) +
                              (velref != 0 ? card("VELREF", velref) : std::string()) + line;
    check_axis(cards, pixels(), kC, 1e5);
    const Numbers packed = packed_from_header(cards, ' ');
    double four = 0;  // the first slot of SPECSYS
    for (int i = 0; i < 4; ++i) four = four * 256 + frame[i];
    CHECK_EQUAL(packed[static_cast<std::size_t>(packed[head::kSpectral]) + spectral::kSpecsys], four);
  };
  check("FREQ-LSR", 1.42e9, 1e4, 0, "LSRK");
  check("VELO-LSR", 1e6, 1e3, 257, "LSRK");
  check("VELO-HEL", 1e6, 1e3, 0, "BARYCENT");
  check("VELO-OBS", 1e6, 1e3, 3, "TOPOCENT");
  check("FELO-HEL", 1e6, -5e3, 0, "BARYCENT");
  check("FELO", 1e6, -5e3, 2, "BARYCENT");
}

std::string cube_cards(const std::string& code, double crpix3) {
  return text_card("CTYPE1", "GLON-" + code) + text_card("CTYPE2", "GLAT-" + code) + text_card("CTYPE3", "CUBEFACE") +
         card("CRPIX1", 8.5) + card("CRPIX2", 8.5) + card("CRPIX3", crpix3) + card("CDELT1", -90.0 / 16) +
         card("CDELT2", 90.0 / 16) + card("CDELT3", 1.0) + card("CRVAL1", 20.0) + card("CRVAL2", 0.0);
}

TEST(faces_of_cubes) {
  for (const std::string code : {"TSC", "CSC", "QSC"}) {
    for (const double first : {1.0, 3.0}) {
      const std::string cards = cube_cards(code, first);
      const Numbers packed = packed_from_header(cards, ' ');
      oracle::Wcslib wcslib(cards);
      Numbers pixel;
      for (int face = 0; face < 6; ++face) {
        for (double x = 0.25; x < 15; x += 1.7) {
          for (double y = 0.25; y < 15; y += 1.3) pixel.insert(pixel.end(), {x, y, face + first - 1});
        }
      }
      const auto world = to_world(packed, pixel);
      const auto theirs = wcslib.to_world(pixel);
      const auto back = to_pixel(packed, world.coordinates);
      const auto their_pixels = wcslib.to_pixel(world.coordinates);
      for (std::size_t i = 0; i < pixel.size(); i += 3) {
        const double* const a = &world.coordinates[i];
        const double* const b = &theirs.coordinates[i];
        CHECK(oracle::separation(a[0], a[1], b[0], b[1]) < 1e-11 && a[2] == b[2]);
        for (std::size_t k = i; k < i + 3; ++k) {
          CHECK(std::fabs(back.coordinates[k] - pixel[k]) < (code == "CSC" ? 0.02 : 1e-10));
          CHECK(std::fabs(back.coordinates[k] - their_pixels.coordinates[k]) < 1e-10);
        }
      }
    }
  }
}

TEST(faces_that_are_not_there) {
  const std::string cards = cube_cards("TSC", 1.0);
  const Numbers packed = packed_from_header(cards, ' ');
  oracle::Wcslib wcslib(cards);
  const Numbers pixel = {3, 4, 0, 3, 4, 0.5, 3, 4, -1, 3, 4, 6, 3, 4, 5, 3, 4, std::nan("")};
  const auto world = to_world(packed, pixel);
  const auto theirs = wcslib.to_world(pixel);
  CHECK(world.status == (std::vector<std::int32_t>{0, 3, 3, 3, 0, 7}));
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK_EQUAL(world.status[i], theirs.status[i]);
    CHECK_EQUAL(world.coordinates[3 * i + 2], theirs.coordinates[3 * i + 2]);
  }
  // The face of a position is that of the position, whatever CUBEFACE says; no position, no face.
  const auto back = to_pixel(packed, {world.coordinates[12], world.coordinates[13], 2, std::nan(""), 3, 1});
  CHECK(std::fabs(back.coordinates[0] - 3) < 1e-10 && std::fabs(back.coordinates[2] - 5) < 1e-10);
  CHECK_EQUAL(back.status[1], 7);
}

TEST(packed_axes_that_contradict_each_other) {
  const Numbers good = packed_from_header(axis_cards("VELO-F2V", 1e6, 1e3, 1.4e9, 0), ' ');
  CHECK_EQUAL(view(good).naxis, 1);
  const auto refused = [](Numbers packed, std::size_t slot, double value) {
    packed[slot] = value;
    CHECK_EQUAL(view(packed).naxis, 0);
  };
  const auto spectral = static_cast<std::size_t>(good[head::kSpectral]);
  refused(good, head::kSpec, -1);
  refused(good, head::kSpectral, 0);
  refused(good, head::kSpectral, static_cast<double>(good.size()) - 5);
  refused(good, spectral + spectral::kX, 4);
  refused(good, spectral + spectral::kP, 0.5);
  refused(good, spectral + spectral::kGrism, -1);
  refused(good, spectral + spectral::kGrism, std::nan(""));
  refused(good, head::kCubeface, 1);
  refused(packed_from_header(cube_cards("TSC", 1.0), ' '), head::kCubeface, 2);
}

}  // namespace
