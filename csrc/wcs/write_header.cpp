#include "wcs/write_header.h"

#include <array>
#include <cmath>
#include <initializer_list>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "wcs/packed_text.h"
#include "wcs/write_distortion.h"

namespace fits::wcs {
namespace {

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument(what); }

std::string numbered(std::string_view keyword, int axis) { return std::string(keyword) + std::to_string(axis + 1); }

// Text in some slots; what was cut when it was packed is not there any more.
std::string text_in(const double* slots, const std::string& keyword, int count = 2) {
  std::string text = text_of(slots, count);
  if (!text.empty() && text.back() == '~') {
    refuse(keyword + " = '" + text + "' is longer than the " + std::to_string(4 * count) +
           " characters that a packed WCS keeps");
  }
  return text;
}

// What a block holds, where unpack() does not evaluate it and has therefore not looked.
const double* checked_block(const Packed& wcs, int head_slot, int size) {
  if (!has_block(wcs.slots, static_cast<int>(wcs.slots[head::kLength]), head_slot, size)) {
    refuse("its slots contradict each other; make it again from its header");
  }
  return wcs.block(head_slot);
}

// What CTYPE ends in: the projection, which TNX and ZPX have others for, and what distortion its keywords are of.
void put_code(const Packed& wcs, std::string& type) {
  const std::string_view parameters = code_of_parameters(wcs);
  const std::string_view projection = kProjectionCodes[static_cast<std::size_t>(wcs.projection - 1)];
  if (type.size() == 8) type.replace(5, 3, parameters.empty() ? projection : parameters);
  if ((wcs.distortion & kDistortionSip) != 0) type += "-SIP";
}

void write_linear(const Packed& wcs, Cards& cards) {
  const int n = wcs.naxis;
  const LinearLayout at{n};
  const double* const linear = wcs.linear();
  cards.put("WCSAXES", n);
  for (int j = 0; j < n; ++j) cards.put(numbered("CRPIX", j), linear[at.crpix() + j]);
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < n; ++j) {
      const double element = linear[at.matrix() + i * n + j];
      if (element != 0) cards.put(numbered(numbered("CD", i) + "_", j), element);
    }
  }
  for (int i = 0; i < n; ++i) {
    const std::string unit = text_in(linear + at.cunit() + 2 * i, numbered("CUNIT", i));
    if (!unit.empty()) cards.put(numbered("CUNIT", i), unit);
  }
  for (int i = 0; i < n; ++i) {
    std::string type = text_in(linear + at.ctype() + 2 * i, numbered("CTYPE", i));
    if (wcs.projection != 0 && (i == wcs.lng || i == wcs.lat)) put_code(wcs, type);
    if (!type.empty()) cards.put(numbered("CTYPE", i), type);
  }
  for (int i = 0; i < n; ++i) cards.put(numbered("CRVAL", i), linear[at.crval() + i]);
}

// Parameters PVi_1 ... of a projection; ZPN has its own way.
int parameter_count(std::string_view code) {
  for (const std::string_view two : {"AZP", "SIN", "CYP", "COP", "COE", "COD", "COO", "HPX"}) {
    if (code == two) return 2;
  }
  for (const std::string_view one : {"AIR", "CEA", "BON"}) {
    if (code == one) return 1;
  }
  return code == "SZP" ? 3 : 0;
}

// theta0 of the native reference point where PVi_2 of longitude does not say otherwise (Paper II, sections 5.1 to 5.6).
double usual_theta0(std::string_view code, const double* celestial) {
  for (const std::string_view conic : {"COP", "COE", "COD", "COO"}) {
    if (code == conic) return celestial[celestial::kPv + 1];
  }
  for (const std::string_view zenithal : {"AZP", "SZP", "TAN", "STG", "SIN", "ARC", "ZPN", "ZEA", "AIR", "XPH"}) {
    if (code == zenithal) return 90;
  }
  return 0;
}

