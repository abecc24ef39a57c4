// CSC: COBE quadrilateralized spherical cube (Chan & O'Neill 1975). Paper II, section 5.6.2. The two ways are fits to
// each other, good to some arc seconds; wcslib evaluates them in float32, which is noise of 1e-5 degree. So the same
// float32 steps are taken here, in the same order: the numbers agree, not only the polynomials.
#pragma once

#include "wcs/projection/cube.h"

namespace fits::wcs {

struct Csc {
  static constexpr int kNumber = projection_number("CSC");

  template <class Real>
  FITS_HOST_DEVICE static NativeDirection<Real> x2s(Constants c, Real x, Real y) {
    const auto at = cube::on_face(single(x * Real(c.w(1))), single(y * Real(c.w(1))), ToSingle{});
    const Single<Real> X = {at.x}, Y = {at.y};  // 1 to 7 less the middle of a face is exact
    const Single<Real> X2 = X * X, Y2 = Y * Y;
    const Single<Real> chi = inverse(X, X2, Y2), psi = inverse(Y, Y2, X2);
    const Real t = Real(1.0) / sqrt((chi * chi + psi * psi).value + Real(1.0));
    auto native = cube::direction_from(at, chi.value * t, psi.value * t, t);
    // Such a vector's length is 1 in float32 only: theta follows from n, phi from l and m.
    Direction<Real>& v = native.at;
    const Real h2 = cosine2(v);
    const Real scale = sqrt((Real(1.0) - v.n) * (Real(1.0) + v.n) / select(h2 > Real(0.0), h2, Real(1.0)));
    v.l = v.l * scale;
    v.m = v.m * scale;
    return native;
  }

  template <class Real>
  FITS_HOST_DEVICE static Plane<Real> s2x(Constants c, NativeDirection<Real> native) {
    const auto face = cube::faced(native.at);
    const Single<Real> chi = {single(face.xi / face.zeta)}, psi = {single(face.eta / face.zeta)};
    return cube::plane_from(c, face, forward(chi, psi).value, forward(psi, chi).value, cube::is_direction(native.at),
                            1e-7, ToSingle{});
  }

 private:
  struct ToSingle {
    template <class Real>
    FITS_HOST_DEVICE Real operator()(Real a) const {
      return single(a);
    }
  };

  // A float32 number and its arithmetic.
  template <class Real>
  struct Single {
    Real value;
    FITS_HOST_DEVICE static Single of(float number) { return {Real(static_cast<double>(number))}; }
    FITS_HOST_DEVICE friend Single operator+(Single a, Single b) { return {single(a.value + b.value)}; }
    FITS_HOST_DEVICE friend Single operator-(Single a, Single b) { return {single(a.value - b.value)}; }
    FITS_HOST_DEVICE friend Single operator*(Single a, Single b) { return {single(a.value * b.value)}; }
    FITS_HOST_DEVICE friend Single operator+(Single a, float b) { return a + of(b); }
    FITS_HOST_DEVICE friend Single operator+(float a, Single b) { return of(a) + b; }
    FITS_HOST_DEVICE friend Single operator-(float a, Single b) { return of(a) - b; }
    FITS_HOST_DEVICE friend Single operator*(float a, Single b) { return of(a) * b; }
  };

  // P_j0 + z (P_j1 + z (P_j2 + ...)).
  template <class Real, class... More>
  FITS_HOST_DEVICE static Single<Real> horner(Single<Real> z, Single<Real> first, More... more) {
    if constexpr (sizeof...(more) == 0) {
      return first;
    } else {
      return first + z * horner<Real>(z, more...);
    }
  }
  template <class Real, class... More>
  FITS_HOST_DEVICE static Single<Real> polynomial(Single<Real> z, More... coefficients) {
    return horner<Real>(z, Single<Real>::of(coefficients)...);
  }

  // X + X (1 - X^2) sum P_ij X^2i Y^2j: the tangent xi / zeta from the place on the face.
  template <class Real>
  FITS_HOST_DEVICE static Single<Real> inverse(Single<Real> X, Single<Real> X2, Single<Real> Y2) {
    const Single<Real> sum = horner<Real>(
        Y2,
        polynomial(X2, -0.27292696f, -0.07629969f, -0.22797056f, 0.54852384f, -0.62930065f, 0.25795794f, 0.02584375f),
        polynomial(X2, -0.02819452f, -0.01471565f, 0.48051509f, -1.74114454f, 1.71547508f, -0.53022337f),
        polynomial(X2, 0.27058160f, -0.56800938f, 0.30803317f, 0.98938102f, -0.83180469f),
        polynomial(X2, -0.60441560f, 1.50880086f, -0.93678576f, 0.08693841f),
        polynomial(X2, 0.93412077f, -1.41601920f, 0.33887446f), polynomial(X2, -0.63915306f, 0.52032238f),
        polynomial(X2, 0.14381585f));
    return X + X * (1.0f - X2) * sum;
  }

  // F(chi, psi): the place on the face from both tangents. Products that float32 would lose are 0.
  template <class Real>
  FITS_HOST_DEVICE static Single<Real> forward(Single<Real> chi, Single<Real> psi) {
    const auto kept = [](Single<Real> size, Single<Real> product) {
      return Single<Real>{select(size.value > Real(static_cast<double>(1.0e-16f)), product.value, Real(0.0))};
    };
    const Single<Real> chi2 = chi * chi, psi2 = psi * psi, chi2co = 1.0f - chi2, psi2co = 1.0f - psi2;
    const Single<Real> chi4 = kept(chi2, chi2 * chi2), psi4 = kept(psi2, psi2 * psi2);
    const Single<Real> chi2psi2 = kept({abs((chi * psi).value)}, chi2 * psi2);
    const Single<Real> edges = 0.141189631152f + 0.0809701286525f * chi2 + -0.281528535557f * psi2 +
                               0.15384112876f * chi2psi2 + -0.178251207466f * chi4 + 0.106959469314f * psi4;
    const Single<Real> across = -0.13161671474f * chi2co + 0.004869491981f * chi2 + psi2co * edges;
    const Single<Real> along = -0.159596235474f - chi2co * (0.0759196200467f + -0.0217762490699f * chi2);
    return chi * (chi2 + chi2co * (1.37484847732f + psi2 * across + chi2 * along));
  }
};

}  // namespace fits::wcs
