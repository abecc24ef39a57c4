// What unpack, scale and unscale are asked, checked: the same on every device (csrc/ops/scaling.cpp, cuda/scaling.cu).
#pragma once

#include <cmath>
#include <optional>

#include "format/scaling.h"
#include "ops/tensor.h"

namespace fits::ops {

inline std::string text(const Shape& shape) {
  std::string joined;
  for (const auto length : shape) joined += (joined.empty() ? "" : ", ") + std::to_string(length);
  return "[" + joined + "]";
}

inline int checked_bitpix(std::int64_t bitpix, std::string_view who) {
  require(is_bitpix(bitpix), who, ": bitpix is ", bitpix,
          "; it must be 8, 16, 32, 64, -32 or -64 (FITS Standard 4.0, section 4.4.1.1)");
  return static_cast<int>(bitpix);
}

// How many values `data` holds.
inline std::int64_t checked_unpack(const Tensor& data, std::int64_t bitpix, const Shape& shape) {
  const std::size_t size = bitpix_size(checked_bitpix(bitpix, "unpack"));
  require(data.scalar_type() == ScalarType::Byte, "unpack: data must be uint8, not ",
          torch::headeronly::toString(data.scalar_type()));
  const auto count = static_cast<std::int64_t>(element_count(shape));
  const std::size_t needed = static_cast<std::size_t>(count) * size;  // element_count leaves room for it
  require(static_cast<std::size_t>(data.numel()) == needed, "unpack: data holds ", data.numel(), " bytes; BITPIX ",
          bitpix, " and shape ", text(shape), " take ", needed);
  return count;
}

// What scale returns unless it is told: as torch's own operators, float32.
inline ScalarType scaled_dtype(std::optional<ScalarType> dtype) { return dtype.value_or(ScalarType::Float); }

inline Scaling checked_unscale(double bscale, double bzero, std::optional<std::int64_t> blank, std::int64_t bitpix) {
  const Pixel stored = stored_pixel(checked_bitpix(bitpix, "unscale"));
  require(std::isfinite(bscale) && bscale != 0, "unscale: bscale is ", bscale, "; it must be finite and not 0");
  require(std::isfinite(bzero), "unscale: bzero is ", bzero, "; it must be finite");
  require(is_floating(stored) || !blank || holds(stored, *blank), "unscale: blank is ", blank.value_or(0),
          ", which BITPIX ", bitpix, " cannot store");
  return {bscale, bzero, blank};
}

}  // namespace fits::ops
