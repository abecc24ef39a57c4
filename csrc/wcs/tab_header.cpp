#include "wcs/tab_header.h"

#include <algorithm>
#include <cmath>

#include "format/error.h"
#include "wcs/layout.h"

namespace fits::wcs {
namespace {

constexpr std::int64_t kMostPoints = std::int64_t{1} << 27;  // of a coordinate array: a gigabyte an axis

// "CTYPE1 = 'FREQ-TAB': ..."
[[noreturn]] void fail(const TabAxis& axis, const std::string& what) {
  throw FileError(Status::bad_header, "CTYPE" + std::to_string(axis.axis + 1) + " = '" + axis.ctype + "': " + what);
}

std::string keyword(const char* name, const TabAxis& axis, int m) {
  return name + std::to_string(axis.axis + 1) + "_" + std::to_string(m);
}

// A PVi_m that must be an integer, as wcslib rounds it.
std::int64_t whole(const TabAxis& axis, int m, double value, std::int64_t low, std::int64_t high) {
  const double rounded = std::floor(value + 0.5);
  if (!(rounded >= static_cast<double>(low) && rounded <= static_cast<double>(high))) {
    fail(axis, keyword("PV", axis, m) + " = " + std::to_string(value) + ": must be an integer from " +
                   std::to_string(low) + " to " + std::to_string(high) + " (Paper III, section 6.1)");
  }
  return static_cast<std::int64_t>(rounded);
}

constexpr std::int64_t kMostVersion = 0x7fffffff;
std::int64_t extver(const TabAxis& axis) { return whole(axis, 1, axis.extver, 1, kMostVersion); }
std::int64_t extlevel(const TabAxis& axis) { return whole(axis, 2, axis.extlevel, 0, kMostVersion); }
std::size_t number(const TabAxis& axis) {
  return static_cast<std::size_t>(whole(axis, 3, axis.number, 1, kMaxTableAxes) - 1);
}

bool share_a_table(const TabAxis& one, const TabAxis& other) {
  return one.extname == other.extname && one.coordinate == other.coordinate && extver(one) == extver(other) &&
         extlevel(one) == extlevel(other);
}

// The axes of one coordinate array, in its order: each of them once, none left out.
std::vector<const TabAxis*> in_order(const std::vector<const TabAxis*>& group) {
  std::size_t count = 0;
  for (const TabAxis* axis : group) count = std::max(count, number(*axis) + 1);
  std::vector<const TabAxis*> ordered(count, nullptr);
  for (const TabAxis* axis : group) {
    const TabAxis*& place = ordered[number(*axis)];
    if (place != nullptr) {
      fail(*axis, "axis " + std::to_string(number(*axis) + 1) + " of its coordinate array is also that of CTYPE" +
                      std::to_string(place->axis + 1) + "; PVi_3 must tell them apart");
    }
    place = axis;
  }
  for (std::size_t m = 0; m < count; ++m) {
    if (ordered[m] == nullptr) {
      fail(*group.front(), "no axis of the image goes with axis " + std::to_string(m + 1) +
                               " of its coordinate array (PVi_3; Paper III, section 6.1)");
    }
  }
  return ordered;
}

std::string shape_text(const std::vector<std::int64_t>& naxes) {
  std::string text;
  for (const std::int64_t length : naxes) text += (text.empty() ? "(" : ", ") + std::to_string(length);
  return text.empty() ? "()" : text + ")";
}

// The coordinate array's axes are (M, K_1, ..., K_M); of a single one M = 1 may be left out of TDIM.
void read_coordinates(const std::vector<const TabAxis*>& axes, const Companions& companions, TabTable& table) {
  const TabAxis& first = *axes.front();
  const auto count = static_cast<std::int64_t>(axes.size());
  Array array = companions.cell(first.extname, extver(first), extlevel(first), first.coordinate, 1);
  std::vector<std::int64_t> naxes = array.naxes;
  if (count == 1 && naxes.size() == 1) naxes.insert(naxes.begin(), 1);
  if (static_cast<std::int64_t>(naxes.size()) != count + 1 || naxes[0] != count) {
    fail(first, "its coordinate array in column '" + first.coordinate + "' is " + shape_text(array.naxes) +
                    "; TDIM of " + std::to_string(count) + " axes must be (" + std::to_string(count) +
                    ", K_1, ..., K_M) (Paper III, section 6.1)");
  }
  std::int64_t points = 1;
  for (std::size_t m = 0; m < axes.size(); ++m) {
    const std::int64_t length = naxes[m + 1];
    if (length < 1) fail(first, "its coordinate array in column '" + first.coordinate + "' is empty");
    if (length > kMostPoints / points) fail(first, "its coordinate array has more than 2^27 points");
    if (count > 1 && length > kMaxTableLength)
      fail(first, "its coordinate array has more than 2^24 points along an axis");
    points *= length;
    table.axes[m].length = static_cast<int>(length);
  }
  table.coordinates = std::move(array.values);
}

void read_index(const TabAxis& axis, const Companions& companions, TabTable::Axis& to) {
  if (axis.index.empty()) return;
  const Array array = companions.cell(axis.extname, extver(axis), extlevel(axis), axis.index, 1);
  const std::string column = "its index vector in column '" + axis.index + "'";
  if (array.values.size() != static_cast<std::size_t>(to.length)) {
    fail(axis, column + " has " + std::to_string(array.values.size()) + " values for " + std::to_string(to.length) +
                   " coordinates");
  }
  const auto& values = array.values;
  if (!std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); })) {
    fail(axis, column + " holds a value that is not finite");
  }
  if (values.size() > 1) {
    const bool up = std::is_sorted(values.begin(), values.end());
    const bool down = std::is_sorted(values.rbegin(), values.rend());
    if (up == down) fail(axis, column + " does not increase or decrease throughout (Paper III, section 6.1.1)");
  }
  to.index = values;
}

}  // namespace

std::vector<TabTable> tab_tables(const std::vector<TabAxis>& axes, const Companions* companions) {
  std::vector<std::vector<const TabAxis*>> groups;
  for (const TabAxis& axis : axes) {
    if (axis.extname.empty() || axis.coordinate.empty()) {
      fail(axis, keyword("PS", axis, 0) + " and " + keyword("PS", axis, 1) +
                     " must name the table and the column of its coordinates (Paper III, section 6.1)");
    }
    const auto same = [&](const auto& group) { return share_a_table(*group.front(), axis); };
    const auto found = std::find_if(groups.begin(), groups.end(), same);
    (found != groups.end() ? *found : groups.emplace_back()).push_back(&axis);
  }
  std::vector<TabTable> tables;
  for (const auto& group : groups) {
    const auto ordered = in_order(group);
    if (companions == nullptr) {
      fail(*ordered.front(), "its coordinates are in column '" + ordered.front()->coordinate + "' of the table '" +
                                 ordered.front()->extname + "' of the same file; use wcs_from_file, which reads it");
    }
    TabTable& table = tables.emplace_back();
    table.axes.resize(ordered.size());
    read_coordinates(ordered, *companions, table);
    for (std::size_t m = 0; m < ordered.size(); ++m) {
      table.axes[m].map = ordered[m]->axis;
      table.axes[m].crval = ordered[m]->crval;
      read_index(*ordered[m], *companions, table.axes[m]);
    }
  }
  return tables;
}

}  // namespace fits::wcs
