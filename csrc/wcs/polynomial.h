// Polynomial distortions: TPV, TPD, TNX, ZPX, DSS and Paper IV's Polynomial, before the matrix and after it (layout.h,
// namespace distortion). Stages (see chain.h): both positions are the same functions on other coordinates.
//
// Forward is a sum of terms; the inverse is found by Newton's method with the functions' own derivatives. Two axes that
// depend on each other alone, which is what astronomy has, go by a path of their own (`is_planar`); any others group by
// group by general elimination. wcslib (7.12) gives 0 where a variable of a general polynomial is exactly 0; here that
// point is as its neighbours.
#pragma once

#include "wcs/dual.h"
#include "wcs/inverse_jacobian.h"
#include "wcs/packed.h"
#include "wcs/triangle.h"

namespace fits::wcs {

// ---- one axis

// The template polynomial of a record, as a function of its variables p and q.
struct TemplatePolynomial {
  const double* at;

  FITS_HOST_DEVICE Triangle terms() const {
    return {at + distortion::record::kTerms, static_cast<int>(at[distortion::record::kDegree])};
  }
  FITS_HOST_DEVICE int radial() const { return static_cast<int>(at[distortion::record::kRadial]); }
  template <class Real>
  FITS_HOST_DEVICE void map(Real p, Real q, Real& x, Real& y) const {
    const double* const a = at + distortion::record::kMap;
    const Real u = p - Real(at[distortion::record::kOrigin]), v = q - Real(at[distortion::record::kOrigin + 1]);
    x = fma(Real(a[2]), v, fma(Real(a[1]), u, Real(a[0])));
    y = fma(Real(a[5]), v, fma(Real(a[4]), u, Real(a[3])));
  }
  // g(s) with g(r^2) r the sum of the odd powers of r, and g'(s).
  template <class Real>
  FITS_HOST_DEVICE void odd_powers(Real s, Real& g, Real& slope) const {
    const double* const c = at + distortion::record::kOdd;
    g = slope = Real(0.0);
    for (int k = radial() - 1; k >= 0; --k) {
      slope = fma(slope, s, g);
      g = fma(g, s, Real(c[k]));
    }
  }

  template <class Real>
  FITS_HOST_DEVICE Real operator()(Real p, Real q) const {
    Real x, y;
    map(p, q, x, y);
    return terms()(x, y) + odd_terms(x, y);
  }
  template <class Real>
  FITS_HOST_DEVICE Real odd_terms(Real x, Real y) const {
    if (radial() == 0) return Real(0.0);
    Real g, slope;
    const Real s = fma(x, x, y * y);
    odd_powers(s, g, slope);
    return g * sqrt(s);
  }

