#include "wcs/wcslib.h"

#include <wcslib/wcs.h>
#include <wcslib/wcserr.h>
#include <wcslib/wcsfix.h>
#include <wcslib/wcshdr.h>
#include <wcslib/wcsmath.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>
#include <span>
#include <string>

#include "format/error.h"
#include "wcs/column_axes.h"
#include "wcs/distortion_header.h"
#include "wcs/projections.h"
#include "wcs/sip_header.h"
#include "wcs/wcslib_cards.h"

namespace fits::wcs {
namespace {

[[noreturn]] void fail(const std::string& what) { throw FileError(Status::bad_header, what); }

void restore_tab(wcsprm& wcs) {
  for (int i = 0; i < wcs.naxis; ++i) {
    char* at = wcs.ctype[i];
    while ((at = std::strstr(at, kHiddenTabCode.data())) != nullptr) kTabCode.copy(at, kTabCode.size());
  }
}

// All coordinate descriptions of one header.
class Parsed {
 public:
  explicit Parsed(std::string cards) {
    static std::once_flag once;
    std::call_once(once, [] { wcserr_enable(1); });
    int rejected = 0;
    const int status =
        wcspih(cards.data(), static_cast<int>(cards.size() / kCardSize), WCSHDR_all, 0, &rejected, &count_, &first_);
    if (status != 0) fail(std::string("wcslib cannot parse the header: ") + wcshdr_errmsg[std::min(status, 4)]);
  }
  Parsed(const Parsed&) = delete;
  ~Parsed() { wcsvfree(&count_, &first_); }

  wcsprm& at(char alt, const HeaderView& header) {
    wcsprm* found = nullptr;
    for (int i = 0; i < count_ && found == nullptr; ++i) {
      if (first_[i].alt[0] == alt) found = first_ + i;
    }
    // Of a table's header without an image's keywords NAXIS makes wcslib two axes that mean nothing.
    const bool of_table = found != nullptr && !has_types(*found) && header.string("XTENSION") == "BINTABLE";
    if (found != nullptr && !of_table) return *found;
    if (const std::string_view keyword = column_axis_keyword(header); !keyword.empty()) {
      fail("the header describes world coordinates of table columns (" + std::string(keyword) +
           "): torchfits.WCS(header, keysel=[\"" + (keyword[0] == 'T' ? "pixel" : "binary") +
           "\"], colsel=[...]) reads them; here give an image's keywords, CTYPEi, CRPIXi, CRVALi, CDELTi, with the "
           "values of the columns you mean");
    }
    if (found != nullptr) return *found;
    fail(alt == ' ' ? "the header describes no world coordinates"
                    : std::string("the header describes no world coordinates of version '") + alt + "'");
  }

 private:
  static bool has_types(const wcsprm& wcs) {
    return std::any_of(wcs.ctype, wcs.ctype + wcs.naxis, [](const char* type) { return type[0] != '\0'; });
  }

