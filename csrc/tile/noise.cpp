#include "tile/noise.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "format/cast.h"
#include "tile/quantize_loops.h"

namespace fits {
namespace {

constexpr std::int64_t kReach = 8;  // the fifth order difference spans 9 pixels

// Hoare's selection as CFITSIO's quick_select_* does it, swap by swap: what it leaves behind in the array is read again
// (see leftovers), and with NaN among the values its result depends on the very order of comparisons.
template <class T>
T select_like_cfitsio(T* values, std::int64_t count) noexcept {
  std::int64_t low = 0;
  std::int64_t high = count - 1;
  const std::int64_t rank = high / 2;
  while (high > low + 1) {
    const std::int64_t middle = (low + high) / 2;
    if (values[middle] > values[high]) std::swap(values[middle], values[high]);
    if (values[low] > values[high]) std::swap(values[low], values[high]);
    if (values[middle] > values[low]) std::swap(values[middle], values[low]);
    std::swap(values[middle], values[low + 1]);
    std::int64_t up = low + 1;
    std::int64_t down = high;
    for (;;) {  // both stop inside: at values[high] >= the pivot, and at the pivot itself; also at any NaN
      do ++up;
      while (values[low] > values[up]);
      do --down;
      while (values[down] > values[low]);
      if (down < up) break;
      std::swap(values[up], values[down]);
    }
    std::swap(values[low], values[down]);
    if (down <= rank) low = up;
    if (down >= rank) high = down - 1;
  }
  if (high == low + 1 && values[low] > values[high]) std::swap(values[low], values[high]);
  return values[rank];
}

// The value of rank (count - 1) / 2 among values without sign and NaN, whose bits are then in order as integers: the
// bits are bisected, counting the values below, until few are left. Counting takes a vector a cycle, where partitioning
// pays for a branch mispredicted every other value. A good guess (the row before) saves the first steps; 0 is none.
template <class T>
T select_quickly(const T* values, std::int64_t count, T guess, const QuantizeLoops<T>& loops) noexcept {
  using Bits = BitsOf<T>;
  constexpr std::int64_t kFew = 4;
  const std::int64_t rank = (count - 1) / 2;
  Bits low = 0;  // `below` values are less than low, at most `rank`; `not_above` are less than high, more than `rank`
  Bits high = bit_cast<Bits>(std::numeric_limits<T>::infinity()) + 1;
  std::int64_t below = 0;
  std::int64_t not_above = count;
  const auto probe = [&](Bits bits) {
    if (bits <= low || bits >= high) return;
    const std::int64_t less = loops.count_below(values, count, bit_cast<T>(bits));
    (less <= rank ? low : high) = bits;
    (less <= rank ? below : not_above) = less;
  };
  if (guess > 0 && not_above > kFew) {  // two standard deviations of a normal sample's median
    const T margin = std::min(T{0.5}, 4 / std::sqrt(static_cast<T>(count)));
    probe(bit_cast<Bits>(guess * (1 - margin)));
    probe(bit_cast<Bits>(guess * (1 + margin)));
  }
  while (not_above - below > kFew && high - low > 1) probe(low + (high - low) / 2);
  if (high - low <= 1) return bit_cast<T>(low);
  T left[kFew + 1];
  std::int64_t kept = 0;
  for (std::int64_t i = 0; i < count; ++i) {  // without a branch: what is not kept is overwritten
    left[kept] = values[i];
    kept += static_cast<Bits>(bit_cast<Bits>(values[i]) - low) < static_cast<Bits>(high - low);
  }
  std::nth_element(left, left + (rank - below), left + kept);
  return left[rank - below];
}

// Of the rows' medians, as CFITSIO's: the mean of the two in the middle.
double median_of_rows(std::vector<double>& medians) noexcept {
  if (medians.empty()) return 0;
  std::sort(medians.begin(), medians.end());
  const std::size_t count = medians.size();
  return count == 1 ? medians[0] : (medians[(count - 1) / 2] + medians[count / 2]) / 2.0;
}

bool any_nan(const std::vector<double>& values) noexcept {
  return std::any_of(values.begin(), values.end(), [](double value) { return std::isnan(value); });
}

}  // namespace

template <class T>
PixelRange<T> pixel_range(const T* pixels, std::int64_t count, SimdLevel level) noexcept {
  return quantize_loops<T>(level).range(pixels, count);
}

// Fills second_, third_ and fifth_ from the good pixels of a row.
template <class T>
void NoiseEstimator<T>::difference_row(const T* pixels, std::int64_t count) {
  const std::int64_t places = std::max<std::int64_t>(count - kReach, 0);
  T* const second = second_.data();
  T* const third = third_.data();
  T* const fifth = fifth_.data();
  second_count_ = count_ = places;
  if (quantize_loops<T>(level_).differences(pixels, places, second, third, fifth)) return;
  second_count_ = count_ = 0;
  for (std::int64_t i = 0; i < places; ++i) {
    const T* const p = pixels + i;
    const bool run3 = (p[4] == p[5]) & (p[5] == p[6]);
    const bool run5 = run3 & (p[2] == p[3]) & (p[3] == p[4]);
    if (!run3) second[second_count_++] = second_difference(p);
    third[count_] = third_difference(p);  // overwritten if it does not count
    fifth[count_] = fifth_difference(p);
    count_ += !run5;
  }
}

// `guess` is the last median of this order, and becomes this one; it decides nothing.
template <class T>
T NoiseEstimator<T>::median(std::vector<T>& values, std::int64_t count, bool like_cfitsio, T& guess) {
  if (like_cfitsio) return select_like_cfitsio(values.data(), count);
  return guess = select_quickly(values.data(), count, guess, quantize_loops<T>(level_));
}

// False if the second order needs the leftovers of earlier rows and they were not kept.
template <class T>
bool NoiseEstimator<T>::measure(const T* pixels, std::int64_t columns, std::int64_t rows, const PixelRange<T>& range,
                                bool leftovers) {
  // Differences of such large numbers may be infinite, or NaN.
  const bool huge = std::max(std::abs(range.lowest), std::abs(range.highest)) > std::numeric_limits<T>::max() / 16;
  second_.assign(static_cast<std::size_t>(columns), 0);  // the leftovers before the first row
  for (auto* medians : {&seconds_, &thirds_, &fifths_}) medians->clear();
  const bool all_good = range.good == columns * rows;
  bool used = false;
  for (std::int64_t row = 0; row < rows; ++row) {
    const T* const all = pixels + row * columns;
    if (all_good) {
      difference_row(all, columns);
    } else {
      std::int64_t good = 0;
      for (std::int64_t i = 0; i < columns; ++i) {
        good_[good] = all[i];
        good += all[i] == all[i];
      }
      difference_row(good_.data(), good);
    }
    const bool short_second = second_count_ < count_ && second_count_ > 1;
    if (short_second && used && !leftovers) return false;
    used = used || second_count_ > 0;
    if (count_ == 0) continue;
    if (count_ == 1) {
      if (second_count_ == 1) seconds_.push_back(second_[0]);
    } else if (second_count_ > 1) {
      seconds_.push_back(median(second_, count_, leftovers || huge, guesses_[0]));
    }
    thirds_.push_back(count_ == 1 ? third_[0] : median(third_, count_, huge, guesses_[1]));
    fifths_.push_back(count_ == 1 ? fifth_[0] : median(fifth_, count_, huge, guesses_[2]));
  }
  return true;
}

template <class T>
Noise NoiseEstimator<T>::operator()(const T* pixels, std::int64_t columns, std::int64_t rows,
                                    const PixelRange<T>& range) {
  if (columns <= kReach) {  // as one row
    columns *= rows;
    rows = 1;
  }
  if (columns <= kReach) return {};
  for (auto* buffer : {&good_, &third_, &fifth_}) {
    if (buffer->size() < static_cast<std::size_t>(columns)) buffer->resize(static_cast<std::size_t>(columns));
  }
  if (!measure(pixels, columns, rows, range, false)) measure(pixels, columns, rows, range, true);
  // Divergence: CFITSIO sorts NaN among the rows' medians by chance. test_quantize.cpp: huge_values.
  if (any_nan(seconds_) || any_nan(thirds_) || any_nan(fifths_)) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    return {kNan, kNan, kNan};
  }
  return {1.0483579 * median_of_rows(seconds_), 0.6052697 * median_of_rows(thirds_),
          0.1772048 * median_of_rows(fifths_)};
}

template PixelRange<float> pixel_range(const float*, std::int64_t, SimdLevel) noexcept;
template PixelRange<double> pixel_range(const double*, std::int64_t, SimdLevel) noexcept;
template class NoiseEstimator<float>;
template class NoiseEstimator<double>;

}  // namespace fits
