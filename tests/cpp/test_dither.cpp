// dither.h and dequantize.h against CFITSIO: its random numbers, and what it reads from compressed images in memory
// whose stored integers are chosen here (its unquantize_* functions are not exported).
#include <fitsio.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "check.h"
#include "tile/dequantize.h"

using namespace fits;

extern "C" {
extern float* fits_rand_value;
int fits_init_randoms(void);
int fits_rcomp(int* values, int count, unsigned char* out, int room, int blocksize);
int fits_rcomp_short(short* values, int count, unsigned char* out, int room, int blocksize);
int fits_rcomp_byte(signed char* values, int count, unsigned char* out, int room, int blocksize);
}

namespace {

constexpr Quantization kMethods[] = {Quantization::no_dither, Quantization::subtractive_dither_1,
                                     Quantization::subtractive_dither_2};
constexpr const char* kNames[] = {"NONE", "NO_DITHER", "SUBTRACTIVE_DITHER_1", "SUBTRACTIVE_DITHER_2"};

std::vector<SimdLevel> levels() {
  std::vector<SimdLevel> all{SimdLevel::plain};
  if (simd_level() >= SimdLevel::avx2) all.push_back(SimdLevel::avx2);
  if (simd_level() >= SimdLevel::avx512) all.push_back(SimdLevel::avx512);
  return all;
}

// One row of tiles of one length; the last may be shorter.
struct Image {
  std::vector<std::int32_t> values;
  long tile = 0;
  Quantization method = Quantization::no_dither;
  int zdither0 = 1;
  double zscale = 1;
  double zzero = 0;
  std::optional<std::int64_t> zblank;
  int bytepix = 4;
};

std::vector<unsigned char> compressed(const std::int32_t* values, int count, int bytepix) {
  std::vector<unsigned char> out(static_cast<std::size_t>(count) * 6 + 64);
  const int room = static_cast<int>(out.size());
  int bytes;
  if (bytepix == 4) {
    std::vector<int> copy(values, values + count);
    bytes = fits_rcomp(copy.data(), count, out.data(), room, 32);
  } else if (bytepix == 2) {
    std::vector<short> copy(values, values + count);
    bytes = fits_rcomp_short(copy.data(), count, out.data(), room, 32);
  } else {
    std::vector<signed char> copy(values, values + count);
    bytes = fits_rcomp_byte(copy.data(), count, out.data(), room, 32);
  }
  CHECK(bytes > 0);
  out.resize(static_cast<std::size_t>(std::max(bytes, 0)));
  return out;
}

// What CFITSIO reads from the image, undefined pixels as NaN.
template <class Out>
std::vector<Out> read_with_cfitsio(const Image& image) {
  const auto count = static_cast<long>(image.values.size());
  const long tiles = (count + image.tile - 1) / image.tile;
  int status = 0;
  fitsfile* file = nullptr;
  fits_create_file(&file, "mem://", &status);
  fits_create_img(file, BYTE_IMG, 0, nullptr, &status);
  char name[] = "COMPRESSED_DATA", zscale[] = "ZSCALE", zzero[] = "ZZERO", bytes[] = "1PB", real[] = "1D";
  char* names[] = {name, zscale, zzero};
  char* forms[] = {bytes, real, real};
  fits_create_tbl(file, BINARY_TBL, tiles, 3, names, forms, nullptr, nullptr, &status);
  const auto logical = [&](const char* key, int value) {
    fits_write_key(file, TLOGICAL, key, &value, nullptr, &status);
  };
  const auto integer = [&](const char* key, long value) { fits_write_key(file, TLONG, key, &value, nullptr, &status); };
  const auto text = [&](const char* key, const char* value) { fits_write_key_str(file, key, value, nullptr, &status); };
  logical("ZIMAGE", 1);
  text("ZCMPTYPE", "RICE_1");
  integer("ZBITPIX", sizeof(Out) == 4 ? -32 : -64);
  integer("ZNAXIS", 1);
  integer("ZNAXIS1", count);
  integer("ZTILE1", image.tile);
  text("ZNAME1", "BLOCKSIZE");
  integer("ZVAL1", 32);
  text("ZNAME2", "BYTEPIX");
  integer("ZVAL2", image.bytepix);
  text("ZQUANTIZ", kNames[static_cast<int>(image.method)]);
  integer("ZDITHER0", image.zdither0);
  if (image.zblank) integer("ZBLANK", *image.zblank);
  for (long row = 0; row < tiles; ++row) {
    const long length = std::min(image.tile, count - row * image.tile);
    auto stream = compressed(image.values.data() + row * image.tile, static_cast<int>(length), image.bytepix);
    fits_write_col(file, TBYTE, 1, row + 1, 1, static_cast<LONGLONG>(stream.size()), stream.data(), &status);
    double scale = image.zscale, zero = image.zzero;
    fits_write_col(file, TDOUBLE, 2, row + 1, 1, 1, &scale, &status);
    fits_write_col(file, TDOUBLE, 3, row + 1, 1, 1, &zero, &status);
  }
  fits_movabs_hdu(file, 1, nullptr, &status);
  fits_movabs_hdu(file, 2, nullptr, &status);
  std::vector<Out> out(image.values.size());
  Out nan = std::numeric_limits<Out>::quiet_NaN();
  int any = 0;
  fits_read_img(file, sizeof(Out) == 4 ? TFLOAT : TDOUBLE, 1, count, &nan, out.data(), &any, &status);
  fits_close_file(file, &status);
  CHECK_EQUAL(status, 0);
  return out;
}

template <class Out, class In = std::int32_t>
std::vector<Out> dequantized_here(const Image& image, SimdLevel level = simd_level()) {
  const auto count = static_cast<long>(image.values.size());
  const std::vector<In> values(image.values.begin(), image.values.end());
  std::vector<Out> out(values.size());
  for (long tile = 0, first = 0; first < count; ++tile, first += image.tile) {
    Dequantizer run(image.method, image.zdither0, tile, image.zscale, image.zzero, image.zblank, level);
    run(values.data() + first, std::min(image.tile, count - first), out.data() + first);
  }
  return out;
}

// -1, or the first place where bits differ; every NaN is one NaN.
template <class T>
long difference(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) != std::isnan(b[i])) return static_cast<long>(i);
    if (!std::isnan(a[i]) && std::memcmp(&a[i], &b[i], sizeof(T)) != 0) return static_cast<long>(i);
  }
  return -1;
}

