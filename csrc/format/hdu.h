// Header-data units: where each one lies in the file and what it holds.
// FITS Standard 4.0, section 3 (structure), 4.4.1 (mandatory keywords), 6 (random groups), 7 (extensions) and
// 10 (tile compression: the image or table that the user sees).
//
// Tolerated, as archives need it: keywords in any order, free format, missing padding after the last data unit,
// anything that is no extension after the last HDU (section 3.5). Refused: a header without END, sizes that cannot be.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "format/bytes.h"
#include "format/card.h"
#include "format/scaling.h"

namespace fits {

enum class HduKind : std::uint8_t {
  image = 0,
  binary_table = 1,
  ascii_table = 2,
  compressed_image = 3,
  random_groups = 4,
  compressed_table = 5,
  other = 6,  // an extension type that the Standard does not define: header only
};

struct Hdu {
  HduKind kind = HduKind::image;
  std::uint64_t header_start = 0;
  std::uint64_t header_size = 0;  // bytes of cards before END
  std::uint64_t data_start = 0;
  std::uint64_t data_size = 0;  // as the header claims, without padding; the file may be shorter
  int bitpix = 8;               // of the image as the user sees it
  // NAXISn in FITS order (fastest first) of the image or table as the user sees it. Random groups: the axes of one
  // group's array, then the number of groups.
  std::vector<std::int64_t> naxes;
  std::int64_t pcount = 0;  // random groups: parameters before each group's array
  Scaling scaling;
  std::string bad_scaling;  // what is wrong with BSCALE or BZERO, if anything: it concerns who reads the pixels

  bool is_image() const noexcept {
    return kind == HduKind::image || kind == HduKind::compressed_image || kind == HduKind::random_groups;
  }
  bool has_data() const noexcept { return !naxes.empty(); }
  // The axes as a tensor's shape: slowest first.
  std::vector<std::int64_t> shape() const { return {naxes.rbegin(), naxes.rend()}; }
};

// The HDU that starts at byte `start`; `index` is for messages. Empty where no HDU starts there: at the end of the file
// or before special records. Throws FileError where one starts but cannot be understood.
std::optional<Hdu> read_hdu(const ByteReader& bytes, std::uint64_t start, int index);

// Cards of an HDU's header as stored, END left out.
std::string stored_cards(const ByteReader& bytes, const Hdu& hdu);
// The cards as the user sees them: of a compressed image or table the original header's.
std::string visible_cards(const ByteReader& bytes, const Hdu& hdu);

// The HDUs of one file, found as far as they are asked for. Safe for concurrent use.
class HduList {
 public:
  explicit HduList(const ByteReader& bytes) noexcept : bytes_(&bytes) {}
  // Throws NoSuchHdu past the end; a negative index is a mistake of the caller's (std::invalid_argument).
  const Hdu& at(std::int64_t index);
  std::size_t size();

 private:
  // `wanted`: the HDU that was asked for; errors on the way to it name the HDU they are about.
  bool find_next(std::int64_t wanted);

  const ByteReader* bytes_;
  std::mutex mutex_;
  std::deque<Hdu> hdus_;  // a deque: references stay good while it grows
  bool complete_ = false;
};

}  // namespace fits
