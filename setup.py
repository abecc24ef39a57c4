"""Builds torchfits/lib/libtorchfits.so and, where there is an nvcc, torchfits/lib/libtorchfits_cuda.so.

Neither library knows Python: one build serves every Python 3 and every torch >= 2.10 (LibTorch stable ABI). Sources are
listed by folder and every flag is stated once, here; ninja compiles them (incrementally, through ccache when present).

Environment: CXX, CXXFLAGS, LDFLAGS, MAX_JOBS and PKG_CONFIG_PATH mean what they usually do; TORCHFITS_CUDA=0 leaves the
CUDA library out.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel as _bdist_wheel
from setuptools.command.build_ext import build_ext as _build_ext

ROOT = Path(__file__).parent.resolve()
FOLDERS = ["csrc", "csrc/format", "csrc/filter", "csrc/io", "csrc/tile", "csrc/wcs", "csrc/ops"]
SYSTEM_LIBRARIES = ["cfitsio", "libdeflate", "zlib"] + (["wcslib"] if (ROOT / "csrc/wcs").is_dir() else [])

TARGET = ["-DTORCH_TARGET_VERSION=0x020a000000000000"]
# Contraction is off on both sides: CPU and CUDA give the same bits.
CXX_FLAGS = ["-fPIC", "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-ffp-contract=off", "-Wall", "-Wextra"]
LINK_FLAGS = ["-Wl,--as-needed", "-Wl,--exclude-libs,ALL", f"-Wl,--version-script={ROOT}/csrc/exports.map"]
CUDA_ARCHITECTURES = [
    "-gencode=arch=compute_80,code=sm_80",
    "-gencode=arch=compute_90,code=sm_90",
    "-gencode=arch=compute_90,code=compute_90",
]
# Device code may call constexpr functions of the standard library; 1675 is a pragma that is meant for g++.
NVCC_CODE_FLAGS = ["-std=c++20", "-O3", "-fmad=false", "--expt-relaxed-constexpr", "-diag-suppress=1675", "-DUSE_CUDA"]
NVCC_FLAGS = [*NVCC_CODE_FLAGS, "-Xcompiler", ",".join(CXX_FLAGS), *CUDA_ARCHITECTURES]

NINJA_FILE = """\
ninja_required_version = 1.3
rule cxx
  command = {cxx} -MD -MF $out.d {cxx_flags} $flags -c $in -o $out
  depfile = $out.d
  deps = gcc
  description = c++ $name
rule nvcc
  command = {nvcc} -MD -MF $out.d {nvcc_flags} $flags -c $in -o $out
  depfile = $out.d
  deps = gcc
  description = nvcc $name
rule link
  command = {linker} -shared -Wl,-soname,$out $in -o $out {link_flags}
  description = link $out
rule link_cuda
  command = {nvcc_linker} -shared -cudart static -Xlinker=-soname,$out $in -o $out {link_cuda_flags} libtorch_cuda.so
  description = link $out
rule stand_in
  command = {cxx} -xc -shared -Wl,-soname,libtorch_cuda.so $in -o $out
  description = link $out
