// What the CUDA kernels of cuda/tiles.cu and cuda/tiles_steps.cu do, run on the host by one thread that plays all: the
// same pixels and the same errors as the CPU's decoders, for every codec, many types, windows and stacks, on good, cut
// and damaged streams. Launches, barriers and atomics alone are left to tests/ops.
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../../cuda/tiles_steps.cuh"
#include "check.h"
#include "cuda_tiles.h"
#include "tile/plio.h"

using namespace fits;

extern "C" {
int fits_rcomp(int* values, int count, unsigned char* out, int room, int blocksize);
int fits_rcomp_short(short* values, int count, unsigned char* out, int room, int blocksize);
int fits_rcomp_byte(signed char* values, int count, unsigned char* out, int room, int blocksize);
int fits_hcompress(int* values, int columns, int rows, int scale, char* out, long* size, int* status);
}

namespace {

using Lengths = std::vector<std::int64_t>;
using Values = std::vector<std::int32_t>;
using Random = std::mt19937_64;

std::int64_t product(const Lengths& lengths) {
  std::int64_t all = 1;
  for (const auto length : lengths) all *= length;
  return all;
}

// ---- Streams

Stream rice(const Values& values, int bytepix, int blocksize) {
  Stream out(values.size() * 8 + 1024);
  auto* const to = reinterpret_cast<unsigned char*>(out.data());
  const int count = static_cast<int>(values.size()), room = static_cast<int>(out.size());
  int size = 0;
  if (bytepix == 4) {
    Values copy = values;
    size = fits_rcomp(copy.data(), count, to, room, blocksize);
  } else if (bytepix == 2) {
    std::vector<short> copy(values.begin(), values.end());
    size = fits_rcomp_short(copy.data(), count, to, room, blocksize);
  } else {
    std::vector<signed char> copy(values.begin(), values.end());
    size = fits_rcomp_byte(copy.data(), count, to, room, blocksize);
  }
  out.resize(static_cast<std::size_t>(size));
  return out;
}

Stream big_endian(const std::vector<std::uint64_t>& bits, std::size_t size, bool shuffled) {
  Stream out(bits.size() * size);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    for (std::size_t b = 0; b < size; ++b) {
      out[shuffled ? b * bits.size() + i : i * size + b] = static_cast<std::byte>(bits[i] >> (8 * (size - 1 - b)));
    }
  }
  return out;
}

