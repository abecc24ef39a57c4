// resample.h's loops over places: FITS_LEVEL is the namespace. The same source for all instruction sets, and the same
// bits. Everything here has internal linkage: nothing compiled for wider SIMD may be what another file calls.

namespace fits::wcs {
namespace {

// Of the small numbers that places in an image are.
std::int64_t floor_of(double x) noexcept {
  const auto truncated = static_cast<std::int64_t>(x);
  return truncated - (x < static_cast<double>(truncated) ? 1 : 0);
}

// What an axis gives a place: kSide pixels from `first` on, and their weights.
template <int kSide>
struct Taps {
  std::int64_t first;
  double weight[kSide];
};

struct Nearest {
  static constexpr int kSide = 1;
  static Taps<kSide> taps(double x) noexcept { return {floor_of(x + 0.5), {1}}; }
};

struct Bilinear {
  static constexpr int kSide = 2;
  static Taps<kSide> taps(double x) noexcept {
    const std::int64_t first = floor_of(x);
    const double t = x - static_cast<double>(first);
    return {first, {1 - t, t}};
  }
};

// Weights of the four pixels around a place: polynomials of t, coefficients by falling powers.
alignas(32) constexpr double kKeys[4][4] = {
    {-0.5, 1.5, -1.5, 0.5}, {1, -2.5, 2, -0.5}, {-0.5, 0, 0.5, 0}, {0, 1, 0, 0}};

struct Bicubic {
  static constexpr int kSide = 4;
  static Taps<kSide> taps(double x) noexcept {
    const std::int64_t first = floor_of(x);
    const double t = x - static_cast<double>(first);
    Taps<kSide> to{first - 1, {}};
    for (int i = 0; i < kSide; ++i) {
      to.weight[i] = ((kKeys[0][i] * t + kKeys[1][i]) * t + kKeys[2][i]) * t + kKeys[3][i];
    }
    return to;
  }
};

bool is_inside(Place place, ImageSize size) noexcept {
  return ((place.x >= -0.5) & (place.x <= static_cast<double>(size.width) - 0.5) & (place.y >= -0.5) &
          (place.y <= static_cast<double>(size.height) - 0.5) & (size.width > 0) & (size.height > 0)) != 0;
}

template <int kSide>
bool is_whole(const Taps<kSide>& taps, std::int64_t size) noexcept {
  return ((taps.first >= 0) & (taps.first + kSide <= size)) != 0;
}

// The pixels of an axis that the taps mean: those beyond an edge are the one at it.
template <int kSide>
void clamp(const Taps<kSide>& taps, std::int64_t size, std::int64_t* pixel) noexcept {
  for (int i = 0; i < kSide; ++i) {
    const std::int64_t at = taps.first + i;
    pixel[i] = at < 0 ? 0 : at >= size ? size - 1 : at;
  }
}

// visit(row, column, weight) for every tap.
template <int kSide, class Visit>
void for_each_tap(const Taps<kSide>& down, const Taps<kSide>& across, ImageSize size, const Visit& visit) noexcept {
  std::int64_t row[kSide], column[kSide];
  clamp(down, size.height, row);
  clamp(across, size.width, column);
  for (int j = 0; j < kSide; ++j) {
    for (int i = 0; i < kSide; ++i) visit(row[j], column[i], down.weight[j] * across.weight[i]);
  }
}

template <class Kernel, class Sample>
double value_at(const Sample* plane, ImageSize size, Place place) noexcept {
  constexpr int kSide = Kernel::kSide;
  const Taps<kSide> down = Kernel::taps(place.y), across = Kernel::taps(place.x);
  double sum = 0;
  if (is_whole(down, size.height) && is_whole(across, size.width)) {
    const Sample* row = plane + down.first * size.width + across.first;
    double column[kSide];  // side by side: one SIMD register or two
    for (int i = 0; i < kSide; ++i) column[i] = down.weight[0] * static_cast<double>(row[i]);
    for (int j = 1; j < kSide; ++j) {
      row += size.width;
      for (int i = 0; i < kSide; ++i) column[i] += down.weight[j] * static_cast<double>(row[i]);
    }
    for (int i = 0; i < kSide; ++i) column[i] *= across.weight[i];
    for (int half = kSide / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) column[i] += column[i + half];
    }
    sum = column[0];
  } else {
    for_each_tap(down, across, size, [&](std::int64_t row, std::int64_t column, double weight) {
      sum += weight * static_cast<double>(plane[row * size.width + column]);
    });
  }
  if (sum - sum == 0) return sum;
  sum = 0;  // a NaN or an infinity is among them: those that hardly count are left out
  for_each_tap(down, across, size, [&](std::int64_t row, std::int64_t column, double weight) {
    if ((weight > kTouch || weight < -kTouch)) sum += weight * static_cast<double>(plane[row * size.width + column]);
  });
  return sum;
}

template <class Kernel, class Sample>
void interpolate_with(const Sample* plane, ImageSize size, const Place* places, std::int64_t count, Sample fill,
                      Sample* value, Sample* weight) noexcept {
  for (std::int64_t i = 0; i < count; ++i) {
    const bool inside = is_inside(places[i], size);
    value[i] = inside ? static_cast<Sample>(value_at<Kernel>(plane, size, places[i])) : fill;
    weight[i] = inside && value[i] == value[i] ? Sample(1) : Sample(0);
  }
}

#if defined(FITS_LANES4)
// Eight bytes at each of four elements of `kSize` bytes. (The masked form: g++ takes the other's idle operand for a
// mistake.)
template <int kSize>
__m256d eight_bytes(const void* from, __m128i index) noexcept {
  return _mm256_mask_i32gather_pd(_mm256_setzero_pd(), static_cast<const double*>(from), index,
                                  _mm256_castsi256_pd(_mm256_set1_epi64x(-1)), kSize);
}

// Pixels side by side at the places of four lanes: those at `index` and those to their right.
inline void gather(const float* row, __m128i index, Lanes4& left, Lanes4& right) noexcept {
  const __m256 pairs = _mm256_castpd_ps(eight_bytes<4>(row, index));
  const __m128 low = _mm256_castps256_ps128(pairs), high = _mm256_extractf128_ps(pairs, 1);
  left = Lanes4(_mm256_cvtps_pd(_mm_shuffle_ps(low, high, 0x88)));
  right = Lanes4(_mm256_cvtps_pd(_mm_shuffle_ps(low, high, 0xdd)));
}
inline void gather(const double* row, __m128i index, Lanes4& left, Lanes4& right) noexcept {
  left = Lanes4(eight_bytes<8>(row, index));
  right = Lanes4(eight_bytes<8>(row + 1, index));
}
inline void put(float* to, Lanes4 value) noexcept { _mm_storeu_ps(to, _mm256_cvtpd_ps(value.v)); }
inline void put(double* to, Lanes4 value) noexcept { store(to, value); }

// Four places at once where all their pixels are in the image and finite; the arithmetic is that of value_at().
template <class Sample>
void bilinear(const Sample* plane, ImageSize size, const Place* places, std::int64_t count, Sample fill, Sample* value,
              Sample* weight) noexcept {
  const bool small = size.height < (1 << 30) / (size.width + 1);
  const Lanes4 last_x = Lanes4(static_cast<double>(size.width - 2)), width = Lanes4(static_cast<double>(size.width));
  const Lanes4 last_y = Lanes4(static_cast<double>(size.height - 2)), zero = Lanes4(0.0), one = Lanes4(1.0);
  for (std::int64_t i = 0; i < count; i += 4) {
    const std::int64_t rest = count - i < 4 ? count - i : 4;
    if (rest == 4 && small) {
      Lanes4 x, y;
      load_pairs(&places[i].x, x, y);
      const Lanes4 column = floor(x), row = floor(y);
      if (all((column >= zero) & (column <= last_x) & (row >= zero) & (row <= last_y))) {
        const __m128i index = _mm256_cvtpd_epi32((row * width + column).v);
        const Lanes4 right = x - column, left = one - right, below = y - row, above = one - below;
        Lanes4 a, b, c, d;
        gather(plane, index, a, b);
        gather(plane + size.width, index, c, d);
        const Lanes4 sum = left * (above * a + below * c) + right * (above * b + below * d);
        if (all(sum - sum == zero)) {
          put(value + i, sum);
          put(weight + i, one);
          continue;
        }
      }
    }
    interpolate_with<Bilinear>(plane, size, places + i, rest, fill, value + i, weight + i);
  }
}

inline Lanes4 keys(double t) noexcept {
  const auto row = [](int i) { return load<Lanes4>(kKeys[i]); };
  return ((row(0) * Lanes4(t) + row(1)) * Lanes4(t) + row(2)) * Lanes4(t) + row(3);
}
inline Lanes4 four(const float* from) noexcept { return Lanes4(_mm256_cvtps_pd(_mm_loadu_ps(from))); }
inline Lanes4 four(const double* from) noexcept { return load<Lanes4>(from); }

// The four columns of a place side by side; likewise.
template <class Sample>
void bicubic(const Sample* plane, ImageSize size, const Place* places, std::int64_t count, Sample fill, Sample* value,
             Sample* weight) noexcept {
  const double last_x = static_cast<double>(size.width - 2), last_y = static_cast<double>(size.height - 2);
  for (std::int64_t i = 0; i < count; ++i) {
    const double x = places[i].x, y = places[i].y;
    if (((x >= 1) & (x < last_x) & (y >= 1) & (y < last_y)) != 0) {
      const auto column = static_cast<std::int64_t>(x), row = static_cast<std::int64_t>(y);
      const Sample* from = plane + (row - 1) * size.width + column - 1;
      const Lanes4 down = keys(y - static_cast<double>(row));
      Lanes4 sums = Lanes4(_mm256_permute4x64_pd(down.v, 0x00)) * four(from);
      sums = sums + Lanes4(_mm256_permute4x64_pd(down.v, 0x55)) * four(from + size.width);
      sums = sums + Lanes4(_mm256_permute4x64_pd(down.v, 0xaa)) * four(from + 2 * size.width);
      sums = sums + Lanes4(_mm256_permute4x64_pd(down.v, 0xff)) * four(from + 3 * size.width);
      sums = sums * keys(x - static_cast<double>(column));
      const __m128d halves = _mm_add_pd(_mm256_castpd256_pd128(sums.v), _mm256_extractf128_pd(sums.v, 1));
      const double sum = _mm_cvtsd_f64(_mm_add_sd(halves, _mm_unpackhi_pd(halves, halves)));
      if (sum - sum == 0) {
        value[i] = static_cast<Sample>(sum);
        weight[i] = 1;
        continue;
      }
    }
    interpolate_with<Bicubic>(plane, size, places + i, 1, fill, value + i, weight + i);
  }
}
#else
template <class Sample>
void bicubic(const Sample* plane, ImageSize size, const Place* places, std::int64_t count, Sample fill, Sample* value,
             Sample* weight) noexcept {
  interpolate_with<Bicubic>(plane, size, places, count, fill, value, weight);
}
template <class Sample>
void bilinear(const Sample* plane, ImageSize size, const Place* places, std::int64_t count, Sample fill, Sample* value,
              Sample* weight) noexcept {
  interpolate_with<Bilinear>(plane, size, places, count, fill, value, weight);
}
#endif

template <class Kernel, class Sample>
void spread_with(const Sample* gradient, const Place* places, std::int64_t count, ImageSize size, Rows rows,
                 Sample* plane) noexcept {
  constexpr int kSide = Kernel::kSide;
  for (std::int64_t k = 0; k < count; ++k) {
    if (!is_inside(places[k], size)) continue;
    const Taps<kSide> down = Kernel::taps(places[k].y), across = Kernel::taps(places[k].x);
    const auto value = static_cast<double>(gradient[k]);
    if (down.first >= rows.first && down.first + kSide <= rows.last && is_whole(across, size.width)) {
      Sample* row = plane + down.first * size.width + across.first;
      for (int j = 0; j < kSide; ++j, row += size.width) {
        for (int i = 0; i < kSide; ++i) row[i] += static_cast<Sample>(down.weight[j] * across.weight[i] * value);
      }
    } else {
      for_each_tap(down, across, size, [&](std::int64_t row, std::int64_t column, double weight) {
        if (row >= rows.first && row < rows.last) {
          plane[row * size.width + column] += static_cast<Sample>(weight * value);
        }
      });
    }
  }
}

}  // namespace

