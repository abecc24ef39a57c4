#include "ops/wcs_companions.h"

#include <algorithm>

#include "format/convert.h"
#include "format/error.h"
#include "ops/image.h"
#include "ops/source.h"

namespace fits::ops {
namespace {

// Pixels of the type that read_image would give (float32 where that is what is stored, or scaled 16-bit integers), then
// widened: so that tables hold what astropy's hold.
std::vector<double> pixels_of(const io::Source& source, const Hdu& hdu) {
  require_data(source, hdu);
  const Shape shape = hdu.shape();
  const std::size_t count = element_count(shape);
  if (count > static_cast<std::size_t>(wcs::kMostTablePixels)) {
    throw FileError(Status::bad_header, sentence("it has ", count, " pixels, too many for a table of a WCS"));
  }
  const Conversion conversion = conversion_for(hdu, std::nullopt, true, "wcs_from_file");
  std::vector<double> values(count);
  if (count == 0) return values;
  std::vector<std::byte> natural(count * pixel_size(conversion.to));
  read_window(source, hdu, Shape(shape.size(), 0), shape, conversion, natural.data());
  Converter(conversion.to, {}, Pixel::f64, ByteOrder::native)(natural.data(), static_cast<std::int64_t>(count),
                                                              values.data());
  return values;
}

}  // namespace

wcs::ImageTable FileCompanions::image(std::string_view extname, std::int64_t extver) const {
  const ByteReader& bytes = source_.file->bytes();
  const std::string name = sentence("the image ", extname, ", EXTVER ", extver);
  for (std::int64_t index = 0;; ++index) {
    std::string cards;
    try {
      cards = visible_cards(bytes, source_.file->hdus().at(index));
    } catch (const NoSuchHdu&) {
      throw FileError(Status::no_such_hdu, sentence(name, ", which holds a table of the WCS, is not in the file"));
    }
    const HeaderView header(cards);
    if (!wcs::same_letters(header.string("EXTNAME").value_or(""), extname)) continue;
    if (header.integer("EXTVER").value_or(1) != extver) continue;
    return in_context([&] { return name; },
                      [&] {
                        const Hdu& hdu = image_hdu(source_, index);
                        return wcs::ImageTable{{hdu.naxes, pixels_of(source_, hdu)}, cards};
                      });
  }
}

}  // namespace fits::ops
