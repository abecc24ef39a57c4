"""Tile-compressed files of every kind, written by astropy, by fitsio and by fpack, and CFITSIO's reading of them.

A file holds many HDUs of one codec and tile shape: to write and to open files is what takes the time here.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import io
import math
import os
import subprocess
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import fitsio
import numpy as np
from astropy.io import fits

# Shape of the image, shape of a tile, both as arrays have them (last axis fastest).
LAYOUTS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "rows": ((23, 45), (1, 45)),
    "100x100": ((130, 210), (100, 100)),
    "odd": ((33, 37), (7, 11)),
    "whole": ((19, 53), (19, 53)),
    "columns": ((24, 6), (24, 1)),
    "pixels": ((3, 4), (1, 1)),
    "one pixel": ((1, 1), (1, 1)),
    "1-D": ((301,), (64,)),
    "planes": ((3, 11, 13), (1, 11, 13)),
    "3-D": ((7, 9, 10), (3, 4, 6)),
    "4-D": ((2, 3, 5, 7), (1, 2, 3, 4)),
    "4-D planes": ((2, 2, 9, 10), (1, 1, 5, 10)),
    "5-D": ((3, 1, 4, 3, 5), (2, 1, 2, 3, 2)),
    "6-D": ((2, 3, 2, 3, 4, 5), (1, 2, 2, 2, 3, 4)),
}
INTEGERS = ["u1", "i1", "i2", "u2", "i4", "u4"]
FLOATS = ["f4", "f8"]
METHODS = ["NO_DITHER", "SUBTRACTIVE_DITHER_1", "SUBTRACTIVE_DITHER_2"]
CODECS = {"RICE_1": "RICE", "GZIP_1": "GZIP", "GZIP_2": "GZIP_2", "HCOMPRESS_1": "HCOMPRESS", "PLIO_1": "PLIO"}
LOSSLESS = ("GZIP_1", "GZIP_2", "NOCOMPRESS")  # of floating-point pixels too


# --- Pixels -------------------------------------------------------------------------------------------------------


def seeded(*what: object) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr(what).encode()))


def _limits(kind: str) -> tuple[int, int]:
    info = np.iinfo(kind)
    return int(info.min), int(info.max)


def constant(shape: Sequence[int], kind: str) -> np.ndarray:
    return np.full(shape, 7, kind)


def zeros(shape: Sequence[int], kind: str) -> np.ndarray:
    return np.zeros(shape, kind)


def ramp(shape: Sequence[int], kind: str) -> np.ndarray:
    return (np.arange(math.prod(shape)) % 120).reshape(shape).astype(kind)


def sky(shape: Sequence[int], kind: str) -> np.ndarray:
    """A level, noise, and a star that is far above it."""
    values = seeded(shape, kind).normal(60, 8, shape)
    values.reshape(-1)[values.size // 2 :][:1] = 127
    return values.astype(kind) if kind[0] == "f" else np.clip(np.rint(values), 0, 127).astype(kind)


def noise(shape: Sequence[int], kind: str) -> np.ndarray:
    """What no codec makes smaller: every bit random."""
    random = seeded(shape, kind, "noise")
    if kind[0] == "f":
        return random.normal(0, 1e10, shape).astype(kind)
    return random.integers(*_limits(kind), shape, dtype=kind, endpoint=True)


def extremes(shape: Sequence[int], kind: str) -> np.ndarray:
    """The ends of the type beside each other: the greatest differences."""
    if kind[0] == "f":
        info = np.finfo(kind)
        values = np.array([info.max, info.min, info.tiny, -info.tiny / 2, -0.0, np.inf, -np.inf], kind)
    else:
        low, high = _limits(kind)
        values = np.array([low, high, low + 1, high - 1, 0], kind)
    return np.resize(values, shape)


def holes(shape: Sequence[int], kind: str) -> np.ndarray:
    """Sky with runs of NaN longer than a row, single ones, and exact zeros of both signs."""
    values = sky(shape, kind)
    flat = values.reshape(-1)
    flat[: flat.size // 4] = np.nan
    flat[5::29] = np.nan
    flat[3::17] = 0
    flat[7::31] = -0.0
    return values


def nothing(shape: Sequence[int], kind: str) -> np.ndarray:
    return np.full(shape, np.nan, kind)


def mask(shape: Sequence[int], kind: str) -> np.ndarray:
    """Runs of a few values, as pixel masks have them."""
    count = math.prod(shape)
    random = seeded(shape, kind, "mask")
    values = np.repeat(random.choice([0, 0, 1, 4, 100], count), random.integers(1, 9, count))
    return values[:count].reshape(shape).astype(kind)


def patchwork(shape: Sequence[int], kind: str) -> np.ndarray:
    """Another sort of pixels in each part of the image, so that its tiles are of all sorts."""
    parts = [sky, zeros, ramp, extremes, noise, constant] + ([nothing, holes] if kind[0] == "f" else [])
    flat = np.empty(math.prod(shape), kind)
    edges = np.linspace(0, flat.size, len(parts) + 1).astype(int)
    for part, first, last in zip(parts, edges, edges[1:]):
        flat[first:last] = part((last - first,), kind)
    return flat.reshape(shape)


def full_mask(shape: Sequence[int], kind: str) -> np.ndarray:
    """Runs of all values that PLIO_1 and the type hold, 0 to 2^24 - 1; shorter runs of them overrun the encoders."""
    count = math.prod(shape)
    random = seeded(shape, kind, "full mask")
    high = min(_limits(kind)[1], 2**24 - 1)
    values = np.repeat(random.choice([0, 1, 4095, 4096, high, high - 1], count), random.integers(4, 13, count))
    return np.minimum(values[:count], high).reshape(shape).astype(kind)


Pixels = Callable[[Sequence[int], str], np.ndarray]
OF_INTEGERS: list[Pixels] = [sky, constant, zeros, ramp, noise, extremes, mask]
OF_FLOATS: list[Pixels] = [sky, constant, zeros, ramp, noise, extremes, holes, nothing]
OF_MASKS: list[Pixels] = [mask, full_mask, ramp, sky, constant, zeros]


# --- Samples ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Image:
    """One compressed image of a file: its stored pixels, and what makes physical values of them."""

    hdu: int
    name: str
    stored: np.ndarray
    bscale: float = 1
    bzero: int | float = 0
    blank: int | None = None
    lossless: bool = True  # expected are the pixels that were written; otherwise a reader's

    @property
    def shape(self) -> tuple[int, ...]:
        return self.stored.shape

    @property
    def kind(self) -> str:
        """The type of the whole image read with its scaling, by the rules of read_image."""
        stored = self.stored.dtype
        unsigned = {(1, -128): "i1", (2, 2**15): "u2", (4, 2**31): "u4", (8, 2**63): "u8"}
        if stored.kind == "f" or (self.bscale == 1 and self.bzero == 0 and self.blank is None):
            return stored.str[1:]
        if self.bscale == 1 and self.blank is None and (stored.itemsize, self.bzero) in unsigned:
            return unsigned[stored.itemsize, int(self.bzero)]
        return "f4" if stored.itemsize < 4 else "f8"

    def physical(self) -> np.ndarray:
        """Each value exactly, as int64 (uint64 where needed) or float64; undefined pixels are NaN."""
        stored = self.stored
        if stored.dtype.kind != "f" and self.bscale == 1 and self.blank is None and float(self.bzero).is_integer():
            return (
                stored.astype("i8") + int(self.bzero)
                if self.bzero < 2**62
                else stored.astype("u8") ^ np.uint64(1 << 63)
            )
        values = (
            stored.astype("f8") * self.bscale + self.bzero if self.bscale != 1 or self.bzero else stored.astype("f8")
        )
        if self.blank is not None and stored.dtype.kind != "f":
            values[stored == self.blank] = np.nan
        return values

    def expected(self, dtype: str | None = None, *, scaled: bool = True) -> np.ndarray:
        """What read_image must give: one rounding to floats, float16 by way of float32; integers cut towards zero, at
        the ends of their type, NaN 0, and BLANK a number like any other."""
        if not scaled:
            return self.stored
        wanted = np.dtype(dtype or self.kind)
        values = (self if wanted.kind == "f" else replace(self, blank=None)).physical()
        with np.errstate(over="ignore", invalid="ignore"):
            if wanted.kind == "f":
                return values.astype("f4").astype(wanted) if wanted.itemsize == 2 else values.astype(wanted)
            low, high = _limits(wanted.str[1:])
            if values.dtype.kind != "f":
                return np.clip(values, max(low, -(2**63)) if low else 0, min(high, 2**63 - 1)).astype(wanted)
            whole, cut = np.trunc(values), np.zeros(values.shape, wanted)
            inside = (whole > low) & (whole < high)
            cut[inside] = whole[inside].astype(wanted)
            cut[whole >= high], cut[whole <= low] = high, low
            return cut


@dataclass(frozen=True)
class Sample:
    """A file, and its compressed images."""

    name: str
    file: bytes
    images: tuple[Image, ...]


# --- Writers ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """An image to write: its pixels, what its writer is told, and whether they come back as they were."""

    name: str
    pixels: np.ndarray
    options: dict[str, Any]
    lossless: bool


def stored_of(pixels: np.ndarray) -> tuple[np.ndarray, int]:
    """The stored values of an array, and BZERO of the unsigned conventions (FITS Standard 4.0, section 5.2.5)."""
    kind, size = pixels.dtype.kind, pixels.dtype.itemsize
    if kind == "i" and size == 1:
        return (pixels.astype("i2") + 128).astype("u1"), -128
    if kind == "u" and size > 1:
        bzero = 1 << (8 * size - 1)
        return (pixels.astype("i8") - bzero).astype(f"i{size}"), bzero
    return pixels, 0


def astropy_file(wanted: Sequence[Wanted], codec: str, tile: Sequence[int]) -> bytes:
    hdus = fits.HDUList([fits.PrimaryHDU()])
    for want in wanted:
        hdus.append(fits.CompImageHDU(want.pixels, compression_type=codec, tile_shape=tile, **want.options))
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hdus.writeto(out)
    return out.getvalue()


def fitsio_file(wanted: Sequence[Wanted], codec: str, tile: Sequence[int]) -> bytes:
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        path = os.path.join(folder, "image.fits")
        with fitsio.FITS(path, "rw") as file:
            for want in wanted:
                file.write(want.pixels, compress=CODECS[codec], tile_dims=tile, **want.options)
        return Path(path).read_bytes()


def fpack_file(plain: bytes, *options: str) -> bytes:
    return _filtered(["fpack", *options], plain)


def funpack_file(packed: bytes) -> bytes:
    return _filtered(["funpack"], packed)


def _filtered(command: list[str], file: bytes) -> bytes:
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        source, target = Path(folder, "source.fits"), Path(folder, "target.fits")
        source.write_bytes(file)
        subprocess.run([*command, "-O", str(target), str(source)], capture_output=True, check=True)
        return target.read_bytes()


def in_memory() -> str | None:
    """Thousands of small files: in memory where that can be had."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


