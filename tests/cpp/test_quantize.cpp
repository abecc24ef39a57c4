// quantize.h and noise.h against CFITSIO's fits_quantize_float and fits_quantize_double: same integers, ZSCALE and
// ZZERO to the last bit, same refusals. Its undefined pixels are FLOATNULLVALUE, ours NaN.
#include <fitsio.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "tile/quantize.h"

using namespace fits;

extern "C" {
int fits_quantize_float(long row, float* pixels, long columns, long rows, int nullcheck, float null, float level,
                        int method, int* out, double* bscale, double* bzero, int* lowest, int* highest);
int fits_quantize_double(long row, double* pixels, long columns, long rows, int nullcheck, double null, float level,
                         int method, int* out, double* bscale, double* bzero, int* lowest, int* highest);
}

namespace {

constexpr Quantization kMethods[] = {Quantization::no_dither, Quantization::subtractive_dither_1,
                                     Quantization::subtractive_dither_2};

struct Result {
  bool quantized = false;
  QuantizedTile tile;
  std::vector<std::int32_t> levels;
};

template <class T>
Result quantize_with_cfitsio(std::vector<T> pixels, TileRows shape, Quantization method, float level, int zdither0,
                             std::int64_t tile_number) {
  const T null = static_cast<T>(-9.11912E-36F);
  int nulls = 0;
  for (T& pixel : pixels) {
    if (std::isnan(pixel)) pixel = null, nulls = 1;
  }
  constexpr int kCodes[] = {0, NO_DITHER, SUBTRACTIVE_DITHER_1, SUBTRACTIVE_DITHER_2};
  const int code = kCodes[static_cast<int>(method)];
  const long row = method == Quantization::no_dither ? 0 : static_cast<long>(tile_number) + zdither0;
  Result result;
  result.levels.resize(pixels.size());
  int* const out = result.levels.data();
  QuantizedTile& tile = result.tile;
  const auto columns = static_cast<long>(shape.columns), rows = static_cast<long>(shape.rows);
  if constexpr (sizeof(T) == 4) {
    result.quantized = fits_quantize_float(row, pixels.data(), columns, rows, nulls, null, level, code, out,
                                           &tile.zscale, &tile.zzero, &tile.lowest, &tile.highest) == 1;
  } else {
    result.quantized = fits_quantize_double(row, pixels.data(), columns, rows, nulls, null, level, code, out,
                                            &tile.zscale, &tile.zzero, &tile.lowest, &tile.highest) == 1;
  }
  return result;
}

template <class T>
Result quantize_here(const std::vector<T>& pixels, TileRows shape, Quantization method, float level, int zdither0,
                     std::int64_t tile_number, SimdLevel simd = simd_level()) {
  Result result;
  result.levels.resize(pixels.size());
  Quantizer quantizer(method, level, zdither0, simd);
  const auto tile = quantizer(pixels.data(), shape, tile_number, result.levels.data());
  result.quantized = tile.has_value();
  if (tile) result.tile = *tile;
  return result;
}

// Where the two differ, or nothing.
std::string difference(const Result& a, const Result& b) {
  if (a.quantized != b.quantized) return "one is refused: " + std::to_string(a.quantized);
  if (!a.quantized) return "";
  if (std::memcmp(&a.tile.zscale, &b.tile.zscale, 8) != 0) return "zscale";
  if (std::memcmp(&a.tile.zzero, &b.tile.zzero, 8) != 0) return "zzero";
  if (a.tile.lowest != b.tile.lowest || a.tile.highest != b.tile.highest) return "range";
  for (std::size_t i = 0; i < a.levels.size(); ++i) {
    if (a.levels[i] != b.levels[i]) return "pixel " + std::to_string(i);
  }
  return "";
}

template <class T>
bool check_like_cfitsio(const std::vector<T>& pixels, TileRows shape, Quantization method, float level,
                        int zdither0 = 1, std::int64_t tile_number = 0) {
  const Result theirs = quantize_with_cfitsio(pixels, shape, method, level, zdither0, tile_number);
  for (SimdLevel simd : {SimdLevel::plain, SimdLevel::avx2, SimdLevel::avx512}) {
    if (simd > simd_level()) continue;
    const Result ours = quantize_here(pixels, shape, method, level, zdither0, tile_number, simd);
    const std::string what = difference(ours, theirs);
    if (!what.empty()) {
      std::cout << shape.columns << " x " << shape.rows << ", method " << static_cast<int>(method) << ", level "
                << level << ", simd " << static_cast<int>(simd) << ": ";
    }
    CHECK_EQUAL(what, "");
  }
  return theirs.quantized;
}

enum class Sky { noise, steps, flat_parts, faint_zeros, nulls, null_rows, sources };

template <class T>
std::vector<T> sky(TileRows shape, Sky kind, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(100, 5);
  std::vector<T> pixels(static_cast<std::size_t>(shape.columns * shape.rows));
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    double pixel = normal(random);
    const auto x = static_cast<std::int64_t>(i) % shape.columns;
    const auto y = static_cast<std::int64_t>(i) / shape.columns;
    if (kind == Sky::steps) pixel = std::round(pixel / 4);
    if (kind == Sky::flat_parts && x > shape.columns / (2 + y % 5)) pixel = 7;
    if (kind == Sky::faint_zeros && random() % 3 == 0) pixel = random() % 2 ? 0.0 : -0.0;
    if (kind == Sky::nulls && random() % 4 == 0) pixel = NAN;
    if (kind == Sky::null_rows && (y % 3 == 1 || x < y * 3)) pixel = NAN;
    if (kind == Sky::sources && random() % 50 == 0) pixel += std::exp(static_cast<double>(random() % 12));
    pixels[i] = static_cast<T>(pixel);
  }
  return pixels;
}