  template <class Real>
  FITS_HOST_DEVICE auto with_derivatives(Real p, Real q) const {
    Real x, y;
    map(p, q, x, y);
    auto sum = terms().with_derivatives(x, y);
    if (radial() > 0) {
      Real g, slope;
      const Real s = fma(x, x, y * y);
      odd_powers(s, g, slope);
      const Real r = sqrt(s);
      // d(g r)/dx = (g / r + 2 r g') x; where r is 0 no direction is favoured
      const Real rate = select(r > Real(0.0), fma(r + r, slope, g / r), Real(0.0));
      sum.value = fma(g, r, sum.value);
      sum.du = fma(rate, x, sum.du);
      sum.dv = fma(rate, y, sum.dv);
    }
    const double* const a = at + distortion::record::kMap;
    const Real dx = sum.du, dy = sum.dv;
    sum.du = fma(Real(a[1]), dx, Real(a[4]) * dy);
    sum.dv = fma(Real(a[2]), dx, Real(a[5]) * dy);
    return sum;
  }
};

// Two of them at one place, side by side.
template <class Real>
FITS_HOST_DEVICE void two_polynomials(TemplatePolynomial one, TemplatePolynomial other, Real p, Real q, Real& f,
                                      Real& g) {
  Real x, y, s, t;
  one.map(p, q, x, y);
  other.map(p, q, s, t);
  TwoTriangles(one.terms(), other.terms())(x, y, s, t, f, g);
  f = f + one.odd_terms(x, y);
  g = g + other.odd_terms(s, t);
}

// x^power for a power that all lanes share; NaN for a fractional power of a negative number.
template <class Real>
FITS_HOST_DEVICE Real power_of(Real x, double power) {
  const double size = abs(power);
  if (size == 0.5) return power > 0 ? sqrt(x) : Real(1.0) / sqrt(x);
  if (size <= 0x1p30 && floor(size) == size) {
    Real result = Real(1.0), square = x;
    for (int rest = static_cast<int>(size); rest != 0; rest >>= 1) {
      if ((rest & 1) != 0) result = result * square;
      square = square * square;
    }
    return power < 0 ? Real(1.0) / result : result;
  }
  const Real result = exp(Real(power) * log(x));
  return power > 0 ? select(x == Real(0.0), Real(0.0), result) : result;
}

// Variables and auxiliary ones of the general polynomial of a table; `z` holds the coordinates of all axes.
inline constexpr int kMaxVariables = kMaxAxes + distortion::kMaxAuxiliaries;
template <class Real>
FITS_HOST_DEVICE void general_variables(const double* table, const Real* z, Real* variables) {
  using distortion::TableLayout;
  const int n = static_cast<int>(table[TableLayout::kVariables]);
  const TableLayout layout{n, static_cast<int>(table[TableLayout::kAuxiliaries])};
  for (int i = 0; i < n; ++i) {
    const Real coordinate = z[static_cast<int>(table[TableLayout::kAxes + i])];
    variables[i] = (coordinate - Real(table[layout.origin() + i])) * Real(table[layout.scale() + i]);
  }
  for (int k = 0; k < layout.auxiliaries; ++k) {
    const double* const coefficient = table + layout.auxiliary(k);
    const double* const power = coefficient + n + 1;
    Real sum = Real(coefficient[0]);
    for (int i = 0; i < n; ++i) {
      if (coefficient[1 + i] != 0) sum = fma(Real(coefficient[1 + i]), power_of(variables[i], power[1 + i]), sum);
    }
    variables[n + k] = power_of(sum, power[0]);
  }
}

// A coefficient times the powers of `count` variables that a term has.
template <class Real>
FITS_HOST_DEVICE Real general_term(const double* term, int count, const Real* variables, Real coefficient) {
  Real product = coefficient;
  for (int i = 0; i < count; ++i) {
    if (term[1 + i] != 0) product = product * power_of(variables[i], term[1 + i]);
  }
  return product;
}

// The general polynomial of a table, with the coefficient of slot i of the table as coefficient(i).
template <class Real, class Coefficient>
FITS_HOST_DEVICE Real general_polynomial(const double* table, const Real* z, const Coefficient& coefficient) {
  using distortion::TableLayout;
  Real variables[kMaxVariables];
  general_variables(table, z, variables);
  const TableLayout layout{static_cast<int>(table[TableLayout::kVariables]),
                           static_cast<int>(table[TableLayout::kAuxiliaries])};
  Real sum = Real(0.0);
  for (int m = 0; m < static_cast<int>(table[TableLayout::kTerms]); ++m) {
    const int at = layout.term(m);
    sum = sum + general_term(table + at, layout.variables + layout.auxiliaries, variables, coefficient(at));
  }
  return fma(Real(table[TableLayout::kGain]), sum, Real(table[TableLayout::kConstant]));
}
template <class Real>
FITS_HOST_DEVICE Real general_polynomial(const double* table, const Real* z) {
  return general_polynomial(table, z, [table](int i) { return Real(table[i]); });
}

// ---- several axes

// The records from one on: a group where that is a group's first.
struct PolynomialGroup {
  const double* block;
  int first;

  FITS_HOST_DEVICE const double* at(int k) const {
    return block + distortion::kRecords + (first + k) * distortion::record::kSize;
  }
  FITS_HOST_DEVICE int count() const { return static_cast<int>(at(0)[distortion::record::kGroup]); }
  FITS_HOST_DEVICE bool planar() const { return at(0)[distortion::record::kPlanar] != 0; }
  FITS_HOST_DEVICE double orientation() const { return at(0)[distortion::record::kOrientation]; }
  FITS_HOST_DEVICE int axis(int k) const { return static_cast<int>(at(k)[distortion::record::kAxis]); }
  FITS_HOST_DEVICE double corrects(int k) const { return at(k)[distortion::record::kCorrects]; }
  FITS_HOST_DEVICE double weight(int k) const { return at(k)[distortion::record::kWeight]; }

