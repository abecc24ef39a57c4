// What the CUDA kernels of cuda/scaling.cu do to each value, run on the host: the same bits as the CPU's converters,
// for every pair of types, by the kernels of frequent pairs and by those of any. Launches alone are left to tests/ops.
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "../../cuda/scaling.cuh"
#include "check.h"
#include "format/convert.h"

using namespace fits;

namespace {

constexpr std::int64_t kCount = 1003;
constexpr Pixel kPixels[] = {Pixel::u8,  Pixel::i8,  Pixel::i16, Pixel::u16,  Pixel::i32, Pixel::u32,
                             Pixel::i64, Pixel::u64, Pixel::f16, Pixel::bf16, Pixel::f32, Pixel::f64};

struct alignas(16) Buffer {
  std::byte bytes[8 * kCount + 16];
};

template <class From, class To, class Function>
void map_all(const std::byte* in, const Function& function, std::byte* out) {
  auto* result = reinterpret_cast<To*>(out);
  const bool aligned = packs_fit<From, To>(in, out);
  for (std::int64_t first = 0; first < kCount; first += kTogether<From, To>) {
    map_values<From>(in, first, kCount, aligned, function, result);
  }
}

// Random bits, some of them BLANK, and floats of ordinary size among them.
Buffer samples(Pixel pixel, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Buffer buffer{};
  for (auto& byte : buffer.bytes) byte = static_cast<std::byte>(random() >> 56);
  for (std::int64_t i = 0; i < kCount; i += 3) {
    const double ordinary = static_cast<double>(static_cast<std::int16_t>(random())) / 2;
    visit_pixel(pixel, [&](auto type) {
      using T = decltype(type);
      const T value = i % 2 == 0 && !kIsFloating<T> ? cast<T>(7.0) : cast<T>(ordinary);
      std::memcpy(buffer.bytes + i * sizeof(T), &value, sizeof(T));
    });
  }
  return buffer;
}

bool is_nan(Pixel pixel, const std::byte* bytes) {
  bool nan = false;
  visit_pixel(pixel, [&](auto type) {
    using T = decltype(type);
    if constexpr (kIsFloating<T>) nan = std::isnan(cast<double>(load<T, false>(bytes)));
  });
  return nan;
}

// Equal bits, but for the payload of a NaN that went through arithmetic.
bool same(Pixel pixel, const Buffer& a, const Buffer& b) {
  const std::size_t size = pixel_size(pixel);
  for (std::size_t i = 0; i < kCount * size; i += size) {
    if (std::memcmp(a.bytes + i, b.bytes + i, size) == 0) continue;
    if (!is_nan(pixel, a.bytes + i) || !is_nan(pixel, b.bytes + i)) return false;
  }
  return true;
}

std::vector<Scaling> scalings(int bitpix) {
  std::vector<Scaling> all = {{}, {1, 0, 7}, {0.01, 100.5, {}}, {-3, 0.5, 7}};
  if (bitpix == 8) all.push_back({1, -128, 7});
  if (bitpix > 8)
    all.push_back({1, std::ldexp(1.0, bitpix - 1), 7}), all.push_back({1, std::ldexp(1.0, bitpix - 1), {}});
  return all;
}

TEST(scale_gives_the_bits_of_the_cpu) {
  for (const Pixel from : kPixels) {
    const Buffer in = samples(from, 1);
    for (const Scaling& scaling : scalings(bitpix_of(from))) {
      for (const Pixel to : kPixels) {
        const Recipe recipe = to_pixels(from, scaling, to);
        if (is_copy(recipe, from, to)) continue;
        Buffer expected{}, packed{}, any{};
        Converter(from, scaling, to, ByteOrder::native)(in.bytes, kCount, expected.bytes);
        visit_pixel(recipe.exact, [&](auto exact) {
          visit_pixel(to, [&](auto pixel) {
            using Exact = decltype(exact);
            using To = decltype(pixel);
            const ToPixel<Exact, To> function{recipe.operands, recipe.arithmetic, recipe.blank};
            map_all<BitsOf<Exact>, To>(in.bytes, function, packed.bytes);
          });
        });
        for (std::int64_t i = 0; i < kCount; ++i) scale_any(in.bytes, i, recipe, to, any.bytes);
        CHECK(same(to, packed, expected));
        CHECK(same(to, any, expected));
      }
    }
  }
}

TEST(unscale_gives_the_bits_of_the_cpu) {
  for (const Pixel from : kPixels) {
    const Buffer in = samples(from, 2);
    for (const int bitpix : {8, 16, 32, 64, -32, -64}) {
      for (const Scaling& scaling : scalings(bitpix)) {
        const Recipe recipe = to_stored(from, bitpix, scaling);
        Buffer expected{}, packed{}, any{};
        Converter::to_stored(from, bitpix, scaling, ByteOrder::native)(in.bytes, kCount, expected.bytes);
        visit_pixel(from, [&](auto pixel) {
          visit_pixel(recipe.exact, [&](auto exact) {
            using From = decltype(pixel);
            using Exact = decltype(exact);
            if constexpr (!kIsFloat16<Exact>) {
              const ToStored<From, Exact> function{recipe.operands, recipe.arithmetic};
              map_all<From, BitsOf<Exact>>(in.bytes, function, packed.bytes);
            }
          });
        });
        for (std::int64_t i = 0; i < kCount; ++i) unscale_any(in.bytes, i, from, recipe, any.bytes);
        CHECK(same(stored_pixel(bitpix), packed, expected));
        CHECK(same(stored_pixel(bitpix), any, expected));
      }
    }
  }
}

// At any address, in packs and byte by byte.
TEST(unpack_swaps_at_any_address) {
  for (int offset = 0; offset < 16; ++offset) {
    std::mt19937_64 random(3);
    Buffer in{}, out{};
    for (auto& byte : in.bytes) byte = static_cast<std::byte>(random() >> 56);
    map_all<std::uint32_t, std::uint32_t>(in.bytes + offset, Swap<std::uint32_t>{}, out.bytes);
    for (std::int64_t i = 0; i < 4 * kCount; ++i) {
      CHECK(out.bytes[i] == in.bytes[offset + i / 4 * 4 + 3 - i % 4]);
    }
  }
}

}  // namespace