  int count_ = 0;
  wcsprm* first_ = nullptr;
};

std::string one_sentence(const wcserr* error) {
  std::string text = error != nullptr && error->msg != nullptr ? error->msg : "no reason given";
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && (text.back() == '.' || text.back() == ' ')) text.pop_back();
  return text;
}

// Whether CTYPE has the algorithm code `code` in its columns 5 to 8.
bool has_code(std::string_view ctype, std::string_view code) { return ctype.size() >= 8 && ctype.substr(4, 4) == code; }

// What astropy does about polynomials before wcslib may judge: TAN with PVi_5 or more is TPV (SCAMP before 2012), and
// drops SIP; TAN-SIP that has SIP drops all PVi_m; the -SIP of CTYPE has been read.
void settle_polynomials(wcsprm& wcs, std::vector<double>& sip) {
  std::vector<int> tan_axes;
  bool any_sip = false, is_tpv = false;
  for (int i = 0; i < wcs.naxis; ++i) {
    const std::string_view ctype = wcs.ctype[i];
    if (ctype.size() == 8 && has_code(wcs.ctype[i], "-TAN")) tan_axes.push_back(i);
    if (has_code(wcs.ctype[i], "-TPV")) is_tpv = true;
    if (ctype.size() > 8 && ctype.ends_with("-SIP")) {
      any_sip = true;
      wcs.ctype[i][8] = '\0';
    }
  }
  const auto many_pv = [&](int axis) {
    return std::any_of(wcs.pv, wcs.pv + wcs.npv, [&](const pvcard& pv) { return pv.i == axis + 1 && pv.m >= 5; });
  };
  if (tan_axes.size() == 2 && !any_sip && (many_pv(tan_axes[0]) || many_pv(tan_axes[1]))) {
    for (const int axis : tan_axes) std::memcpy(wcs.ctype[axis] + 4, "-TPV", 5);
    is_tpv = true;
  }
  if (is_tpv) sip.clear();
  if (any_sip && !sip.empty()) {
    bool scamp = false;
    for (int i = 0; i < wcs.naxis; ++i) scamp = scamp || (has_code(wcs.ctype[i], "-TAN") && many_pv(i));
    if (scamp) wcs.npv = 0;
  }
}

// TPV and TPU: the parameters of both axes are polynomials after the matrix, or before it, and leave TAN.
void take_tpv(wcsprm& wcs, Distortions& prior, Distortions& sequent) {
  for (const char* const code : {"-TPV", "-TPU"}) {
    std::vector<int> axes;
    for (int i = 0; i < wcs.naxis; ++i) {
      if (std::strlen(wcs.ctype[i]) == 8 && has_code(wcs.ctype[i], code)) axes.push_back(i);
    }
    if (axes.size() != 2) continue;
    std::vector<Parameter> parameters;
    int kept = 0;
    for (int k = 0; k < wcs.npv; ++k) {
      const pvcard& pv = wcs.pv[k];
      if (pv.i - 1 == axes[0] || pv.i - 1 == axes[1]) {
        parameters.push_back({pv.i - 1, pv.m, pv.value});
      } else {
        wcs.pv[kept++] = pv;
      }
    }
    wcs.npv = kept;
    for (const int axis : axes) std::memcpy(wcs.ctype[axis] + 4, "-TAN", 5);
    Distortions& to = std::string_view(code) == "-TPV" ? sequent : prior;
    if (!to.empty()) fail(std::string("CTYPE with ") + code + " beside other distortions: there can be but one");
    to = distortions_from_tpv(axes[0], axes[1], parameters);
  }
}

// The linear transformation of a plate solution in the place of the header's own.
void put_plate(wcsprm& wcs, const PlateHeader& plate) {
  if (wcs.naxis != 2) fail("a plate solution (AMDX1 and others) in a header of " + std::to_string(wcs.naxis) + " axes");
  std::copy_n(plate.crpix.begin(), 2, wcs.crpix);
  std::copy_n(plate.pc.begin(), 4, wcs.pc);
  std::copy_n(plate.cdelt.begin(), 2, wcs.cdelt);
  std::copy_n(plate.crval.begin(), 2, wcs.crval);
  std::fill_n(wcs.cd, 4, 0.0);
  std::fill_n(wcs.crota, 2, 0.0);
  wcs.altlin = 1;
  std::strcpy(wcs.ctype[0], "RA---TAN");
  std::strcpy(wcs.ctype[1], "DEC--TAN");
}

// All distortions but SIP and tables; of the primary description those that the conventions define for it alone.
std::pair<Distortions, Distortions> read_distortions(const HeaderView& header, char alt, const Surfaces& surfaces,
                                                     wcsprm& wcs) {
  Distortions prior = distortions_from_records(header, alt, wcs.naxis, Position::prior);
  Distortions sequent = distortions_from_records(header, alt, wcs.naxis, Position::sequent);
  const auto plate = alt == ' ' ? plate_from_header(header) : std::nullopt;
  if (plate) put_plate(wcs, *plate);
  if (plate || !surfaces.distortions.empty()) {
    if (!sequent.empty() || (plate && !surfaces.distortions.empty())) {
      fail("CQDISi, WATi_nnn and AMDXm: there can be but one of them");
    }
    if (wcs.naxis < 2) fail("WATi_nnn needs two axes");
    sequent = plate ? distortions_of(plate->plate) : surfaces.distortions;
  }
  take_tpv(wcs, prior, sequent);
  return {std::move(prior), std::move(sequent)};
}

[[noreturn]] void fail_as_wcslib(const wcsprm& wcs) { fail(one_sentence(wcs.err) + " (wcslib)"); }

// spcfix(), whose second message (wcslib 7.12) leaks the first: the first spectral axis in a convention of AIPS.
void translate_aips(wcsprm& wcs) {
  for (int i = 0; i < wcs.naxis; ++i) {
    char ctype[9], frame[9];
    if (spcaips(wcs.ctype[i], wcs.velref, ctype, frame) != 0) continue;
    std::fill_n(wcs.ctype[i], sizeof(wcs.ctype[i]), '\0');
    std::strcpy(wcs.ctype[i], ctype);
    if (wcs.specsys[0] == '\0') std::strcpy(wcs.specsys, frame);
    return;
  }
}

// What wcsfix() does. A repair says what it did as an error, over which the next one leaks its own (wcslib 7.12): so
// they are cleared. What cannot be repaired wcsset() judges. cylfix() needs the size of the image, which a header of
// world coordinates need not have.
void repair_and_set(wcsprm& wcs) {
  cdfix(&wcs);
  datfix(&wcs);
  wcserr_clear(&wcs.err);
  obsfix(0, &wcs);
  wcserr_clear(&wcs.err);
  unitfix(0, &wcs);
  wcserr_clear(&wcs.err);
  translate_aips(wcs);
  if (wcsset(&wcs) != 0) fail_as_wcslib(wcs);
  celfix(&wcs);  // NCP and GLS become SIN and SFL; wants a WCS that is set
  if (wcsset(&wcs) != 0) fail_as_wcslib(wcs);
}

// The variables of a spectral axis: X, that its pixels are regular in, and P, that its coordinate is linear in.
struct SpectralCode {
  char p = 0, x = 0;
  bool linear() const { return p == x; }
};

SpectralCode spectral_code(const wcsprm& wcs) {
  SpectralCode code;
  spctype(wcs.ctype[wcs.spec], nullptr, nullptr, nullptr, nullptr, &code.p, &code.x, nullptr, nullptr);
  return code;
}

// VRAD-V2F, VOPT-V2W and ZOPT-V2W mean the same whatever the line; without one wcslib (7.12) takes their scale for 0.
void supply_line(wcsprm& wcs) {
  spcprm& spc = wcs.spc;
  if (wcs.spec < 0 || wcs.types[wcs.spec] != 3300 || spc.restfrq != 0 || spc.restwav != 0 || spc.w[2] != 0) return;
  spc.restwav = 1;
  spc.flag = 0;
  if (spcset(&spc) != 0) fail(one_sentence(spc.err) + " (wcslib)");
}

AxisKind kind_of(const wcsprm& wcs, int axis) {
  switch (wcs.types[axis] / 100 % 10) {
    case 2: return AxisKind::celestial;
    case 3: return spectral_code(wcs).linear() ? AxisKind::linear : AxisKind::spectral;
    case 4: return AxisKind::logarithmic;
    case 5: return AxisKind::table;
    default: return AxisKind::linear;
  }
}

void refuse_unsupported(const wcsprm& wcs) {
  for (int i = 0; i < wcs.naxis; ++i) {
    if (kind_of(wcs, i) == AxisKind::logarithmic && !(wcs.crval[i] > 0)) {
      fail("CTYPE" + std::to_string(i + 1) + " = '" + wcs.ctype[i] + "': CRVAL of a logarithmic axis must be positive");
    }
  }
}

bool defined(double value) { return value != UNDEFINED; }

Frame frame_of(const wcsprm& wcs) {
  const std::string_view type = wcs.lngtyp, radesys = wcs.radesys;
  if (type == "GLON") return Frame::galactic;
  if (type == "ELON") return Frame::ecliptic;
  if (type == "HLON") return Frame::helioecliptic;
  if (type == "SLON") return Frame::supergalactic;
  if (type != "RA") return Frame::other;
  if (radesys == "ICRS") return Frame::icrs;
  if (radesys == "FK5") return Frame::fk5;
  if (radesys == "FK4") return Frame::fk4;
  if (radesys == "FK4-NO-E") return Frame::fk4_no_e;
  if (radesys == "GAPPT") return Frame::gappt;
  if (!defined(wcs.equinox)) return Frame::icrs;  // Paper II, section 3.1
  return wcs.equinox < 1984 ? Frame::fk4 : Frame::fk5;
}

Celestial celestial_of(const wcsprm& wcs) {
  const celprm& cel = wcs.cel;
  const prjprm& prj = cel.prj;
  Celestial to;
  to.lng = wcs.lng;
  to.lat = wcs.lat;
  to.projection = projection_number(prj.code);
  if (!Projections::has(to.projection)) fail(std::string("the projection ") + prj.code + " is not supported yet");
  std::copy_n(cel.euler, 5, to.euler.begin());
  std::copy_n(cel.ref, 4, to.reference.begin());
  to.phi0 = cel.phi0;
  to.theta0 = cel.theta0;
  to.offset = cel.offset != 0;
  to.r0 = prj.r0;
  to.x0 = prj.x0;
  to.y0 = prj.y0;
  to.bounds = prj.bounds;
  for (std::size_t m = 0; m < to.pv.size(); ++m) to.pv[m] = defined(prj.pv[m]) ? prj.pv[m] : 0;
  std::copy_n(prj.w, 10, to.w.begin());
  to.w[10] = prj.m;
  to.w[11] = prj.n;
  to.frame = frame_of(wcs);
  to.equinox = defined(wcs.equinox) ? wcs.equinox : 0;
  return to;
}

double defined_or_zero(double value) { return defined(value) ? value : 0; }

SpectralVariable variable_of(char code) {
  switch (code) {
    case 'F': return SpectralVariable::frequency;
    case 'V': return SpectralVariable::velocity;
    case 'A':
    case 'a': return SpectralVariable::air;
    default: return SpectralVariable::wavelength;
  }
}

double plancks_constant() {
  const double one = 1;
  double energy = 0;
  int status = 0;
  freqener(0, 1, 1, 1, &one, &energy, &status);
  return energy;
}

Spectral spectral_of(const wcsprm& wcs) {
  Spectral to;
  const auto type = std::find(kSpectralTypes.begin(), kSpectralTypes.end(), std::string(wcs.ctype[wcs.spec], 4));
  if (type == kSpectralTypes.end()) fail("wcslib takes axis " + std::to_string(wcs.spec + 1) + " for a spectral one");
  to.type = static_cast<int>(type - kSpectralTypes.begin());
  const SpectralCode code = spectral_code(wcs);
  to.p = to.x = variable_of(code.p);
  to.planck = plancks_constant();
  to.restfrq = wcs.restfrq;
  to.restwav = wcs.restwav;
  to.reference = wcs.crval[wcs.spec];
  if (kind_of(wcs, wcs.spec) == AxisKind::spectral) {
    const spcprm& spc = wcs.spc;
    to.x = variable_of(code.x);
    to.grism = spc.isGrism;
    to.rest = spc.w[0];
    to.reference = spc.w[1];
    to.scale = spc.w[2];
    to.tilt = spc.w[3];
    to.incidence = spc.w[4];
    to.dispersion = spc.w[5];
    const bool lit = std::isfinite(to.scale) && std::isfinite(to.tilt) && std::isfinite(to.dispersion);
    if (!lit || to.scale == 0) {
      fail(std::string("CTYPE") + std::to_string(wcs.spec + 1) + " = '" + wcs.ctype[wcs.spec] +
           "': no spectrum has this CRVAL with these RESTFRQ, RESTWAV and PV");
    }
    if (to.grism != 0) std::copy_n(spc.pv, 7, to.pv.begin());
  }
  to.velosys = defined_or_zero(wcs.velosys);
  to.zsource = defined_or_zero(wcs.zsource);
  to.velangl = defined_or_zero(wcs.velangl);
  to.specsys = wcs.specsys;
  to.ssysobs = wcs.ssysobs;
  to.ssyssrc = wcs.ssyssrc;
  return to;
}

std::optional<Time> time_of(const wcsprm& wcs) {
  int axis = 0;
  while (axis < wcs.naxis && (wcs.types[axis] / 1000 != 4 || kind_of(wcs, axis) == AxisKind::table)) ++axis;
  if (axis == wcs.naxis) return std::nullopt;
  Time to;
  to.axis = axis;
  const auto keep = [&](int bit, double from, double& value) {
    if (defined(from)) to.present |= bit;
    value = defined_or_zero(from);
  };
  keep(1, wcs.mjdref[0], to.mjdref[0]);
  to.mjdref[1] = defined_or_zero(wcs.mjdref[1]);
  keep(2, wcs.timeoffs, to.timeoffs);
  keep(4, wcs.mjdobs, to.mjdobs);
  keep(8, wcs.mjdavg, to.mjdavg);
  keep(16, wcs.mjdbeg, to.mjdbeg);
  keep(32, wcs.mjdend, to.mjdend);
  to.timesys = wcs.timesys;
  to.trefpos = wcs.trefpos;
  to.trefdir = wcs.trefdir;
  to.plephem = wcs.plephem;
  to.timeunit = wcs.timeunit;
  return to;
}

// The keywords of -TAB axes; PSi_m and PVi_m of which the last counts, as in wcslib.
std::vector<TabAxis> tab_axes_of(const wcsprm& wcs) {
  std::vector<TabAxis> axes;
  for (int i = 0; i < wcs.naxis; ++i) {
    if (kind_of(wcs, i) != AxisKind::table) continue;
    TabAxis& to = axes.emplace_back();
    to.axis = i;
    to.ctype = wcs.ctype[i];
    to.crval = wcs.crval[i];
    std::string* const names[] = {&to.extname, &to.coordinate, &to.index};
    for (const pscard& ps : std::span(wcs.ps, static_cast<std::size_t>(wcs.nps))) {
      if (ps.i != i + 1 || ps.m < 0 || ps.m > 2) continue;
      const std::string_view value(ps.value, strnlen(ps.value, sizeof ps.value));
      *names[ps.m] = value.substr(0, value.find_last_not_of(' ') + 1);
    }
    double* const numbers[] = {&to.extver, &to.extlevel, &to.number};
    for (const pvcard& pv : std::span(wcs.pv, static_cast<std::size_t>(wcs.npv))) {
      if (pv.i == i + 1 && pv.m >= 1 && pv.m <= 3) *numbers[pv.m - 1] = pv.value;
    }
  }
  return axes;
}

Description description_of(const wcsprm& wcs) {
  Description to;
  const auto n = static_cast<std::size_t>(wcs.naxis);
  to.naxis = wcs.naxis;
  to.spec = wcs.spec;
  to.crpix.assign(wcs.lin.crpix, wcs.lin.crpix + n);
  to.crval.assign(wcs.crval, wcs.crval + n);
  to.cdelt.assign(wcs.lin.cdelt, wcs.lin.cdelt + n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) to.matrix.push_back(wcs.lin.cdelt[i] * wcs.lin.pc[i * n + j]);
    to.kind.push_back(kind_of(wcs, static_cast<int>(i)));
    to.ctype.emplace_back(wcs.ctype[i]);
    to.cunit.emplace_back(wcs.cunit[i]);
  }
  to.projected = wcs.lng >= 0 && kind_of(wcs, wcs.lng) == AxisKind::celestial;
  if (to.projected) to.celestial = celestial_of(wcs);
  if (to.projected) to.cubeface = wcs.cubeface;
  if (wcs.spec >= 0 && kind_of(wcs, wcs.spec) != AxisKind::table) to.spectral = spectral_of(wcs);
  to.time = time_of(wcs);
  to.tab_axes = tab_axes_of(wcs);
  return to;
}

}  // namespace

