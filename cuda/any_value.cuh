// A value whose type is known at run time only: the slow road for pairs of types that nobody is in a hurry for. One
// kernel for all of them instead of two hundred; the casts are format/cast.h's.
#pragma once

#include "format/cast.h"

namespace fits {

struct AnyValue {
  enum class Kind : std::uint8_t { real, negative, natural };  // of integers: below zero (then int64), or not (uint64)
  Kind kind;
  double real;
  std::uint64_t integer;
};

template <class T>
FITS_HOST_DEVICE AnyValue any_value(T value) {
  if constexpr (kIsFloating<T>) {
    return {AnyValue::Kind::real, cast<double>(value), 0};
  } else {
    const bool negative = std::is_signed_v<T> && value < 0;
    return {negative ? AnyValue::Kind::negative : AnyValue::Kind::natural, cast<double>(value),
            static_cast<std::uint64_t>(value)};
  }
}

template <class T>
FITS_HOST_DEVICE T cast_any(const AnyValue& value) {
  if (value.kind == AnyValue::Kind::real) return cast<T>(value.real);
  if (value.kind == AnyValue::Kind::negative) return cast<T>(static_cast<std::int64_t>(value.integer));
  return cast<T>(value.integer);
}

// Calls f with a value of the type that `pixel` names.
#if defined(__CUDACC__)
#pragma nv_exec_check_disable  // f is a host's or a device's function, as the caller is
#endif
template <std::size_t kIndex = 0, class F>
FITS_HOST_DEVICE void visit_pixel(Pixel pixel, const F& f) {
  if constexpr (kIndex < kPixelTypes) {
    if (static_cast<std::size_t>(pixel) == kIndex) {
      f(PixelType<kIndex>{});
    } else {
      visit_pixel<kIndex + 1>(pixel, f);
    }
  }
}

}  // namespace fits
