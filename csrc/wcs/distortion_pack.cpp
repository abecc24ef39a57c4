#include "wcs/distortion_pack.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "wcs/polynomial.h"

namespace fits::wcs {
namespace {

namespace record = distortion::record;

// From the header's coordinates (pixels from 1; or before CDELT) to those of the stage (from 0; or after CDELT):
// stage = header * unit - shift.
struct Units {
  std::vector<double> unit;
  double shift;
};

using Group = std::vector<AxisDistortion>;

// Axes that depend on each other, directly or by way of others, are one group; a group comes after those that it
// depends on.
std::vector<Group> groups_of(const Distortions& from) {
  const std::size_t count = from.axes.size();
  std::vector<std::vector<bool>> needs(count, std::vector<bool>(count));
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < count; ++j) {
      const auto& variables = from.axes[i].variables;
      needs[i][j] = std::find(variables.begin(), variables.end(), from.axes[j].axis) != variables.end();
    }
  }
  for (std::size_t by = 0; by < count; ++by) {
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < count; ++j) needs[i][j] = needs[i][j] || (needs[i][by] && needs[by][j]);
    }
  }
  std::vector<Group> groups;
  std::vector<bool> placed(count);
  while (std::find(placed.begin(), placed.end(), false) != placed.end()) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto together = [&](std::size_t j) { return i == j || (needs[i][j] && needs[j][i]); };
      bool ready = !placed[i];
      for (std::size_t j = 0; j < count; ++j) ready = ready && (!needs[i][j] || placed[j] || together(j));
      if (!ready) continue;
      groups.emplace_back();
      for (std::size_t j = 0; j < count; ++j) {
        if (!together(j)) continue;
        groups.back().push_back(from.axes[j]);
        placed[j] = true;
      }
    }
  }
  return groups;
}

bool is_planar(const Group& group) {
  return group.size() == 2 && std::all_of(group.begin(), group.end(), [&](const AxisDistortion& one) {
           return one.is_template && one.variables.size() == 2 &&
                  std::minmax(one.variables[0], one.variables[1]) == std::minmax(group[0].axis, group[1].axis);
         });
}

// The variables in the order of the axes, so that both records of a pair have the same.
void put_template(const AxisDistortion& from, const Units& units, double* to) {
  const double gain = units.unit[static_cast<std::size_t>(from.axis)];
  const auto& map = from.fixed.map;
  to[record::kMap] = map[0];
  to[record::kMap + 3] = map[3];
  for (std::size_t i = 0; i < from.variables.size(); ++i) {
    const std::size_t place = from.variables.size() == 2 && from.variables[i] > from.variables[1 - i] ? 1 : 0;
    const double unit = units.unit[static_cast<std::size_t>(from.variables[i])];
    to[record::kVariables + place] = from.variables[i];
    to[record::kOrigin + place] = from.origin[i] * unit - units.shift;
    to[record::kMap + 1 + place] = map[1 + i] * from.scale[i] / unit;
    to[record::kMap + 4 + place] = map[4 + i] * from.scale[i] / unit;
  }
  if (from.variables.size() == 1) {  // y is 0
    to[record::kVariables + 1] = from.variables[0];
    std::fill_n(to + record::kMap + 3, 3, 0.0);
  }
  for (int p = 0; p <= sip::kMaxOrder; ++p) {
    for (int q = 0; p + q <= sip::kMaxOrder; ++q) {
      const double c = from.fixed.terms[static_cast<std::size_t>(sip::row(p) + q)];
      if (c == 0 || (from.variables.size() == 1 && q > 0)) continue;
      to[record::kTerms + sip::row(p) + q] = gain * c;
      to[record::kDegree] = std::max(to[record::kDegree], static_cast<double>(p + q));
    }
  }
  if (!from.corrects) to[record::kTerms] -= units.shift;
  for (std::size_t k = 0; k < from.fixed.odd.size() && from.variables.size() == 2; ++k) {
    if (from.fixed.odd[k] == 0) continue;
    to[record::kOdd + k] = gain * from.fixed.odd[k];
    to[record::kRadial] = static_cast<double>(k + 1);
  }
}