# --- Readers ------------------------------------------------------------------------------------------------------

_NUMBERS = {8: ("u1", 11), 16: ("i2", 21), 32: ("i4", 31), 64: ("i8", 81), -32: ("f4", 42), -64: ("f8", 82)}


@cache
def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library("cfitsio")
    assert name, "libcfitsio, with which torchfits is built, is also the oracle of these tests"
    return ctypes.CDLL(name)


def _cfitsio_read(path: str, hdu: int, nan: bool) -> np.ndarray:
    """fits_read_subset of the whole image, unscaled. The file is opened for every call: CFITSIO keeps the last tiles,
    and gives them again with or without NaN as they were first asked for."""
    library, file, status = _library(), ctypes.c_void_p(), ctypes.c_int(0)

    def call(name: str, *arguments: Any) -> None:
        getattr(library, name)(*arguments, ctypes.byref(status))
        if status.value:
            library.ffcmsg()
            raise RuntimeError(f"CFITSIO: {name} of {path}[{hdu}] gives status {status.value}")

    call("ffdkopn", ctypes.byref(file), os.fsencode(path), 0)
    try:
        bitpix, naxis, axes = ctypes.c_int(), ctypes.c_int(), (ctypes.c_long * 9)()
        call("ffmahd", file, hdu + 1, None)
        call("ffgidt", file, ctypes.byref(bitpix))
        call("ffgidm", file, ctypes.byref(naxis))
        call("ffgisz", file, 9, axes)
        call("ffpscl", file, ctypes.c_double(1), ctypes.c_double(0))
        kind, code = _NUMBERS[bitpix.value]
        out = np.empty(axes[: naxis.value][::-1], kind)
        ones = (ctypes.c_long * 9)(*[1] * 9)
        number = {"f4": ctypes.c_float, "f8": ctypes.c_double}.get(kind)
        null = ctypes.byref(number(math.nan)) if number and nan else None
        call(
            "ffgsv", file, code, ones, axes, ones, null, ctypes.c_void_p(out.ctypes.data), ctypes.byref(ctypes.c_int())
        )
        return out
    finally:
        status = ctypes.c_int(0)
        library.ffclos(file, ctypes.byref(status))