void write_celestial(const Packed& wcs, Cards& cards) {
  const double* const block = wcs.celestial();
  const std::string_view code = kProjectionCodes[static_cast<std::size_t>(wcs.projection - 1)];
  const double phi0 = block[celestial::kPhi0], theta0 = block[celestial::kTheta0];
  if (block[celestial::kOffset] != 0) cards.put(numbered("PV", wcs.lng) + "_0", 1);
  if (block[celestial::kOffset] != 0 || phi0 != 0 || theta0 != usual_theta0(code, block)) {
    cards.put(numbered("PV", wcs.lng) + "_1", phi0);
    cards.put(numbered("PV", wcs.lng) + "_2", theta0);
  }
  const std::string pv = numbered("PV", wcs.lat) + "_";
  for (int m = 1; m <= parameter_count(code); ++m) cards.put(pv + std::to_string(m), block[celestial::kPv + m]);
  for (int m = 0; m < 30 && code == "ZPN"; ++m) {
    if (block[celestial::kPv + m] != 0) cards.put(pv + std::to_string(m), block[celestial::kPv + m]);
  }
  cards.put("LONPOLE", block[celestial::kReference + 2]);
  cards.put("LATPOLE", block[celestial::kReference + 3]);
  constexpr std::array<std::string_view, 6> kNames = {"", "ICRS", "FK5", "FK4", "FK4-NO-E", "GAPPT"};
  const int frame = slot_integer(block[celestial::kFrame], 1, 5, 0);
  if (frame != 0) cards.put("RADESYS", kNames[static_cast<std::size_t>(frame)]);
  if (block[celestial::kEquinox] != 0) cards.put("EQUINOX", block[celestial::kEquinox]);
}

// Coefficients in the pixels of a cutout, u = step u': A'_p_q = A_p_q step1^p step2^q / step1, B' alike.
void write_sip(const Packed& wcs, Cards& cards) {
  const double* const block = wcs.sip();
  const double* const crpix = wcs.linear() + LinearLayout{wcs.naxis}.crpix();
  double step[2] = {1, 1};
  for (int i = 0; i < 2; ++i) {
    double origin = block[sip::kOrigin + i];
    if (wcs.cutout) {
      step[i] = wcs.slots[head::kGridStep + i];
      const double start = wcs.slots[head::kGridStart + i];
      origin = step[i] == 1 ? origin - start : (origin - 1 - start) / step[i] + 1;
    }
    if (std::fabs(origin - crpix[i]) > 1e-9 * (1 + std::fabs(crpix[i]))) {
      refuse("the origin of SIP on pixel axis " + std::to_string(i + 1) +
             " is not CRPIX, and a header cannot say so (SIP counts from CRPIX)");
    }
  }
  const std::array<std::string_view, 4> names = {"A", "B", "AP", "BP"};
  for (std::size_t k = 0; k < names.size(); ++k) {
    const std::string name(names[k]);
    const int order = static_cast<int>(block[sip::kOrders + static_cast<int>(k)]);
    if (order == 0) continue;
    cards.put(name + "_ORDER", order);
    const double* const triangle = block + sip::kA + static_cast<int>(k) * sip::kTriangle;
    for (int p = 0; p <= order; ++p) {
      for (int q = 0; q <= order - p; ++q) {
        const double scale = std::pow(step[0], p) * std::pow(step[1], q) / step[k % 2];
        const double c = triangle[sip::row(p) + q] * scale;
        if (c != 0) cards.put(name + "_" + std::to_string(p) + "_" + std::to_string(q), c);
      }
    }
  }
}

void write_numbers(const double* block, std::initializer_list<std::pair<int, const char*>> slots, Cards& cards) {
  for (const auto& [slot, keyword] : slots) {
    if (block[slot] != 0) cards.put(keyword, block[slot]);
  }
}

void write_text(const double* block, int slot, int count, const std::string& keyword, Cards& cards) {
  const std::string text = text_in(block + slot, keyword, count);
  if (!text.empty()) cards.put(keyword, text);
}