  // Distorted axis k where the coordinates are z.
  template <class Real>
  FITS_HOST_DEVICE Real distorted(int k, const Real* z) const {
    const double* const one = at(k);
    const Real added = Real(corrects(k)) * z[axis(k)];
    if (const int table = static_cast<int>(one[distortion::record::kTable]); table != 0) {
      return added + general_polynomial(block + table, z);
    }
    const double* const variables = one + distortion::record::kVariables;
    return added + TemplatePolynomial{one}(z[static_cast<int>(variables[0])], z[static_cast<int>(variables[1])]);
  }
};

// How many axes a block distorts; whether they are one planar group.
FITS_HOST_DEVICE int distorted_axes(const double* block) { return static_cast<int>(block[distortion::kCount]); }
FITS_HOST_DEVICE bool is_planar(const double* block) {
  return distorted_axes(block) == 2 && PolynomialGroup{block, 0}.planar();
}

// Coordinates to distorted ones.
struct PolynomialForward {
  Packed wcs;
  int head_slot;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    const double* const block = wcs.block(head_slot);
    const PolynomialGroup all{block, 0};
    if (is_planar(block)) {
      const int first = all.axis(0), second = all.axis(1);
      const Real p = point.get(first), q = point.get(second);
      Real f, g;
      two_polynomials(TemplatePolynomial{all.at(0)}, TemplatePolynomial{all.at(1)}, p, q, f, g);
      point.set(first, fma(Real(all.corrects(0)), p, f));
      point.set(second, fma(Real(all.corrects(1)), q, g));
      return;
    }
    Real z[kMaxAxes];
    for (int i = 0; i < wcs.naxis; ++i) z[i] = point.get(i);
    for (int k = 0; k < distorted_axes(block); ++k) point.set(all.axis(k), all.distorted(k, z));
  }
};

// ---- inverse

// A residual below kClose pixels (or below what rounding leaves) is followed by one last step: Newton's method then
// leaves its square times half the second derivative, far below 1e-9 pixel where the map is not folded.
inline constexpr int kNewtonSteps = 30;
inline constexpr double kClose = 1e-7;
inline constexpr double kRounding = 1e-14;

// The two axes of a planar group: the map and its Jacobian.
template <class Real>
struct PlanarSystem {
  PolynomialGroup all;
  Real target[2];

  struct Step {
    Real residual;
    InverseJacobian<Real> inverse;
    Real rest_f, rest_g;
    FITS_HOST_DEVICE Real first() const { return inverse.first(rest_f, rest_g); }
    FITS_HOST_DEVICE Real second() const { return inverse.second(rest_f, rest_g); }
  };

  FITS_HOST_DEVICE Real residual(Real rest_f, Real rest_g) const {
    return max(abs(rest_f) * Real(all.weight(0)), abs(rest_g) * Real(all.weight(1)));
  }
  FITS_HOST_DEVICE void rests(Real p, Real q, Real& rest_f, Real& rest_g) const {
    Real f, g;
    two_polynomials(TemplatePolynomial{all.at(0)}, TemplatePolynomial{all.at(1)}, p, q, f, g);
    rest_f = target[0] - fma(Real(all.corrects(0)), p, f);
    rest_g = target[1] - fma(Real(all.corrects(1)), q, g);
  }
  FITS_HOST_DEVICE Step operator()(Real p, Real q) const {
    const auto f = TemplatePolynomial{all.at(0)}.with_derivatives(p, q);
    const auto g = TemplatePolynomial{all.at(1)}.with_derivatives(p, q);
    const Real keep_f = Real(all.corrects(0)), keep_g = Real(all.corrects(1));
    const Real rest_f = target[0] - fma(keep_f, p, f.value), rest_g = target[1] - fma(keep_g, q, g.value);
    const InverseJacobian<Real> inverse(keep_f + f.du, f.dv, g.du, keep_g + g.dv);
    return {residual(rest_f, rest_g), inverse, rest_f, rest_g};
  }
};

// Where the residual was small enough before the last step, and the Jacobian determinant there.
template <class Real>
struct Found {
  MaskOf<Real> done;
  Real determinant;
};

