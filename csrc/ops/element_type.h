// The dtype of a column's elements, on every device.
#pragma once

#include "format/column.h"
#include "ops/tensor.h"

namespace fits::ops {

inline ScalarType scalar_type(const ElementType& type) noexcept {
  switch (type.kind) {
    case ElementKind::logical:
    case ElementKind::bit: return ScalarType::Bool;
    case ElementKind::complex:
      return type.physical == Pixel::f32 ? ScalarType::ComplexFloat : ScalarType::ComplexDouble;
    default: return scalar_type(type.physical);
  }
}

}  // namespace fits::ops
