#!/usr/bin/env bash
# Builds the libraries that the wheel brings along, from the distribution's source packages (the untouched upstream
# archive of each; apt checks their digests). The machine's own package sources stay as they are.
#
#   bash ci/bundled_libraries.sh PREFIX
#
# CFITSIO (no networking, reentrant, bzip2), zlib, bzip2 and libdeflate: static, for libtorchfits.so to swallow with
# hidden symbols. WCSLIB is LGPL: a shared library of its own name, libtorchfits_wcs.so.N, that a user may replace and
# that cannot be taken for the copy inside astropy or the system's. Licences go to PREFIX/licenses.
set -euo pipefail
mkdir -p "$1"
prefix="$(cd "$1" && pwd)"
work="$prefix/work"
jobs="${MAX_JOBS:-$(nproc)}"
export CFLAGS="-O2 -fPIC -DNDEBUG -D_GNU_SOURCE"
mkdir -p "$prefix"/{lib/pkgconfig,include/wcslib,licenses} "$work"/{apt/sources,apt/lists/partial,apt/cache/archives/partial,objects}

# The distribution's own sources with deb turned into deb-src, in a private folder.
fetch_sources() {
  local file
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/{debian,ubuntu}.{list,sources}; do
    [[ -f $file ]] || continue
    sed -E 's/^Types:.*/Types: deb-src/; s/^deb(-src)?[[:space:]]/deb-src /' "$file" >"$work/apt/sources/$(basename "$file")"
  done
  local apt=(apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/apt/sources"
    -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User="$(id -un)")
  "${apt[@]}" update
  (cd "$work" && "${apt[@]}" source --tar-only --download-only "$@")
  local archive
  for archive in "$work"/*.orig.tar.*; do tar -C "$work" -xf "$archive"; done
}

# unpacked NAME: the folder of a source package.
unpacked() { find "$work" -maxdepth 1 -type d -name "$1-*"; }

# compile NAME FLAGS AND SOURCES: the objects, in a folder of their own.
compile() {
  mkdir -p "$work/objects/$1"
  # shellcheck disable=SC2086
  (cd "$work/objects/$1" && cc $CFLAGS -c "${@:2}")
}

# pkg_config NAME VERSION LIBS
pkg_config() {
  printf 'Name: %s\nDescription: built for the torchfits wheel\nVersion: %s\nLibs: -L%s %s\nCflags: -I%s -I%s\n' \
    "$1" "$2" "$prefix/lib" "$3" "$prefix/include" "$prefix/include/wcslib" >"$prefix/lib/pkgconfig/$1.pc"
}

version_of() { basename "$(unpacked "$1")" | sed -E 's/.*-([0-9.]+[0-9]).*/\1/'; }

build_zlib() {
  local source
  source="$(unpacked zlib)"
  compile zlib -DHAVE_UNISTD_H "$source"/*.c
  ar rcs "$prefix/lib/libz.a" "$work"/objects/zlib/*.o
  cp "$source"/{zlib,zconf}.h "$prefix/include"
  cp "$source/LICENSE" "$prefix/licenses/zlib.txt" 2>/dev/null || cp "$source/README" "$prefix/licenses/zlib.txt"
  pkg_config zlib "$(version_of zlib)" -lz
}

build_bzip2() {
  local source
  source="$(unpacked bzip2)"
  compile bzip2 "$source"/{blocksort,huffman,crctable,randtable,compress,decompress,bzlib}.c
  ar rcs "$prefix/lib/libbz2.a" "$work"/objects/bzip2/*.o
  cp "$source/bzlib.h" "$prefix/include"
  cp "$source/LICENSE" "$prefix/licenses/bzip2.txt"
}

build_libdeflate() {
  local source
  source="$(unpacked libdeflate)"
  compile libdeflate -I"$source" "$source"/lib/*.c "$source"/lib/*/*.c
  ar rcs "$prefix/lib/libdeflate.a" "$work"/objects/libdeflate/*.o
  cp "$source/libdeflate.h" "$prefix/include"
  cp "$source/COPYING" "$prefix/licenses/libdeflate.txt"
  pkg_config libdeflate "$(version_of libdeflate)" -ldeflate
}

build_cfitsio() {
  local source
  source="$(unpacked cfitsio)"
  # CMAKE_HAVE_GETHOSTBYNAME=OFF is what leaves out CFITSIO's drivers for http, ftp and root (HAVE_NET_SERVICES).
  cmake -S "$source" -B "$work/cfitsio-build" -DCMAKE_BUILD_TYPE=None -DCMAKE_POLICY_VERSION_MINIMUM=3.5 \
    -DBUILD_SHARED_LIBS=OFF -DUSE_CURL=OFF -DCMAKE_HAVE_GETHOSTBYNAME=OFF -DUSE_PTHREADS=ON -DTESTS=OFF -DUTILS=OFF \
    -DUSE_BZIP2=ON -DBZIP2_INCLUDE_DIR="$prefix/include" -DBZIP2_LIBRARIES="$prefix/lib/libbz2.a" \
    -DZLIB_INCLUDE_DIR="$prefix/include" -DZLIB_LIBRARY="$prefix/lib/libz.a" -Wno-dev
  cmake --build "$work/cfitsio-build" -j "$jobs"
  cp "$work/cfitsio-build/libcfitsio.a" "$prefix/lib"
  cp "$source"/{fitsio,fitsio2,longnam}.h "$prefix/include"
  cp "$source"/[Ll]icen[sc]e* "$prefix/licenses/cfitsio.txt" 2>/dev/null || cp "$source"/licenses/License.txt "$prefix/licenses/cfitsio.txt"
  pkg_config cfitsio "$(version_of cfitsio)" "-lcfitsio -lbz2 -lz -lm -lpthread"
  if nm "$prefix/lib/libcfitsio.a" 2>/dev/null | grep -qE ' U (curl_|connect$|gethostbyname)'; then
    echo "CFITSIO was built with networking, which the wheel must not carry" >&2
    exit 1
  fi
}

build_wcslib() {
  local source version
  source="$(unpacked wcslib)"
  version="$(version_of wcslib)"
  sed -e "s/#undef WCSLIB_VERSION/#define WCSLIB_VERSION \"$version\"/" -e 's/#undef HAVE_SINCOS/#define HAVE_SINCOS 1/' \
    -e 's/#undef WCSLIB_INT64/#define WCSLIB_INT64 long long int/' "$source/wcsconfig.h.in" >"$source/wcsconfig.h"
  local parts=()
  mapfile -t parts < <(find "$source/C" -maxdepth 1 -name '*.c' ! -name getwcstab.c)  # getwcstab needs CFITSIO
  compile wcslib -I"$source" -I"$source/C" "${parts[@]}" "$source"/C/flexed/*.c
  local soname="libtorchfits_wcs.so.${version%%.*}"
  cc -shared -Wl,-soname,"$soname" -Wl,-Bsymbolic -Wl,-z,defs -o "$prefix/lib/$soname" "$work"/objects/wcslib/*.o -lm
  ln -sf "$soname" "$prefix/lib/libtorchfits_wcs.so"
  cp "$source"/C/*.h "$source/wcsconfig.h" "$prefix/include/wcslib"
  cat "$source"/COPYING{.LESSER,} >"$prefix/licenses/wcslib.txt"
  pkg_config wcslib "$version" "-ltorchfits_wcs -lm"
}

[[ -f "$prefix/complete" ]] && exit 0
fetch_sources zlib bzip2 libdeflate cfitsio wcslib
for library in zlib bzip2 libdeflate cfitsio wcslib; do
  echo "building $library $(version_of $library)"
  "build_$library" >"$work/$library.log" 2>&1 || { tail -n 40 "$work/$library.log" >&2 && exit 1; }
done
rm -rf "$work"
touch "$prefix/complete"