void write_spectral(const Packed& wcs, Cards& cards) {
  using namespace spectral;
  const double* const block = checked_block(wcs, head::kSpectral, kSize);
  write_numbers(block, {{kRestfrq, "RESTFRQ"}, {kRestwav, "RESTWAV"}}, cards);
  for (int m = 0; m < 7 && wcs.spec >= 0; ++m) {
    if (block[kPv + m] != 0) cards.put(numbered("PV", wcs.spec) + "_" + std::to_string(m), block[kPv + m]);
  }
  write_numbers(block, {{kVelosys, "VELOSYS"}, {kZsource, "ZSOURCE"}, {kVelangl, "VELANGL"}}, cards);
  write_text(block, kSpecsys, 2, "SPECSYS", cards);
  write_text(block, kSsysobs, 2, "SSYSOBS", cards);
  write_text(block, kSsyssrc, 2, "SSYSSRC", cards);
}

void write_time(const Packed& wcs, Cards& cards) {
  using namespace time;
  const double* const block = checked_block(wcs, head::kTime, kSize);
  const int present = slot_integer(block[kPresent], 0, 63, 0);
  if ((present & 1) != 0) {
    cards.put("MJDREFI", block[kMjdref]);
    cards.put("MJDREFF", block[kMjdref + 1]);
  }
  const std::pair<int, const char*> dates[] = {
      {kTimeoffs, "TIMEOFFS"}, {kMjdobs, "MJD-OBS"}, {kMjdavg, "MJD-AVG"}, {kMjdbeg, "MJD-BEG"}, {kMjdend, "MJD-END"}};
  for (int i = 0; i < 5; ++i) {
    if ((present >> (i + 1) & 1) != 0) cards.put(dates[i].second, block[dates[i].first]);
  }
  write_text(block, kTimesys, 2, "TIMESYS", cards);
  write_text(block, kTrefpos, 4, "TREFPOS", cards);
  write_text(block, kTrefdir, 4, "TREFDIR", cards);
  write_text(block, kPlephem, 2, "PLEPHEM", cards);
  write_text(block, kTimeunit, 2, "TIMEUNIT", cards);
}

template <int head_slot>
bool has_block_at(const Packed& wcs) {
  return wcs.slots[head_slot] != 0;
}
bool has_celestial(const Packed& wcs) { return wcs.projection != 0; }
bool has_sip(const Packed& wcs) { return (wcs.distortion & kDistortionSip) != 0; }

template <Position position>
void write_polynomials(const Packed& wcs, Cards& cards) {
  write_distortion(wcs, position, cards);
}

struct Writer {
  bool (*applies)(const Packed&);  // then unpack() has checked what `write` reads
  void (*write)(const Packed&, Cards&);
  std::string_view elsewhere;  // what lies in other HDUs, where there is no writer
};

// In the order in which they write.
constexpr Writer kWriters[] = {
    {has_block_at<head::kLinear>, write_linear, ""},
    {has_celestial, write_celestial, ""},
    {has_sip, write_sip, ""},
    {has_block_at<head::kSpectral>, write_spectral, ""},
    {has_block_at<head::kPolynomial>, write_polynomials<Position::prior>, ""},
    {has_block_at<head::kSequent>, write_polynomials<Position::sequent>, ""},
    {has_block_at<head::kCpdis>, nullptr, "the lookup tables of its distortion (CPDIS) are images"},
    {has_block_at<head::kD2im>, nullptr, "the tables of its detector-to-image correction (D2IMDIS) are images"},
    {has_block_at<head::kTab>, nullptr, "the coordinates of its -TAB axes are cells of a table"},
    {has_block_at<head::kTime>, write_time, ""},
};

}  // namespace

std::string header_cards(const Packed& wcs) {
  Cards cards;
  for (const Writer& writer : kWriters) {
    if (!writer.applies(wcs)) continue;
    if (writer.write == nullptr) {
      refuse(
          "no header alone describes this WCS: " + std::string(writer.elsewhere) +
          " in another HDU; keep the packed tensor instead, which holds all of it and saves and pickles bit for bit");
    }
    writer.write(wcs, cards);
  }
  return cards.take();
}

}  // namespace fits::wcs