constexpr Sky kSkies[] = {Sky::noise, Sky::steps,     Sky::flat_parts, Sky::faint_zeros,
                          Sky::nulls, Sky::null_rows, Sky::sources};
constexpr TileRows kShapes[] = {{2, 1}, {1, 2},  {8, 1},   {3, 3},     {9, 1},   {4, 2},    {10, 1},
                                {9, 7}, {12, 9}, {31, 17}, {100, 100}, {511, 3}, {4096, 1}, {20001, 1}};

template <class T>
void check_all(unsigned seed) {
  for (TileRows shape : kShapes) {
    for (Sky kind : kSkies) {
      const auto pixels = sky<T>(shape, kind, seed++);
      for (Quantization method : kMethods) {
        for (float level : {4.0F, 0.1F, 100.0F, -0.25F, -3.0F}) check_like_cfitsio(pixels, shape, method, level);
      }
    }
  }
}

}  // namespace

TEST(floats_like_cfitsio) { check_all<float>(1); }

TEST(doubles_like_cfitsio) { check_all<double>(1000); }

TEST(seeds_and_tile_numbers_like_cfitsio) {
  const TileRows shape{19, 3};
  const auto pixels = sky<float>(shape, Sky::faint_zeros, 3);
  for (int zdither0 : {1, 2, 9999, 10000}) {
    for (std::int64_t tile : {0, 1, 9998, 9999, 10000, 20000}) {
      check_like_cfitsio(pixels, shape, Quantization::subtractive_dither_1, 4, zdither0, tile);
      check_like_cfitsio(pixels, shape, Quantization::subtractive_dither_2, 4, zdither0, tile);
    }
  }
}

// Tiles made at random, small ones mostly: what the tables above do not think of.
TEST(random_tiles_like_cfitsio) {
  std::mt19937 random(77);
  int quantized = 0;
  for (unsigned i = 0; i < 3000; ++i) {
    const TileRows shape{1 + static_cast<std::int64_t>(random() % 40), 1 + static_cast<std::int64_t>(random() % 12)};
    const auto kind = kSkies[random() % 7];
    const auto method = kMethods[random() % 3];
    const float level = static_cast<float>(random() % 2000) / 100 - 5;
    if (level == 0) continue;
    quantized += i % 2 ? check_like_cfitsio(sky<float>(shape, kind, i), shape, method, level, 5, i)
                       : check_like_cfitsio(sky<double>(shape, kind, i), shape, method, level, 5, i);
  }
  CHECK(quantized > 1000 && quantized < 3000);
}

