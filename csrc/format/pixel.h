// Element types: what BITPIX stores and what a reader hands out (FITS Standard 4.0, section 4.4.1.1 and 5).
#pragma once

#include <cstddef>
#include <cstdint>

// Arithmetic on one value, shared by CPU loops and CUDA kernels. Always inlined: a loop compiled for wider SIMD must
// not call a copy that was compiled for narrower, nor the other way round.
#if defined(__CUDACC__)
#define FITS_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define FITS_HOST_DEVICE inline __attribute__((always_inline))
#endif

namespace fits {

// Every element type that leaves a reader, in native byte order. Those FITS stores directly are u8, i16, i32, i64,
// f32 and f64; i8, u16, u32 and u64 come from the conventions of section 5.2.5 (see scaling.h).
enum class Pixel : std::uint8_t { u8, i8, i16, u16, i32, u32, i64, u64, f16, bf16, f32, f64 };

constexpr std::size_t pixel_size(Pixel pixel) noexcept {
  switch (pixel) {
    case Pixel::u8:
    case Pixel::i8: return 1;
    case Pixel::i16:
    case Pixel::u16:
    case Pixel::f16:
    case Pixel::bf16: return 2;
    case Pixel::i32:
    case Pixel::u32:
    case Pixel::f32: return 4;
    case Pixel::i64:
    case Pixel::u64:
    case Pixel::f64: return 8;
  }
  return 0;
}

constexpr bool is_floating(Pixel pixel) noexcept { return pixel >= Pixel::f16; }

constexpr bool is_bitpix(std::int64_t value) noexcept {
  return value == 8 || value == 16 || value == 32 || value == 64 || value == -32 || value == -64;
}

// Bytes of one stored value.
constexpr std::size_t bitpix_size(int bitpix) noexcept {
  return static_cast<std::size_t>(bitpix < 0 ? -bitpix : bitpix) / 8;
}

// The native type of a stored value.
constexpr Pixel stored_pixel(int bitpix) noexcept {
  switch (bitpix) {
    case 8: return Pixel::u8;
    case 16: return Pixel::i16;
    case 32: return Pixel::i32;
    case 64: return Pixel::i64;
    case -32: return Pixel::f32;
    default: return Pixel::f64;
  }
}

}  // namespace fits