void check_like_cfitsio(const Image& image) {
  const auto floats = read_with_cfitsio<float>(image);
  const auto doubles = read_with_cfitsio<double>(image);
  for (SimdLevel level : levels()) {
    CHECK_EQUAL(difference(dequantized_here<float>(image, level), floats), -1);
    CHECK_EQUAL(difference(dequantized_here<double>(image, level), doubles), -1);
  }
}

// Sky, runs of undefined pixels and zeros, the reserved values and their neighbours, both ends of the range.
std::vector<std::int32_t> some_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::int32_t> values(count);
  constexpr std::int32_t kSpecial[] = {kNullPixel, kZeroPixel, INT32_MIN, INT32_MAX, kZeroPixel + 1, 0, -1, 1};
  for (std::size_t i = 0; i < count;) {
    const std::size_t run = std::min<std::size_t>(count - i, random() % 40 == 0 ? random() % 300 : 1);
    const auto kind = random() % 4;
    for (std::size_t end = i + run; i < end; ++i) {
      values[i] = run > 1     ? kSpecial[kind % 2]
                  : kind == 0 ? kSpecial[random() % 8]
                  : kind == 1 ? static_cast<std::int32_t>(random())
                              : static_cast<std::int32_t>(random() % 2000);
    }
  }
  return values;
}

}  // namespace

TEST(randoms_are_cfitsios) {
  CHECK_EQUAL(fits_init_randoms(), 0);
  const DitherTable table = dither_table();
  CHECK(std::memcmp(table.randoms, fits_rand_value, kRandoms * sizeof(float)) == 0);
  std::int32_t seed = 1;
  for (int i = 0; i < kRandoms; ++i) {
    seed = next_seed(seed);
    CHECK_EQUAL(random_of(seed), table.randoms[i]);
    CHECK_EQUAL(dither_randoms()[i], static_cast<double>(table.randoms[i]));
    // CFITSIO multiplies as float, as double in quantize.c: the start must not depend on it.
    CHECK_EQUAL(sequence_start(table.randoms[i]), static_cast<int>(table.randoms[i] * 500.0));
    CHECK(sequence_start(table.randoms[i]) >= 0 && sequence_start(table.randoms[i]) < 500);
  }
  CHECK_EQUAL(seed, kLastSeed);
}

