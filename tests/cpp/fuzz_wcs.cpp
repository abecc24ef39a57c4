// Headers and packed vectors as world coordinates: whatever the bytes say, an error or numbers, and no step outside.
//
// Input: its first byte chooses. Even: cards (each of 80 characters, the last one padded) are parsed, packed, and a few
// points go through. Odd: the packed vector of a known header is overwritten at slots that the input names.
#include <cmath>
#include <cstring>

#include "format/error.h"
#include "wcs/crop.h"
#include "wcs/evaluate.h"
#include "wcs/jacobian.h"
#include "wcs/pack.h"
#include "wcs/update.h"
#include "wcs/write_header.h"
#include "wcs_oracle.h"

using namespace fits::wcs;
using oracle::card;
using oracle::text_card;

namespace {

// Some kinds of everything that a header alone can hold.
std::string known(int which) {
  const std::string tan = oracle::celestial_cards("TAN", 33, -12);
  switch (which) {
    case 0: return tan + card("A_ORDER", "3") + card("B_ORDER", "2") + card("A_2_1", 1e-7) + card("B_1_1", 1e-6);
    case 1:
      return oracle::celestial_cards("TPV", 33, 5, {{"PV1_1", 1}, {"PV1_11", 0.01}, {"PV2_1", 1}, {"PV2_7", 0.1}});
    case 2: return oracle::celestial_cards("ZPN", 33, 5, {{"PV2_1", 1}, {"PV2_3", 0.05}});
    case 3: return oracle::celestial_cards("COO", 33, 5, {{"PV2_1", 40}, {"PV2_2", 15}});
    case 4:
      return tan + text_card("CTYPE3", "VELO-F2V") + card("CRVAL3", 1e4) + card("CDELT3", 1e3) + card("CD3_3", 1e3) +
             card("RESTFRQ", 1.42e9) + text_card("CTYPE4", "STOKES") + card("CD4_4", 1.0);
    case 5: {
      const auto record = [](const char* text) { return text_card("DP1", text); };
      return tan + text_card("CPDIS1", "Polynomial") + record("NAXES: 2") + record("NAUX: 1") + record("NTERMS: 2") +
             record("AUX.1.COEFF.1: 0.5") + record("TERM.1.COEFF: 1E-3") + record("TERM.1.VAR.2: 1.5") +
             record("TERM.2.COEFF: 1E-3") + record("TERM.2.AUX.1: 2") + text_card("CQDIS2", "TPD") +
             text_card("DQ2", "NAXES: 1") + text_card("DQ2", "AXIS.1: 2") + text_card("DQ2", "TPD.FWD.4: 1E-3");
    }
    default: return oracle::celestial_cards("TSC", 33, 5) + text_card("CTYPE3", "CUBEFACE") + card("CD3_3", 1.0);
  }
}

void evaluate(const std::vector<double>& packed) {
  const Packed wcs = unpack(packed.data(), static_cast<std::int64_t>(packed.size()));
  if (wcs.naxis == 0) return;
  constexpr int kPoints = 5;
  const auto n = static_cast<std::size_t>(wcs.naxis);
  std::vector<double> pixel(kPoints * n), world(pixel.size()), matrix(pixel.size() * n);
  const double values[] = {0, 1e3, -1e9, NAN, 12.25};
  for (std::size_t i = 0; i < pixel.size(); ++i) pixel[i] = values[(i + i / n) % 5];
  std::int32_t status[kPoints];
  for (const Level level : {Level::plain, best_level()}) {
    pixel_to_world(wcs, pixel.data(), kPoints, world.data(), status, level);
    world_to_pixel(wcs, world.data(), kPoints, pixel.data(), status, level);
    world_to_pixel(wcs, pixel.data(), kPoints, world.data(), status, level);
  }
  jacobian(wcs, pixel.data(), kPoints, matrix.data());
  std::vector<double> changed = packed;
  update(wcs, changed.data());
  const std::vector<std::int64_t> start(n, 3), step(n, -2);
  if (what_forbids_crop(wcs, start.data(), step.data()).empty()) crop(wcs, start.data(), step.data(), changed.data());
  try {
    packed_from_header(header_cards(wcs), ' ');
  } catch (const std::invalid_argument&) {
  } catch (const fits::FileError&) {
  }
}

void headers(const std::uint8_t* data, std::size_t size) {
  std::string cards(reinterpret_cast<const char*>(data), size);
  for (char& c : cards) c = c >= ' ' && c <= '~' ? c : ' ';
  cards.resize((cards.size() + 79) / 80 * 80, ' ');
  try {
    evaluate(packed_from_header(cards, ' '));
  } catch (const fits::FileError&) {
  }
}

void slots(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::vector<double>> all = [] {
    std::vector<std::vector<double>> made;
    for (int i = 0; i < 7; ++i) made.push_back(packed_from_header(known(i), ' '));
    return made;
  }();
  if (size == 0) return;
  std::vector<double> packed = all[data[0] % all.size()];
  for (std::size_t at = 1; at + 4 <= size; at += 4) {
    const std::size_t slot = (data[at] | data[at + 1] << 8) % packed.size();
    const auto number = static_cast<std::int16_t>(data[at + 2] | data[at + 3] << 8);
    const double values[] = {NAN, INFINITY, 1e300, -1e300, 0.5, 2147483648.0, -1, 1e-300};
    packed[slot] = number % 3 == 0 ? values[static_cast<unsigned>(number) / 3 % 8] : number;
  }
  evaluate(packed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const oracle::Silence silence;  // wcslib (7.12) leaks its texts where there are several
  (data[0] % 2 == 0 ? headers : slots)(data + 1, size - 1);
  return 0;
}
