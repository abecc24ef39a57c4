#include "wcs/bridge.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string>

#include "wcs/packed_text.h"
#include "wcs/pixel_to_pixel.h"

namespace fits::wcs {
namespace {

constexpr std::array<std::string_view, 10> kFrameNames = {
    "", "ICRS", "FK5", "FK4", "FK4-NO-E", "GAPPT", "galactic", "ecliptic", "helioecliptic", "supergalactic"};

Frame frame_of(const Packed& wcs) {
  return static_cast<Frame>(slot_integer(wcs.celestial()[celestial::kFrame], 0, 9, 0));
}

// Years; 0 where the frame has none (ICRS, galactic, supergalactic).
double equinox_of(const Packed& wcs) {
  const double equinox = wcs.celestial()[celestial::kEquinox];
  switch (frame_of(wcs)) {
    case Frame::fk4:
    case Frame::fk4_no_e: return equinox != 0 ? equinox : 1950;
    case Frame::icrs:
    case Frame::galactic:
    case Frame::supergalactic: return 0;
    case Frame::other: return equinox;
    default: return equinox != 0 ? equinox : 2000;
  }
}

// The coordinate that an axis measures: CTYPE without its algorithm (Paper I, section 2.1).
std::string coordinate_of(const Packed& wcs, int axis) {
  const LinearLayout at{wcs.naxis};
  std::string text = text_of(wcs.linear() + at.ctype() + 2 * axis, 2);
  if (text.size() == 8 && text[4] == '-') text.resize(text.find('-'));
  return text;
}

std::string unit_of(const Packed& wcs, int axis) {
  return text_of(wcs.linear() + LinearLayout{wcs.naxis}.cunit() + 2 * axis, 2);
}

// Most pairs are of one frame, which is said by numbers; their names, made of streams, take microseconds.
bool is_same_frame(const Packed& in, const Packed& out) {
  const double *const a = in.celestial(), *const b = out.celestial();
  return frame_of(in) == frame_of(out) && frame_of(in) != Frame::other &&
         a[celestial::kEquinox] == b[celestial::kEquinox];
}

std::string frame_name(const Packed& wcs) {
  std::ostringstream text;
  const Frame frame = frame_of(wcs);
  text << (frame == Frame::other ? coordinate_of(wcs, wcs.lng) + "/" + coordinate_of(wcs, wcs.lat)
                                 : std::string(kFrameNames[static_cast<std::size_t>(frame)]));
  if (const double equinox = equinox_of(wcs); equinox != 0) text << " of equinox " << equinox;
  return text.str();
}

// World axes in an order that does not depend on the header: longitude, latitude, the others as they come.
std::array<int, kMaxAxes> ordered_axes(const Packed& wcs) {
  std::array<int, kMaxAxes> order{};
  std::size_t count = 0;
  const bool projected = wcs.projection != 0;
  if (projected) {
    order[count++] = wcs.lng;
    order[count++] = wcs.lat;
  }
  for (int i = 0; i < wcs.naxis; ++i) {
    if (!projected || (i != wcs.lng && i != wcs.lat)) order[count++] = i;
  }
  return order;
}

std::string quoted(const std::string& text) { return "'" + text + "'"; }

// What the world coordinates of a spectral axis are relative to, in words: the rest frequency or wavelength of a
// velocity, and the frame; "" where nothing is said.
std::string spectral_reference(const Packed& wcs) {
  const int length = static_cast<int>(wcs.slots[head::kLength]);
  if (wcs.spec < 0 || !has_block(wcs.slots, length, head::kSpectral, spectral::kSize)) return "";
  const double* const block = wcs.spectral();
  std::ostringstream text;
  text.precision(17);
  const std::string type = coordinate_of(wcs, wcs.spec);
  if (type == "VRAD" || type == "VOPT" || type == "ZOPT" || type == "VELO" || type == "BETA") {
    text << " RESTFRQ " << block[spectral::kRestfrq] << " RESTWAV " << block[spectral::kRestwav];
  }
  text << " SPECSYS " << quoted(text_of(block + spectral::kSpecsys, 2));
  return text.str();
}

struct Traits {
  bool directions = false, unit = false;
};

struct AskTraits {
  Traits* to;
  template <class Projection>
  void visit() const {
    to->directions = kHasDirections<Projection>;
    to->unit = kGivesUnitLength<Projection>;
  }
};

Traits traits_of(int projection) {
  Traits traits;
  Projections::visit(projection, AskTraits{&traits});
  return traits;
}

// 3 x 3: a * b.
void multiply3(const double* a, const double* b, double* to) {
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      to[3 * i + j] = fma(a[3 * i], b[j], fma(a[3 * i + 1], b[3 + j], a[3 * i + 2] * b[6 + j]));
    }
  }
}

