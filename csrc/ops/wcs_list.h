// Packed WCS that a call is given, checked.
#pragma once

#include "ops/tensor.h"
#include "wcs/evaluate.h"

namespace fits::ops {

// One WCS, or one for each item.
class WcsList {
 public:
  WcsList(const Tensor& tensor, std::string_view who, std::string_view what)
      : slots_(torch::stable::contiguous(tensor)) {
    require(slots_.scalar_type() == ScalarType::Double, who, ": ", what, " must be float64, not ",
            torch::headeronly::toString(slots_.scalar_type()), "; its slots do not survive rounding");
    require(slots_.dim() == 1 || slots_.dim() == 2, who, ": ", what, " must be [P] or [B, P], not of ", slots_.dim(),
            " dimensions");
    many_ = slots_.dim() == 2;
    const std::int64_t count = many_ ? slots_.size(0) : 1, length = slots_.size(slots_.dim() - 1);
    const auto* const first = static_cast<const double*>(slots_.const_data_ptr());
    for (std::int64_t b = 0; b < count; ++b) {
      const std::string wrong = wcs::what_is_wrong(first + b * length, length);
      require(wrong.empty(), who, ": ", what, many_ ? sentence("[", b, "]") : "", " cannot be used: ", wrong);
      all_.push_back(wcs::unpack(first + b * length, length));
    }
  }
  bool many() const { return many_; }
  std::int64_t size() const { return static_cast<std::int64_t>(all_.size()); }
  const wcs::Packed& operator[](std::int64_t item) const { return all_[many_ ? static_cast<std::size_t>(item) : 0]; }

 private:
  Tensor slots_;
  std::vector<wcs::Packed> all_;
  bool many_ = false;
};

}  // namespace fits::ops