template <class Real>
FITS_HOST_DEVICE Real close_enough(const PolynomialGroup& all, const Real* target) {
  Real size = Real(0.0);
  for (int k = 0; k < all.count(); ++k) size = max(size, abs(target[k]) * Real(all.weight(k)));
  return fma(Real(kRounding), size, Real(kClose));
}

// p and q, where to begin, become the solution of most points: a step of Newton's method, then some with the same
// Jacobian, which need no derivatives.
template <class Real>
FITS_HOST_DEVICE Found<Real> solve_planar_by_chords(const PlanarSystem<Real>& system, Real& p, Real& q) {
  const auto first = system(p, q);
  const Real nothing = close_enough(system.all, system.target) * Real(1e-3);
  Real rest_f = first.rest_f, rest_g = first.rest_g, before = first.residual;
  MaskOf<Real> done = !always<Real>();
  for (int step = 0; step < kChords; ++step) {
    p = select(done, p, p + first.inverse.first(rest_f, rest_g));
    q = select(done, q, q + first.inverse.second(rest_f, rest_g));
    system.rests(p, q, rest_f, rest_g);
    const Real rest = system.residual(rest_f, rest_g);
    const MaskOf<Real> numbers = (rest_f == rest_f) & (rest_g == rest_g);
    const MaskOf<Real> last = (!done) & numbers & one_more_chord_will_do(rest, before, nothing);
    p = select(last, p + first.inverse.first(rest_f, rest_g), p);
    q = select(last, q + first.inverse.second(rest_f, rest_g), q);
    done = done | last;
    before = rest;
    if (all(done)) break;
  }
  const MaskOf<Real> open = first.inverse.determinant * Real(system.all.orientation()) > Real(0.0);
  done = done & open;
  return {done, first.inverse.determinant};
}

// p and q, where to begin, become the solution; a step that makes the residual larger is halved.
template <class Real>
FITS_HOST_DEVICE Found<Real> solve_planar(const PlanarSystem<Real>& system, Real& p, Real& q) {
  const Real start_p = p, start_q = q;
  const auto most = solve_planar_by_chords(system, p, q);
  if (all(most.done)) return most;
  p = select(most.done, p, start_p);
  q = select(most.done, q, start_q);
  const Real close = close_enough(system.all, system.target);
  Real base_p = p, base_q = q, step_p = Real(0.0), step_q = Real(0.0);
  Real least = Real(__builtin_inf()), determinant = select(most.done, most.determinant, Real(0.0));
  MaskOf<Real> done = most.done;
  for (int step = 0; step < kNewtonSteps; ++step) {
    const auto next = system(p, q);
    const MaskOf<Real> arrived = next.residual <= close;
    const MaskOf<Real> better = (next.residual < least) | arrived;
    const MaskOf<Real> moves = better & !done;
    base_p = select(moves, p, base_p);
    base_q = select(moves, q, base_q);
    least = select(moves, next.residual, least);
    determinant = select(moves, next.inverse.determinant, determinant);
    step_p = select(better, next.first(), step_p * Real(0.5));
    step_q = select(better, next.second(), step_q * Real(0.5));
    p = select(done, p, base_p + step_p);
    q = select(done, q, base_q + step_q);
    done = done | arrived;
    if (all(done) || !any((next.residual == next.residual) & !done)) break;  // found, or the rest is NaN
  }
  return {done, determinant};
}

// Any axes: the matrix of derivatives, two columns at a time by dual numbers, and elimination with pivots.
template <class Real>
struct GeneralSystem {
  PolynomialGroup all;
  int naxis;
  const Real* target;  // [count]

