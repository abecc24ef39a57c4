#!/usr/bin/env bash
# Runs every libFuzzer target of a build folder for a share of the given seconds, starting from real FITS files. What it
# learns stays in build/fuzz; an input that fails is kept there too, and its path printed.
#
#   bash ci/fuzz.sh build/cpp 60
set -euo pipefail
folder="$1"
seconds="$2"
shopt -s nullglob
targets=("$folder"/fuzz_*)
if ((${#targets[@]} == 0)); then
  echo "no fuzzer in $folder" >&2
  exit 1
fi
python tests/real_files.py --quiet --seeds build/fuzz/seeds
for target in "${targets[@]}"; do
  name="$(basename "$target")"
  mkdir -p "build/fuzz/$name"
  echo "$name, $((seconds / ${#targets[@]})) s"
  # 20 kB at most, as the largest seed: seven blocks hold every structure of a file. No input may cost more than two
  # gigabytes or ten seconds.
  "$target" "build/fuzz/$name" build/fuzz/seeds -max_total_time=$((seconds / ${#targets[@]})) -max_len=20000 \
    -dict=tests/cpp/fits.dict -rss_limit_mb=2048 -timeout=10 -artifact_prefix="build/fuzz/$name-" \
    -print_final_stats=1 -verbosity=0 2>&1 |
    sed -e '/Recommended dictionary/,/End of recommended/d' -e '/^stat::\(number\|slowest\)/d' | tail -n 40
done
