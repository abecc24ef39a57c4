#include "wcs/sip_header.h"

#include <array>
#include <cmath>

#include "format/error.h"
#include "wcs/layout.h"

namespace fits::wcs {
namespace {

constexpr std::array<std::string_view, 4> kPolynomials = {"A", "B", "AP", "BP"};

[[noreturn]] void fail(const std::string& what) { throw FileError(Status::bad_header, what); }

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// The order of a polynomial; 0 where it has no terms that count.
int order_of(const HeaderView& header, std::string_view polynomial) {
  const std::string key = std::string(polynomial) + "_ORDER";
  if (!header.find(key)) return 0;
  const auto order = header.real(key);
  if (!order) fail(key + " is not a number");
  if (!(*order <= sip::kMaxOrder) || *order < 0 || std::floor(*order) != *order) {
    fail(key + " = " + std::to_string(*order) + ": must be an integer from 0 to 9 (SIP convention)");
  }
  return *order > 1 ? static_cast<int>(*order) : 0;
}

void read_polynomial(const HeaderView& header, std::string_view name, int order, double* triangle) {
  for (int p = 0; p <= order; ++p) {
    for (int q = 0; q <= order - p; ++q) {
      const std::string key = std::string(name) + "_" + std::to_string(p) + "_" + std::to_string(q);
      if (!header.find(key)) continue;
      const auto value = header.real(key);
      if (!value || !std::isfinite(*value)) fail(key + " is not a finite number");
      triangle[sip::row(p) + q] = *value;
    }
  }
}

}  // namespace

bool is_sip_keyword(std::string_view keyword) noexcept {
  if (keyword.size() < 3 || (keyword[0] != 'A' && keyword[0] != 'B')) return false;
  keyword.remove_prefix(keyword[1] == 'P' ? 2 : 1);
  return keyword.size() > 1 && keyword[0] == '_' && (is_digit(keyword[1]) || keyword == "_ORDER" || keyword == "_DMAX");
}

std::vector<double> sip_block(const HeaderView& header, char alt) {
  std::array<int, 4> orders{};
  for (std::size_t i = 0; i < 4; ++i) orders[i] = order_of(header, kPolynomials[i]);
  for (std::size_t i = 0; i < 4; i += 2) {
    if ((orders[i] > 0) != (orders[i + 1] > 0)) {
      const std::size_t there = orders[i] > 0 ? i : i + 1, missing = orders[i] > 0 ? i + 1 : i;
      fail(std::string(kPolynomials[there]) + "_ORDER is there without " + std::string(kPolynomials[missing]) +
           "_ORDER above 1: SIP needs both polynomials");
    }
  }
  if (orders[0] == 0) return {};
  std::vector<double> block(sip::kSize);
  for (std::size_t i = 0; i < 2; ++i) {
    std::string key = "CRPIX" + std::to_string(i + 1);
    if (alt != ' ') key += alt;
    const auto origin = header.real(key);
    if (!origin || !std::isfinite(*origin)) fail("SIP keywords without a number in " + key);
    block[i] = *origin;
  }
  for (std::size_t i = 0; i < 4; ++i) {
    block[sip::kOrders + i] = orders[i];
    read_polynomial(header, kPolynomials[i], orders[i], block.data() + sip::kA + i * sip::kTriangle);
  }
  return block;
}

}  // namespace fits::wcs
