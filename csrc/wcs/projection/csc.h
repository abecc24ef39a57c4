// CSC: COBE quadrilateralized spherical cube (Chan & O'Neill 1975). Paper II, section 5.6.2. The two ways are fits to
// each other, good to some ten arc seconds; wcslib evaluates them in float32, which is noise of 1e-5 degree. So the
// same float32 steps are taken here, in the same order: the numbers agree, not only the polynomials.
#pragma once

#include "wcs/projection/cube.h"

namespace fits::wcs {

struct Csc {
  static constexpr int kNumber = projection_number("CSC");

  template <class Real>
  FITS_HOST_DEVICE static NativeDirection<Real> x2s(Constants c, Real x, Real y) {
    using Single = SingleOf<Real>;
    const Rounded rounded;
    const auto at = cube::on_face(rounded(x * Real(c.w(1))), rounded(y * Real(c.w(1))), rounded);
    const Single X = narrow(at.x), Y = narrow(at.y);  // exact: 1 to 7 less the middle of a face
    const Single X2 = X * X, Y2 = Y * Y;
    const Single chi = tangent<Single>(X, X2, Y2), psi = tangent<Single>(Y, Y2, X2);
    const Real t = Real(1.0) / sqrt(widen(chi * chi + psi * psi) + Real(1.0));
    auto native = cube::direction_from(at, widen(chi) * t, widen(psi) * t, t);
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
    const SingleOf<Real> chi = narrow(face.xi / face.zeta), psi = narrow(face.eta / face.zeta);
    return cube::plane_from(c, face, widen(place<Real>(chi, psi)), widen(place<Real>(psi, chi)),
                            cube::is_direction(native.at), 1e-7, Rounded{});
  }

 private:
  struct Rounded {
    template <class Real>
    FITS_HOST_DEVICE Real operator()(Real a) const {
      return widen(narrow(a));
    }
  };

  // first + z (second + z (third + ...)).
  template <class Single, class... More>
  FITS_HOST_DEVICE static Single horner(Single z, Single first, More... more) {
    if constexpr (sizeof...(more) == 0) {
      return first;
    } else {
      return first + z * horner<Single>(z, more...);
    }
  }

  // X + X (1 - X^2) sum P_ij X^2i Y^2j: the tangent xi / zeta from the place on the face.
  template <class Single>
  FITS_HOST_DEVICE static Single tangent(Single X, Single X2, Single Y2) {
    const Single p0 = horner<Single>(X2, -0.27292696f, -0.07629969f, -0.22797056f, 0.54852384f, -0.62930065f,
                                     0.25795794f, 0.02584375f);
    const Single p1 =
        horner<Single>(X2, -0.02819452f, -0.01471565f, 0.48051509f, -1.74114454f, 1.71547508f, -0.53022337f);
    const Single p2 = horner<Single>(X2, 0.27058160f, -0.56800938f, 0.30803317f, 0.98938102f, -0.83180469f);
    const Single p3 = horner<Single>(X2, -0.60441560f, 1.50880086f, -0.93678576f, 0.08693841f);
    const Single p4 = horner<Single>(X2, 0.93412077f, -1.41601920f, 0.33887446f);
    const Single p5 = horner<Single>(X2, -0.63915306f, 0.52032238f);
    const Single sum = horner<Single>(Y2, p0, p1, p2, p3, p4, p5, Single(0.14381585f));
    return X + X * (Single(1.0f) - X2) * sum;
  }

  // F(chi, psi): the place on the face from both tangents. Products that float32 would lose are 0.
  template <class Real, class Single = SingleOf<Real>>
  FITS_HOST_DEVICE static Single place(Single chi, Single psi) {
    const auto kept = [](Single size, Single product) {
      return narrow(select(abs(widen(size)) > Real(widen(1.0e-16f)), widen(product), Real(0.0)));
    };
    const Single chi2 = chi * chi, psi2 = psi * psi;
    const Single chi2co = Single(1.0f) - chi2, psi2co = Single(1.0f) - psi2;
    const Single chi4 = kept(chi2, chi2 * chi2), psi4 = kept(psi2, psi2 * psi2);
    const Single chi2psi2 = kept(chi * psi, chi2 * psi2);
    const Single edges = Single(0.141189631152f) + Single(0.0809701286525f) * chi2 - Single(0.281528535557f) * psi2 +
                         Single(0.15384112876f) * chi2psi2 - Single(0.178251207466f) * chi4 +
                         Single(0.106959469314f) * psi4;
    const Single across = Single(-0.13161671474f) * chi2co + Single(0.004869491981f) * chi2 + psi2co * edges;
    const Single along =
        Single(-0.159596235474f) - chi2co * (Single(0.0759196200467f) - Single(0.0217762490699f) * chi2);
    return chi * (chi2 + chi2co * (Single(1.37484847732f) + psi2 * across + chi2 * along));
  }
};

}  // namespace fits::wcs
