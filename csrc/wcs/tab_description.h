// -TAB coordinates (Paper III, section 6) as plain values: what a header asks for, and the tables once they are read.
#pragma once

#include <string>
#include <vector>

namespace fits::wcs {

// One axis whose CTYPE ends in -TAB, as its keywords describe it.
struct TabAxis {
  int axis = 0;            // of the image, from 0
  std::string ctype;       // for messages
  std::string extname;     // PSi_0
  std::string coordinate;  // PSi_1: TTYPE of the coordinate array
  std::string index;       // PSi_2: TTYPE of the index vector, or empty
  double extver = 1;       // PVi_1
  double extlevel = 1;     // PVi_2
  double number = 1;       // PVi_3: the axis of the coordinate array, from 1
  double crval = 0;        // an index value
};

// One coordinate array with its M axes.
struct TabTable {
  struct Axis {
    int map = 0;     // the axis of the image, from 0
    int length = 0;  // K_m
    double crval = 0;
    std::vector<double> index;  // empty: 1, 2, ...
  };
  std::vector<Axis> axes;
  std::vector<double> coordinates;  // [K_M, ..., K_1, M]
};

}  // namespace fits::wcs