def cfitsio_stored(opened: fits.HDUList, file: bytes, hdu: int) -> np.ndarray:
    """CFITSIO's stored values, of floats with NaN where a pixel is undefined; `opened` is astropy's view of the file.

    Asked for NaN, CFITSIO also makes infinities NaN, and numbers below the normal range and -0.0 zero; not asked, it
    gives undefined pixels of quantised tiles numbers that look sound. The two readings together tell them apart.
    Each HDU is read from a file of its own: 4.2 remembers ZQUANTIZ = 'NONE' of an HDU before, and takes the integers
    of quantised GZIP tiles for floats. Not for images of 6 axes (the pixels are in the wrong places), of 64-bit
    integers, or of NOCOMPRESS (errors).
    """
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        path = os.path.join(folder, "image.fits")
        Path(path).write_bytes(alone(opened, file, hdu))
        values = _cfitsio_read(path, 1, nan=False)
        if values.dtype.kind != "f":
            return values
        undefined = np.isnan(_cfitsio_read(path, 1, nan=True))
    if (undefined & np.isinf(values)).any():
        # Infinite as stored, or the formula's result for an undefined pixel: astropy's reading tells.
        undefined &= np.isnan(astropy_stored(opened, hdu)) | ~np.isinf(values)
    values[undefined] = np.nan
    return values


