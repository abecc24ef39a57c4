#include "wcs/matrix.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace fits::wcs {

bool invert(const double* matrix, int n, double* inverse) {
  const auto size = static_cast<std::size_t>(n);
  std::vector<long double> a(matrix, matrix + size * size), b(size * size);
  for (std::size_t i = 0; i < size; ++i) b[i * size + i] = 1;
  for (std::size_t column = 0; column < size; ++column) {
    std::size_t pivot = column;
    for (std::size_t i = column; i < size; ++i) {
      if (std::fabs(a[i * size + column]) > std::fabs(a[pivot * size + column])) pivot = i;
    }
    for (std::size_t j = 0; j < size && pivot != column; ++j) {
      std::swap(a[pivot * size + j], a[column * size + j]);
      std::swap(b[pivot * size + j], b[column * size + j]);
    }
    if (a[column * size + column] == 0 || std::isnan(a[column * size + column])) return false;
    const long double scale = 1 / a[column * size + column];
    for (std::size_t j = 0; j < size; ++j) {
      a[column * size + j] *= scale;
      b[column * size + j] *= scale;
    }
    for (std::size_t i = 0; i < size; ++i) {
      const long double factor = a[i * size + column];
      if (i == column || factor == 0) continue;
      for (std::size_t j = 0; j < size; ++j) {
        a[i * size + j] -= factor * a[column * size + j];
        b[i * size + j] -= factor * b[column * size + j];
      }
    }
  }
  std::copy(b.begin(), b.end(), inverse);
  return true;
}

}  // namespace fits::wcs
