#!/usr/bin/env bash
# Prepares a Debian or Ubuntu machine and this checkout: system packages, .venv with ci/requirements.txt, torchfits built
# and installed editable. Run it, or source it from a script: .venv/bin is then first on PATH, the root the current folder.
#
#   bash ci/setup.sh            what building and running needs
#   bash ci/setup.sh --tests    also clang, for the sanitised C++ tests and the fuzzers
#
# Safe to run again; with nothing to do it takes seconds and no network. PYTHON=python3.12 chooses another interpreter.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"

step() { printf '\n== %s  [%d:%02d]\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)); }

# One line per package: its name, and the command that succeeds when nothing has to be installed.
missing_packages() {
  local python_h='import os, sysconfig; raise SystemExit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'
  command -v c++ >/dev/null || echo g++
  command -v pkg-config >/dev/null || echo pkg-config
  pkg-config --exists cfitsio 2>/dev/null || echo libcfitsio-dev
  pkg-config --exists wcslib 2>/dev/null || echo wcslib-dev
  pkg-config --exists libdeflate 2>/dev/null || echo libdeflate-dev
  pkg-config --exists zlib 2>/dev/null || echo zlib1g-dev
  command -v ccache >/dev/null || echo ccache
  command -v cmake >/dev/null || echo cmake
  "$PYTHON" -c 'import ensurepip' 2>/dev/null || echo python3-venv
  "$PYTHON" -c "$python_h" 2>/dev/null || echo python3-dev  # torch.compile builds against it; torchfits does not
  if [[ "${1:-}" == --tests ]]; then
    command -v clang++ >/dev/null || echo clang
    command -v fpack >/dev/null || echo libcfitsio-bin
  fi
}

# libFuzzer and the sanitisers come in a package that carries clang's version in its name.
missing_clang_runtime() {
  command -v clang++ >/dev/null || return 0
  echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' |
    clang++ -fsanitize=fuzzer,address,undefined -x c++ - -o /dev/null 2>/dev/null && return 0
  local version
  version="$(clang++ -dumpversion | cut -d. -f1)"
  if apt-cache show "libclang-rt-$version-dev" >/dev/null 2>&1; then
    echo "libclang-rt-$version-dev"
  else
    echo "libclang-common-$version-dev"
  fi
}

install_packages() {
  (($# == 0)) && return 0
  local as_root=()
  if ((EUID != 0)); then as_root=(sudo); fi
  if ! command -v apt-get >/dev/null || { ((EUID != 0)) && ! command -v sudo >/dev/null; }; then
    echo "These system packages are missing and cannot be installed from here: $*" >&2
    echo "On Debian or Ubuntu: apt-get install $*   (elsewhere: the packages of your distribution that hold them)" >&2
    exit 1
  fi
  step "system packages: $*"
  "${as_root[@]}" apt-get update -qq || echo "apt-get update failed; going on with the package lists at hand" >&2
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; then
    echo "apt-get could not install: $*. Install them by hand, then run this script again." >&2
    exit 1
  fi
}

PYTHON="${PYTHON:-python3}"
if ! "$PYTHON" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "Python 3.11 or newer is needed for the tests and the demo; $PYTHON is $("$PYTHON" --version 2>&1)." >&2
  echo "Name another with PYTHON=..., as in: PYTHON=python3.12 bash ci/setup.sh" >&2
  exit 1
fi
mapfile -t packages < <(missing_packages "${1:-}")
install_packages "${packages[@]}"
if [[ "${1:-}" == --tests ]]; then
  mapfile -t packages < <(missing_clang_runtime)
  install_packages "${packages[@]}"
fi

stamp="$("$PYTHON" --version; cat ci/requirements.txt pyproject.toml csrc/torchfits.h | sha256sum; pwd)"
if [[ "$(cat .venv/stamp 2>/dev/null)" != "$stamp" ]]; then
  step "Python environment in .venv (torch is the large part)"
  [[ -x .venv/bin/python ]] || "$PYTHON" -m venv .venv
  .venv/bin/python -m pip install --disable-pip-version-check -r ci/requirements.txt
  step "torchfits, editable"
  .venv/bin/python -m pip install --disable-pip-version-check --no-build-isolation --no-deps -e .
  echo "$stamp" >.venv/stamp
fi
export PATH="$ROOT/.venv/bin:$PATH"
step "torchfits, built in place"
python setup.py -q build_ext --inplace
