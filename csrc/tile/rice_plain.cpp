// rice.h's decoders for any machine: tile by tile.
#define FITS_LEVEL plain
#define FITS_TARGET
#include "tile/rice_tile.inl"

namespace fits::plain {
namespace {

template <int kBytepix>
void decode_tiles(std::span<const Bytes> streams, std::int64_t blocksize, std::int64_t count, const RiceSink& sink,
                  std::span<TileError> errors) noexcept {
  for (std::size_t i = 0; i < streams.size(); ++i) {
    errors[i] = decode_strips<kBytepix>(streams[i], blocksize, count, sink, static_cast<std::int64_t>(i));
  }
}

}  // namespace

RiceDecoders rice_decoders(int bytepix) noexcept {
  if (bytepix == 1) return {&decode_tile<1>, &decode_tiles<1>};
  if (bytepix == 2) return {&decode_tile<2>, &decode_tiles<2>};
  return {&decode_tile<4>, &decode_tiles<4>};
}

}  // namespace fits::plain
