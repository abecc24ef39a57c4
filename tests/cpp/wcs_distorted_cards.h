// Cards of headers with polynomial distortions, for tests of reading and of writing them.
#pragma once

#include "wcs/evaluate.h"
#include "wcs_oracle.h"

namespace fits::wcs::cards {

using oracle::card;
using oracle::text_card;
using Numbers = std::vector<double>;

inline Packed view(const Numbers& packed) { return unpack(packed.data(), static_cast<std::int64_t>(packed.size())); }

inline std::string record(const std::string& keyword, const std::string& field, double value) {
  char text[80];
  std::snprintf(text, sizeof text, "%s: %.17G", field.c_str(), value);
  return text_card(keyword, text);
}

// A field of 2048 pixels, 0.3 arcsec each.
inline std::string field_cards(const std::string& code, bool cd = true) {
  std::string cards = text_card("CTYPE1", "RA---" + code) + text_card("CTYPE2", "DEC--" + code) +
                      card("CRVAL1", 202.4) + card("CRVAL2", 47.2) + card("CRPIX1", 1024.5) + card("CRPIX2", 1020.0);
  const Numbers matrix = {-9e-5, 1e-5, 2e-5, 8e-5};
  for (int i = 0; i < 4; ++i) {
    const std::string place = std::to_string(i / 2 + 1) + "_" + std::to_string(i % 2 + 1);
    cards += card((cd ? "CD" : "PC") + place, matrix[static_cast<std::size_t>(i)] * (cd ? 1 : 1e4));
  }
  if (!cd) cards += card("CDELT1", 1e-4) + card("CDELT2", 1.1e-4);
  return cards;
}

// The largest distance of world coordinates of `n` axes: degrees, and parts of other coordinates.
inline double largest_distance(const Numbers& world, const Numbers& other, std::size_t n) {
  double largest = 0;
  for (std::size_t i = 0; i < world.size(); i += n) {
    largest = std::max(largest, oracle::separation(world[i], world[i + 1], other[i], other[i + 1]));
    for (std::size_t axis = 2; axis < n; ++axis) {
      const double value = other[i + axis];
      largest = std::max(largest, std::fabs(world[i + axis] - value) / std::max(1.0, std::fabs(value)));
    }
  }
  return largest;
}

inline Numbers world_of(const Numbers& packed, const Numbers& pixels) {
  Numbers world(pixels.size());
  const Packed wcs = view(packed);
  pixel_to_world(wcs, pixels.data(), static_cast<std::int64_t>(pixels.size()) / wcs.naxis, world.data(), nullptr);
  return world;
}

inline int degree_of(int m) {
  for (int degree = 1, last = 3;; ++degree, last += degree + 1 + degree % 2) {
    if (m <= last) return m == 0 ? 0 : degree;
  }
}

// Coefficients whose terms are up to `strength` of a half field in degrees.
inline std::string tpv_cards(int most, double strength, bool odd, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> any(-1, 1);
  std::string cards;
  for (int axis = 1; axis <= 2; ++axis) {
    for (int m = 0; m <= most; ++m) {
      const bool is_odd = m == 3 || m == 11 || m == 23 || m == 39;
      if (is_odd && !odd) continue;
      const double value =
          m == 1 ? 1 + 1e-3 * any(random) : strength * 0.1 * any(random) * std::pow(0.1, -degree_of(m));
      cards += card("PV" + std::to_string(axis) + "_" + std::to_string(m), value);
    }
  }
  return cards;
}

inline const Numbers kOffsets = {1024.5, 1020};

// TPD, before the matrix (in pixels) or after it (in intermediate pixels), as a correction or as the coordinate itself.
inline std::string tpd_cards(bool prior, int most, double strength, bool corrects, bool auxiliary,
                             std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> any(-1, 1);
  std::string cards;
  for (int axis = 1; axis <= 2; ++axis) {
    const std::string number = std::to_string(axis), key = (prior ? "DP" : "DQ") + number;
    cards += text_card((prior ? "CPDIS" : "CQDIS") + number, "TPD") + record(key, "NAXES", 2);
    cards += record(key, "AXIS.1", axis) + record(key, "AXIS.2", 3 - axis);
    if (!corrects) cards += record(key, "DOCORR", 0);
    const double size = prior ? 1000 : 0.1;
    for (int i = 1; i <= 2; ++i) {
      const auto own = static_cast<std::size_t>((axis == 1) == (i == 1) ? 0 : 1);
      if (corrects) {
        cards += record(key, "OFFSET." + std::to_string(i), prior ? kOffsets[own] : 0.001);
        cards += record(key, "SCALE." + std::to_string(i), 1 / size);
      }
    }
    if (auxiliary) {
      cards += record(key, "AUX.1.COEFF.0", 0.02) + record(key, "AUX.1.COEFF.2", 0.1) +
               record(key, "AUX.2.COEFF.1", -0.15) + record(key, "AUX.2.COEFF.2", 0.9);
    }
    for (int m = 0; m <= most; ++m) {
      double value = strength * size * any(random);
      if (!corrects) value *= std::pow(size, -degree_of(m));
      if (m == 1 && !corrects) value += 1;
      cards += record(key, "TPD.FWD." + std::to_string(m), value);
    }
    if (most > 4) cards += record(key, "TPD.REV.5", 1e-9);
  }
  return cards;
}

// The pieces of a text in cards of 68 characters.
inline std::string wat_cards(int axis, const std::string& text) {
  std::string cards;
  for (std::size_t i = 0; i * 68 < text.size(); ++i) {
    char key[12];
    std::snprintf(key, sizeof key, "WAT%d_%03d", axis, static_cast<int>(i) + 1);
    cards += text_card(key, text.substr(i * 68, 68));
  }
  return cards;
}

inline std::string surface_text(const std::string& type, int axis, int kind, int columns, int rows, int cross,
                                double strength = 1e-3) {
  std::mt19937_64 random(static_cast<std::uint64_t>(100 * columns + 10 * rows + axis));
  std::uniform_real_distribution<double> any(-1, 1);
  std::string text = "wtype=" + type + (axis == 1 ? " axtype=ra" : " axtype=dec");
  if (type == "zpx") text += " projp0=0. projp1=1. projp3=-2.5";
  text += axis == 1 ? " lngcor = \"" : " latcor = \"";
  for (const int number : {kind, columns, rows, cross}) text += std::to_string(number) + ". ";
  for (const char* const end : {"-0.11 ", "0.12 ", "-0.105 ", "0.115 "}) text += end;
  for (int n = 0; n < rows; ++n) {
    for (int m = 0; m < columns; ++m) {
      if ((cross == 0 && m * n > 0) || (cross == 2 && m + n >= std::max(columns, rows))) continue;
      char number[32];
      const double scale = kind == 3 ? std::pow(10.0, m + n) : 1;
      std::snprintf(number, sizeof number, "%.16g ", strength * 0.1 * scale * any(random));
      text += number;
    }
  }
  return text + "\"";
}

// A plate like those of the survey, its coefficients rounded.
inline std::string plate_cards(double fifth = 0) {
  std::string cards = card("NAXIS", "2") + card("NAXIS1", "891") + card("NAXIS2", "893");
  cards += text_card("PLATEID", "A2OP");  // as the last of these it would undo the others in wcslib (7.12)
  const std::map<std::string, double> numbers = {
      {"CNPIX1", 6498},    {"CNPIX2", 9120},   {"XPIXELSZ", 15.03}, {"YPIXELSZ", 15},   {"PPO3", 177500},
      {"PPO6", 177500},    {"PLTRAH", 5},      {"PLTRAM", 22},      {"PLTRAS", 16.12},  {"PLTDECD", 14},
      {"PLTDECM", 57},     {"PLTDECS", 10.8},  {"AMDX1", 67.16},    {"AMDX2", -0.319},  {"AMDX3", -307.2},
      {"AMDX4", -2.9e-5},  {"AMDX5", 3.6e-5},  {"AMDX6", -7.8e-6},  {"AMDX7", 1e-6},    {"AMDX8", 2e-6},
      {"AMDX9", -6.8e-8},  {"AMDX10", 2.3e-6}, {"AMDX11", -5.7e-8}, {"AMDX12", 1e-8},   {"AMDX13", fifth},
      {"AMDY1", 67.17},    {"AMDY2", 0.317},   {"AMDY3", 295.1},    {"AMDY4", 2e-6},    {"AMDY5", -5.2e-5},
      {"AMDY6", 1.2e-5},   {"AMDY7", -1e-6},   {"AMDY8", 2e-6},     {"AMDY9", -6.7e-8}, {"AMDY10", 2.1e-6},
      {"AMDY11", -6.7e-8}, {"AMDY12", -2e-8},  {"AMDY13", -fifth},  {"AMDX14", 0}};
  for (const auto& [key, value] : numbers) cards += card(key, value);
  return cards + text_card("PLTDECSN", "-       ");
}

// Paper IV's Polynomial with these terms: coefficient, powers of the variables, of the auxiliary ones.
inline std::string polynomial_cards(const std::string& key, const std::vector<Numbers>& terms, int variables,
                                    int auxiliaries = 0) {
  std::string cards = record(key, "NAXES", variables);
  if (auxiliaries > 0) cards += record(key, "NAUX", auxiliaries);
  cards += record(key, "NTERMS", static_cast<double>(terms.size()));
  for (std::size_t m = 0; m < terms.size(); ++m) {
    const std::string term = "TERM." + std::to_string(m + 1) + ".";
    cards += record(key, term + "COEFF", terms[m][0]);
    for (std::size_t i = 1; i < terms[m].size(); ++i) {
      const bool own = static_cast<int>(i) <= variables;
      const auto number = static_cast<int>(i) - (own ? 0 : variables);
      cards += record(key, term + (own ? "VAR." : "AUX.") + std::to_string(number), terms[m][i]);
    }
  }
  return cards;
}

}  // namespace fits::wcs::cards