def alone(opened: fits.HDUList, file: bytes, hdu: int) -> bytes:
    """One HDU as a file: behind an empty primary one."""
    start = opened[hdu].fileinfo()["hdrLoc"]
    last = hdu + 1 == len(opened)
    primary = fits.PrimaryHDU().header.tostring().encode()
    return primary + file[start : len(file) if last else opened[hdu + 1].fileinfo()["hdrLoc"]]


def astropy_stored(opened: fits.HDUList, hdu: int) -> np.ndarray:
    """astropy's stored values, of a file opened with do_not_scale_image_data."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = opened[hdu].data
    return data.astype(data.dtype.newbyteorder("="))


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal to the bit, but for which NaN it is."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind != "f":
        return bool((a == b).all())
    whole = f"u{a.dtype.itemsize}"
    return bool(((a.view(whole) == b.view(whole)) | (np.isnan(a) & np.isnan(b))).all())


# --- The matrix ---------------------------------------------------------------------------------------------------


def _integers(codec: str, layout: str, every: bool) -> Iterator[tuple[str, Pixels]]:
    """Of every kind a patchwork, and by turns one of the others (`every`: all)."""
    masks = codec == "PLIO_1"
    for turn, kind in enumerate(["u1", "i1", "i2", "i4"] if masks else INTEGERS, start=list(LAYOUTS).index(layout)):
        small = masks and kind in ("u1", "i1")  # which has no value that PLIO_1 does not hold
        choice = OF_INTEGERS if not masks or small else OF_MASKS
        yield kind, patchwork if not masks or small else full_mask
        yield from ((kind, pixels) for pixels in (choice if every else [choice[turn % len(choice)]]))


def _floats(layout: str, every: bool) -> Iterator[tuple[str, Pixels]]:
    for turn, kind in enumerate(FLOATS, start=list(LAYOUTS).index(layout)):
        yield kind, patchwork
        yield kind, holes
        yield from ((kind, pixels) for pixels in (OF_FLOATS if every else [OF_FLOATS[turn % len(OF_FLOATS)]]))


def _some(cases: Iterator[tuple[str, Pixels]], turn: int, every: bool) -> list[tuple[str, Pixels]]:
    """Every second one, by turns: astropy takes 10 ms to write an HDU."""
    listed = list(cases)
    return listed if every else listed[turn % 2 :: 2]


def _smallest_tile(layout: str) -> int:
    return math.prod((n - 1) % t + 1 for n, t in zip(*LAYOUTS[layout]))


def _layouts(codec: str, writer: str) -> list[str]:
    """What the encoders can do: HCOMPRESS_1 planes of at least 4 by 4, CFITSIO images of up to 3 axes. With PLIO_1
    both overrun their buffers where a tile has fewer than 5 pixels or so."""
    if codec == "HCOMPRESS_1":
        return ["100x100", "odd", "whole", "planes"] + (["4-D planes"] if writer == "astropy" else [])
    names = [name for name, (shape, _) in LAYOUTS.items() if writer == "astropy" or len(shape) <= 3]
    return [name for name in names if codec != "PLIO_1" or _smallest_tile(name) >= 16]


def astropy_wanted(codec: str, layout: str, every: bool) -> Iterator[Wanted]:
    (shape, _), turn = LAYOUTS[layout], list(LAYOUTS).index(layout)
    for kind, pixels in _some(_integers(codec, layout, every), turn, every):
        yield Wanted(f"{kind} {pixels.__name__}", pixels(shape, kind), {}, lossless=True)
    if codec in LOSSLESS:
        # Which CFITSIO cannot read: it knows no compressed integers of 64 bits.
        for pixels in (patchwork, extremes, sky) if every else (patchwork,):
            yield Wanted(f"i8 {pixels.__name__}", pixels(shape, "i8"), {}, lossless=True)
        for kind, pixels in _some(_floats(layout, every), turn, every):
            yield Wanted(f"{kind} {pixels.__name__}", pixels(shape, kind), {"quantize_level": 0}, lossless=True)
    if codec == "NOCOMPRESS":
        return
    if codec == "HCOMPRESS_1":
        for scale, kind, smooth in (
            (3, "i2", 0),
            (3, "i2", 1),
            (10, "i4", 0),
            (10, "i4", 1),
            (5, "u2", 1),
            (2, "f4", 1),
        ):
            options = {"hcomp_scale": scale, "hcomp_smooth": smooth}
            yield Wanted(f"{kind} sky, {options}", sky(shape, kind), options, lossless=False)
    masks = [(kind, pixels) for kind in FLOATS for pixels in (constant, zeros, nothing)]
    choice = iter(masks) if codec == "PLIO_1" else _floats(layout, every)
    for number, (kind, pixels) in enumerate(_some(choice, turn, every)):
        for method in METHODS if every else [METHODS[(number + turn) % 3]]:
            options = {"quantize_method": METHODS.index(method) or -1, "dither_seed": 1 + 3333 * (turn % 4)}
            if pixels is sky:
                options["quantize_level"] = (16.0, 4.0, -0.5)[turn % 3]
            yield Wanted(f"{kind} {pixels.__name__} {method}", pixels(shape, kind), options, lossless=False)


def fitsio_wanted(codec: str, layout: str, every: bool) -> Iterator[Wanted]:
    """What CFITSIO's encoder survives: HCOMPRESS_1 of noise and PLIO_1 of large uint16 overrun its buffers."""
    shape, _ = LAYOUTS[layout]
    if codec == "HCOMPRESS_1":
        cases = [(kind, pixels) for kind in INTEGERS for pixels in (sky, mask, constant)]
    elif codec == "PLIO_1":
        cases = [(kind, pixels) for kind in ("u1", "i2", "u2", "i4") for pixels in (mask, sky, constant)]
    else:
        cases = list(_integers(codec, layout, every))
    lossless = {"hcomp_scale": 0} if codec == "HCOMPRESS_1" else {}
    for kind, pixels in cases:
        yield Wanted(f"{kind} {pixels.__name__}", pixels(shape, kind), lossless, lossless=True)
    if codec == "HCOMPRESS_1":
        for scale, kind, smooth in ((2, "i2", False), (2, "i2", True), (7, "i4", True), (4, "u2", False)):
            options = {"hcomp_scale": scale, "hcomp_smooth": smooth}
            yield Wanted(f"{kind} sky, {options}", sky(shape, kind), options, lossless=False)
    if codec == "PLIO_1":
        return
    for turn, (kind, pixels) in enumerate(_floats(layout, every)):
        if codec in LOSSLESS:
            yield Wanted(f"{kind} {pixels.__name__} unquantised", pixels(shape, kind), {"qlevel": 0}, lossless=False)
        for method in METHODS if every else (METHODS[turn % 3], METHODS[(turn + 1) % 3]):
            options = {"qlevel": 4, "qmethod": method, "dither_seed": 1 + 3333 * (turn % 4), **lossless}
            yield Wanted(f"{kind} {pixels.__name__} {method}", pixels(shape, kind), options, lossless=False)


