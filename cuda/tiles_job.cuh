// One tile on its way through the CUDA kernels: what is known of it before its stream is read, and what becomes of each
// of its values. The same rules as csrc/tile/decode.{h,cpp}, by the same formulas, so that the CPU gives the same bits;
// tests/cpp/test_cuda_tiles.cpp compares the two.
#pragma once

#include "format/recipe.h"
#include "scaling.cuh"
#include "tile/decode.h"
#include "tile/dequantize.h"
#include "tiles_team.cuh"

namespace fits {

// What is wrong with a tile, as a number that Python sees: those of TileError, and one that only the host finds before
// decoding on the CPU.
inline constexpr std::int32_t kBadDescriptor = 4;

// What all tiles of a call have in common. A kernel takes it by value.
struct TilePlan {
  TileImage image;
  TileWindow window;
  bool stacked = false;  // decompress_tiles: tiles one after the other instead of a window
  std::byte* out = nullptr;
  Pixel stored = Pixel::u8, to = Pixel::u8;
  Recipe recipe;        // from stored values to pixels
  bool copies = false;  // that recipe changes nothing
  DitherTable dither;

  const std::byte* data = nullptr;
  std::int64_t size = 0;  // of data
  const std::int64_t* descriptors = nullptr;
  const double* quantisation = nullptr;  // null: none
  std::int64_t count = 0;                // of tiles
};

inline TilePlan tile_plan(const TileImage& image, const TileWindow& window, const Conversion& conversion,
                          bool stacked) {
  TilePlan plan;
  plan.image = image;
  plan.window = window;
  plan.stacked = stacked;
  plan.stored = stored_pixel(image.bitpix);
  plan.to = conversion.to;
  plan.recipe = to_pixels(plan.stored, conversion.scaling, plan.to);
  plan.copies = is_copy(plan.recipe, plan.stored, plan.to);
  return plan;
}

// Trivially copyable; lies in device memory while its tile is decoded.
struct TileJob {
  const std::byte* stream;
  std::int64_t size;    // bytes of the stream
  std::int64_t pixels;  // of the tile
  std::int64_t needed;  // of them, from the first on; 0: nothing is to be done
  Codec codec;
  bool quantised;
  bool blank;           // quantised: scaling.zblank means NaN
  bool marks;           // integers: zblank becomes the image's blank
  std::int64_t zblank;  // of `marks`
  TileScaling scaling;  // of quantised tiles
  DitherPlace dither;   // the number that pixel 0 takes
  TilePlace place;
};

// Whether what descriptor `index` says can be believed. On a device nobody can be told before the tiles are decoded.
FITS_HOST_DEVICE bool is_valid_descriptor(const TilePlan& plan, std::int64_t index) noexcept {
  const std::int64_t* row = plan.descriptors + 4 * index;
  return row[0] >= 0 && row[1] >= 0 && row[0] <= plan.size && row[1] <= plan.size - row[0] && row[2] >= 1 &&
         row[2] <= 6 && row[3] >= 0 && row[3] < plan.image.grid.count();
}

// Tile `index` of a valid descriptor.
FITS_HOST_DEVICE TileJob plan_tile(const TilePlan& plan, std::int64_t index) noexcept {
  const std::int64_t* row = plan.descriptors + 4 * index;
  TileJob job{};
  job.stream = plan.data + row[0];
  job.size = row[1];
  job.codec = static_cast<Codec>(row[2]);
  const Tile box = plan.image.grid.at(row[3]);
  job.pixels = box.pixels;
  const std::size_t size = pixel_size(plan.to);
  if (plan.stacked) {
    const auto apart = static_cast<std::size_t>(plan.image.grid.tile_pixels()) * size;
    job.place = TilePlace(box.pixels, size, plan.out + static_cast<std::size_t>(index) * apart);
  } else {
    job.place = TilePlace(plan.image.grid, box, plan.window, size, plan.out);
  }
  job.needed = job.place.needed();
  if (plan.quantisation == nullptr) return job;
  const double* numbers = plan.quantisation + 3 * index;
  const auto zblank = integer_of(numbers[2]);
  const TileImage& image = plan.image;
  job.quantised = image.bitpix < 0 && image.zquantiz != Quantization::none && numbers[0] == numbers[0];
  if (job.quantised) {
    job.scaling = {numbers[0], numbers[1], 0};
    job.blank = zblank.has_value() && holds(Pixel::i32, *zblank);
    if (job.blank) job.scaling.zblank = static_cast<std::int32_t>(*zblank);
    if (is_dithered(image.zquantiz)) job.dither = first_place(plan.dither, image.zdither0, row[3]);
  } else if (zblank.has_value() && image.blank.has_value() && *zblank != *image.blank && holds(plan.stored, *zblank) &&
             holds(plan.stored, *image.blank)) {
    job.marks = true;
    job.zblank = *zblank;
  }
  return job;
}

// As TileImage::has_values, where it is looked at.
FITS_HOST_DEVICE TileError judge_tile(const TilePlan& plan, const TileJob& job) noexcept {
  const bool integers = job.codec == Codec::rice_1 || job.codec == Codec::hcompress_1 || job.codec == Codec::plio_1;
  if (plan.image.bitpix > 0 || !integers || job.quantised) return TileError::ok;
  return job.needed > 0 || job.codec == Codec::rice_1 ? TileError::bad_code : TileError::ok;
}

// What stands for a descriptor that is wrong: its place in a stack is filled, a window is left alone.
FITS_HOST_DEVICE TileJob no_tile(const TilePlan& plan, std::int64_t index) noexcept {
  TileJob job{};
  if (!plan.stacked) return job;
  const std::size_t size = pixel_size(plan.to);
  job.pixels = job.needed = plan.image.grid.tile_pixels();
  job.place = TilePlace(job.pixels, size, plan.out + static_cast<std::size_t>(index * job.pixels) * size);
  return job;
}

// The place `pixels` further on, which is mostly one addition.
FITS_HOST_DEVICE DitherPlace dither_after(const DitherTable& table, DitherPlace from, std::int64_t pixels) noexcept {
  if (pixels < kRandoms - from.next) return {from.sequence, from.next + static_cast<std::int32_t>(pixels)};
  return place_after(table, from, pixels);
}

// One pixel of a quantised tile; `dither` is the tile's place `ahead` pixels before it.
template <class Out>
FITS_HOST_DEVICE Out dequantised_pixel(const DitherTable& table, Quantization method, const TileScaling& scaling,
                                       bool blank, DitherPlace dither, std::int64_t ahead,
                                       std::int32_t value) noexcept {
  if (blank && value == scaling.zblank) return quiet_nan<Out>();
  if (!is_dithered(method)) return dequantized<Quantization::no_dither, false, Out>(value, 0.0, scaling);
  const double random = table.randoms[dither_after(table, dither, ahead).next];
  return method == Quantization::subtractive_dither_2
             ? dequantized<Quantization::subtractive_dither_2, false, Out>(value, random, scaling)
             : dequantized<Quantization::subtractive_dither_1, false, Out>(value, random, scaling);
}

// Writes pixel `pixel` of a tile from the codec's value (of type `type`, in native byte order, any alignment). Any
// types and any conversion: `dither` as above.
FITS_HOST_DEVICE void put_any(const TilePlan& plan, const TileJob& job, DitherPlace dither, std::int64_t ahead,
                              std::int64_t pixel, Pixel type, const std::byte* bytes) noexcept {
  std::byte* const out = job.place.at(pixel);
  if (out == nullptr) return;
  alignas(8) std::byte stored[8];
  const bool same = type == plan.stored && !job.quantised;
  if (same) {
    for (std::size_t i = 0; i < pixel_size(type); ++i) stored[i] = bytes[i];  // a NaN keeps its bits
  } else {
    AnyValue value{};
    visit_pixel(type, [&](auto example) { value = any_value(load<decltype(example), false>(bytes)); });
    if (job.quantised) {
      const auto integer = cast_any<std::int32_t>(value);
      if (plan.stored == Pixel::f32) {
        *reinterpret_cast<float*>(stored) =
            dequantised_pixel<float>(plan.dither, plan.image.zquantiz, job.scaling, job.blank, dither, ahead, integer);
      } else {
        *reinterpret_cast<double*>(stored) =
            dequantised_pixel<double>(plan.dither, plan.image.zquantiz, job.scaling, job.blank, dither, ahead, integer);
      }
    } else {
      visit_pixel(plan.stored, [&](auto example) {
        using Stored = decltype(example);
        *reinterpret_cast<Stored*>(stored) = cast_any<Stored>(value);
      });
    }
  }
  if (job.marks) {
    visit_pixel(plan.stored, [&](auto example) {
      using Stored = decltype(example);
      if constexpr (!kIsFloating<Stored>) {
        auto& value = *reinterpret_cast<Stored*>(stored);
        if (value == static_cast<Stored>(job.zblank)) value = static_cast<Stored>(*plan.image.blank);
      }
    });
  }
  if (!plan.copies) return scale_any(stored, 0, plan.recipe, plan.to, out);
  for (std::size_t i = 0; i < pixel_size(plan.to); ++i) out[i] = stored[i];
}

// The same of a value that lies in the tile's own order at its own place.
FITS_HOST_DEVICE void put_any(const TilePlan& plan, const TileJob& job, std::int64_t pixel, Pixel type,
                              const std::byte* bytes) noexcept {
  put_any(plan, job, job.dither, pixel, pixel, type, bytes);
}

// What a pixel is whose tile cannot be decoded, or that no tile covers.
FITS_HOST_DEVICE void put_nothing(Pixel to, std::byte* out) noexcept {
  visit_pixel(to, [&](auto example) {
    using To = decltype(example);
    if constexpr (kIsFloating<To>) {
      *reinterpret_cast<To*>(out) = quiet_nan<To>();
    } else {
      *reinterpret_cast<To*>(out) = 0;
    }
  });
}

// The type of values of `size` bytes, as TileDecoder::value_type; false where a tile cannot be of them.
FITS_HOST_DEVICE bool value_type(const TilePlan& plan, const TileJob& job, std::int64_t size, Pixel& type) noexcept {
  if (plan.image.bitpix < 0 && !job.quantised) {
    type = size == 4 ? Pixel::f32 : Pixel::f64;
    return size == 4 || size == 8;
  }
  type = size == 1 ? Pixel::u8 : size == 2 ? Pixel::i16 : size == 4 ? Pixel::i32 : Pixel::i64;
  return size == 1 || size == 2 || size == 4 || (size == 8 && !job.quantised);
}

// ---- Which tiles a window needs, so that a device can tell by itself whether they are all there.

// The tiles that share pixels with the window, as a box in the grid; `inside`: the window has no pixel outside the
// image.
struct TileBox {
  int naxis = 0;
  std::array<std::int64_t, kMostTileAxes> first{}, count{};
  std::int64_t tiles = 0;
  bool inside = true;
};

inline TileBox tile_box(const TileGrid& grid, const TileWindow& window) noexcept {
  TileBox box;
  box.naxis = grid.naxis;
  box.tiles = 1;
  for (std::size_t i = 0; i < static_cast<std::size_t>(grid.naxis); ++i) {
    const std::int64_t start = window.start[i], size = window.size[i], length = grid.shape[i];
    const std::int64_t low = start > 0 ? start : 0;
    const std::int64_t high = start > length - size ? length : start + size;
    box.inside = box.inside && start >= 0 && start <= length - size;
    if (low >= high) {
      box.tiles = 0;
      continue;
    }
    box.first[i] = low / grid.tile_shape[i];
    box.count[i] = (high - 1) / grid.tile_shape[i] + 1 - box.first[i];
    box.tiles *= box.count[i];
  }
  return box;
}

// A tile's number in the box; -1 where it is not in it.
FITS_HOST_DEVICE std::int64_t number_in_box(const TileBox& box, const TileGrid& grid, std::int64_t tile) noexcept {
  std::int64_t number = 0, stride = 1;
  for (int i = box.naxis - 1; i >= 0; --i) {
    const std::int64_t index = tile % grid.tiles[i] - box.first[i];
    tile /= grid.tiles[i];
    if (index < 0 || index >= box.count[i]) return -1;
    number += index * stride;
    stride *= box.count[i];
  }
  return number;
}

}  // namespace fits
