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

// What pixels are that no image covers: `fill`, and where none is asked for NaN if the pixels can hold it, else 0.
double fill_value(std::optional<double> fill, Pixel pixel) noexcept;

// Throws std::invalid_argument unless `hdus` names at least one HDU, all counted from 0.
void require_hdus(const std::vector<std::int64_t>& hdus, std::string_view who);

// Pixels of one value, made ready once for many short stretches.
class Filler {
 public:
  Filler(double value, Pixel pixel) noexcept;
  // `count` pixels at `out`, which is aligned for them.
  void operator()(std::int64_t count, void* out) const noexcept;

 private:
  alignas(8) std::byte one_[8];
  std::size_t size_;
  bool same_;  // every byte of a pixel
};

// `count` pixels of `value` at `out`.
void fill_pixels(double value, std::int64_t count, Pixel pixel, void* out);

}  // namespace fits::ops