def _sample(name: str, file: bytes, wanted: Sequence[Wanted], only_astropy: bool) -> Sample:
    """Expected values of what is lossless are the pixels that were written; of the rest CFITSIO's, or astropy's."""
    images = []
    with fits.open(io.BytesIO(file), do_not_scale_image_data=True) as hdus:
        for hdu, want in enumerate(wanted, 1):
            stored, bzero = stored_of(want.pixels)
            if not want.lossless:
                stored = astropy_stored(hdus, hdu) if only_astropy else cfitsio_stored(hdus, file, hdu)
            images.append(Image(hdu, want.name, stored, bzero=bzero, lossless=want.lossless))
    return Sample(name, file, tuple(images))


WRITERS = {"astropy": (astropy_wanted, astropy_file), "fitsio": (fitsio_wanted, fitsio_file)}
MATRIX = [("astropy", codec, layout) for codec in [*CODECS, "NOCOMPRESS"] for layout in _layouts(codec, "astropy")]
MATRIX += [("fitsio", codec, layout) for codec in CODECS for layout in _layouts(codec, "fitsio")]


@cache
def matrix_sample(writer: str, codec: str, layout: str, every: bool = False) -> Sample:
    shape, tile = LAYOUTS[layout]
    wanted_by, written_by = WRITERS[writer]
    wanted = list(wanted_by(codec, layout, every))
    only_astropy = len(shape) > 5 or codec == "NOCOMPRESS"
    return _sample(f"{writer} {codec} {layout}", written_by(wanted, codec, tile), wanted, only_astropy)


