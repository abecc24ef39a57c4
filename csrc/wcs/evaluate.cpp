#include "wcs/evaluate.h"

#include <sstream>

#include "wcs/projections.h"

namespace fits::wcs {

Level best_level() noexcept {
#if defined(__x86_64__)
  static const Level level = [] {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? Level::avx2 : Level::plain;
  }();
  return level;
#else
  return Level::plain;
#endif
}

bool can_evaluate(const Packed& wcs) noexcept {
  return wcs.naxis != 0 && (wcs.projection == 0 || Projections::has(wcs.projection));
}

std::string what_is_wrong(const double* slots, std::int64_t available) {
  const Packed wcs = unpack(slots, available);
  if (can_evaluate(wcs)) return {};
  std::ostringstream text;
  if (available < head::kSize) {
    text << "it has " << available << " slots, and a packed WCS at least " << static_cast<int>(head::kSize);
  } else if (slots[head::kVersion] != kLayoutVersion) {
    text << "its version is " << slots[head::kVersion] << ", and this torchfits reads version " << kLayoutVersion
         << "; make it again from its header";
  } else if (wcs.naxis == 0) {
    text << "its slots contradict each other; make it again from its header";
  } else {
    text << "the projection " << kProjectionCodes[static_cast<std::size_t>(wcs.projection - 1)]
         << " is not supported by this version of torchfits";
  }
  return text.str();
}

void pixel_to_world(const Packed& wcs, const double* pixel, std::int64_t count, double* world, std::int32_t* status,
                    Level level) noexcept {
#if defined(__x86_64__)
  if (level == Level::avx2) return avx2::pixel_to_world(wcs, pixel, count, world, status);
#endif
  (void)level;
  plain::pixel_to_world(wcs, pixel, count, world, status);
}

void world_to_pixel(const Packed& wcs, const double* world, std::int64_t count, double* pixel, std::int32_t* status,
                    Level level) noexcept {
#if defined(__x86_64__)
  if (level == Level::avx2) return avx2::world_to_pixel(wcs, world, count, pixel, status);
#endif
  (void)level;
  plain::world_to_pixel(wcs, world, count, pixel, status);
}

}  // namespace fits::wcs
