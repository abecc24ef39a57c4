#include <array>
#include <sstream>
#include <string>

#include "wcs/bridge_between.h"
#include "wcs/pixel_to_pixel.h"

namespace fits::wcs {
namespace {

constexpr std::array<std::string_view, 10> kFrameNames = {
    "", "ICRS", "FK5", "FK4", "FK4-NO-E", "GAPPT", "galactic", "ecliptic", "helioecliptic", "supergalactic"};

std::string as_string(const ShortText& text) { return {text.text, static_cast<std::size_t>(text.size)}; }

std::string coordinate_name(const Packed& wcs, int axis) { return as_string(coordinate_of(wcs, axis)); }

std::string frame_name(const Packed& wcs) {
  std::ostringstream text;
  text.precision(10);
  const Frame frame = frame_of(wcs);
  text << (frame == Frame::other ? coordinate_name(wcs, wcs.lng) + "/" + coordinate_name(wcs, wcs.lat)
                                 : std::string(kFrameNames[static_cast<std::size_t>(frame)]));
  if (const double equinox = equinox_of(wcs); equinox != 0) text << " of equinox " << equinox;
  return text.str();
}

std::string quoted(const ShortText& text) { return "'" + as_string(text) + "'"; }

// What the world coordinates of a spectral axis are relative to, in words; "" where nothing is said.
std::string spectral_reference(const Packed& wcs) {
  if (!has_spectral_reference(wcs)) return "";
  const double* const block = wcs.spectral();
  std::ostringstream text;
  text.precision(17);
  if (is_velocity(coordinate_of(wcs, wcs.spec))) {
    text << " RESTFRQ " << block[spectral::kRestfrq] << " RESTWAV " << block[spectral::kRestwav];
  }
  text << " SPECSYS " << quoted(ShortText(block + spectral::kSpecsys));
  return text.str();
}

}  // namespace

std::string what_separates(const Packed& in, const Packed& out) {
  if (!are_separated(in, out)) return {};
  if (in.naxis != out.naxis) {
    return "wcs_in has " + std::to_string(in.naxis) + " axes and wcs_out has " + std::to_string(out.naxis);
  }
  if ((in.projection != 0) != (out.projection != 0)) {
    const bool first = in.projection != 0;
    return std::string(first ? "wcs_in" : "wcs_out") + " has projected celestial axes and " +
           (first ? "wcs_out" : "wcs_in") + " has none";
  }
  if (in.projection != 0 && !is_same_frame(in, out)) {
    return "wcs_in is " + frame_name(in) + " and wcs_out is " + frame_name(out) +
           "; transform the world coordinates between the frames, after pixel_to_world and before world_to_pixel";
  }
  const AxisOrder a = ordered_axes(in), b = ordered_axes(out);
  for (int i = in.projection != 0 ? 2 : 0; i < in.naxis; ++i) {
    const ShortText one = coordinate_of(in, a.axis[i]), other = coordinate_of(out, b.axis[i]);
    const ShortText unit = unit_of(in, a.axis[i]), other_unit = unit_of(out, b.axis[i]);
    if (one == other && unit == other_unit) continue;
    return "axis " + std::to_string(a.axis[i] + 1) + " of wcs_in is " + quoted(one) + " in " + quoted(unit) +
           " and axis " + std::to_string(b.axis[i] + 1) + " of wcs_out is " + quoted(other) + " in " +
           quoted(other_unit);
  }
  return "the spectral axis of wcs_in has" + spectral_reference(in) + " and that of wcs_out" + spectral_reference(out);
}

Bridge bridge_between(const Packed& in, const Packed& out) {
  Bridge bridge;
  put_bridge(in, out, bridge);
  return bridge;
}

}  // namespace fits::wcs
