// Tile-compressed images and compressed tables: what their binary table's header says of the original HDU and of the
// tiles. FITS Standard 4.0, section 10.1 (images), 10.2 (quantisation) and 10.3 (tables). Whether an HDU is compressed,
// and the size of the image in it, is in hdu.h; the compressed bytes are not looked at here.
//
// Errors are FileErrors that name card and keyword; the caller puts the HDU before them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/card.h"

namespace fits {

// The cards of the original image's header, n * kCardSize characters without END.
//
// Keywords and values are those of astropy's CompImageHDU.header, places and comments those of CFITSIO's funpack, which
// are the original's. Where the two differ: astropy moves EXTEND, BSCALE, BZERO, CHECKSUM and DATASUM to the end, drops
// the comments of BSCALE and BZERO, these cards themselves when their value is 0, and GROUPS; here, as in funpack, they
// stay. funpack keeps columns' keywords of coordinates (TCTYPn ...), and PCOUNT and GCOUNT of a primary header; here,
// as in astropy, they go.
std::string original_image_header(HeaderView stored);

// The same of a compressed table, as funpack restores it (astropy shows such tables as they are stored).
std::string original_table_header(HeaderView stored);

// BLANK of the original image header, or of an image of this BITPIX none. Writers that knew no BLANK kept ZBLANK alone;
// when that is a column, the most negative integer stands for all of its values, as in astropy.
std::optional<std::int64_t> original_blank(HeaderView stored, int bitpix);

enum class Quantization : std::uint8_t { none, no_dither, subtractive_dither_1, subtractive_dither_2 };

// How the pixels were cut into tiles and coded. Keywords that the Standard lets be missing have its defaults.
struct TileCompression {
  std::string zcmptype;                        // as stored; which names there are is the codecs' affair
  std::vector<std::int64_t> ztile;             // ZTILEn in FITS order, cut to the axis, never below 1
  std::int64_t tile_count = 0;                 // each has its row in the table, which is checked; 0 of an empty image
  Quantization zquantiz = Quantization::none;  // `none` of integer images
  int zdither0 = 0;                            // 1 to 10000 where dithered (others are taken mod 10000), else 0
  std::optional<std::int64_t> zblank;          // keywords that stand for columns of one value (section 10.1.3)
  std::optional<double> zscale;
  std::optional<double> zzero;
  std::int64_t blocksize = 32;  // RICE_1: pixels per block, bytes per pixel (section 10.4.1)
  std::int64_t bytepix = 4;
  double scale = 0;  // HCOMPRESS_1: scale factor, smoothing (section 10.4.4)
  std::int64_t smooth = 0;
};

// `bitpix` and `naxes` are those of the image as the user sees it (Hdu in hdu.h).
TileCompression tile_compression(HeaderView stored, int bitpix, const std::vector<std::int64_t>& naxes);

}  // namespace fits
