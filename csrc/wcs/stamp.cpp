#include "wcs/stamp.h"

#include <algorithm>
#include <iomanip>
#include <locale>
#include <sstream>
#include <string>

#include "format/card.h"
#include "wcs/pack.h"
#include "wcs/wcslib.h"

namespace fits::wcs {
namespace {

std::string header_of(std::int64_t height, std::int64_t width, double pixel_scale) {
  std::string text;
  const auto card = [&](const char* key, const auto& value) {
    std::ostringstream line;
    line.imbue(std::locale::classic());
    line << key << "  = " << std::setprecision(17) << value;
    std::string whole = std::move(line).str();
    whole.resize(kCardSize, ' ');
    text += whole;
  };
  card("CTYPE1", "'RA---TAN'");
  card("CTYPE2", "'DEC--TAN'");
  card("CRPIX1", (static_cast<double>(width) + 1) / 2);
  card("CRPIX2", (static_cast<double>(height) + 1) / 2);
  card("CDELT1", -pixel_scale);
  card("CDELT2", pixel_scale);
  return text;
}

}  // namespace

Stamps::Stamps(std::int64_t height, std::int64_t width, double pixel_scale) {
  const std::string header = header_of(height, width, pixel_scale);
  celestial_ = describe(HeaderView(header), ' ').celestial;
  packed_ = packed_from_header(header, ' ');
}

void Stamps::put(double lng, double lat, double* to) {
  set_reference(celestial_, lng, lat);
  std::copy(packed_.begin(), packed_.end(), to);
  const Packed wcs = unpack(to, size());
  double* const crval = to + (wcs.linear() - to) + LinearLayout{2}.crval();
  crval[0] = lng;
  crval[1] = lat;
  const std::vector<double> block = celestial_block(celestial_);
  std::copy(block.begin(), block.end(), to + (wcs.celestial() - to));
}

void take_frame(const Packed& like, double* stamp) {
  const Packed wcs = unpack(stamp, static_cast<std::int64_t>(stamp[head::kLength]));
  double* const celestial = stamp + (wcs.celestial() - stamp);
  for (const int slot : {celestial::kFrame, celestial::kEquinox}) celestial[slot] = like.celestial()[slot];
  // The first four characters: RA and DEC, GLON and GLAT, ...
  double* const ctype = stamp + (wcs.linear() - stamp) + LinearLayout{2}.ctype();
  const double* const names = like.linear() + LinearLayout{like.naxis}.ctype();
  ctype[0] = names[2 * like.lng];
  ctype[2] = names[2 * like.lat];
}

}  // namespace fits::wcs