# --- fpack --------------------------------------------------------------------------------------------------------

FPACK = [
    "", "-r", "-g", "-g1", "-g2", "-h", "-p", "-d", "-w", "-r -w", "-g2 -w", "-h -w", "-p -w", "-r -t 10,10",
    "-g -t 7,5", "-p -t 9,4", "-h -t 20,16", "-d -t 8,8", "-r -q 4", "-r -q 1", "-r -q -0.5", "-r -q0 16", "-r -qz 4",
    "-r -qt 4", "-r -qzt 8", "-r -q1 4", "-r -q9999 4", "-r -q10000 4", "-r -qz10000 4", "-g -q 8", "-g2 -q0 8",
    "-g -q 0", "-g2 -q 0", "-h -q 8", "-h -s 2", "-h -s -3", "-h -s 4 -w", "-r -n 3", "-g -n 5", "-i2f -q 4",
    "-i2f -qz 2 -n3min 1", "-r -w -q 4", "-r -t 45,7 -qz 4", "-r -C",
]  # fmt: skip
# Kind, pixels, keywords, shape.
FPACK_IMAGES: list[tuple[str, Pixels, dict[str, Any], tuple[int, ...]]] = [
    ("u1", sky, {}, (24, 45)),
    ("i2", sky, {}, (24, 45)),
    ("u2", sky, {}, (24, 45)),
    ("i4", sky, {}, (24, 45)),
    ("u4", sky, {}, (24, 45)),
    ("i2", mask, {"BLANK": 4}, (24, 45)),
    ("i2", sky, {"BSCALE": 0.013, "BZERO": -7.7}, (24, 45)),
    ("i4", sky, {"BSCALE": 0.25, "BZERO": 10.0, "BLANK": 60}, (24, 45)),
    ("u1", mask, {"BSCALE": 3.0, "BLANK": 1}, (24, 45)),
    ("f4", sky, {}, (24, 45)),
    ("f4", holes, {}, (24, 45)),
    ("f8", holes, {}, (24, 45)),
    ("f4", nothing, {}, (24, 45)),
    ("i2", sky, {}, (3, 24, 45)),
    ("f4", sky, {}, (3, 24, 45)),
    ("i4", mask, {}, (24, 45)),
]


