#include "wcs/distortion.h"

#include <cmath>

namespace fits::wcs {
namespace {

// Coefficients, from the constant on, of the Chebyshev or Legendre polynomial of this degree.
std::vector<double> coefficients_of(int kind, int degree) {
  std::vector<double> before = {1}, last = {0, 1};
  if (degree == 0) return before;
  for (int n = 2; n <= degree; ++n) {
    // T_n = 2 x T_(n-1) - T_(n-2); n P_n = (2n - 1) x P_(n-1) - (n - 1) P_(n-2)
    const double rise = kind == Surface::chebyshev ? 2 : (2.0 * n - 1) / n;
    const double fall = kind == Surface::chebyshev ? 1 : (n - 1.0) / n;
    std::vector<double> next(static_cast<std::size_t>(n) + 1);
    for (std::size_t i = 0; i < last.size(); ++i) next[i + 1] = rise * last[i];
    for (std::size_t i = 0; i < before.size(); ++i) next[i] -= fall * before[i];
    before = std::exchange(last, next);
  }
  return last;
}

double& at(TemplateTerms& terms, int p, int q) { return terms.terms[static_cast<std::size_t>(sip::row(p) + q)]; }

// Plate polynomial number m, over the scale, in x and y.
void add_plate_term(TemplateTerms& to, int m, double c) {
  switch (m) {
    case 1: at(to, 1, 0) += c; break;
    case 2: at(to, 0, 1) += c; break;
    case 3: at(to, 0, 0) += c; break;
    case 4: at(to, 2, 0) += c; break;
    case 5: at(to, 1, 1) += c; break;
    case 6: at(to, 0, 2) += c; break;
    case 7:  // x^2 + y^2
      at(to, 2, 0) += c;
      at(to, 0, 2) += c;
      break;
    case 8: at(to, 3, 0) += c; break;
    case 9: at(to, 2, 1) += c; break;
    case 10: at(to, 1, 2) += c; break;
    case 11: at(to, 0, 3) += c; break;
    case 12:  // x (x^2 + y^2)
      at(to, 3, 0) += c;
      at(to, 1, 2) += c;
      break;
    default:  // 13: x (x^2 + y^2)^2
      at(to, 5, 0) += c;
      at(to, 3, 2) += 2 * c;
      at(to, 1, 4) += c;
  }
}

}  // namespace

AxisDistortion distortion_of(int axis, int other) {
  AxisDistortion to;
  to.axis = axis;
  to.variables = {axis, other};
  to.origin = {0, 0};
  to.scale = {1, 1};
  return to;
}

double& term_of(TemplateTerms& terms, int m) {
  int number = 0;
  for (int degree = 0;; ++degree) {
    for (int q = 0; q <= degree; ++q, ++number) {
      if (number == m) return at(terms, degree - q, q);
    }
    if (degree % 2 == 1 && number++ == m) return terms.odd[static_cast<std::size_t>(degree / 2)];
  }
}

TemplateTerms terms_of(const Surface& surface) {
  TemplateTerms to;
  if (surface.kind == Surface::monomial) {
    for (const auto& term : surface.terms) at(to, term.m, term.n) += term.coefficient;
    return to;
  }
  const auto& [xmin, xmax, ymin, ymax] = surface.range;
  to.map = {-(xmax + xmin) / (xmax - xmin), 2 / (xmax - xmin), 0, -(ymax + ymin) / (ymax - ymin), 0, 2 / (ymax - ymin)};
  for (const auto& term : surface.terms) {
    const auto x = coefficients_of(surface.kind, term.m), y = coefficients_of(surface.kind, term.n);
    for (std::size_t p = 0; p < x.size(); ++p) {
      for (std::size_t q = 0; q < y.size(); ++q) {
        if (x[p] * y[q] != 0) at(to, static_cast<int>(p), static_cast<int>(q)) += term.coefficient * x[p] * y[q];
      }
    }
  }
  return to;
}

double Plate::scale() const { return std::sqrt(std::fabs(amdx[1] * amdy[1] - amdx[2] * amdy[2])); }

std::array<double, 2> Plate::origin() const {
  const double determinant = amdx[1] * amdy[1] - amdx[2] * amdy[2];
  return {(amdx[2] * amdy[3] - amdx[3] * amdy[1]) / determinant, (amdx[3] * amdy[2] - amdx[1] * amdy[3]) / determinant};
}

Distortions distortions_of(const Plate& plate) {
  const auto& a = plate.amdx;
  const auto& b = plate.amdy;
  const double s = plate.scale();
  const auto [x0, y0] = plate.origin();
  // AMDX is a polynomial in (x, y), AMDY in (y, x): millimetres on the plate.
  AxisDistortion first = distortion_of(0, 1), second = distortion_of(1, 0);
  second.variables = {0, 1};
  first.fixed.map = {x0, -b[1] / s, -a[2] / s, y0, b[2] / s, a[1] / s};
  second.fixed.map = {y0, b[2] / s, a[1] / s, x0, -b[1] / s, -a[2] / s};
  for (int m = 1; m <= 13; ++m) {
    add_plate_term(first.fixed, m, -a[static_cast<std::size_t>(m)] / s);
    add_plate_term(second.fixed, m, b[static_cast<std::size_t>(m)] / s);
  }
  first.corrects = second.corrects = false;
  return {kDistortionDss, {first, second}};
}

}  // namespace fits::wcs