// Worked by hand from the first numbers of the sequence.
TEST(worked_values) {
  const float first = static_cast<float>(16807.0 / 2147483647.0);
  const auto start = static_cast<int>(first * 500);
  CHECK_EQUAL(start, 0);
  Dequantizer run(Quantization::subtractive_dither_1, 1, 0, 0.5, 10.0, std::nullopt);
  const std::int32_t values[] = {3, -4};
  double out[2];
  run(values, 2, out);
  CHECK_EQUAL(out[0], (3.0 - static_cast<double>(first) + 0.5) * 0.5 + 10.0);
  const auto second = static_cast<double>(static_cast<float>(282475249.0 / 2147483647.0));
  CHECK_EQUAL(out[1], (-4.0 - second + 0.5) * 0.5 + 10.0);
}

TEST(reserved_values) {
  const std::int32_t values[] = {kNullPixel, kZeroPixel, 5};
  float out[3];
  Dequantizer both(Quantization::subtractive_dither_2, 7, 3, -2.0, 1.0, kNullPixel);
  both(values, 3, out);
  CHECK(std::isnan(out[0]));
  CHECK(out[1] == 0 && !std::signbit(out[1]));
  Dequantizer first(Quantization::subtractive_dither_1, 7, 3, -2.0, 1.0, kNullPixel);
  first(values, 3, out);
  CHECK(std::isnan(out[0]));
  CHECK(out[1] > 4e9F);  // no zero marker but in method 2
  Dequantizer none(Quantization::subtractive_dither_2, 7, 3, -2.0, 1.0, std::nullopt);
  none(values, 3, out);
  CHECK(out[0] > 4e9F);  // no ZBLANK, no undefined pixels: as CFITSIO
  Dequantizer zero(Quantization::subtractive_dither_2, 7, 3, -2.0, 1.0, kZeroPixel);
  zero(values, 3, out);
  CHECK(std::isnan(out[1]));  // ZBLANK comes before the zero marker
}

TEST(every_method_seed_and_length_like_cfitsio) {
  for (Quantization method : kMethods) {
    for (int zdither0 : {1, 2, 9999, 10000}) {
      for (long length : {1L, 2L, 7L, 33L, 4096L, 9500L, 9999L, 10000L, 10001L, 20001L}) {
        Image image{some_values(static_cast<std::size_t>(length), static_cast<unsigned>(length)),
                    length,
                    method,
                    zdither0,
                    0.1,
                    -3.7,
                    kNullPixel};
        check_like_cfitsio(image);
        image.zblank = INT32_MIN;  // astropy's
        check_like_cfitsio(image);
        image.zblank.reset();
        image.zscale = 3e-5;
        image.zzero = 1e6;
        check_like_cfitsio(image);
      }
    }
  }
}

TEST(tile_numbers_to_20000_like_cfitsio) {
  for (Quantization method : kMethods) {
    check_like_cfitsio({some_values(3 * 20001 - 1, 5), 3, method, 9000, 0.3, 4.0, kNullPixel});
  }
}

TEST(extreme_scalings_like_cfitsio) {
  for (double zscale : {0.0, -0.25, 1e-300, 1e300, static_cast<double>(INFINITY), static_cast<double>(NAN)}) {
    for (double zzero : {-0.0, 1.0, 1e308, static_cast<double>(-INFINITY)}) {
      check_like_cfitsio({some_values(200, 9), 100, Quantization::subtractive_dither_2, 3, zscale, zzero, 0});
    }
  }
}

TEST(all_undefined_like_cfitsio) {
  for (Quantization method : kMethods) {
    const Image image{std::vector<std::int32_t>(12345, kNullPixel), 12345, method, 1, 1.0, 0.0, kNullPixel};
    check_like_cfitsio(image);
    for (float value : dequantized_here<float>(image)) CHECK(std::isnan(value));
  }
}

