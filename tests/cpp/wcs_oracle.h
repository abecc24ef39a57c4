// wcslib as the oracle of the WCS tests, and distances on the sphere.
#pragma once

#include <wcslib/wcs.h>
#include <wcslib/wcserr.h>
#include <wcslib/wcsfix.h>
#include <wcslib/wcshdr.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace oracle {

// A card "KEY     =                value".
inline std::string card(const std::string& key, const std::string& value) {
  std::string text = key;
  text.resize(8, ' ');
  text += "= " + value;
  text.resize(80, ' ');
  return text;
}
inline std::string card(const std::string& key, double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17G", value);
  return card(key, std::string(text));
}
inline std::string text_card(const std::string& key, const std::string& value) { return card(key, "'" + value + "'"); }

// Two celestial axes of 0.2 degree a pixel, turned and sheared a little.
inline std::string celestial_cards(const std::string& code, double crval1, double crval2,
                                   const std::map<std::string, double>& more = {}) {
  std::string cards = text_card("CTYPE1", "RA---" + code) + text_card("CTYPE2", "DEC--" + code) +
                      card("CRVAL1", crval1) + card("CRVAL2", crval2) + card("CRPIX1", 12.25) + card("CRPIX2", -7.5) +
                      card("CD1_1", -0.19) + card("CD1_2", 0.03) + card("CD2_1", 0.025) + card("CD2_2", 0.21);
  for (const auto& [key, value] : more) cards += card(key, value);
  return cards;
}

// No texts of errors while it lives: wcslib (7.12) leaks them when there are several.
struct Silence {
  Silence() { wcserr_enable(0); }
  ~Silence() { wcserr_enable(1); }
};

class Wcslib {
 public:
  explicit Wcslib(std::string cards, char alt = ' ') {
    int rejected = 0;
    if (wcspih(cards.data(), static_cast<int>(cards.size() / 80), WCSHDR_all, 0, &rejected, &count_, &all_) != 0) {
      throw std::runtime_error("wcspih");
    }
    for (int i = 0; i < count_; ++i) {
      if (all_[i].alt[0] == alt) wcs_ = &all_[i];
    }
    const Silence silence;
    if (wcs_ != nullptr) {
      cdfix(wcs_);
      unitfix(0, wcs_);
      spcfix(wcs_);
      if (wcsset(wcs_) == 0) return;
    }
    wcsvfree(&count_, &all_);
    throw std::runtime_error("no such alt, or wcsset");
  }
  Wcslib(const Wcslib&) = delete;
  ~Wcslib() { wcsvfree(&count_, &all_); }

  struct Result {
    std::vector<double> coordinates;
    std::vector<int> status;
  };
  // 0-based pixels.
  Result to_world(std::vector<double> pixel) {
    const Silence silence;
    for (double& x : pixel) x += 1;
    const auto n = pixel.size() / naxis();
    std::vector<double> image(pixel.size()), phi(n), theta(n), world(pixel.size());
    std::vector<int> status(n);
    wcsp2s(wcs_, static_cast<int>(n), wcs_->naxis, pixel.data(), image.data(), phi.data(), theta.data(), world.data(),
           status.data());
    return {world, status};
  }
  Result to_pixel(const std::vector<double>& world) {
    const Silence silence;
    const auto n = world.size() / naxis();
    std::vector<double> image(world.size()), phi(n), theta(n), pixel(world.size());
    std::vector<int> status(n);
    wcss2p(wcs_, static_cast<int>(n), wcs_->naxis, world.data(), phi.data(), theta.data(), image.data(), pixel.data(),
           status.data());
    for (double& x : pixel) x -= 1;
    return {pixel, status};
  }
  std::size_t naxis() const { return static_cast<std::size_t>(wcs_->naxis); }
  const wcsprm& prm() const { return *wcs_; }

 private:
  int count_ = 0;
  wcsprm* all_ = nullptr;
  wcsprm* wcs_ = nullptr;
};

inline bool accepts(const std::string& cards) {
  try {
    const Wcslib wcs(cards);
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

// Great-circle distance in degrees (Vincenty), in extended precision.
inline double separation(double lng1, double lat1, double lng2, double lat2) {
  constexpr long double d = 3.14159265358979323846264338327950288L / 180;
  const long double dl = (static_cast<long double>(lng2) - lng1) * d;
  const long double a = lat1 * d, b = lat2 * d;
  const long double x = cosl(b) * sinl(dl), y = cosl(a) * sinl(b) - sinl(a) * cosl(b) * cosl(dl);
  return static_cast<double>(atan2l(hypotl(x, y), sinl(a) * sinl(b) + cosl(a) * cosl(b) * cosl(dl)) / d);
}

}  // namespace oracle