  // Newton's step from z; returns the residual in pixels.
  FITS_HOST_DEVICE Real step(const Real* z, Real* delta, Real& determinant) const {
    const int n = all.count();
    Real matrix[kMaxAxes][kMaxAxes];
    Real residual = Real(0.0);
    Dual<Real> seeded[kMaxAxes];
    for (int column = 0; column < n; column += 2) {
      const int next = column + 1 < n ? all.axis(column + 1) : -1;
      for (int i = 0; i < naxis; ++i) {
        seeded[i] = {z[i], Real(i == all.axis(column) ? 1.0 : 0.0), Real(i == next ? 1.0 : 0.0)};
      }
      for (int k = 0; k < n; ++k) {
        const auto value = all.distorted(k, seeded);
        matrix[k][column] = value.d0;
        if (next >= 0) matrix[k][column + 1] = value.d1;
        if (column == 0) delta[k] = target[k] - value.value;
      }
    }
    for (int k = 0; k < n; ++k) {
      const Real size = abs(delta[k]) * Real(all.weight(k));
      residual = select(size > residual, size, select(size == size, residual, size));
    }
    determinant = Real(1.0);
    for (int c = 0; c < n; ++c) {
      for (int row = c + 1; row < n; ++row) {
        const MaskOf<Real> larger = abs(matrix[row][c]) > abs(matrix[c][c]);
        if (!any(larger)) continue;
        for (int j = c; j < n; ++j) swap(larger, matrix[row][j], matrix[c][j]);
        swap(larger, delta[row], delta[c]);
        determinant = select(larger, -determinant, determinant);
      }
      determinant = determinant * matrix[c][c];
      const Real one_over = Real(1.0) / matrix[c][c];
      for (int row = c + 1; row < n; ++row) {
        const Real factor = matrix[row][c] * one_over;
        for (int j = c + 1; j < n; ++j) matrix[row][j] = fma(-factor, matrix[c][j], matrix[row][j]);
        delta[row] = fma(-factor, delta[c], delta[row]);
      }
    }
    for (int c = n - 1; c >= 0; --c) {
      Real sum = delta[c];
      for (int j = c + 1; j < n; ++j) sum = fma(-matrix[c][j], delta[j], sum);
      delta[c] = sum / matrix[c][c];
    }
    return residual;
  }

 private:
  FITS_HOST_DEVICE static void swap(MaskOf<Real> mask, Real& a, Real& b) {
    const Real kept = a;
    a = select(mask, b, a);
    b = select(mask, kept, b);
  }
};

// As solve_planar(); z holds all axes, those that are not distorted as they are.
template <class Real>
FITS_HOST_DEVICE Found<Real> solve_general(const GeneralSystem<Real>& system, Real* z) {
  const PolynomialGroup& all_axes = system.all;
  const int n = all_axes.count();
  const Real close = close_enough(all_axes, system.target);
  Real base[kMaxAxes], step[kMaxAxes], next[kMaxAxes];
  for (int k = 0; k < n; ++k) {
    base[k] = z[all_axes.axis(k)];
    step[k] = Real(0.0);
  }
  Real least = Real(__builtin_inf()), determinant = Real(0.0);
  MaskOf<Real> done = !always<Real>();
  for (int round = 0; round < kNewtonSteps; ++round) {
    Real next_determinant;
    const Real residual = system.step(z, next, next_determinant);
    const MaskOf<Real> arrived = residual <= close;
    const MaskOf<Real> better = (residual < least) | arrived;
    const MaskOf<Real> moves = better & !done;
    least = select(moves, residual, least);
    determinant = select(moves, next_determinant, determinant);
    for (int k = 0; k < n; ++k) {
      Real& coordinate = z[all_axes.axis(k)];
      base[k] = select(moves, coordinate, base[k]);
      step[k] = select(better, next[k], step[k] * Real(0.5));
      coordinate = select(done, coordinate, base[k] + step[k]);
    }
    done = done | arrived;
    if (all(done) || !any((residual == residual) & !done)) break;
  }
  return {done, determinant};
}

// A plain number as a constant.
template <class Real>
struct Lift {
  static constexpr bool kPlain = true;
  FITS_HOST_DEVICE static Real of(Real a) { return a; }
};
template <class Real>
struct Lift<Dual<Real>> {
  static constexpr bool kPlain = false;
  FITS_HOST_DEVICE static Dual<Real> of(Real a) { return {a, Real(0.0), Real(0.0)}; }
};

// Distorted coordinates to those that the distortion takes there. Plain numbers are found by iteration; numbers with
// derivatives by one more step from the plain solution, which is what gives them their derivatives.
struct PolynomialInverse {
  Packed wcs;
  int head_slot;