Stream gzip(const Stream& bytes, int level, int strategy = Z_DEFAULT_STRATEGY) {
  z_stream z{};
  deflateInit2(&z, level, Z_DEFLATED, 31, 8, strategy);
  Stream out(deflateBound(&z, bytes.size()) + 64);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

Stream hcompress(const Values& values, std::int64_t rows, std::int64_t columns, int scale) {
  Values copy = values;
  Stream out(values.size() * 8 + 4096);
  long size = static_cast<long>(out.size());
  int status = 0;
  fits_hcompress(copy.data(), static_cast<int>(columns), static_cast<int>(rows), scale,
                 reinterpret_cast<char*>(out.data()), &size, &status);
  CHECK_EQUAL(status, 0);
  out.resize(static_cast<std::size_t>(size));
  return out;
}

Stream plio(const Values& values) {
  Stream out(plio_bound(static_cast<std::int64_t>(values.size())));
  out.resize(encode_plio(values.data(), static_cast<std::int64_t>(values.size()), out.data()));
  return out;
}

void compare(const Call& call, bool exact_errors = true) { CHECK_EQUAL(difference(call, exact_errors), ""); }

// ---- Making calls

struct Geometry {
  Lengths shape, tile, start, size;
};

const std::vector<Geometry>& geometries() {
  static const std::vector<Geometry> all = {
      {{70, 300}, {1, 300}, {0, 0}, {70, 300}},         // rows
      {{70, 300}, {1, 300}, {3, 17}, {40, 101}},        // a window of them
      {{45, 61}, {16, 20}, {-3, 5}, {50, 70}},          // edges cut; a window outside
      {{1}, {1}, {0}, {1}},                             // one pixel
      {{9, 11, 13}, {4, 5, 6}, {1, 2, 3}, {7, 9, 10}},  // three axes
      {{2, 3, 2, 5, 2, 7}, {1, 2, 2, 3, 1, 4}, {0, 0, 1, 1, 0, 2}, {2, 3, 1, 4, 2, 4}},
      {{1, 40000}, {1, 25000}, {0, 100}, {1, 39000}},  // dithering wraps around twice
  };
  return all;
}

Call call_of(const Geometry& geometry, int bitpix, Pixel to, const Scaling& scaling, bool stacked) {
  Call call;
  call.image.grid = TileGrid::of(geometry.shape, geometry.tile);
  call.image.bitpix = bitpix;
  call.image.blank = bitpix > 0 ? scaling.blank : std::nullopt;
  call.image.physical_plio = bitpix == 16 && scaling.bzero == 32768;
  for (std::size_t i = 0; i < geometry.shape.size(); ++i) {
    call.window.start[i] = geometry.start[i];
    call.window.size[i] = geometry.size[i];
  }
  call.stacked = stacked;
  call.conversion = {bitpix, stacked ? Scaling{} : scaling, !stacked, stacked ? stored_pixel(bitpix) : to};
  call.pixels = stacked ? call.image.grid.count() * call.image.grid.tile_pixels() : product(geometry.size);
  return call;
}

using Encode = std::function<Stream(std::int64_t tile, const Tile& box)>;

void add_tiles(Call& call, Codec codec, const Encode& encode) {
  for (std::int64_t i = call.image.grid.count(); i-- > 0;) {  // any order
    const Stream stream = encode(i, call.image.grid.at(i));
    call.descriptors.insert(call.descriptors.end(),
                            {static_cast<std::int64_t>(call.data.size()), static_cast<std::int64_t>(stream.size()),
                             static_cast<std::int64_t>(codec), i});
    call.data.insert(call.data.end(), stream.begin(), stream.end());
  }
}

// A level with noise, and now and then a jump, a flat stretch or an extreme.
Values sky(Random& random, std::int64_t count, std::int32_t lowest, std::int32_t highest, double noise) {
  std::normal_distribution<double> normal(0, noise);
  Values values(static_cast<std::size_t>(count));
  std::int64_t flat = 0;
  double level = std::clamp(100.0, static_cast<double>(lowest), static_cast<double>(highest));
  for (auto& value : values) {
    if (random() % 300 == 0) flat = static_cast<std::int64_t>(random() % 100);
    if (random() % 200 == 0) level = lowest + static_cast<double>(random() % 1000) / 1000 * (double(highest) - lowest);
    const double v = flat-- > 0 ? level : level + normal(random);
    value = static_cast<std::int32_t>(std::clamp(v, static_cast<double>(lowest), static_cast<double>(highest)));
    if (random() % 500 == 0) value = random() % 2 == 0 ? lowest : highest;
  }
  return values;
}

Values sky_of(Random& random, std::int64_t count, int bytepix, double noise) {
  if (bytepix == 1) return sky(random, count, 0, 255, noise);
  if (bytepix == 2) return sky(random, count, -32768, 32767, noise);
  return sky(random, count, -2147483647 - 1, 2147483647, noise);
}

constexpr Pixel kTargets[] = {Pixel::u8,  Pixel::i16, Pixel::u16,  Pixel::i32, Pixel::u32,
                              Pixel::i64, Pixel::f16, Pixel::bf16, Pixel::f32, Pixel::f64};

std::vector<Scaling> scalings(int bitpix) {
  std::vector<Scaling> all = {{}, {1, 0, 100}, {0.01, 100.5, 100}};
  if (bitpix == 8) all.push_back({1, -128, {}});
  if (bitpix == 16) all.push_back({1, 32768, 100});
  if (bitpix == 32) all.push_back({1, 2147483648.0, {}});
  return all;
}

double nan() { return std::nan(""); }

TEST(rice_of_integers) {
  Random random(1);
  for (const Geometry& geometry : geometries()) {
    for (const int bitpix : {8, 16, 32}) {
      for (const int bytepix : {1, 2, 4}) {
        if (8 * bytepix < bitpix) continue;
        for (const Scaling& scaling : scalings(bitpix)) {
          const Pixel to = kTargets[random() % std::size(kTargets)];
          for (const Pixel target : {to, Pixel::f32, physical_pixel(bitpix, scaling)}) {
            const int blocksize = random() % 3 == 0 ? 16 : random() % 5 == 0 ? 7 : 32;
            Call call = call_of(geometry, bitpix, target, scaling, false);
            call.image.rice = {bytepix, blocksize};
            const double noise = std::pow(4.0, static_cast<double>(random() % 8));
            add_tiles(call, Codec::rice_1, [&](std::int64_t, const Tile& box) {
              return rice(sky_of(random, box.pixels, bytepix, noise), bytepix, blocksize);
            });
            if (random() % 3 == 0) {  // a ZBLANK of the tiles' own, which becomes the image's
              for (std::int64_t i = 0; i < call.tiles(); ++i) {
                call.quantisation.insert(call.quantisation.end(), {nan(), nan(), i % 2 == 0 ? 101.0 : nan()});
              }
            }
            compare(call);
          }
        }
        Call stack = call_of(geometry, bitpix, Pixel::u8, {}, true);
        stack.image.rice = {bytepix, 32};
        add_tiles(stack, Codec::rice_1, [&](std::int64_t, const Tile& box) {
          return rice(sky_of(random, box.pixels, bytepix, 9), bytepix, 32);
        });
        compare(stack);
      }
    }
  }
}

Encode quantised_rice(Random& random, int bytepix) {
  return [&random, bytepix](std::int64_t, const Tile& box) {
    Values values = sky_of(random, box.pixels, bytepix, 20);
    for (auto& value : values) {
      if (bytepix == 4 && random() % 50 == 0) value = random() % 2 == 0 ? kNullPixel : kZeroPixel;
    }
    return rice(values, bytepix, 32);
  };
}

TEST(rice_of_quantised_floats) {
  Random random(2);
  constexpr Quantization kMethods[] = {Quantization::no_dither, Quantization::subtractive_dither_1,
                                       Quantization::subtractive_dither_2};
  for (const Geometry& geometry : geometries()) {
    for (const int bitpix : {-32, -64}) {
      for (const Quantization method : kMethods) {
        for (const int bytepix : {4, 2, 1}) {
          const Pixel to = kTargets[random() % std::size(kTargets)];
          for (const Pixel target : {stored_pixel(bitpix), to}) {
            const Scaling scaling = random() % 3 == 0 ? Scaling{2, -1, {}} : Scaling{};
            Call call = call_of(geometry, bitpix, target, scaling, false);
            call.image.rice = {bytepix, 32};
            call.image.zquantiz = method;
            call.image.zdither0 = 1 + static_cast<int>(random() % 10000);
            add_tiles(call, Codec::rice_1, quantised_rice(random, bytepix));
            for (std::int64_t i = 0; i < call.tiles(); ++i) {
              // Some tiles have no ZBLANK, some no ZSCALE: those are not quantised.
              const double zscale = random() % 8 == 0 ? nan() : 0.01 + 1e-3 * static_cast<double>(random() % 100);
              const double zblank = random() % 4 == 0 ? nan() : kNullPixel;
              call.quantisation.insert(call.quantisation.end(), {zscale, -5.5, zblank});
            }
            compare(call);
          }
        }
      }
    }
  }
}

TEST(plio_masks) {
  Random random(3);
  for (const Geometry& geometry : geometries()) {
    for (const int bitpix : {8, 16, 32}) {
      for (const Scaling& scaling : scalings(bitpix)) {
        for (const Pixel target : {Pixel::i32, Pixel::f32, physical_pixel(bitpix, scaling)}) {
          Call call = call_of(geometry, bitpix, target, scaling, false);
          add_tiles(call, Codec::plio_1, [&](std::int64_t, const Tile& box) {
            Values values(static_cast<std::size_t>(box.pixels));
            std::int32_t value = 0;
            const std::uint64_t often = 1 + random() % 300;
            for (auto& v : values) {
              if (random() % often == 0) value = static_cast<std::int32_t>(random() % (random() % 4 == 0 ? 300 : 3));
              v = value;
              if (bitpix == 32 && random() % 400 == 0) v = static_cast<std::int32_t>(random() & 0xffffff);
              if (bitpix == 16 && random() % 400 == 0) v = static_cast<std::int32_t>(random() & 0xffff);
            }
            return plio(values);
          });
          compare(call);
        }
      }
    }
  }
}

TEST(gzip_and_plain_bytes) {
  Random random(4);
  for (const Geometry& geometry : geometries()) {
    for (const int bitpix : {8, 16, 32, 64, -32, -64}) {
      for (const Codec codec : {Codec::gzip_1, Codec::gzip_2, Codec::nocompress}) {
        for (const bool quantised : {false, true}) {
          if (quantised && bitpix > 0) continue;
          const Scaling scaling = bitpix > 0 && random() % 2 == 0 ? Scaling{0.5, 3, 100} : Scaling{};
          const Pixel to = kTargets[random() % std::size(kTargets)];
          for (const bool stacked : {false, true}) {
            if (stacked && quantised) continue;
            Call call = call_of(geometry, bitpix, to, scaling, stacked);
            call.image.zquantiz = quantised ? Quantization::subtractive_dither_2 : Quantization::none;
            call.image.zdither0 = 77;
            // Integers narrower or wider than BITPIX are read too.
            std::size_t size = bitpix_size(quantised ? 32 : bitpix);
            if (bitpix > 0 && random() % 3 == 0) size = random() % 2 == 0 ? 2 : 4;
            add_tiles(call, codec, [&](std::int64_t, const Tile& box) {
              std::vector<std::uint64_t> bits(static_cast<std::size_t>(box.pixels));
              for (auto& b : bits) b = random() % 3 == 0 ? random() : random() % 200;
              // CFITSIO's marks of undefined pixels, which are NaN where nothing compressed them.
              for (auto& b : bits) {
                if (random() % 9 == 0)
                  b = size == 4 ? bit_cast<std::uint32_t>(kFloatMark) : bit_cast<std::uint64_t>(kDoubleMark);
              }
              const Stream bytes = big_endian(bits, size, codec == Codec::gzip_2);
              if (codec == Codec::nocompress) return bytes;
              const int level = static_cast<int>(random() % 10);
              return gzip(bytes, level, random() % 4 == 0 ? Z_FIXED : random() % 4 == 0 ? Z_HUFFMAN_ONLY : 0);
            });
            for (std::int64_t i = 0; i < call.tiles() && !stacked; ++i) {
              call.quantisation.insert(call.quantisation.end(), {quantised ? 0.25 : nan(), 1.5, kNullPixel});
            }
            compare(call);
          }
        }
      }
    }
  }
}

TEST(hcompress_with_and_without_smoothing) {
  Random random(5);
  const std::vector<Geometry> all = {
      {{64, 128}, {16, 128}, {0, 0}, {64, 128}}, {{37, 53}, {37, 53}, {3, -5}, {30, 70}},
      {{33, 70}, {16, 35}, {0, 0}, {33, 70}},    {{1, 300}, {1, 300}, {0, 0}, {1, 300}},
      {{300, 1}, {300, 1}, {0, 0}, {300, 1}},    {{2, 40, 20}, {1, 40, 20}, {0, 1, 2}, {2, 30, 10}},
      {{1, 1}, {1, 1}, {0, 0}, {1, 1}},          {{130, 5}, {65, 5}, {0, 0}, {130, 5}},
  };
  for (const Geometry& geometry : all) {
    for (const int bitpix : {8, 16, 32, -32}) {
      for (const int scale : {0, 1, 4, 33}) {
        for (const bool smooth : {false, true}) {
          Call call = call_of(geometry, bitpix, Pixel::f32, bitpix == 16 ? Scaling{0.1, 2, {}} : Scaling{}, false);
          call.image.smooth = smooth;
          call.image.zquantiz = bitpix < 0 ? Quantization::subtractive_dither_1 : Quantization::none;
          call.image.zdither0 = 5;
          const std::int32_t most = bitpix == 8 ? 255 : bitpix == 16 ? 32767 : 1 << 20;
          add_tiles(call, Codec::hcompress_1, [&](std::int64_t, const Tile& box) {
            const std::int64_t columns = box.size[call.image.grid.naxis - 1];
            return hcompress(sky(random, box.pixels, bitpix == 8 ? 0 : -most, most, 30), box.pixels / columns, columns,
                             scale);
          });
          for (std::int64_t i = 0; i < call.tiles() && bitpix < 0; ++i) {
            call.quantisation.insert(call.quantisation.end(), {0.5, 10.0, nan()});
          }
          compare(call);
        }
      }
    }
  }
}

// ---- Streams that are wrong

Stream damaged(Random& random, Stream stream) {
  switch (random() % 4) {
    case 0: stream.resize(random() % (stream.size() + 1)); break;
    case 1:
      for (auto& byte : stream) byte = static_cast<std::byte>(random());
      break;
    default:
      for (std::uint64_t n = 1 + random() % 4; n-- > 0 && !stream.empty();) {
        stream[random() % stream.size()] ^= static_cast<std::byte>(1 << random() % 8);
      }
  }
  if (random() % 5 == 0) stream.resize(stream.size() + random() % 9);
  return stream;
}

TEST(damaged_streams_give_the_errors_of_the_cpu) {
  Random random(6);
  const Geometry geometry{{64, 64}, {8, 16}, {5, 3}, {50, 60}};
  for (int round = 0; round < 150; ++round) {
    for (const Codec codec :
         {Codec::rice_1, Codec::plio_1, Codec::hcompress_1, Codec::gzip_1, Codec::gzip_2, Codec::nocompress}) {
      const int bitpix = codec == Codec::plio_1 && round % 2 == 0 ? 16 : 32;
      const int bytepix = 1 << round % 3;
      Call call = call_of(geometry, bitpix, round % 2 == 0 ? Pixel::f32 : Pixel::i32, {}, false);
      call.image.rice = {codec == Codec::rice_1 ? bytepix : 4, 32};
      call.image.smooth = round % 2 == 0;
      add_tiles(call, codec, [&](std::int64_t, const Tile& box) {
        const Values values = sky(random, box.pixels, 0, codec == Codec::rice_1 && bytepix == 1 ? 255 : 9000, 50);
        const std::vector<std::uint64_t> bits(values.begin(), values.end());
        const bool is_gzip = codec == Codec::gzip_1 || codec == Codec::gzip_2;
        const Stream good = codec == Codec::rice_1        ? rice(values, bytepix, 32)
                            : codec == Codec::plio_1      ? plio(values)
                            : codec == Codec::hcompress_1 ? hcompress(values, box.size[0], box.size[1], round % 5)
                            : is_gzip
                                ? gzip(big_endian(bits, 4, codec == Codec::gzip_2), 6, round % 2 == 0 ? Z_FIXED : 0)
                                : big_endian(bits, 4, false);
        return random() % 4 == 0 ? good : damaged(random, good);
      });
      // Of a gzip stream that is wrong in two ways the one that is found first differs.
      compare(call, codec != Codec::gzip_1 && codec != Codec::gzip_2);
    }
  }
}

TEST(descriptors_that_cannot_be_true_are_refused) {
  Call call = call_of({{8, 8}, {4, 4}, {0, 0}, {8, 8}}, 16, Pixel::i16, {}, false);
  call.data.resize(100);
  const std::int64_t highest = INT64_MAX;
  call.descriptors = {-1, 5,  6, 0,       0, -1, 6,       0,  0, 101, 6, 0,       100, 1,  6, 0,  highest, 1,
                      6,  0,  1, highest, 6, 0,  0,       32, 0, 0,   0, 32,      7,   0,  0, 32, 6,       -1,
                      0,  32, 6, 4,       0, 32, highest, 0,  0, 32,  6, highest, 0,   32, 6, 3};
  Result result = by_kernels(call, false);
  for (std::size_t i = 0; i + 1 < result.errors.size(); ++i) CHECK_EQUAL(result.errors[i], kBadDescriptor);
  CHECK_EQUAL(result.errors.back(), 0);
}

// gzip streams that zlib reads and few write: several members, bytes behind them, names in the header.
TEST(gzip_members_and_headers) {
  Random random(7);
  Stream bytes(4000);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random() % 7);
  const Stream whole = gzip(bytes, 9);
  std::vector<Stream> streams{whole};
  Stream two = gzip(Stream(bytes.begin(), bytes.begin() + 1500), 6);
  const Stream second = gzip(Stream(bytes.begin() + 1500, bytes.end()), 0);
  two.insert(two.end(), second.begin(), second.end());
  streams.push_back(two);
  two.insert(two.end(), 5, std::byte{0});
  streams.push_back(two);
  for (const int flags : {1, 2, 4, 8, 16, 31}) {
    Stream named(whole.begin(), whole.begin() + 10);
    named[3] = static_cast<std::byte>(flags);
    if (flags & 4) named.insert(named.end(), {std::byte{3}, std::byte{0}, std::byte{1}, std::byte{2}, std::byte{3}});
    if (flags & 8) named.insert(named.end(), {std::byte{'a'}, std::byte{0}});
    if (flags & 16) named.insert(named.end(), {std::byte{'b'}, std::byte{'c'}, std::byte{0}});
    if (flags & 2) {
      const uLong crc = crc32(0, reinterpret_cast<const Bytef*>(named.data()), static_cast<uInt>(named.size()));
      named.insert(named.end(), {static_cast<std::byte>(crc), static_cast<std::byte>(crc >> 8)});
    }
    named.insert(named.end(), whole.begin() + 10, whole.end());
    streams.push_back(named);
  }
  const auto shared = std::make_unique<InflateShared>();
  for (const Stream& stream : streams) {
    for (std::int64_t size : {4000, 3999, 4001}) {
      Stream out(static_cast<std::size_t>(size));
      const TileError error = inflate_gzip(SerialTeam{kInflateThreads}, stream.data(),
                                           static_cast<std::int64_t>(stream.size()), out.data(), size, *shared);
      CHECK_EQUAL(error, size == 4000 ? TileError::ok : size == 3999 ? TileError::overrun : TileError::short_input);
      if (size == 4000) CHECK(out == bytes);
    }
  }
}

