// How two packed WCS meet: whether the world coordinates of one are those of the other, and the bridge between their
// pixels. Host and device decide alike; in words it is bridge.cpp's.
#pragma once

#include "wcs/bridge.h"

namespace fits::wcs {

// Text of two slots (packed_text.h).
struct ShortText {
  char text[8] = {};
  int size = 0;

  FITS_HOST_DEVICE explicit ShortText(const double* slots) {
    for (int slot = 0; slot < 2; ++slot) {
      if (!(slots[slot] >= 0 && slots[slot] < 4294967296.0)) return;
      const auto number = static_cast<std::uint32_t>(slots[slot]);
      for (int shift = 24; shift >= 0; shift -= 8) {
        const auto c = static_cast<char>(number >> shift & 255);
        if (c == '\0') return;
        text[size++] = c;
      }
    }
  }
  FITS_HOST_DEVICE bool operator==(const ShortText& other) const {
    if (size != other.size) return false;
    for (int i = 0; i < size; ++i) {
      if (text[i] != other.text[i]) return false;
    }
    return true;
  }
  FITS_HOST_DEVICE bool is(const char* word) const {
    for (int i = 0; i < size; ++i) {
      if (word[i] != text[i]) return false;
    }
    return word[size] == '\0';
  }
};

FITS_HOST_DEVICE Frame frame_of(const Packed& wcs) {
  return static_cast<Frame>(slot_integer(wcs.celestial()[celestial::kFrame], 0, 9, 0));
}

// Years; 0 where the frame has none (ICRS, galactic, supergalactic).
FITS_HOST_DEVICE double equinox_of(const Packed& wcs) {
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
FITS_HOST_DEVICE ShortText coordinate_of(const Packed& wcs, int axis) {
  ShortText text(wcs.linear() + LinearLayout{wcs.naxis}.ctype() + 2 * axis);
  if (text.size == 8 && text.text[4] == '-') {
    text.size = 0;
    while (text.text[text.size] != '-') ++text.size;
  }
  return text;
}

FITS_HOST_DEVICE ShortText unit_of(const Packed& wcs, int axis) {
  return ShortText(wcs.linear() + LinearLayout{wcs.naxis}.cunit() + 2 * axis);
}

// World axes in an order that does not depend on the header: longitude, latitude, the others as they come.
struct AxisOrder {
  int axis[kMaxAxes] = {};
};
FITS_HOST_DEVICE AxisOrder ordered_axes(const Packed& wcs) {
  AxisOrder order;
  int count = 0;
  const bool projected = wcs.projection != 0;
  if (projected) {
    order.axis[count++] = wcs.lng;
    order.axis[count++] = wcs.lat;
  }
  for (int i = 0; i < wcs.naxis; ++i) {
    if (!projected || (i != wcs.lng && i != wcs.lat)) order.axis[count++] = i;
  }
  return order;
}

// A spectral axis about which the header can say what its coordinates are relative to: the frame (SPECSYS), and of
// velocities the rest frequency and wavelength.
FITS_HOST_DEVICE bool has_spectral_reference(const Packed& wcs) {
  const int length = static_cast<int>(wcs.slots[head::kLength]);
  return wcs.spec >= 0 && has_block(wcs.slots, length, head::kSpectral, spectral::kSize);
}
FITS_HOST_DEVICE bool is_velocity(const ShortText& type) {
  return type.is("VRAD") || type.is("VOPT") || type.is("ZOPT") || type.is("VELO") || type.is("BETA");
}

// ---- Whether anything separates two WCS

// Equinoxes a day or two apart are one: by then nothing has precessed by more than a quarter of an arcsecond.
FITS_HOST_DEVICE bool is_same_frame(const Packed& in, const Packed& out) {
  const Frame frame = frame_of(in);
  const double apart = equinox_of(in) - equinox_of(out);
  if (frame != frame_of(out) || !(apart < 0.005 && apart > -0.005)) return false;
  return frame != Frame::other || (coordinate_of(in, in.lng) == coordinate_of(out, out.lng) &&
                                   coordinate_of(in, in.lat) == coordinate_of(out, out.lat));
}

FITS_HOST_DEVICE bool is_same_spectral_reference(const Packed& in, const Packed& out) {
  if (has_spectral_reference(in) != has_spectral_reference(out)) return false;
  if (!has_spectral_reference(in)) return true;
  const double *const a = in.spectral(), *const b = out.spectral();
  const auto same = [](double x, double y) { return x == y || (x != x && y != y); };
  const bool moves = is_velocity(coordinate_of(in, in.spec));
  if (moves != is_velocity(coordinate_of(out, out.spec))) return false;
  const bool at_rest = !moves || (same(a[spectral::kRestfrq], b[spectral::kRestfrq]) &&
                                  same(a[spectral::kRestwav], b[spectral::kRestwav]));
  return at_rest && ShortText(a + spectral::kSpecsys) == ShortText(b + spectral::kSpecsys);
}

FITS_HOST_DEVICE bool are_separated(const Packed& in, const Packed& out) {
  if (in.naxis != out.naxis || (in.projection != 0) != (out.projection != 0)) return true;
  if (in.projection != 0 && !is_same_frame(in, out)) return true;
  const AxisOrder a = ordered_axes(in), b = ordered_axes(out);
  for (int i = in.projection != 0 ? 2 : 0; i < in.naxis; ++i) {
    if (!(coordinate_of(in, a.axis[i]) == coordinate_of(out, b.axis[i]))) return true;
    if (!(unit_of(in, a.axis[i]) == unit_of(out, b.axis[i]))) return true;
  }
  return !is_same_spectral_reference(in, out);
}

// ---- What lies between them

struct Traits {
  bool directions = false, unit = false;
};

struct AskTraits {
  Traits* to;
  template <class Projection>
  FITS_HOST_DEVICE void visit() const {
    to->directions = kHasDirections<Projection>;
    to->unit = kGivesUnitLength<Projection>;
  }
};

FITS_HOST_DEVICE Traits traits_of(int projection) {
  Traits traits;
  Projections::visit(projection, AskTraits{&traits});
  return traits;
}

// 3 x 3: a * b.
FITS_HOST_DEVICE void multiply3(const double* a, const double* b, double* to) {
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      to[3 * i + j] = fma(a[3 * i], b[j], fma(a[3 * i + 1], b[3 + j], a[3 * i + 2] * b[6 + j]));
    }
  }
}