  template <class Point>
  FITS_HOST_DEVICE void operator()(Point& point) const {
    using Real = typename Point::Real;
    const double* const block = wcs.block(head_slot);
    if (is_planar(block)) {
      const PolynomialGroup all{block, 0};
      const Real target0 = point.get(all.axis(0)), target1 = point.get(all.axis(1));
      Real solution[2];
      const auto found = planar(all, target0, target1, solution[0], solution[1]);
      judge(point, all, (target0 == target0) & (target1 == target1), found, solution);
      point.set(all.axis(0), solution[0]);
      point.set(all.axis(1), solution[1]);
      return;
    }
    Real z[kMaxAxes];
    for (int i = 0; i < wcs.naxis; ++i) z[i] = point.get(i);
    for (int first = 0; first < distorted_axes(block); first += PolynomialGroup{block, first}.count()) {
      undo_group(point, PolynomialGroup{block, first}, z);
    }
    for (int k = 0; k < distorted_axes(block); ++k) {
      const int axis = PolynomialGroup{block, k}.axis(0);
      point.set(axis, z[axis]);
    }
  }

 private:
  // z: of this group the targets, which become the solution; of axes before it solved, of others as they are.
  template <class Point, class Real>
  FITS_HOST_DEVICE void undo_group(Point& point, const PolynomialGroup& group, Real* z) const {
    Real target[kMaxAxes];
    MaskOf<Real> given = always<Real>();
    for (int k = 0; k < group.count(); ++k) {
      target[k] = z[group.axis(k)];
      given = given & (target[k] == target[k]);
    }
    const auto found = general(group, target, z);
    for (int k = 0; k < group.count(); ++k) target[k] = z[group.axis(k)];
    judge(point, group, given, found, target);
    for (int k = 0; k < group.count(); ++k) z[group.axis(k)] = target[k];
  }

  template <class Real>
  FITS_HOST_DEVICE static auto planar(const PolynomialGroup& all, Real target0, Real target1, Real& p, Real& q) {
    if constexpr (Lift<Real>::kPlain) {
      p = target0;
      q = target1;
      return solve_planar(PlanarSystem<Real>{all, {target0, target1}}, p, q);
    } else {
      PlainOf<Real> plain_p, plain_q;
      const auto found = planar(all, value_of(target0), value_of(target1), plain_p, plain_q);
      p = Lift<Real>::of(plain_p);
      q = Lift<Real>::of(plain_q);
      const auto last = PlanarSystem<Real>{all, {target0, target1}}(p, q);
      p = p + last.first();
      q = q + last.second();
      return found;
    }
  }

  template <class Real>
  FITS_HOST_DEVICE auto general(const PolynomialGroup& all, const Real* target, Real* z) const {
    if constexpr (Lift<Real>::kPlain) {
      return solve_general(GeneralSystem<Real>{all, wcs.naxis, target}, z);
    } else {
      PlainOf<Real> plain_target[kMaxAxes], plain_z[kMaxAxes];
      for (int k = 0; k < all.count(); ++k) plain_target[k] = value_of(target[k]);
      for (int i = 0; i < wcs.naxis; ++i) plain_z[i] = value_of(z[i]);
      const auto found = general(all, plain_target, plain_z);
      Real delta[kMaxAxes], determinant;
      for (int k = 0; k < all.count(); ++k) z[all.axis(k)] = Lift<Real>::of(plain_z[all.axis(k)]);
      GeneralSystem<Real>{all, wcs.naxis, target}.step(z, delta, determinant);
      for (int k = 0; k < all.count(); ++k) z[all.axis(k)] = z[all.axis(k)] + delta[k];
      return found;
    }
  }

  // NaN and flags where there is no solution.
  template <class Point, class Mask, class Result, class Real>
  FITS_HOST_DEVICE static void judge(Point& point, const PolynomialGroup& group, Mask given, const Result& found,
                                     Real* solution) {
    using Plain = decltype(found.determinant);
    const Mask open = found.determinant * Plain(group.orientation()) > Plain(0.0);
    for (int k = 0; k < group.count(); ++k) {
      solution[k] = select(found.done & open, solution[k], not_a_number<Real>());
    }
    point.flag(given & !found.done, kNotConverged);
    point.flag(found.done & !open, kFolded);
  }
};

}  // namespace fits::wcs
