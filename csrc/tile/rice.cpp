#include "tile/rice.h"

#include <algorithm>

#include "tile/rice_levels.h"

namespace fits {
namespace {

RiceDecoders find_decoders(int bytepix, SimdLevel level) noexcept {
#if defined(__x86_64__)
  if (level == SimdLevel::avx512) return avx512::rice_decoders(bytepix);
  if (level == SimdLevel::avx2) return avx2::rice_decoders(bytepix);
#endif
  (void)level;
  return plain::rice_decoders(bytepix);
}

bool is_valid(RiceParameters parameters) noexcept {
  const int bytepix = parameters.bytepix;
  return (bytepix == 1 || bytepix == 2 || bytepix == 4) && parameters.blocksize >= 1;
}

}  // namespace

TileError decode_rice(Bytes stream, RiceParameters parameters, std::int64_t count, void* out) noexcept {
  if (!is_valid(parameters)) return TileError::bad_code;
  return find_decoders(parameters.bytepix, simd_level()).tile(stream, parameters.blocksize, count, out);
}

void decode_rice(std::span<const Bytes> streams, RiceParameters parameters, std::int64_t count, const RiceSink& sink,
                 std::span<TileError> errors, SimdLevel level) noexcept {
  if (!is_valid(parameters)) {
    std::fill(errors.begin(), errors.end(), TileError::bad_code);
    return;
  }
  find_decoders(parameters.bytepix, level).tiles(streams, parameters.blocksize, count, sink, errors);
}

}  // namespace fits