// R_out^T Rz(difference of the longitudes that they count from) R_in; of equal ones exactly 1.
FITS_HOST_DEVICE void put_turn(Rotation in, Rotation out, double* to) {
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
FITS_HOST_DEVICE void put_shift(Rotation in, Rotation out, Bridge& to) {
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
FITS_HOST_DEVICE void put_from_pixel(const Packed& in, const double* rotation, Bridge& to) {
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
FITS_HOST_DEVICE void put_homography(const Packed& in, const Packed& out, Bridge& to) {
  put_from_pixel(in, to.rotation, to);
  double native[9];
  for (int i = 0; i < 9; ++i) native[i] = to.homography[i];
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

// Of two WCS that nothing separates.
FITS_HOST_DEVICE void put_bridge(const Packed& in, const Packed& out, Bridge& bridge) {
  bridge = {};
  const AxisOrder a = ordered_axes(in), b = ordered_axes(out);
  for (int i = 0; i < in.naxis; ++i) {
    bridge.axis[b.axis[i]] = a.axis[i];
    bridge.permuted = bridge.permuted || a.axis[i] != b.axis[i];
  }
  if (in.projection == 0) return;
  const Traits one = traits_of(in.projection), other = traits_of(out.projection);
  const Rotation from{in.celestial()}, to{out.celestial()};
  if (!one.directions && !other.directions && is_shift(from) && is_shift(to)) {
    bridge.route = Bridge::Route::shift;
    put_shift(from, to, bridge);
    return;
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
}

}  // namespace fits::wcs
