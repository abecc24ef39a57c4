// Pixels of one WCS to those of another, as resampling asks for them.
#pragma once

#include "wcs/pixel_to_pixel.h"
#include "wcs/resample.h"

namespace fits::wcs {

// From the output's pixels to the input's; of two WCS of two axes that nothing separates.
class PlaceMap {
 public:
  PlaceMap(const Packed& output, const Packed& input)
      : output_(output), input_(input), bridge_(bridge_between(output, input)) {}

  // Places on the output become places on the input; NaN where there is none.
  void operator()(Place* places, std::int64_t count) const noexcept {
    pixel_to_pixel(output_, input_, bridge_, &places->x, count, &places->x);
  }

 private:
  Packed output_, input_;
  Bridge bridge_;
};

}  // namespace fits::wcs
