// The inverse of the matrix of the linear step.
#pragma once

namespace fits::wcs {

// The inverse of an n x n matrix, by elimination with pivots in extended precision. False for a singular one.
bool invert(const double* matrix, int n, double* inverse);

}  // namespace fits::wcs
