// Newton's method in a bracket, for the projections whose inverse has no closed form.
#pragma once

#include "wcs/dual.h"
#include "wcs/projection.h"

namespace fits::wcs {

template <class Real>
struct ValueAndSlope {
  Real value, slope;
};

template <class Real>
struct Solution {
  Real value;
  MaskOf<Real> valid;
};

// The x in [low, high] with function(x) = target, where function(low) <= target <= function(high); function gives
// ValueAndSlope. A step that would leave what is left of the bracket halves it instead. A lane is finished by a Newton
// step of less than 1e-10 of x, whose successor would be below the rounding, or by a bracket as narrow as that.
template <class Real, class Function>
FITS_HOST_DEVICE Solution<Real> solve_rising(Real target, Real low, Real high, Real x, const Function& function) {
  constexpr int kMaxSteps = 80;  // as many halvings as end at neighbouring numbers
  MaskOf<Real> unfinished = always<Real>() & (target == target);
  for (int step = 0; step < kMaxSteps && any(unfinished); ++step) {
    const auto f = function(x);
    const Real excess = f.value - target;
    const MaskOf<Real> below = excess < Real(0.0);
    low = select(unfinished & below, x, low);
    high = select(unfinished & !below, x, high);
    const Real newton = x - excess / f.slope;
    const MaskOf<Real> trusted = ((newton >= low) & (newton <= high)) | (excess == Real(0.0));
    const Real next = select(trusted, select(excess == Real(0.0), x, newton), Real(0.5) * (low + high));
    const MaskOf<Real> close = trusted & (abs(next - x) <= Real(1e-10) * abs(next));
    const MaskOf<Real> narrow = high - low <= Real(4e-16) * abs(high);
    x = select(unfinished, next, x);
    unfinished = unfinished & !(close | narrow);
  }
  if constexpr (kIsDual<Real>) {  // the derivatives of x have been one step behind its value
    const auto f = function(x);
    x = x - (f.value - target) / f.slope;
  }
  const MaskOf<Real> valid = (!unfinished) & (x == x);
  return {x, valid};
}

}  // namespace fits::wcs
