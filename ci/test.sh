#!/usr/bin/env bash
# Everything that must hold, from nothing: set-up, lint, libraries' symbols, C++ tests under AddressSanitizer and UBSan,
# fuzzers, pytest (whose closing line is the last).
#
#   bash ci/test.sh [--long] [-- pytest arguments]
#
# --long fuzzes for half an hour and runs the tests marked `long`.
set -euo pipefail
long=no
while (($#)); do
  case "$1" in
    --long) long=yes ;;
    --) shift && break ;;
    *) echo "usage: bash ci/test.sh [--long] [-- pytest arguments]" >&2 && exit 2 ;;
  esac
  shift
done
pytest_arguments=("$@")
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh" --tests

step "lint"
clean=yes  # all four speak before the run ends
ruff check --output-format concise . || clean=no
ruff format --check . || clean=no
mypy || clean=no
find csrc cuda tests/cpp \( -name '*.h' -o -name '*.inl' -o -name '*.cpp' -o -name '*.c' -o -name '*.cu' -o -name '*.cuh' \) -print0 |
  xargs -0 clang-format --dry-run -Werror || clean=no
[[ $clean == yes ]] || exit 1

step "symbols of the libraries"
python ci/check_symbols.py torchfits/lib/*.so

step "real files of other packages (downloaded once)"
python tests/real_files.py --quiet

step "C++ under AddressSanitizer and UndefinedBehaviorSanitizer"
cmake -S tests/cpp -B build/cpp -G Ninja -DCMAKE_CXX_COMPILER=clang++ >build/cmake.log || { cat build/cmake.log && exit 1; }
cmake --build build/cpp
ctest --test-dir build/cpp --output-on-failure --no-tests=error --parallel "$(nproc)"

if [[ $long == yes ]]; then fuzz_seconds=1800; else fuzz_seconds=60; fi
step "fuzzers, $fuzz_seconds s in all"
bash ci/fuzz.sh build/cpp "$fuzz_seconds"

step "pytest"
at_length=()
if [[ $long == yes ]]; then at_length=(-m "" --hypothesis-profile=long); fi
# Each process takes a half of the tests in their order, so that most fixtures of a file are made once.
side_by_side=(--numprocesses "$(nproc)" --maxprocesses 4 --dist worksteal)
python -m pytest "${side_by_side[@]}" "${at_length[@]}" "${pytest_arguments[@]}"