build libtorch_cuda.so: stand_in {root}/cuda/torch_cuda.c
"""


def version() -> str:
    return re.search(r'#define TORCHFITS_VERSION "(.+)"', (ROOT / "csrc/torchfits.h").read_text())[1]


def find_nvcc() -> str | None:
    if os.environ.get("TORCHFITS_CUDA") == "0":
        return None
    home = os.environ.get("CUDA_HOME", "/usr/local/cuda")
    return shutil.which("nvcc", path=f"{home}/bin") or shutil.which("nvcc")


def find_ninja() -> str:
    # The environment's own first: two versions of ninja in turn on one folder would each build all of it anew.
    places = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    try:
        import ninja

        places.insert(0, ninja.BIN_DIR)
    except ImportError:
        pass
    found = shutil.which("ninja", path=os.pathsep.join(places))
    if found is None:
        raise SystemExit("torchfits: ninja is needed to build; install it with `pip install ninja`")
    return found


def pkg_config(what: str) -> list[str]:
    tool = shutil.which(os.environ.get("PKG_CONFIG", "pkg-config"))
    if tool is None:
        raise SystemExit("torchfits: pkg-config is needed to build; on Debian or Ubuntu: apt-get install pkg-config")
    asked = subprocess.run([tool, what, *SYSTEM_LIBRARIES], capture_output=True, text=True)
    if asked.returncode != 0:
        raise SystemExit(
            f"torchfits: a library that is needed to build was not found.\n{asked.stderr.strip()}\n"
            "On Debian or Ubuntu: apt-get install libcfitsio-dev wcslib-dev libdeflate-dev zlib1g-dev"
        )
    return shlex.split(asked.stdout)


def environment_flags(name: str) -> list[str]:
    return shlex.split(os.environ.get(name, ""))


class build_ext(_build_ext):
    """Writes build/native/build.ninja, runs it, and puts libraries and header into the package."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.build_temp = str(ROOT / "build/native")  # the same for pip, editable and in-place builds: incremental

    def get_ext_filename(self, fullname: str) -> str:
        return str(Path(*fullname.split("."))) + ".so"  # no Python in the name

    def build_extensions(self) -> None:
        folder = Path(self.build_temp)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "build.ninja").write_text(self.rules() + "".join(map(self.targets, self.extensions)))
        jobs = os.environ.get("MAX_JOBS") or str(len(os.sched_getaffinity(0)))
        environment = {"CCACHE_BASEDIR": str(ROOT), **os.environ}  # one cache for all checkouts of the project
        command = [find_ninja(), "-C", str(folder), "-j", jobs]
        if subprocess.run(command, stdout=sys.stderr, env=environment).returncode != 0:
            raise SystemExit("torchfits: the build failed; the compiler's message is above")
        for extension in self.extensions:
            target = Path(self.get_ext_fullpath(extension.name))
            target.parent.mkdir(parents=True, exist_ok=True)
            replace(folder / target.name, target)
        self.copy_header(Path(self.build_lib))

    def copy_extensions_to_source(self) -> None:
        for extension in self.extensions:
            place = self.get_ext_filename(extension.name)
            (ROOT / place).parent.mkdir(parents=True, exist_ok=True)
            replace(Path(self.build_lib, place), ROOT / place)
        self.copy_header(ROOT)

    def copy_header(self, root: Path) -> None:
        folder = root / "torchfits/include/torchfits"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / "csrc/torchfits.h", folder)

    def rules(self) -> str:
        from torch.utils import cpp_extension  # only here: `setup.py --version` and sdist work without torch

        ccache = [found] if (found := shutil.which("ccache")) else []
        cxx = shlex.split(os.environ.get("CXX", "c++"))
        nvcc = [find_nvcc() or "nvcc"]
        includes = [f"-I{ROOT}/csrc"]
        for path in cpp_extension.include_paths():
            includes += ["-isystem", path]
        torch_cpu = [f"-L{cpp_extension.TORCH_LIB_PATH}", "-ltorch_cpu"]
        # $ORIGIN for libraries that a wheel brings along; torch itself is loaded before us, or linked by a program.
        link_flags = ["-O3", *LINK_FLAGS, "-Wl,-z,defs", "-Wl,-rpath,$$ORIGIN"]
        cxx_flags = ["-std=c++20", "-O3", *CXX_FLAGS, *TARGET, *includes]
        return NINJA_FILE.format(
            cxx=shlex.join(ccache + cxx),
            cxx_flags=shlex.join(cxx_flags + pkg_config("--cflags") + environment_flags("CXXFLAGS")),
            linker=shlex.join(cxx),
            link_flags=shlex.join([*link_flags, *pkg_config("--libs"), *torch_cpu, *environment_flags("LDFLAGS")]),
            nvcc=shlex.join(ccache + nvcc),
            nvcc_flags=shlex.join([*NVCC_FLAGS, "-ccbin", cxx[-1], *TARGET, *includes]),
            nvcc_linker=shlex.join([*nvcc, "-ccbin", cxx[-1], *CUDA_ARCHITECTURES]),
            link_cuda_flags=shlex.join(
                [*(f"-Xlinker={flag[4:]}" for flag in [*LINK_FLAGS, "-Wl,-z,defs"]), *torch_cpu]
            ),
            root=ROOT,
        )

    def targets(self, extension: Extension) -> str:
        """The ninja targets of one library."""
        cuda = extension.name.endswith("_cuda")
        lines = []
        objects = [f"{source}.o" for source in extension.sources]
        for source, target in zip(extension.sources, objects):
            lines += [f"build {target}: {'nvcc' if cuda else 'cxx'} {ROOT / source}", f"  name = {source}"]
        library = self.get_ext_filename(extension.name.rsplit(".", 1)[-1])
        rule, needs = ("link_cuda", " libtorch_cuda.so") if cuda else ("link", "")
        lines.append(f"build {library}: {rule} {' '.join(objects)} | {ROOT}/csrc/exports.map{needs}")
        return "\n".join([*lines, f"default {library}", ""])


def replace(built: Path, target: Path) -> None:
    """Puts a library into place in one step, so that a process that has the old one mapped keeps it whole."""
    with_suffix = target.with_suffix(".new")
    shutil.copy2(built, with_suffix)
    with_suffix.replace(target)


class bdist_wheel(_bdist_wheel):
    def get_tag(self) -> tuple[str, str, str]:
        return ("py3", "none", super().get_tag()[2])


def sources(folders: list[str], ending: str) -> list[str]:
    return [str(path.relative_to(ROOT)) for folder in folders for path in sorted((ROOT / folder).glob(f"*{ending}"))]


def extensions() -> list[Extension]:
    libraries = [Extension("torchfits.lib.libtorchfits", sources(FOLDERS, ".cpp"))]
    cuda_sources = sources(["cuda"], ".cu")
    if cuda_sources and find_nvcc() is not None:
        libraries.append(Extension("torchfits.lib.libtorchfits_cuda", cuda_sources))
    elif cuda_sources and {"build_ext", "bdist_wheel", "editable_wheel", "install"} & set(sys.argv):
        print(
            "torchfits: no nvcc was found, so the CUDA kernels are left out; the CPU library is whole.", file=sys.stderr
        )
    return libraries


setup(version=version(), ext_modules=extensions(), cmdclass={"build_ext": build_ext, "bdist_wheel": bdist_wheel})
