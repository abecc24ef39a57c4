// Pixels of image HDUs into tensors: whole, as a window, plain, grouped or compressed. Every image reader ends here.
#pragma once

#include <optional>

#include "format/convert.h"
#include "io/file.h"
#include "ops/tensor.h"

namespace fits::ops {

// The HDU as an image with data. Throws FileError(not_an_image or empty) otherwise, saying what it is.
const Hdu& image_hdu(const io::Source& source, std::int64_t hdu);

// Throws FileError unless the file is as long as the HDU's header promises, and of a compressed image what its header
// says of tiles can be believed: asked before memory is taken.
void require_data(const io::Source& source, const Hdu& hdu);

// How its values become pixels of `dtype` (none: as physical_pixel says, or as stored where not scaled).
Conversion conversion_for(const Hdu& hdu, std::optional<ScalarType> dtype, bool scaled, std::string_view who);

// Converts the part of the image that the window [start, start + size) shares with it into `out`, an array of `size`.
// What lies outside the image is left alone. In parallel where that pays.
void read_window(const io::Source& source, const Hdu& hdu, const Shape& start, const Shape& size,
                 const Conversion& conversion, void* out);

// `count` pixels of `value` at `out`.
void fill_pixels(double value, std::int64_t count, Pixel pixel, void* out);

}  // namespace fits::ops