// ---- The steps apart

TEST(dequantize_as_the_cpu) {
  Random random(8);
  for (const std::int64_t pixels : {1, 700, 5000, 30000}) {
    for (const Quantization method : {Quantization::none, Quantization::no_dither, Quantization::subtractive_dither_1,
                                      Quantization::subtractive_dither_2}) {
      const std::int64_t tiles = 3;
      Values values = sky_of(random, tiles * pixels, 4, 1000);
      for (auto& value : values) {
        if (random() % 50 == 0) value = random() % 2 == 0 ? kNullPixel : kZeroPixel;
      }
      const std::vector<double> zscale{0.1, 3, 1e-5}, zzero{0, -7.25, 1e4}, zblank{kNullPixel, nan(), 5};
      const Lengths numbers{0, 9999, 123456};
      for (const bool f64 : {false, true}) {
        std::vector<double> memory(values.size());
        DequantizePlan plan;
        plan.values = reinterpret_cast<const std::byte*>(values.data());
        plan.out = reinterpret_cast<std::byte*>(memory.data());
        plan.zscale = zscale.data();
        plan.zzero = zzero.data();
        plan.zblank = zblank.data();
        plan.numbers = numbers.data();
        plan.pixels = pixels;
        plan.pieces = (pixels + kStepPixels - 1) / kStepPixels;
        plan.method = method;
        plan.zdither0 = 9990;
        plan.exact = plan.to = f64 ? Pixel::f64 : Pixel::f32;
        plan.dither = dither_table();
        DequantizeShared shared;
        for (std::int64_t i = 0; i < tiles * plan.pieces; ++i) dequantize_piece(SerialTeam{256}, plan, i, shared);
        int wrong = 0;
        for (std::size_t t = 0; t < 3; ++t) {
          Dequantizer cpu(method, 9990, numbers[t], zscale[t], zzero[t], integer_of(zblank[t]));
          const auto first = t * static_cast<std::size_t>(pixels);
          std::vector<double> expected(static_cast<std::size_t>(pixels));
          if (f64) {
            cpu(values.data() + first, pixels, expected.data());
          } else {
            cpu(values.data() + first, pixels, reinterpret_cast<float*>(expected.data()));
          }
          const std::size_t size = f64 ? 8 : 4;
          wrong += std::memcmp(expected.data(), plan.out + first * size, static_cast<std::size_t>(pixels) * size) != 0;
        }
        CHECK_EQUAL(wrong, 0);
      }
    }
  }
}