// R_out^T Rz(difference of the longitudes that they count from) R_in; of equal ones exactly 1.
void put_turn(Rotation in, Rotation out, double* to) {
  if (in.euler(0) == out.euler(0) && in.euler(1) == out.euler(1) && in.euler(2) == out.euler(2)) {
    for (int i = 0; i < 9; ++i) to[i] = i % 4 == 0 ? 1 : 0;
    return;
  }
  const auto turn = sincosd(in.euler(0) - out.euler(0));
  const double z[9] = {turn.cosine, -turn.sine, 0, turn.sine, turn.cosine, 0, 0, 0, 1};
  double transposed[9], middle[9];
  for (int i = 0; i < 9; ++i) transposed[i] = out(i % 3, i / 3);
  multiply3(z, in.block + celestial::kRotation, middle);
  multiply3(transposed, middle, to);
}

// Native angles where the rotations are shifts (rotation.h): to celestial ones, and from there to the other's.
void put_shift(Rotation in, Rotation out, Bridge& to) {
  const bool upright_in = in.euler(1) == 0, upright_out = out.euler(1) == 0;
  // longitude = sign phi + offset, and phi' = sign' longitude + offset'
  const double sign_in = upright_in ? 1 : -1, sign_out = upright_out ? 1 : -1;
  to.sign_phi = sign_in * sign_out;
  to.sign_theta = to.sign_phi;
  const double poles = sign_out * (in.euler(0) - out.euler(0));
  const double turns = upright_in ? sign_out * (180 - in.euler(2)) : sign_out * in.euler(2);
  to.shift = poles + (upright_out ? turns + (out.euler(2) - 180) : turns + out.euler(2));
}

// Pixels of a TAN, as offsets from CRPIX, to native direction cosines of the other: those of the one are (-y, x, r0) in
// its intermediate coordinates, linear in homogeneous ones.
void put_from_pixel(const Packed& in, const double* rotation, Bridge& to) {
  const LinearLayout at{2};
  const double* const linear = in.linear();
  const double* const block = in.celestial();
  const double* const longitude = linear + at.matrix() + 2 * in.lng;
  const double* const latitude = linear + at.matrix() + 2 * in.lat;
  const double plane[9] = {-latitude[0],
                           -latitude[1],
                           -block[celestial::kY0],  //
                           longitude[0],
                           longitude[1],
                           block[celestial::kX0],  //
                           0,
                           0,
                           block[celestial::kRadius]};
  multiply3(rotation, plane, to.homography);
  for (int i = 0; i < 2; ++i) to.from[i] = linear[at.crpix() + i] - 1;
}

// With TAN on the other side too (r0 m / n, -r0 l / n) are its intermediate coordinates: from offset to offset.
void put_homography(const Packed& in, const Packed& out, Bridge& to) {
  put_from_pixel(in, to.rotation, to);
  double native[9];
  std::copy_n(to.homography, 9, native);
  const LinearLayout at{2};
  const double* const linear = out.linear();
  const double* const block = out.celestial();
  const double r0 = block[celestial::kRadius], x0 = block[celestial::kX0], y0 = block[celestial::kY0];
  const double* const inverse = linear + at.inverse();
  for (int j = 0; j < 3; ++j) {
    const double x = fma(r0, native[3 + j], -(x0 * native[6 + j]));
    const double y = fma(-r0, native[j], -(y0 * native[6 + j]));
    for (int i = 0; i < 2; ++i) {
      to.homography[3 * i + j] = fma(inverse[2 * i + out.lng], x, inverse[2 * i + out.lat] * y);
    }
    to.homography[6 + j] = native[6 + j];
  }
  for (int i = 0; i < 2; ++i) to.to[i] = linear[at.crpix() + i] - 1;
}

}  // namespace