std::vector<double> table_of(const AxisDistortion& from, const Units& units) {
  const auto& [auxiliaries, terms] = from.general;
  const std::size_t n = from.variables.size();
  std::vector<double> to = {static_cast<double>(n), static_cast<double>(auxiliaries.size()),
                            static_cast<double>(terms.size()), from.corrects ? 0 : -units.shift,
                            units.unit[static_cast<std::size_t>(from.axis)]};
  const auto unit = [&](std::size_t i) { return units.unit[static_cast<std::size_t>(from.variables[i])]; };
  to.insert(to.end(), from.variables.begin(), from.variables.end());
  for (std::size_t i = 0; i < n; ++i) to.push_back(from.origin[i] * unit(i) - units.shift);
  for (std::size_t i = 0; i < n; ++i) to.push_back(from.scale[i] / unit(i));
  for (const auto& auxiliary : auxiliaries) {
    to.insert(to.end(), auxiliary.coefficient.begin(), auxiliary.coefficient.end());
    to.insert(to.end(), auxiliary.power.begin(), auxiliary.power.end());
  }
  for (const auto& term : terms) {
    to.push_back(term.coefficient);
    to.insert(to.end(), term.power.begin(), term.power.end());
  }
  return to;
}

// The sign of the determinant at a point: 1 where functions are corrections, which are meant to be small.
double orientation_of(const PolynomialGroup& group, int naxis, const double* point) {
  bool corrections = true;
  for (int k = 0; k < group.count(); ++k) corrections = corrections && group.corrects(k) != 0;
  if (corrections) return 1;
  double target[kMaxAxes] = {}, step[kMaxAxes], determinant = 0;
  GeneralSystem<double>{group, naxis, target}.step(point, step, determinant);
  return determinant < 0 ? -1 : 1;
}

// At least how many pixels a residual of 1 in this axis is, in each of `count` axes.
double weight_of(int axis, int count, Position position, const double* inverse, int naxis) {
  if (position == Position::prior) return 1;
  double weight = 0;
  for (int j = 0; j < naxis; ++j) weight = std::max(weight, std::fabs(inverse[j * naxis + axis]));
  return weight * count;
}

// kWeight and kOrientation of a block; the reference pixel is counted from 0.
void complete_distortion(double* block, int naxis, Position position, const double* reference, const double* inverse) {
  double point[kMaxAxes] = {};  // after the matrix the reference pixel is at the origin
  if (position == Position::prior) std::copy_n(reference, naxis, point);
  const int count = distorted_axes(block);
  int rest = 0;  // records of the group to come
  for (int k = 0; k < count; ++k) {
    const PolynomialGroup group{block, k};
    double* const at = block + (group.at(0) - block);
    at[record::kWeight] = weight_of(group.axis(0), count, position, inverse, naxis);
    if (rest == 0) {
      rest = group.count();
      at[record::kOrientation] = orientation_of(group, naxis, point);
    }
    --rest;
  }
}

}  // namespace

std::vector<double> distortion_block(const Description& wcs, Position position, const double* inverse) {
  const Distortions& from = position == Position::prior ? wcs.prior : wcs.sequent;
  if (from.empty()) return {};
  const std::vector<double> pixels(static_cast<std::size_t>(wcs.naxis), 1);
  const Units units = position == Position::prior ? Units{pixels, 1} : Units{wcs.cdelt, 0};
  const std::vector<Group> groups = groups_of(from);
  std::vector<double> block(distortion::kRecords + from.axes.size() * record::kSize);
  block[distortion::kCount] = static_cast<double>(from.axes.size());
  std::size_t at = distortion::kRecords;
  for (const Group& group : groups) {
    block[at + record::kGroup] = static_cast<double>(group.size());
    block[at + record::kPlanar] = is_planar(group);
    for (const AxisDistortion& axis : group) {
      block[at + record::kAxis] = axis.axis;
      block[at + record::kCorrects] = axis.corrects;
      if (axis.is_template) {
        put_template(axis, units, block.data() + at);
      } else {
        block[at + record::kTable] = static_cast<double>(block.size());
        const auto table = table_of(axis, units);
        block.insert(block.end(), table.begin(), table.end());
      }
      at += record::kSize;
    }
  }
  block[distortion::kSize] = static_cast<double>(block.size());
  std::vector<double> reference = wcs.crpix;
  for (double& pixel : reference) pixel -= 1;
  complete_distortion(block.data(), wcs.naxis, position, reference.data(), inverse);
  return block;
}

void complete_distortions(const Packed& wcs, double* slots) {
  const LinearLayout at{wcs.naxis};
  const double* const linear = slots + static_cast<int>(slots[head::kLinear]);
  double reference[kMaxAxes];
  for (int i = 0; i < wcs.naxis; ++i) {
    reference[i] = linear[at.crpix() + i] - 1;
    if (wcs.cutout && i < 2) reference[i] = reference[i] * slots[head::kGridStep + i] + slots[head::kGridStart + i];
  }
  for (const auto& [slot, position] :
       {std::pair(head::kPolynomial, Position::prior), std::pair(head::kSequent, Position::sequent)}) {
    if (!wcs.has(slot)) continue;
    double* const block = slots + static_cast<int>(slots[slot]);
    complete_distortion(block, wcs.naxis, position, reference, linear + at.inverse());
  }
}

}  // namespace fits::wcs