TEST(one_pixel_and_level_0_are_not_quantised) {
  for (Quantization method : kMethods) {
    CHECK(!check_like_cfitsio<float>({5}, {1, 1}, method, 4));
    CHECK(!check_like_cfitsio<float>({5}, {1, 1}, method, -1));
    CHECK(!check_like_cfitsio<double>({NAN}, {1, 1}, method, 4));
    CHECK(!quantize_here(sky<float>({50, 1}, Sky::noise, 1), {50, 1}, method, 0, 1, 0).quantized);
  }
}

TEST(constants) {
  for (Quantization method : kMethods) {
    for (float value : {0.0F, -0.0F, 1.5F, -1e9F}) {
      const std::vector<float> pixels(500, value);
      CHECK(!check_like_cfitsio(pixels, {500, 1}, method, 4));  // no noise
      CHECK(check_like_cfitsio(pixels, {50, 10}, method, -0.5F));
    }
  }
}

TEST(constant_runs) {
  for (unsigned seed = 0; seed < 50; ++seed) {  // of every length, at every place of a short row
    std::mt19937 random(seed);
    std::vector<float> pixels(64);
    for (std::size_t i = 0; i < 64;) {
      const float value = static_cast<float>(random() % 3);
      for (unsigned left = 1 + random() % 7; left-- > 0 && i < 64; ++i) pixels[i] = value;
    }
    check_like_cfitsio(pixels, {64, 1}, Quantization::subtractive_dither_1, 4);
    check_like_cfitsio(pixels, {16, 4}, Quantization::subtractive_dither_1, 4);
  }
}

TEST(leftovers_of_earlier_rows) {
  int kinds = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    std::vector<double> pixels(60 * 9);
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      const bool flat = (i / 60 + seed) % 3 != 0;
      pixels[i] = flat ? static_cast<double>(random() % 6 / 5) : 1000.0 * static_cast<double>(random() % 100);
    }
    kinds += check_like_cfitsio(pixels, {60, 9}, Quantization::no_dither, 16);
    std::vector<float> floats(pixels.begin(), pixels.end());
    check_like_cfitsio(floats, {60, 9}, Quantization::no_dither, 16);
  }
  CHECK(kinds > 100);
}

TEST(all_undefined) {
  for (Quantization method : kMethods) {
    for (float level : {4.0F, -2.0F}) {
      for (TileRows shape : {TileRows{2, 1}, TileRows{5, 1}, TileRows{300, 4}}) {
        const auto count = static_cast<std::size_t>(shape.columns * shape.rows);
        CHECK(check_like_cfitsio(std::vector<float>(count, NAN), shape, method, level));
        CHECK(check_like_cfitsio(std::vector<double>(count, NAN), shape, method, level));
        const auto here = quantize_here(std::vector<float>(count, NAN), shape, method, level, 1, 0);
        for (std::int32_t value : here.levels) CHECK_EQUAL(value, kNullPixel);
      }
    }
  }
  // More levels than an int32 has, even in its made-up range.
  CHECK(!check_like_cfitsio(std::vector<float>(9, NAN), {9, 1}, Quantization::no_dither, 1e10F));
}

TEST(too_many_levels) {
  std::vector<double> pixels = sky<double>({1000, 1}, Sky::noise, 8);
  int quantized = 0;
  for (double jump = 1e8; jump < 1e11; jump *= 1.31) {  // from one branch of ZZERO to the next, then refused
    for (double sign : {-1.0, 1.0}) {
      pixels[500] = sign * jump;
      for (Quantization method : kMethods) quantized += check_like_cfitsio(pixels, {1000, 1}, method, 4);
      const std::vector<float> floats(pixels.begin(), pixels.end());
      check_like_cfitsio(floats, {1000, 1}, Quantization::subtractive_dither_1, 4);
    }
  }
  CHECK(quantized > 30 && quantized < 150);
}