std::string what_separates(const Packed& in, const Packed& out) {
  if (in.naxis != out.naxis) {
    return "wcs_in has " + std::to_string(in.naxis) + " axes and wcs_out has " + std::to_string(out.naxis);
  }
  if ((in.projection != 0) != (out.projection != 0)) {
    const bool first = in.projection != 0;
    return std::string(first ? "wcs_in" : "wcs_out") + " has projected celestial axes and " +
           (first ? "wcs_out" : "wcs_in") + " has none";
  }
  if (in.projection != 0 && !is_same_frame(in, out)) {
    const std::string one = frame_name(in), other = frame_name(out);
    if (one != other) {
      return "wcs_in is " + one + " and wcs_out is " + other +
             "; transform the world coordinates between the frames, after pixel_to_world and before world_to_pixel";
    }
  }
  const auto a = ordered_axes(in), b = ordered_axes(out);
  for (std::size_t i = in.projection != 0 ? 2 : 0; i < static_cast<std::size_t>(in.naxis); ++i) {
    const std::string one = coordinate_of(in, a[i]), other = coordinate_of(out, b[i]);
    const std::string unit = unit_of(in, a[i]), other_unit = unit_of(out, b[i]);
    if (one != other || unit != other_unit) {
      return "axis " + std::to_string(a[i] + 1) + " of wcs_in is " + quoted(one) + " in " + quoted(unit) +
             " and axis " + std::to_string(b[i] + 1) + " of wcs_out is " + quoted(other) + " in " + quoted(other_unit);
    }
  }
  if (const std::string one = spectral_reference(in), other = spectral_reference(out); one != other) {
    return "the spectral axis of wcs_in has" + one + " and that of wcs_out" + other;
  }
  return {};
}

Bridge bridge_between(const Packed& in, const Packed& out) {
  Bridge bridge;
  const auto a = ordered_axes(in), b = ordered_axes(out);
  for (std::size_t i = 0; i < static_cast<std::size_t>(in.naxis); ++i) {
    bridge.axis[b[i]] = a[i];
    bridge.permuted = bridge.permuted || a[i] != b[i];
  }
  if (in.projection == 0) return bridge;
  const Traits one = traits_of(in.projection), other = traits_of(out.projection);
  const Rotation from{in.celestial()}, to{out.celestial()};
  if (!one.directions && !other.directions && is_shift(from) && is_shift(to)) {
    bridge.route = Bridge::Route::shift;
    put_shift(from, to, bridge);
    return bridge;
  }
  bridge.route = Bridge::Route::direction;
  bridge.unit = one.unit;
  put_turn(from, to, bridge.rotation);
  constexpr unsigned kBeforeMatrix = kDistortionSip | kDistortionCpdis | kDistortionD2im;
  const bool planar = in.naxis == 2 && in.projection == Tan::kNumber && (in.distortion & ~kBeforeMatrix) == 0;
  if (planar) {
    bridge.from_pixel = true;
    put_from_pixel(in, bridge.rotation, bridge);
  }
  bridge.to_pixel = out.naxis == 2 && (out.distortion & ~kBeforeMatrix) == 0;
  if (planar && out.projection == Tan::kNumber && (out.distortion & ~kBeforeMatrix) == 0) {
    bridge.from_pixel = false;
    bridge.route = Bridge::Route::homography;
    bridge.bare = in.distortion == 0 && out.distortion == 0;
    put_homography(in, out, bridge);
  }
  return bridge;
}

}  // namespace fits::wcs
