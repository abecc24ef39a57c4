// libFuzzer target: any bytes as a FITS file. The HDU walk, the headers as stored and as the user sees them, their
// pickles, and the table of tiles. Built as fuzz_header.cpp is. What the sanitizers do not see is checked here.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "format/block.h"
#include "format/bytes.h"
#include "format/card.h"
#include "format/compressed_header.h"
#include "format/error.h"
#include "format/hdu.h"
#include "format/tile_table.h"

namespace {

void must(bool condition) {
  if (!condition) std::abort();
}

// FileError is the one answer to a file that is wrong; anything else ends the run.
template <class Call>
void tolerate(const Call& call) {
  try {
    call();
  } catch (const fits::FileError& error) {
    must(error.status() != fits::Status::read && *error.what() != '\0');
  }
}

void fuzz_cards(const std::string& cards) {
  must(cards.size() % fits::kCardSize == 0);
  const fits::HeaderView header(cards);
  (void)fits::header_pickle(header);
  // Restoring twice: whatever the cards are, what cannot be restored is refused.
  tolerate([&] { must(fits::original_image_header(header).size() % fits::kCardSize == 0); });
  tolerate([&] { must(fits::original_table_header(header).size() % fits::kCardSize == 0); });
}

void fuzz_tiles(const fits::MemoryBytes& bytes, const fits::Hdu& hdu) {
  const fits::TileTable table(bytes, hdu);
  const std::int64_t count = table.compression().tile_count;
  std::vector<fits::TileRow> rows(static_cast<std::size_t>(count < 100 ? count : 100));
  table.read(bytes, 0, rows);
  for (const fits::TileRow& row : rows) {
    must(row.size > 0 && row.start <= bytes.size() && row.size <= bytes.size() - row.start);
  }
}

void fuzz_hdu(const fits::MemoryBytes& bytes, const fits::Hdu& hdu) {
  must(hdu.data_start % fits::kBlockSize == 0 && hdu.data_start >= hdu.header_start + hdu.header_size);
  must(hdu.header_start + hdu.header_size <= bytes.size());
  must(hdu.data_size <= (std::uint64_t{1} << 62));
  for (const auto length : hdu.naxes) must(length >= 0);
  fuzz_cards(fits::stored_cards(bytes, hdu));
  tolerate([&] { must(fits::visible_cards(bytes, hdu).size() % fits::kCardSize == 0); });
  if (hdu.kind != fits::HduKind::compressed_image) return;
  tolerate([&] {
    const std::string cards = fits::stored_cards(bytes, hdu);
    const auto tiles = fits::tile_compression(fits::HeaderView(cards), hdu.bitpix, hdu.naxes);
    must(tiles.ztile.size() == hdu.naxes.size());
    for (const auto length : tiles.ztile) must(length >= 1);
  });
  if (hdu.data_start <= bytes.size() && hdu.data_size <= bytes.size() - hdu.data_start) {
    tolerate([&] { fuzz_tiles(bytes, hdu); });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fits::MemoryBytes bytes(std::as_bytes(std::span(data, size)));
  tolerate([&] {
    fits::HduList hdus(bytes);
    std::uint64_t end = 0;
    for (std::size_t i = 0; i < hdus.size(); ++i) {
      const fits::Hdu& hdu = hdus.at(static_cast<std::int64_t>(i));
      must(hdu.header_start >= end);  // HDUs follow one another
      end = hdu.data_start + hdu.data_size;
      fuzz_hdu(bytes, hdu);
    }
  });
  return 0;
}
