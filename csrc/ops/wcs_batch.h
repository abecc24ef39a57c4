// What operators on packed WCS have in common: checked arguments, and points shared out between threads.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "ops/tensor.h"
#include "wcs/packed.h"

namespace fits::ops {

// Contiguous, with the values of any real tensor.
Tensor converted(const Tensor& tensor, ScalarType dtype, std::string_view who);
inline Tensor as_float64(const Tensor& tensor, std::string_view who) {
  return converted(tensor, ScalarType::Double, who);
}

inline const double* numbers(const Tensor& tensor) { return static_cast<const double*>(tensor.const_data_ptr()); }
inline double* numbers(Tensor& tensor) { return static_cast<double*>(tensor.mutable_data_ptr()); }

// The WCS of a contiguous tensor [P] (one) or [B, P]; ValueError, naming `who` and `what`, for what is none.
std::vector<wcs::Packed> unpacked(const Tensor& slots, std::string_view who, std::string_view what = "wcs");

// The WCS of a call, and how many points each of them has.
struct Batch {
  std::vector<wcs::Packed> wcs;
  std::int64_t points = 0;  // for each
};

// Of coordinates [..., N] and one WCS, or [B, ..., N] and B of them.
Batch batch_of(const Tensor& coordinates, const Tensor& slots, std::string_view who);

// Shares `points` for each of `count` items out in pieces of about `piece`: part(item, first point of all, how many).
template <class Part>
void for_each_part(std::int64_t count, std::int64_t points, std::int64_t piece, const Part& part) {
  if (count == 0 || points == 0) return;
  if (points >= piece) {
    const std::int64_t pieces = (points + piece - 1) / piece;
    parallel_for(count * pieces, [&](std::int64_t i) {
      const std::int64_t item = i / pieces, start = i % pieces * piece;
      part(item, item * points + start, std::min(piece, points - start));
    });
  } else {
    const std::int64_t together = std::max<std::int64_t>(1, piece / points);
    parallel_for((count + together - 1) / together, [&](std::int64_t i) {
      for (std::int64_t item = i * together; item < std::min(count, (i + 1) * together); ++item) {
        part(item, item * points, points);
      }
    });
  }
}

// part(wcs, first point of all, how many) for each.
template <class Part>
void for_each_part(const Batch& batch, const Part& part) {
  constexpr std::int64_t kPiece = 8192;  // points: 60 us of TAN, several times what a thread costs to wake
  const auto count = static_cast<std::int64_t>(batch.wcs.size());
  for_each_part(count, batch.points, kPiece, [&](std::int64_t item, std::int64_t first, std::int64_t points) {
    part(batch.wcs[static_cast<std::size_t>(item)], first, points);
  });
}

}  // namespace fits::ops