def _takes(options: str, kind: str, pixels: Pixels) -> bool:
    """Whether fpack takes an image, and funpack its result (lossy HCOMPRESS_1 of bytes ends below 0: its error)."""
    if "-p" in options.split():
        return pixels is mask and kind in ("u1", "i2")
    if "-d" in options.split():
        return kind in ("i2", "i4", "f4") and pixels is not holes
    return not ("-s" in options.split() and kind == "u1")


def plain_file(options: str) -> bytes:
    """The images before fpack."""
    hdus = fits.HDUList([fits.PrimaryHDU()])
    for kind, pixels, keywords, shape in FPACK_IMAGES:
        if _takes(options, kind, pixels):
            hdu = fits.ImageHDU(pixels(shape, kind))
            hdu.header.update(keywords)
            hdus.append(hdu)
    out = io.BytesIO()
    hdus.writeto(out, output_verify="ignore")
    return out.getvalue()


@cache
def fpack_sample(options: str) -> Sample:
    """Expected are funpack's integers and CFITSIO's floats: of images with NaN whose tiles are no rows funpack 4.2 puts
    the pixels in wrong places. It has no reader of NOCOMPRESS, where nothing is lost. Keywords are funpack's."""
    file = fpack_file(plain_file(options), *options.split())
    stored_plainly = options.startswith("-d")
    plain = plain_file(options) if stored_plainly else funpack_file(file)
    images = []
    with (
        fits.open(io.BytesIO(plain), do_not_scale_image_data=True) as hdus,
        fits.open(io.BytesIO(file), do_not_scale_image_data=True) as packed,
    ):
        for number, hdu in enumerate(hdus[1:], 1):
            scaling = hdu.header.get("BSCALE", 1), hdu.header.get("BZERO", 0), hdu.header.get("BLANK")
            stored = astropy_stored(hdus, number)
            if stored.dtype.kind == "f" and not stored_plainly:
                stored = cfitsio_stored(packed, file, number)
            images.append(Image(number, f"HDU {number} {stored.dtype} {stored.shape}", stored, *scaling))
    return Sample(f"fpack {options}", file, tuple(images))
