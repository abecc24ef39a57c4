// The packed form of a WCS: one float64 vector [P], saved, batched and moved between devices like any tensor.
//
// A head of fixed slots, then blocks, each at the offset that the head names (0: that block is absent). Blocks of one
// kind always have the same length for the same NAXIS, except tables, which come last. A batch [B, P] pads the shorter
// ones with zeros. Integers are stored as exact floats; axes are counted from 0; angles are in degrees; other values in
// the SI units that wcslib converts to. A change of any meaning raises kLayoutVersion.
//
// Slots are free (what a fit may vary: CRPIX, CRVAL, the matrix, LONPOLE, continuous PVi_m, coefficients of
// distortions), fixed (integers, names, bounds), or they follow from free ones (the inverse matrix; the celestial
// block's copy of CRVAL, LATPOLE, rotation and w; SIP's origin): wcs_update makes these again (update.h). Derivatives
// in a packed WCS are those of its free slots, the others following; those in slots that are not free are 0.
#pragma once

#include <array>
#include <string_view>

#include "format/pixel.h"

namespace fits::wcs {

inline constexpr double kLayoutVersion = 1;
inline constexpr int kMaxAxes = 16;

// The head.
namespace head {
enum Slot : int {
  kVersion = 0,      // kLayoutVersion
  kLength = 1,       // slots in use, head included; a batch may pad with zeros
  kNaxis = 2,        // N: pixel axes, and world axes
  kLng = 3,          // world axis of celestial longitude, or -1 where no axis is projected
  kLat = 4,          // world axis of celestial latitude, or -1
  kSpec = 5,         // world axis of a spectral coordinate (linear or not), or -1
  kProjection = 6,   // 1 + index into kProjectionCodes, or 0
  kDistortion = 7,   // sum of the Distortion bits
  kLinear = 8,       // offset of the linear block
  kCelestial = 9,    // offset of the celestial block
  kSpectral = 10,    // offset of the spectral block
  kSip = 11,         // offset of the SIP block
  kSequent = 12,     // offset of the block of polynomials after the matrix (TPV, TNX, ZPX, DSS, CQDISia)
  kCpdis = 13,       // offset of the lookup tables that are added with SIP
  kD2im = 14,        // offset of the detector-to-image tables
  kTab = 15,         // offset of the -TAB block
  kTime = 16,        // offset of the time block
  kPolynomial = 17,  // offset of the block of polynomials before the matrix (CPDISja)
  kCubeface = 18,    // 1 + world axis of CUBEFACE, or 0
  kGridStart = 20,   // [2] pixel q of a cutout is pixel start + step q, 0-based, of the image that distortions before
  kGridStep = 22,    // [2] the matrix were measured in, on the first two axes (pixel_grid.h); step 0: no cutout
  kSize = 24,        // the slots between are 0
};
}  // namespace head

// head::kDistortion.
enum Distortion : unsigned {
  kDistortionSip = 1,
  kDistortionCpdis = 2,
  kDistortionD2im = 4,
  kDistortionTpv = 8,
  kDistortionTpd = 16,
  kDistortionTnx = 32,
  kDistortionZpx = 64,
  kDistortionDss = 128,
  kDistortionPolynomial = 256,
};
// Those whose blocks are at kPolynomial and kSequent.
inline constexpr unsigned kDistortionPolynomials =
    kDistortionTpv | kDistortionTpd | kDistortionTnx | kDistortionZpx | kDistortionDss | kDistortionPolynomial;

// What the world coordinate of an axis is made from.
enum class AxisKind : int {
  linear = 0,     // CRVAL plus the intermediate world coordinate (Paper I, section 2.1)
  celestial = 1,  // longitude or latitude of a projection (Paper II)
  spectral = 2,   // nonlinear spectral algorithm (Paper III, section 3)
  logarithmic = 3,
  table = 4,  // -TAB (Paper III, section 6)
};

// The linear block, of length linear_size(N):
//   CRPIX [N] · CRVAL [N] · matrix [N, N] · its inverse [N, N] · AxisKind [N] · CTYPE [N, 2] · CUNIT [N, 2]
// The matrix is PCi_j CDELTi or CDi_j: pixels to intermediate world coordinates, row i for world axis i. CTYPE and
// CUNIT are four characters a slot, the first in the highest of the 32 bits; zeros pad.
struct LinearLayout {
  int naxis;
  FITS_HOST_DEVICE constexpr int crpix() const { return 0; }
  FITS_HOST_DEVICE constexpr int crval() const { return naxis; }
  FITS_HOST_DEVICE constexpr int matrix() const { return 2 * naxis; }
  FITS_HOST_DEVICE constexpr int inverse() const { return 2 * naxis + naxis * naxis; }
  FITS_HOST_DEVICE constexpr int kind() const { return 2 * naxis + 2 * naxis * naxis; }
  FITS_HOST_DEVICE constexpr int ctype() const { return kind() + naxis; }
  FITS_HOST_DEVICE constexpr int cunit() const { return kind() + 3 * naxis; }
  FITS_HOST_DEVICE constexpr int size() const { return kind() + 5 * naxis; }
};

// The celestial block. The rotation takes native direction cosines to celestial ones whose longitude is counted from
// that of the native pole, euler[0] (rotation.h).
namespace celestial {
enum Slot : int {
  kEuler = 0,       // [5] wcslib's cel.euler: longitude and colatitude of the native pole, LONPOLE; cosine, sine of [1]
  kRotation = 5,    // [3, 3]
  kReference = 14,  // [4] CRVAL of longitude and latitude, LONPOLE, LATPOLE, as wcslib completed them
  kPhi0 = 18,       // native longitude and latitude of the fiducial point
  kTheta0 = 19,
  kOffset =
      20,  // 1: (x, y) = (0, 0) lies at the fiducial point though the projection's own origin is elsewhere (PVi_0a)
  kRadius = 21,  // r0 = 180 / pi
  kX0 = 22,      // added to x and y before the projection is undone: that offset
  kY0 = 23,
  kBounds = 24,        // wcslib's prj.bounds: 7
  kPv = 25,            // [30] PVi_m of the latitude axis
  kW = 55,             // [24] wcslib's prj.w [10], prj.m, prj.n, then what a projection of ours adds (projection.h)
  kThetaFollows = 78,  // the last of w: 1 where kTheta0 is PVi_1 (conics, unless the header has another)
  kFrame = 79,         // Frame
  kEquinox = 80,       // years; 0: none
  kSize = 81,
};
}  // namespace celestial

enum class Frame : int {
  other = 0,  // any other pair xxLN and xxLT
  icrs = 1,
  fk5 = 2,
  fk4 = 3,
  fk4_no_e = 4,
  gappt = 5,
  galactic = 6,
  ecliptic = 7,
  helioecliptic = 8,
  supergalactic = 9,
};

// The spectral block, of every WCS with a spectral axis that is not -TAB. The axis is regular in X, its world
// coordinate S is slope (P - origin): Paper III, sections 2 and 3. Of a linear or logarithmic axis X is P, and
// kScale 1.
enum class SpectralVariable : int { frequency = 0, wavelength = 1, air = 2, velocity = 3 };

namespace spectral {
enum Slot : int {
  kType = 0,        // S: index into kSpectralTypes
  kX = 1,           // SpectralVariable
  kP = 2,           // SpectralVariable
  kGrism = 3,       // 1: X is a wavelength in vacuum and follows from the grism parameter (GRI); 2: in air (GRA)
  kRest = 4,        // rest frequency or wavelength: that which the conversion of X to P needs; 0 where it needs none
  kReference = 5,   // X at the reference point; of a grism the grism parameter
  kScale = 6,       // dX/dS there
  kTiltCosine = 7,  // of a grism: cosine and sine of what is added to the angle
  kTiltSine = 8,
  kIncidence = 9,    // added to the sine of the sum
  kDispersion = 10,  // times which that is the wavelength
  kOrigin = 11,      // P where S is 0
  kSlope = 12,       // dS/dP
  kRestfrq = 13,     // RESTFRQ, Hz; 0: none. This and the following are kept for wcs_to_header.
  kRestwav = 14,     // RESTWAV, m; 0: none
  kPv = 15,          // [7] PVi_m of the axis
  kVelosys = 22,     // VELOSYS, m/s; 0: none
  kZsource = 23,     // ZSOURCE; 0: none
  kVelangl = 24,     // VELANGL, degrees; 0: none
  kSpecsys = 25,     // [2] SPECSYS, as CTYPE in the linear block
  kSsysobs = 27,     // [2] SSYSOBS
  kSsyssrc = 29,     // [2] SSYSSRC
  kSize = 31,
};
}  // namespace spectral

inline constexpr int kSpectralTypeCount = 11;
inline constexpr std::array<std::string_view, kSpectralTypeCount> kSpectralTypes = {
    "FREQ", "AFRQ", "ENER", "WAVN", "VRAD", "WAVE", "VOPT", "ZOPT", "AWAV", "VELO", "BETA"};

// The time block, of every WCS with a time axis that is not -TAB: kept for wcs_to_header, the axis itself is linear or
// logarithmic (Rots et al. 2015, Paper IV).
namespace time {
enum Slot : int {
  kAxis = 0,      // world axis
  kPresent = 1,   // sum of 1 MJDREF, 2 TIMEOFFS, 4 MJD-OBS, 8 MJD-AVG, 16 MJD-BEG, 32 MJD-END; absent ones are 0
  kMjdref = 2,    // [2] days: MJDREF as the sum of two
  kTimeoffs = 4,  // in TIMEUNIT
  kMjdobs = 5,
  kMjdavg = 6,
  kMjdbeg = 7,
  kMjdend = 8,
  kTimesys = 9,    // [2] TIMESYS, as CTYPE in the linear block
  kTrefpos = 11,   // [4] TREFPOS
  kTrefdir = 15,   // [4] TREFDIR
  kPlephem = 19,   // [2] PLEPHEM
  kTimeunit = 21,  // [2] TIMEUNIT
  kSize = 23,
};
}  // namespace time

// The SIP block (Shupe et al. 2005): u, v count from the origin; A_p_q stands in row p, which has 10 - p columns.
namespace sip {
inline constexpr int kOrigin = 0;  // [2] CRPIX, 1-based
inline constexpr int kOrders = 2;  // [4] A_ORDER, B_ORDER, AP_ORDER, BP_ORDER; 0: absent
inline constexpr int kA = 6;       // four triangles of kTriangle slots: A, B, AP, BP
inline constexpr int kTriangle = 55;
inline constexpr int kMaxOrder = 9;
inline constexpr int kSize = kA + 4 * kTriangle;
FITS_HOST_DEVICE constexpr int row(int p) { return p * (2 * kMaxOrder + 3 - p) / 2; }
}  // namespace sip

// The blocks of lookup tables, kCpdis and kD2im: for pixel axis 1, then for pixel axis 2, kDescriptor slots each, then
// the tables. Pixel coordinates p (from 1) lie in a table at (p - kValue) / kIncrement + kReference, counted from 1;
// its values are pixels, the first axis fastest (lookup.h).
namespace lookup {
enum Slot : int {
  kColumns = 0,    // length of the table's first axis, along pixel axis 1; 0: this axis is not shifted
  kRows = 1,       // of its second
  kReference = 2,  // [2] CRPIX1, CRPIX2 of the table
  kValue = 4,      // [2] CRVAL1, CRVAL2
  kIncrement = 6,  // [2] CDELT1, CDELT2
  kTable = 8,      // offset of the values from the start of the block
  kSteepest = 9,   // the largest change from one value to the next, in pixels a pixel
  kDescriptor = 10,
  kSize = 2 * kDescriptor,  // without the tables
};
}  // namespace lookup
// The -TAB block (Paper III, section 6): how many tables, then the tables one after the other (tab.h reads them,
// tab_pack makes them). A table with the coordinates of M axes, offsets counted from its own first slot:
//   the fixed slots below · M times the slots of an axis · offset of each level's boxes [levels] · boxes · index
//   vectors · coordinates [K_M, ..., K_1, M], NaN where there is none
// A cell lies between neighbouring points of the coordinate array, along the axes that have more than one. Level l of
// boxes joins 2^l cells along each of these axes, the last level all of them; a box is the least [M] and greatest [M]
// of its cells' coordinates, those half a cell beyond the array included. Boxes have the first axis fastest.
namespace tab {
enum Slot : int {
  kSize = 0,       // slots of this table
  kAxes = 1,       // M
  kMonotonic = 2,  // of one axis whose coordinate never decreases 1, never increases -1: it has no boxes; else 0
  kLevels = 3,     // levels of boxes
  kCoordinates = 4,
  kFirstAxis = 5,
};
enum AxisSlot : int {
  kMap = 0,     // axis of the image, from 0
  kLength = 1,  // K_m
  kCrval = 2,   // the index value that goes with intermediate coordinate 0
  kIndex = 3,   // offset of the index vector [K_m]; 0: its values are 1, 2, ...
  kSense = 4,   // 1: the index vector increases, -1: it decreases
  kAxisSize = 5,
};
}  // namespace tab
inline constexpr int kMaxTableAxes = 6;
inline constexpr int kMaxTableLength = 1 << 24;  // points along one of several axes
// A block of polynomial distortions, before the matrix (in 0-based pixels) or after it (in intermediate world
// coordinates): one record for each axis that is distorted, then the tables of those that are no template polynomials
// (WCS Paper IV, draft of 2004; the template is wcslib's TPD, which TPV, TNX, ZPX, DSS and SIP are too). The bits of
// head::kDistortion say what the header called them. Axes that depend on each other stand together, after the groups
// that they depend on: so the inverse is found group by group.
namespace distortion {
enum Slot : int {
  kSize = 0,     // slots of the block
  kCount = 1,    // axes that are distorted, K
  kRecords = 2,  // [K] records
};
// A record. The template polynomial is a function of two variables, x = a0 + a1 (p - o) + a2 (q - o'), y = b0 + ...:
// sum of c_m_n x^m y^n, m + n <= degree, plus sum of c_k r^(2k+1), r^2 = x^2 + y^2.
namespace record {
enum Slot : int {
  kAxis = 0,
  kCorrects = 1,   // 1: the function is added to the coordinate; 0: it is the new coordinate (DOCORR)
  kWeight = 2,     // at least how many pixels a residual of 1 in this axis is
  kTable = 3,      // 0: template polynomial; else offset in the block of the table of a general one
  kDegree = 4,     // 0 to 9
  kRadial = 5,     // how many of the odd powers of r count, 0 to 5
  kVariables = 6,  // [2] axes of p and q; of one variable, twice the same
  kOrigin = 8,     // [2] o and o'
  kMap = 10,       // [6] a0, a1, a2, b0, b1, b2
  kTerms = 16,     // c_m_n as in SIP: row m has 10 - m columns
  kOdd = 71,       // [5] of r, r^3, r^5, r^7, r^9
  // Of a group's first record:
  kGroup = 76,        // how many records there are in the group
  kPlanar = 77,       // 1: two, both template polynomials of these two axes alone, in the order of kVariables
  kOrientation = 78,  // sign of the Jacobian determinant at the reference pixel: the side of a fold that is valid
  kSize = 79,
};
}  // namespace record
// A general polynomial of N variables and A auxiliary ones (Paper IV, draft): constant + gain * sum of coefficient *
// product of variables^power. A variable is (coordinate - origin) * scale, an auxiliary one
// (c_0 + sum of c_i v_i^p_i)^p_0.
struct TableLayout {
  int variables, auxiliaries;
  static constexpr int kVariables = 0, kAuxiliaries = 1, kTerms = 2, kConstant = 3, kGain = 4, kAxes = 5;  // [N] axes
  FITS_HOST_DEVICE constexpr int origin() const { return kAxes + variables; }
  FITS_HOST_DEVICE constexpr int scale() const { return kAxes + 2 * variables; }
  // c_0, c_1 ... c_N, p_0 ... p_N
  FITS_HOST_DEVICE constexpr int auxiliary(int k) const { return kAxes + 3 * variables + k * 2 * (variables + 1); }
  // coefficient, the powers of the variables, those of the auxiliary ones
  FITS_HOST_DEVICE constexpr int term(int m) const {
    return auxiliary(auxiliaries) + m * (1 + variables + auxiliaries);
  }
};
inline constexpr int kMaxAuxiliaries = 16;
inline constexpr int kMaxTerms = 4096;
}  // namespace distortion

// In wcslib's order; a packed WCS holds the index, so that a code is never taken for another.
inline constexpr int kProjectionCount = 28;
inline constexpr std::array<std::string_view, kProjectionCount> kProjectionCodes = {
    "AZP", "SZP", "TAN", "STG", "SIN", "ARC", "ZPN", "ZEA", "AIR", "CYP", "CEA", "CAR", "MER", "COP",
    "COE", "COD", "COO", "SFL", "PAR", "MOL", "AIT", "BON", "PCO", "TSC", "CSC", "QSC", "HPX", "XPH"};

// head::kProjection of a three-letter code, 0 for another.
constexpr int projection_number(std::string_view code) {
  for (int i = 0; i < kProjectionCount; ++i) {
    if (kProjectionCodes[static_cast<std::size_t>(i)] == code) return i + 1;
  }
  return 0;
}

inline constexpr int kZpn = projection_number("ZPN");

// Status of a point: bit i where world axis i has no solution, as wcslib's stat, and
inline constexpr int kNotConverged = 1 << 29;  // the inverse of a distortion did not converge
inline constexpr int kFolded = 1 << 30;        // the distortion's Jacobian determinant has the wrong sign there

}  // namespace fits::wcs