TEST(infinities) {
  for (Quantization method : kMethods) {
    for (double infinity : {static_cast<double>(INFINITY), static_cast<double>(-INFINITY)}) {
      auto pixels = sky<float>({1000, 1}, Sky::noise, 8);
      pixels[17] = static_cast<float>(infinity);
      CHECK(!check_like_cfitsio(pixels, {1000, 1}, method, 4));
      CHECK(!check_like_cfitsio(pixels, {1000, 1}, method, -4));
      // CFITSIO takes noise of NaN for some and makes integers of no meaning.
      const std::vector<double> all(100, infinity);
      CHECK(!quantize_here(all, {100, 1}, method, 4, 1, 0).quantized);
      CHECK(!quantize_here(all, {100, 1}, method, -4, 1, 0).quantized);
    }
  }
}

TEST(huge_values) {
  // Differences overflow in float; some of them are NaN. The order of CFITSIO's comparisons then counts.
  for (unsigned seed = 0; seed < 20; ++seed) {
    auto pixels = sky<float>({300, 5}, Sky::noise, seed);
    for (float& pixel : pixels) pixel *= 1e36F / 5;
    check_like_cfitsio(pixels, {300, 5}, Quantization::subtractive_dither_1, 4);
    for (std::size_t i = seed % 7; i < pixels.size(); i += 5 + seed) pixels[i] = 3e38F;
    check_like_cfitsio(pixels, {1500, 1}, Quantization::subtractive_dither_1, 4);
  }
  // A whole number of steps beyond 64 bits: CFITSIO's integers mean nothing, here the tile is not quantised.
  const std::vector<double> far(100, 1e30);
  CHECK(quantize_with_cfitsio(far, {100, 1}, Quantization::no_dither, -1, 1, 0).quantized);
  CHECK(!quantize_here(far, {100, 1}, Quantization::no_dither, -1, 1, 0).quantized);
  // ZZERO is too coarse, by 11 steps, to keep clear of the reserved values.
  std::vector<double> coarse(100, 2e17);
  coarse[3] = NAN;
  CHECK_EQUAL(quantize_with_cfitsio(coarse, {100, 1}, Quantization::no_dither, -1, 1, 0).levels[0], INT32_MIN);
  CHECK(!quantize_here(coarse, {100, 1}, Quantization::no_dither, -1, 1, 0).quantized);
}

// Within half a step, undefined pixels and zeros exactly.
TEST(round_trip) {
  for (Quantization method : kMethods) {
    for (Sky kind : kSkies) {
      const auto pixels = sky<float>({331, 40}, kind, 5);
      const auto result = quantize_here(pixels, {331, 40}, method, 4, 42, 77);
      CHECK(result.quantized);
      Dequantizer back(method, 42, 77, result.tile.zscale, result.tile.zzero, kNullPixel);
      std::vector<double> out(pixels.size());
      back(result.levels.data(), static_cast<std::int64_t>(out.size()), out.data());
      const bool zeros = method == Quantization::subtractive_dither_2;
      for (std::size_t i = 0; i < out.size(); ++i) {
        CHECK_EQUAL(std::isnan(out[i]), std::isnan(pixels[i]));
        if (std::isnan(pixels[i])) continue;
        if (zeros && pixels[i] == 0) CHECK_EQUAL(out[i], 0.0);
        // With exact zeros ZZERO is far away: its last bit is worth more than a level's rounding.
        const double slack = 1e-15 * std::abs(result.tile.zzero);
        CHECK(std::abs(out[i] - pixels[i]) <= result.tile.zscale * 0.5000001 + slack);
      }
    }
  }
}

TEST(tile_rows_of_any_rank) {
  const auto rows = [](std::vector<std::int64_t> size) { return tile_rows(size); };
  CHECK(rows({3, 1, 4, 5}).columns == 5 && rows({3, 1, 4, 5}).rows == 12);
  CHECK(rows({5, 1, 1}).columns == 5 && rows({5, 1, 1}).rows == 1);
  CHECK(rows({1, 1}).columns == 1 && rows({1, 1}).rows == 1);
  CHECK(rows({7}).columns == 7 && rows({7}).rows == 1);
}
