// Polynomials in two variables with terms up to a total degree, as of SIP and TPD, by Horner's scheme.
#pragma once

#include "wcs/lanes.h"
#include "wcs/layout.h"

namespace fits::wcs {

// A value and its derivatives in u and v.
template <class Real>
struct Jet {
  Real value, du, dv;
};

// Sum of c_p_q u^p v^q, p + q <= order; sip::row(p) holds c_p_0 ... Coefficients may be dual numbers.
template <class Coefficient>
struct TriangleOf {
  const Coefficient* c;
  int order;

  template <class Real>
  FITS_HOST_DEVICE Real operator()(Real u, Real v) const {
    Real sum = Real(0.0);
    for (int p = order; p >= 0; --p) {
      const Coefficient* const row = c + sip::row(p);
      Real inner = Real(row[order - p]);
      for (int q = order - p - 1; q >= 0; --q) inner = fma(inner, v, Real(row[q]));
      sum = fma(sum, u, inner);
    }
    return sum;
  }

  template <class Real>
  FITS_HOST_DEVICE Jet<Real> with_derivatives(Real u, Real v) const {
    Jet<Real> sum = {Real(0.0), Real(0.0), Real(0.0)};
    for (int p = order; p >= 0; --p) {
      const Coefficient* const row = c + sip::row(p);
      Real inner = Real(row[order - p]), inner_dv = Real(0.0);
      for (int q = order - p - 1; q >= 0; --q) {
        inner_dv = fma(inner_dv, v, inner);
        inner = fma(inner, v, Real(row[q]));
      }
      sum.du = fma(sum.du, u, sum.value);
      sum.value = fma(sum.value, u, inner);
      sum.dv = fma(sum.dv, u, inner_dv);
    }
    return sum;
  }
};
template <class Coefficient>
TriangleOf(const Coefficient*, int) -> TriangleOf<Coefficient>;

using Triangle = TriangleOf<double>;

template <class Real>
struct Jets {
  Jet<Real> f, g;
};

// Two triangles side by side, f at (u, v) and g at (s, t): twice as many operations that do not wait for each other.
// Beyond its own order a triangle's coefficients are 0.
struct TwoTriangles {
  const double *f, *g;
  int order;  // the larger of the two

  FITS_HOST_DEVICE TwoTriangles(Triangle one, Triangle other)
      : f(one.c), g(other.c), order(one.order > other.order ? one.order : other.order) {}

  template <class Real>
  FITS_HOST_DEVICE void operator()(Real u, Real v, Real s, Real t, Real& first, Real& second) const {
    first = second = Real(0.0);
    for (int p = order; p >= 0; --p) {
      const int row = sip::row(p), last = order - p;
      Real a = Real(f[row + last]), b = Real(g[row + last]);
      for (int q = last - 1; q >= 0; --q) {
        a = fma(a, v, Real(f[row + q]));
        b = fma(b, t, Real(g[row + q]));
      }
      first = fma(first, u, a);
      second = fma(second, s, b);
    }
  }
};

}  // namespace fits::wcs
