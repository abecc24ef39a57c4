#include "wcs/resample_map.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "wcs/evaluate.h"

namespace fits::wcs {
namespace {

// Besselian or Julian year; where the header leaves it out, the one that its RADESYS means (Paper II, section 3.1).
double equinox(const Packed& wcs, Frame frame) {
  const double year = wcs.celestial()[celestial::kEquinox];
  if (frame == Frame::fk5) return year == 0 ? 2000 : year;
  if (frame == Frame::fk4 || frame == Frame::fk4_no_e) return year == 0 ? 1950 : year;
  return 0;
}

Frame frame_of(const Packed& wcs) { return static_cast<Frame>(static_cast<int>(wcs.celestial()[celestial::kFrame])); }

// What an axis is called, and in which unit.
bool same_axis(const Packed& one, int axis, const Packed& other, int other_axis, bool whole) {
  const LinearLayout at{2};
  const double *a = one.linear(), *b = other.linear();
  if (a[at.ctype() + 2 * axis] != b[at.ctype() + 2 * other_axis]) return false;
  if (!whole) return true;
  return a[at.ctype() + 2 * axis + 1] == b[at.ctype() + 2 * other_axis + 1] &&
         std::equal(a + at.cunit() + 2 * axis, a + at.cunit() + 2 * axis + 2, b + at.cunit() + 2 * other_axis);
}

}  // namespace

std::string why_apart(const Packed& one, const Packed& other) {
  std::ostringstream text;
  if (one.naxis != 2 || other.naxis != 2) {
    text << "both must have two axes, and wcs_in has " << one.naxis << ", wcs_out " << other.naxis;
  } else if ((one.projection == 0) != (other.projection == 0)) {
    text << "one of wcs_in and wcs_out is of the sky, the other is not";
  } else if (one.projection == 0) {
    if (!same_axis(one, 0, other, 0, true) || !same_axis(one, 1, other, 1, true)) {
      text << "the axes of wcs_in and wcs_out have different CTYPE or CUNIT";
    }
  } else {
    const Frame frame = frame_of(one);
    const bool same = frame == frame_of(other) && equinox(one, frame) == equinox(other, frame) &&
                      (frame != Frame::other || same_axis(one, one.lng, other, other.lng, false));
    if (!same) text << "wcs_in and wcs_out have different celestial frames (CTYPE, RADESYS, EQUINOX)";
  }
  return text.str();
}

void PlaceMap::operator()(Place* places, std::int64_t count) const noexcept {
  double* const points = &places->x;
  pixel_to_world(output_, points, count, points, nullptr);
  if (output_.lng != input_.lng) {
    for (std::int64_t i = 0; i < count; ++i) std::swap(places[i].x, places[i].y);
  }
  world_to_pixel(input_, points, count, points, nullptr);
}

}  // namespace fits::wcs