TEST(narrow_values) {
  for (Quantization method : kMethods) {
    Image image{{}, 3000, method, 77, 0.7, 2.0, std::nullopt, 2};
    for (int i = 0; i < 3000; ++i) image.values.push_back(i * 31 % 65536 - 32768);
    CHECK_EQUAL(difference(dequantized_here<float, std::int16_t>(image), read_with_cfitsio<float>(image)), -1);
    image.zblank = -32768;
    CHECK_EQUAL(difference(dequantized_here<float, std::int16_t>(image), read_with_cfitsio<float>(image)), -1);
    CHECK_EQUAL(difference(dequantized_here<double, std::int16_t>(image), read_with_cfitsio<double>(image)), -1);
    // The divergence: CFITSIO cuts ZBLANK to 16 bits.
    image.values.assign(100, 1);
    image.tile = 100;
    image.zblank = kNullPixel;
    CHECK(std::isnan(read_with_cfitsio<float>(image)[50]));
    const auto here = dequantized_here<float, std::int16_t>(image);
    CHECK(std::none_of(here.begin(), here.end(), [](float value) { return std::isnan(value); }));

    Image bytes{{}, 3000, method, 77, 0.7, 2.0, 200, 1};
    for (int i = 0; i < 3000; ++i) bytes.values.push_back(i * 31 % 256);
    CHECK_EQUAL(difference(dequantized_here<float, std::uint8_t>(bytes), read_with_cfitsio<float>(bytes)), -1);
    CHECK_EQUAL(difference(dequantized_here<double, std::uint8_t>(bytes), read_with_cfitsio<double>(bytes)), -1);
  }
}

TEST(zblank_beyond_32_bits_matches_nothing) {
  Image image{some_values(100, 2), 100, Quantization::subtractive_dither_1, 1, 1.0, 0.0, std::nullopt};
  const auto without = dequantized_here<float>(image);
  image.zblank = std::int64_t{1} << 32;
  CHECK_EQUAL(difference(dequantized_here<float>(image), without), -1);
}

TEST(strips_equal_one_call) {
  for (Quantization method : kMethods) {
    const Image image{some_values(45001, 3), 45001, method, 10000, 0.2, 1.0, kNullPixel};
    const auto whole = dequantized_here<float>(image);
    for (SimdLevel level : levels()) {
      std::vector<float> strips(whole.size());
      Dequantizer run(method, image.zdither0, 0, image.zscale, image.zzero, image.zblank, level);
      long first = 0;
      for (long length = 1; first < 45001; first += length, length = length * 7 % 601 + 1) {
        length = std::min(length, 45001 - first);
        run(image.values.data() + first, length, strips.data() + first);
      }
      CHECK_EQUAL(difference(strips, whole), -1);
    }
  }
}

TEST(skip_equals_pixels_that_went_by) {
  const DitherTable table = dither_table();
  for (std::int64_t tile : {0, 5000, 9998, 9999, 123456}) {
    const DitherPlace start = first_place(table, 10000, tile);
    DitherPlace walked = start;
    for (std::int64_t pixels = 0; pixels < 60000; ++pixels) {
      const DitherPlace jumped = place_after(table, start, pixels);
      CHECK(jumped.sequence == walked.sequence && jumped.next == walked.next);
      if (++walked.next == kRandoms) {
        walked.sequence = (walked.sequence + 1) % kRandoms;
        walked.next = sequence_start(table.randoms[walked.sequence]);
      }
    }
    // Once round the whole table, and far: no count is too large.
    const std::int64_t all = table.pixels_before[kRandoms];
    const DitherPlace round = place_after(table, start, all * 1000000000);
    CHECK(round.sequence == start.sequence && round.next == start.next);
    CHECK_EQUAL(place_after(table, start, INT64_MAX).next, place_after(table, start, INT64_MAX % all).next);
  }
  const Image image{some_values(30000, 4), 30000, Quantization::subtractive_dither_2, 5, 0.2, 1.0, kNullPixel};
  const auto whole = dequantized_here<float>(image);
  for (long first : {0L, 1L, 9400L, 9999L, 20000L}) {
    Dequantizer run(image.method, image.zdither0, 0, image.zscale, image.zzero, image.zblank);
    run.skip(first);
    std::vector<float> part(static_cast<std::size_t>(30000 - first));
    run(image.values.data() + first, 30000 - first, part.data());
    CHECK_EQUAL(difference(part, {whole.begin() + first, whole.end()}), -1);
  }
}

// Hostile headers: any seed and tile number lead into the table.
TEST(any_seed_and_tile_number) {
  const DitherTable table = dither_table();
  for (std::int64_t zdither0 : {std::int64_t{INT32_MIN}, std::int64_t{-1}, std::int64_t{0}, std::int64_t{INT32_MAX}}) {
    for (std::int64_t tile : {std::int64_t{0}, std::int64_t{12345}, INT64_MAX}) {
      const DitherPlace place = first_place(table, zdither0, tile);
      CHECK(place.sequence >= 0 && place.sequence < kRandoms && place.next >= 0 && place.next < 500);
    }
  }
  CHECK_EQUAL(first_place(table, 0, 0).sequence, 9999);
  CHECK_EQUAL(first_place(table, 1, 10000).sequence, 0);
}
