#include "wcs/pack.h"

#include <algorithm>
#include <cmath>

#include "format/error.h"
#include "wcs/angle.h"
#include "wcs/distortion_pack.h"
#include "wcs/lookup_header.h"
#include "wcs/matrix.h"
#include "wcs/packed_text.h"
#include "wcs/tab_header.h"
#include "wcs/tab_pack.h"
#include "wcs/update.h"
#include "wcs/wcslib.h"

namespace fits::wcs {
namespace {

[[noreturn]] void fail(const std::string& what) { throw FileError(Status::bad_header, what); }

std::vector<double> linear_block(const Description& wcs) {
  const int n = wcs.naxis;
  const LinearLayout at{n};
  std::vector<double> block(static_cast<std::size_t>(at.size()));
  double* const to = block.data();
  std::copy(wcs.crpix.begin(), wcs.crpix.end(), to + at.crpix());
  std::copy(wcs.crval.begin(), wcs.crval.end(), to + at.crval());
  std::copy(wcs.matrix.begin(), wcs.matrix.end(), to + at.matrix());
  for (int i = 0; i < n; ++i) {
    const auto axis = static_cast<std::size_t>(i);
    to[at.kind() + i] = static_cast<double>(wcs.kind[axis]);
    put_text(wcs.ctype[axis], 2, to + at.ctype() + 2 * i);
    put_text(wcs.cunit[axis], 2, to + at.cunit() + 2 * i);
  }
  if (!invert(to + at.matrix(), n, to + at.inverse())) fail("the linear transformation matrix is singular");
  return block;
}

}  // namespace

std::vector<double> celestial_block(const Celestial& from) {
  std::vector<double> block(celestial::kSize);
  double* const to = block.data();
  std::copy(from.euler.begin(), from.euler.end(), to + celestial::kEuler);
  complete_rotation(to);
  std::copy(from.reference.begin(), from.reference.end(), to + celestial::kReference);
  to[celestial::kPhi0] = from.phi0;
  to[celestial::kTheta0] = from.theta0;
  to[celestial::kOffset] = from.offset;
  to[celestial::kRadius] = from.r0;
  to[celestial::kX0] = from.x0;
  to[celestial::kY0] = from.y0;
  to[celestial::kBounds] = from.bounds;
  std::copy(from.pv.begin(), from.pv.end(), to + celestial::kPv);
  std::copy(from.w.begin(), from.w.end(), to + celestial::kW);
  const bool conic = from.projection >= projection_number("COP") && from.projection <= projection_number("COO");
  to[celestial::kThetaFollows] = conic && from.theta0 == from.pv[1] ? 1 : 0;
  to[celestial::kFrame] = static_cast<double>(from.frame);
  to[celestial::kEquinox] = from.equinox;
  return block;
}

namespace {

void append(std::vector<double>& packed, int head_slot, const std::vector<double>& block) {
  if (block.empty()) return;
  packed[static_cast<std::size_t>(head_slot)] = static_cast<double>(packed.size());
  packed.insert(packed.end(), block.begin(), block.end());
}

}  // namespace

std::vector<double> packed_from_header(std::string_view cards, char alt, const Companions* companions) {
  const LookupBlocks tables = lookup_blocks(HeaderView(cards), alt, companions);  // first: what wcslib would not name
  const Description wcs = describe(HeaderView(cards), alt);
  if (wcs.naxis < 2 && !(tables.cpdis.empty() && tables.d2im.empty())) fail("lookup tables need two pixel axes");
  std::vector<double> packed(head::kSize);
  packed[head::kVersion] = kLayoutVersion;
  packed[head::kNaxis] = wcs.naxis;
  packed[head::kLng] = wcs.projected ? wcs.celestial.lng : -1;
  packed[head::kLat] = wcs.projected ? wcs.celestial.lat : -1;
  packed[head::kSpec] = wcs.spec;
  packed[head::kProjection] = wcs.projected ? wcs.celestial.projection : 0;
  packed[head::kDistortion] = static_cast<double>(wcs.sip.empty() ? 0u : static_cast<unsigned>(kDistortionSip)) +
                              static_cast<double>(wcs.prior.kinds | wcs.sequent.kinds);
  packed[head::kCubeface] = wcs.cubeface + 1;
  const std::vector<double> linear = linear_block(wcs);
  append(packed, head::kLinear, linear);
  if (wcs.projected) append(packed, head::kCelestial, celestial_block(wcs.celestial));
  append(packed, head::kSip, wcs.sip);
  const double* const inverse = linear.data() + LinearLayout{wcs.naxis}.inverse();
  append(packed, head::kPolynomial, distortion_block(wcs, Position::prior, inverse));
  append(packed, head::kSequent, distortion_block(wcs, Position::sequent, inverse));
  if (wcs.spectral) append(packed, head::kSpectral, spectral_block(*wcs.spectral));
  if (wcs.time) append(packed, head::kTime, time_block(*wcs.time));
  const bool finite = std::all_of(packed.begin(), packed.end(), [](double value) { return std::isfinite(value); });
  if (!finite) fail("a world coordinate keyword holds a value that is not finite");
  // Tables come last. They may hold NaN, which spoils the points near it alone.
  if (!tables.cpdis.empty()) packed[head::kDistortion] += static_cast<double>(kDistortionCpdis);
  if (!tables.d2im.empty()) packed[head::kDistortion] += static_cast<double>(kDistortionD2im);
  append(packed, head::kCpdis, tables.cpdis);
  append(packed, head::kD2im, tables.d2im);
  append(packed, head::kTab, tab_block(tab_tables(wcs.tab_axes, companions)));  // its coordinates may be NaN
  packed[head::kLength] = static_cast<double>(packed.size());
  return packed;
}

}  // namespace fits::wcs