Description describe(const HeaderView& header, char alt) {
  refuse_many_axes(header);
  const Surfaces surfaces = alt == ' ' ? surfaces_from_wat(header) : Surfaces{};
  Parsed parsed(without_tab(cards_for_wcslib(header, surfaces)));
  wcsprm& wcs = parsed.at(alt, header);
  restore_tab(wcs);
  if (wcs.naxis > kMaxAxes) {
    fail("the header describes " + std::to_string(wcs.naxis) + " axes; at most 16 are supported");
  }
  std::vector<double> sip = sip_block(header, alt);
  settle_polynomials(wcs, sip);
  auto [prior, sequent] = read_distortions(header, alt, surfaces, wcs);
  repair_and_set(wcs);
  refuse_unsupported(wcs);
  supply_line(wcs);
  Description description = description_of(wcs);
  description.sip = std::move(sip);
  description.prior = std::move(prior);
  description.sequent = std::move(sequent);
  return description;
}

void set_reference(Celestial& tan, double lng, double lat) {
  celprm cel{};
  celini(&cel);
  cel.ref[0] = lng;
  cel.ref[1] = lat;
  std::memcpy(cel.prj.code, "TAN", 4);
  const int status = celset(&cel);
  std::copy_n(cel.euler, 5, tan.euler.begin());
  std::copy_n(cel.ref, 4, tan.reference.begin());
  celfree(&cel);
  if (status != 0) fail("wcslib takes no TAN projection with this CRVAL");
}

}  // namespace fits::wcs
