// Many points through a packed WCS on the host. Single-threaded and without state: callers share the points out.
#pragma once

#include <cstdint>
#include <string>

#include "wcs/packed.h"

namespace fits::wcs {

// The form of SIMD that this machine has.
enum class Level { plain, avx2 };
Level best_level() noexcept;

// Whether these are slots of a WCS that can be evaluated, and if not why, as the end of a sentence (else empty).
bool can_evaluate(const Packed& wcs) noexcept;
std::string what_is_wrong(const double* slots, std::int64_t available);

// `count` points of N coordinates each, row by row; `status` [count] (layout.h) may be null. In and out may be the
// same.
void pixel_to_world(const Packed& wcs, const double* pixel, std::int64_t count, double* world, std::int32_t* status,
                    Level level = best_level()) noexcept;
void world_to_pixel(const Packed& wcs, const double* world, std::int64_t count, double* pixel, std::int32_t* status,
                    Level level = best_level()) noexcept;

namespace plain {
void pixel_to_world(const Packed& wcs, const double* pixel, std::int64_t count, double* world,
                    std::int32_t* status) noexcept;
void world_to_pixel(const Packed& wcs, const double* world, std::int64_t count, double* pixel,
                    std::int32_t* status) noexcept;
}  // namespace plain
namespace avx2 {
void pixel_to_world(const Packed& wcs, const double* pixel, std::int64_t count, double* world,
                    std::int32_t* status) noexcept;
void world_to_pixel(const Packed& wcs, const double* world, std::int64_t count, double* pixel,
                    std::int32_t* status) noexcept;
}  // namespace avx2

}  // namespace fits::wcs
