// What a header says of polynomial distortions, as plain values: WCS Paper IV (draft of 2004) with its template and its
// general polynomials, and the conventions that are template polynomials (TPV, TNX, ZPX, DSS).
#pragma once

#include <array>
#include <utility>
#include <vector>

#include "wcs/layout.h"

namespace fits::wcs {

// c_p_q x^p y^q, p + q <= 9, and odd powers of r; x and y are linear in the two variables.
struct TemplateTerms {
  std::array<double, 6> map = {0, 1, 0, 0, 0, 1};  // x = map[0] + map[1] u + map[2] v; y likewise
  std::array<double, sip::kTriangle> terms{};      // sip::row(p) + q
  std::array<double, 5> odd{};                     // of r, r^3, ...
};

// Any sum of products of powers of the variables and of auxiliary ones.
struct GeneralTerms {
  struct Auxiliary {
    std::vector<double> coefficient, power;  // [1 + N]; power[0] is that of the sum
  };
  struct Term {
    double coefficient;
    std::vector<double> power;  // [N + auxiliaries]
  };
  std::vector<Auxiliary> auxiliaries;
  std::vector<Term> terms;
};

// The distortion function of one axis.
struct AxisDistortion {
  int axis = 0;
  bool corrects = true;               // its value is added to the coordinate; else it is the new coordinate
  std::vector<int> variables;         // axes, 1 to N of them
  std::vector<double> origin, scale;  // a variable is (coordinate - origin) * scale
  bool is_template = true;
  TemplateTerms fixed;
  GeneralTerms general;
};

// The distortion functions before the matrix, in pixel coordinates from 1, or after it, in intermediate pixel
// coordinates (those before CDELT).
struct Distortions {
  unsigned kinds = 0;  // bits of head::kDistortion
  std::vector<AxisDistortion> axes;
  bool empty() const { return axes.empty(); }
};

// A distortion of this axis by two variables with nothing set; the axis itself is the first of them.
AxisDistortion distortion_of(int axis, int other);

// The place of term m of TPD (0 to 59), which is also PVi_m of TPV.
double& term_of(TemplateTerms& terms, int m);

// A surface of IRAF (TNX, ZPX): sum of c_m_n F_m(x) F_n(y), x and y brought from their ranges to [-1, 1] (monomials:
// as they are).
struct Surface {
  enum Kind { chebyshev = 1, legendre = 2, monomial = 3 };
  int kind = monomial;
  std::array<double, 4> range{};  // xmin, xmax, ymin, ymax
  struct Term {
    int m, n;
    double coefficient;
  };
  std::vector<Term> terms;
};
TemplateTerms terms_of(const Surface& surface);

// The plate solution of the Digitized Sky Survey (AMDXm, AMDYm: index m, 1 to 13) as a sequent distortion of axes 0 and
// 1 (Paper IV draft, section 5.2), with the linear transformation that goes with it.
struct Plate {
  std::array<double, 14> amdx{}, amdy{};
  double scale() const;                  // S, arcsec per millimetre
  std::array<double, 2> origin() const;  // X0, Y0, millimetres
};
Distortions distortions_of(const Plate& plate);

}  // namespace fits::wcs
