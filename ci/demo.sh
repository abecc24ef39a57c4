#!/usr/bin/env bash
# The main job on real data, from a bare machine: set-up, then a sky image cut into stamps, packed as the gzipped FITS
# files of an alert stream, scored by a C++ program without Python; build/demo/demo.png shows it.
#
#   bash ci/demo.sh [FILE]     FILE: a FITS image of yours, f.fits or f.fits[SCI] (default: M13)
set -euo pipefail
(($# <= 1)) || { echo "usage: bash ci/demo.sh [FILE]" >&2 && exit 2; }
file="${1:-}"
if [[ -n $file && $file != /* ]]; then file="$PWD/$file"; fi  # setup.sh goes to the root of the project
set --
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

step "the C++ program"
prefix="$(python -c 'import torch, torchfits; print(torch.utils.cmake_prefix_path, torchfits.cmake_prefix_path, sep=";")')"
mkdir -p build/demo
cmake -S tests/cpp/program -B build/program -DCMAKE_PREFIX_PATH="$prefix" >build/demo/cmake.log 2>&1 ||
  { cat build/demo/cmake.log && exit 1; }
cmake --build build/program

step "the demo"
PYTHONPATH=tests python ci/demo/run.py ${file:+"$file"}
step "done: build/demo/demo.png"
