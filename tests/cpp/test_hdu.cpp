// The HDU walk: geometry by the Standard's equations, what archives get wrong and is tolerated, what is refused.
#include <functional>

#include "check.h"
#include "format/block.h"
#include "format/error.h"
#include "format/hdu.h"

using namespace fits;

namespace {

std::string card(const std::string& text) {
  std::string padded_text = text;
  padded_text.resize(kCardSize, ' ');
  return padded_text;
}

std::string header(const std::vector<std::string>& cards, bool end = true) {
  std::string text;
  for (const auto& c : cards) text += card(c);
  if (end) text += card("END");
  text.resize(padded(text.size()), ' ');
  return text;
}

std::string data(std::size_t size) { return std::string(padded(size), '\0'); }

struct InMemory {
  std::string text;
  MemoryBytes bytes;
  HduList hdus;
  explicit InMemory(std::string t) : text(std::move(t)), bytes(std::as_bytes(std::span(text))), hdus(bytes) {}
};

std::string message(const std::function<void()>& run) {
  try {
    run();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string refusal(const std::vector<std::string>& cards) {
  InMemory file(header(cards));
  return message([&] { file.hdus.at(0); });
}

const std::vector<std::string> kImage{"SIMPLE  = T", "BITPIX  = 16", "NAXIS   = 2", "NAXIS1  = 3", "NAXIS2  = 5"};

std::vector<std::string> with(std::vector<std::string> cards, const std::string& more) {
  cards.push_back(more);
  return cards;
}

}  // namespace

TEST(primary_image_and_extensions) {
  InMemory file(
      header(kImage) + data(30) +
      header({"XTENSION= 'IMAGE   '", "BITPIX  = -64", "NAXIS   = 1", "NAXIS1  = 7", "PCOUNT  = 0", "GCOUNT  = 1"}) +
      data(56) +
      header({"XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 10", "NAXIS2  = 3", "PCOUNT  = 100",
              "GCOUNT  = 1", "TFIELDS = 0"}) +
      data(130) + header({"XTENSION= 'TABLE   '", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 10", "NAXIS2  = 0"}) +
      header({"XTENSION= 'DUMP    '", "BITPIX  = 8", "NAXIS   = 0"}));
  CHECK_EQUAL(file.hdus.size(), 5u);
  CHECK(file.hdus.at(0).shape() == (std::vector<std::int64_t>{5, 3}));
  CHECK_EQUAL(file.hdus.at(0).data_size, 30u);
  CHECK_EQUAL(file.hdus.at(1).header_start, 5760u);
  CHECK_EQUAL(file.hdus.at(1).bitpix, -64);
  CHECK_EQUAL(file.hdus.at(2).data_size, 130u);
  CHECK(file.hdus.at(2).kind == HduKind::binary_table);
  CHECK(file.hdus.at(3).kind == HduKind::ascii_table);
  CHECK(file.hdus.at(4).kind == HduKind::other);
}

TEST(random_groups_follow_equation_4) {
  InMemory file(header({"SIMPLE  = T", "BITPIX  = -32", "NAXIS   = 3", "NAXIS1  = 0", "NAXIS2  = 3", "NAXIS3  = 2",
                        "GROUPS  = T", "PCOUNT  = 4", "GCOUNT  = 10"}) +
                data(400));
  const Hdu& hdu = file.hdus.at(0);
  CHECK(hdu.kind == HduKind::random_groups);
  CHECK_EQUAL(hdu.data_size, 4u * 10u * (4u + 6u));
  CHECK(hdu.shape() == (std::vector<std::int64_t>{10, 2, 3}));
}

TEST(what_archives_get_wrong_is_tolerated) {
  // free format, keywords out of order, duplicates (the first counts), lower-case exponents
  InMemory file(header({"SIMPLE  =                    T", "NAXIS2=5", "NAXIS   = 2 / two", "NAXIS2  = 5", "NAXIS2  = 9",
                        "NAXIS1  =   3", "BITPIX  =   16", "BSCALE  = 1.5d0", "BZERO   = '7'"}));
  CHECK(contains(file.hdus.at(0).bad_scaling, "BZERO = 7: must be a number"));
  InMemory junk(header(kImage) + data(30) + std::string(5000, 'x'));
  CHECK_EQUAL(junk.hdus.size(), 1u);
  InMemory unpadded(header(kImage) + std::string(30, '\0'));
  CHECK_EQUAL(unpadded.hdus.size(), 1u);
}

TEST(impossible_headers_are_refused_in_one_sentence) {
  CHECK(contains(refusal({"SIMPLE  = T", "BITPIX  = 24", "NAXIS   = 0"}),
                 "BITPIX = 24: must be 8, 16, 32, 64, -32 or -64"));
  CHECK(contains(refusal({"SIMPLE  = T", "NAXIS   = 0"}), "keyword BITPIX is missing"));
  CHECK(contains(refusal({"SIMPLE  = T", "BITPIX  = 8"}), "keyword NAXIS is missing"));
  CHECK(contains(refusal({"SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 1000"}), "must be from 0 to 999"));
  CHECK(contains(refusal({"SIMPLE  = T", "BITPIX  = 8", "NAXIS   = -1"}), "must be from 0 to 999"));
  CHECK(contains(refusal({"SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 4"}), "keyword NAXIS2 is missing"));
  CHECK(contains(refusal({"SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 1", "NAXIS1  = -4"}), "must not be negative"));
  CHECK(contains(refusal({"SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 1", "NAXIS1  = 4.5"}), "must be an integer"));
  CHECK(contains(refusal({"SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 3", "NAXIS1  = 4611686018427387904",
                          "NAXIS2  = 4611686018427387904", "NAXIS3  = 2"}),
                 "does not fit 64 bits"));
  CHECK(contains(refusal({"SIMPLE  = T", "BITPIX  = 64", "NAXIS   = 1", "NAXIS1  = 4611686018427387904"}),
                 "larger than 2^62 bytes"));
}

TEST(bad_scaling_does_not_hide_the_hdu) {
  InMemory file(header(with(kImage, "BSCALE  = 'x'")) + data(30));
  CHECK(contains(file.hdus.at(0).bad_scaling, "BSCALE = x: must be a number"));
  CHECK_EQUAL(file.hdus.at(0).data_size, 30u);
}

TEST(xtension_counts_as_the_first_card_only) {
  InMemory file(header(with(kImage, "XTENSION= 'BINTABLE'")) + data(30));
  CHECK(file.hdus.at(0).kind == HduKind::image);
}

TEST(pcount_and_gcount_lies) {
  const auto extension = [](const std::string& more) {
    InMemory file(header(kImage) + data(30) +
                  header({"XTENSION= 'IMAGE   '", "BITPIX  = 16", "NAXIS   = 1", "NAXIS1  = 3", more}));
    return message([&] { file.hdus.at(1); });
  };
  CHECK(contains(extension("PCOUNT  = -1"), "PCOUNT = -1: must not be negative"));
  CHECK(contains(extension("GCOUNT  = -1"), "GCOUNT = -1: must not be negative"));
  CHECK(contains(extension("GCOUNT  = 9223372036854775807"), "larger than 2^62 bytes"));
}

TEST(not_fits_and_cut_off) {
  InMemory empty("");
  CHECK(contains(message([&] { empty.hdus.at(0); }), "the file is empty"));
  InMemory text("hello");
  CHECK(contains(message([&] { text.hdus.at(0); }), "not a FITS file"));
  InMemory extension_first(header({"XTENSION= 'IMAGE   '", "BITPIX  = 8", "NAXIS   = 0"}));
  CHECK(contains(message([&] { extension_first.hdus.at(0); }), "not a FITS file"));
  const std::string whole = header(kImage, false);
  InMemory endless(whole);
  CHECK(contains(message([&] { endless.hdus.at(0); }), "no END card"));
  for (std::size_t size = kCardSize; size < 6 * kCardSize; ++size) {
    InMemory cut(header(kImage).substr(0, size));
    const std::string said = message([&] { cut.hdus.at(0); });
    CHECK(size >= 6 * kCardSize || contains(said, "no END card"));
  }
}

TEST(hdus_that_are_not_there) {
  InMemory file(header(kImage) + data(30));
  CHECK_EQUAL(message([&] { file.hdus.at(3); }), "there is no HDU 3: the file has 1 HDU");
  CHECK(contains(message([&] { file.hdus.at(-1); }), "counted from 0"));
}

TEST(blank_counts_for_integers_alone) {
  InMemory integers(header(with(kImage, "BLANK   = -32768")));
  CHECK(integers.hdus.at(0).scaling.blank == std::optional<std::int64_t>(-32768));
  InMemory floats(header({"SIMPLE  = T", "BITPIX  = -32", "NAXIS   = 1", "NAXIS1  = 3", "BLANK   = -32768"}));
  CHECK(!floats.hdus.at(0).scaling.blank);
  InMemory fraction(header(with(kImage, "BLANK   = 1.5")));
  CHECK(!fraction.hdus.at(0).scaling.blank);
}

TEST(keywords_of_compression_mean_nothing_in_other_tables) {
  InMemory file(header(kImage) + data(30) +
                header({"XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 10", "NAXIS2  = 3",
                        "PCOUNT  = 0", "GCOUNT  = 1", "TFIELDS = 0", "ZBITPIX = 'x'", "ZNAXIS1 = 1.5"}));
  CHECK(file.hdus.at(1).kind == HduKind::binary_table);
}
