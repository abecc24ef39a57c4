// libFuzzer target: any bytes as a line list, against CFITSIO where ours says that it is one; then the pixels written
// and read again. Built as fuzz_header.cpp is; what the sanitizers do not see is checked here.
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <vector>

#include "tile/plio.h"

extern "C" int pl_l2pi(short* list, int first, int* pixels, int count);

namespace {

using fits::TileError;

void must(bool condition) {
  if (!condition) std::abort();
}

template <class T>
void fuzz_type(fits::Bytes stream, const std::vector<std::int32_t>& expected, TileError error) {
  std::vector<T> pixels(expected.size());
  const auto narrow_error = fits::decode_plio<T>(stream, static_cast<std::int64_t>(pixels.size()), pixels.data());
  if (error != TileError::ok) return must(narrow_error != TileError::ok);
  bool holds = true;
  for (const auto value : expected) holds &= static_cast<T>(value) == value;
  must(narrow_error == (holds ? TileError::ok : TileError::bad_code));
  for (std::size_t i = 0; holds && i < pixels.size(); ++i) must(pixels[i] == expected[i]);
}

void as_cfitsio(fits::Bytes stream, const std::vector<std::int32_t>& pixels) {
  std::vector<short> list(stream.size() / 2 + 8);
  for (std::size_t i = 0; i < stream.size() / 2; ++i) {
    list[i] = static_cast<short>(fits::plio_word(stream.data(), static_cast<std::int64_t>(i)));
  }
  std::vector<std::int32_t> theirs(pixels.size());
  pl_l2pi(list.data(), 1, theirs.data(), static_cast<int>(theirs.size()));
  must(pixels == theirs);
}

void round_trip(std::vector<std::int32_t> pixels) {
  const auto count = static_cast<std::int64_t>(pixels.size());
  if (!fits::plio_can_hold(pixels.data(), count)) {
    for (auto& pixel : pixels) pixel &= fits::kPlioHighest;
  }
  must(fits::plio_can_hold(pixels.data(), count));
  std::vector<std::byte> stream(fits::plio_bound(count));
  stream.resize(fits::encode_plio(pixels.data(), count, stream.data()));
  std::vector<std::int32_t> back(pixels.size());
  must(pixels.empty() || fits::decode_plio<std::int32_t>(stream, count, back.data()) == TileError::ok);
  must(back == pixels);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::vector<std::int32_t> pixels(data[0] | (data[1] & 0x1f) << 8);
  const std::vector<std::byte> exact(reinterpret_cast<const std::byte*>(data + 2),
                                     reinterpret_cast<const std::byte*>(data + size));
  const auto count = static_cast<std::int64_t>(pixels.size());
  const TileError error = fits::decode_plio<std::int32_t>(exact, count, pixels.data());
  if (error == TileError::ok) as_cfitsio(exact, pixels);
  fuzz_type<std::uint8_t>(exact, pixels, error);
  fuzz_type<std::int16_t>(exact, pixels, error);
  fuzz_type<std::uint16_t>(exact, pixels, error);
  if (error == TileError::ok) round_trip(pixels);
  return 0;
}
