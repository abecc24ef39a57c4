// Pixels of one WCS to those of another, as resampling asks for them.
#pragma once

#include <string>

#include "wcs/packed.h"
#include "wcs/resample.h"

namespace fits::wcs {

// Why pixels of one cannot be pixels of the other, as the end of a sentence; empty where they can.
std::string why_apart(const Packed& one, const Packed& other);

// From the output's pixels to the input's.
class PlaceMap {
 public:
  PlaceMap(const Packed& output, const Packed& input) : output_(output), input_(input) {}

  // Places on the output become places on the input; NaN where there is none.
  void operator()(Place* places, std::int64_t count) const noexcept;

 private:
  Packed output_, input_;
};

}  // namespace fits::wcs