TEST(assemble_as_a_stack_is_placed) {
  for (const Geometry& geometry : geometries()) {
    AssemblePlan plan;
    plan.grid = TileGrid::of(geometry.shape, geometry.tile);
    for (std::size_t i = 0; i < geometry.shape.size(); ++i) {
      plan.window.start[i] = geometry.start[i];
      plan.window.size[i] = geometry.size[i];
    }
    plan.pixels = plan.grid.tile_pixels();
    plan.pieces = (plan.pixels + kStepPixels - 1) / kStepPixels;
    std::vector<std::uint16_t> stack(static_cast<std::size_t>(plan.grid.count() * plan.pixels));
    Random random(9);
    for (auto& value : stack) value = static_cast<std::uint16_t>(random());
    std::vector<std::uint16_t> out(static_cast<std::size_t>(product(geometry.size))), expected(out.size());
    plan.values = reinterpret_cast<const std::byte*>(stack.data());
    plan.out = reinterpret_cast<std::byte*>(out.data());
    plan.size = 2;
    TilePlace shared;
    for (std::int64_t i = 0; i < plan.grid.count() * plan.pieces; ++i) assemble_piece(SerialTeam{256}, plan, i, shared);
    for (std::int64_t i = 0; i < plan.grid.count(); ++i) {
      const TilePlace place(plan.grid, plan.grid.at(i), plan.window, 2, reinterpret_cast<std::byte*>(expected.data()));
      place.runs(0, plan.grid.at(i).pixels, [&](std::int64_t first, std::int64_t count, std::byte* to) {
        std::memcpy(to, stack.data() + i * plan.pixels + first, static_cast<std::size_t>(count) * 2);
      });
    }
    CHECK(out == expected);
  }
}

// What decides on the device whether the window must be filled first.
TEST(tiles_of_a_window_are_numbered) {
  for (const Geometry& geometry : geometries()) {
    const TileGrid grid = TileGrid::of(geometry.shape, geometry.tile);
    TileWindow window;
    for (std::size_t i = 0; i < geometry.shape.size(); ++i) {
      window.start[i] = geometry.start[i];
      window.size[i] = geometry.size[i];
    }
    const TileBox box = tile_box(grid, window);
    std::vector<int> seen(static_cast<std::size_t>(box.tiles));
    std::vector<std::byte> out(static_cast<std::size_t>(product(geometry.size)));
    for (std::int64_t i = 0; i < grid.count(); ++i) {
      const std::int64_t number = number_in_box(box, grid, i);
      const bool needed = TilePlace(grid, grid.at(i), window, 1, out.data()).needed() > 0;
      CHECK_EQUAL(number >= 0, needed);
      if (number >= 0) ++seen[static_cast<std::size_t>(number)];
    }
    CHECK(std::ranges::all_of(seen, [](int n) { return n == 1; }));
  }
}

}  // namespace