namespace FITS_LEVEL {

template <class Sample>
void interpolate(Method method, const Sample* plane, ImageSize size, const Place* places, std::int64_t count,
                 Sample fill, Sample* value, Sample* weight) noexcept {
  switch (method) {
    case Method::nearest: return interpolate_with<Nearest>(plane, size, places, count, fill, value, weight);
    case Method::bilinear: return bilinear(plane, size, places, count, fill, value, weight);
    default: return bicubic(plane, size, places, count, fill, value, weight);
  }
}

template <class Sample>
void spread(Method method, const Sample* gradient, const Place* places, std::int64_t count, ImageSize size, Rows rows,
            Sample* plane) noexcept {
  switch (method) {
    case Method::nearest: return spread_with<Nearest>(gradient, places, count, size, rows, plane);
    case Method::bilinear: return spread_with<Bilinear>(gradient, places, count, size, rows, plane);
    default: return spread_with<Bicubic>(gradient, places, count, size, rows, plane);
  }
}

template void interpolate(Method, const float*, ImageSize, const Place*, std::int64_t, float, float*, float*) noexcept;
template void interpolate(Method, const double*, ImageSize, const Place*, std::int64_t, double, double*,
                          double*) noexcept;
template void spread(Method, const float*, const Place*, std::int64_t, ImageSize, Rows, float*) noexcept;
template void spread(Method, const double*, const Place*, std::int64_t, ImageSize, Rows, double*) noexcept;

}  // namespace FITS_LEVEL
}  // namespace fits::wcs
