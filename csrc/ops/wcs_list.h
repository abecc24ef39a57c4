// Packed WCS that a call is given, checked.
#pragma once

#include "ops/wcs_batch.h"

namespace fits::ops {

// One WCS, or one for each item.
class WcsList {
 public:
  WcsList(const Tensor& tensor, std::string_view who, std::string_view what)
      : slots_(as_contiguous(tensor)), all_(unpacked(slots_, who, what)), many_(slots_.dim() == 2) {}
  bool many() const { return many_; }
  std::int64_t size() const { return static_cast<std::int64_t>(all_.size()); }
  const wcs::Packed& operator[](std::int64_t item) const { return all_[many_ ? static_cast<std::size_t>(item) : 0]; }

 private:
  Tensor slots_;
  std::vector<wcs::Packed> all_;
  bool many_;
};

}  // namespace fits::ops
