"""Pixel to world coordinates and back, and pixels to pixels: projections and SIP, few points and many; and headers to
packed WCS."""

from __future__ import annotations

import ctypes
import ctypes.util
import itertools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import astropy.wcs
import astropy.wcs.utils
import numpy as np
import torch
from astropy.io import fits

from bench.harness import Case, Competitor, ours

POINTS = (100, 10_000, 1_000_000)
# Ratios to the best rival on one thread: what each must reach, and the aim.
TARGETS = {"TAN": (20, 30), "TAN-SIP": (12, 24), "TPV": (12, 24)}
OTHERS = (5, 15)
CODES = ["TAN", "TAN-SIP", "TPV", "SIN", "ARC", "STG", "ZEA", "CAR", "MER", "CEA", "CYP"]
LOOKUP = "Lookup"  # SIP, CPDIS and D2IM of a file that comes with astropy; wcslib has no tables
# Pixels of one WCS to those of another: what each pair must reach against astropy, and the aim.
PAIRS = {("TAN", "TAN"): (50, 200), ("TAN-SIP", "TAN-SIP"): (30, 50), ("TAN", "AIT"): (50, 100)}
WORLD_TOLERANCE, PIXEL_TOLERANCE = 1e-9, 1e-6  # degrees (of a direction), pixels


def header_of(code: str) -> fits.Header:
    """A field of 7 arc minutes, or of half the sky for cylindrical projections; SIP of order 4, TPV of order 3."""
    scale = 0.05 if code in ("CAR", "MER", "CEA", "CYP") else 5.5e-5
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = f"RA---{code}", f"DEC--{code}"
    header["CRVAL1"], header["CRVAL2"], header["CRPIX1"], header["CRPIX2"] = 150.1, 2.2, 1024.0, 1024.0
    header["CD1_1"], header["CD1_2"], header["CD2_1"], header["CD2_2"] = -scale, 0.1 * scale, 0.1 * scale, scale
    if code in ("CEA", "CYP"):
        header["PV2_1"] = 1.0
    if code == "TAN-SIP":
        random = np.random.default_rng(4)
        for name in "AB":
            header[f"{name}_ORDER"] = 4
            for p in range(5):
                for q in range(5 - p):
                    if p + q > 1:
                        header[f"{name}_{p}_{q}"] = 3 * random.uniform(-1, 1) * 1500.0 ** -(p + q)
    if code == "TPV":
        random = np.random.default_rng(3)
        degrees = [0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3]
        for axis, (m, degree) in itertools.product((1, 2), enumerate(degrees)):
            if m != 3:  # the first power of r
                header[f"PV{axis}_{m}"] = (m == 1) + 1e-4 * random.uniform(-1, 1) * 0.1 ** (1 - degree)
    return header


@dataclass
class Transform(Competitor):
    """Its result is where it agrees with the truth, which no two ways of computing it give to the last bit."""

    truth: Any = None
    tolerance: float = 0.0

    def result(self) -> torch.Tensor:
        found = np.asarray(self.call())
        difference = np.abs(found - self.truth)
        if self.tolerance == WORLD_TOLERANCE:
            difference = np.minimum(difference, 360 - difference)
            difference[:, 0] *= np.cos(np.deg2rad(self.truth[:, 1]))
        return torch.from_numpy(difference < self.tolerance)


@cache
def _libwcs() -> ctypes.CDLL | None:
    name = ctypes.util.find_library("wcs")
    return ctypes.CDLL(name) if name else None


class Wcslib:
    """wcslib's wcsp2s() and wcss2p(), called as a C program calls them: buffers made once."""

    def __init__(self, header: fits.Header, count: int) -> None:
        self.library = _libwcs()
        cards = header.tostring().encode()
        rejected, found = ctypes.c_int(), ctypes.c_int()
        self.wcs = ctypes.c_void_p()
        status = self.library.wcspih(
            cards, len(cards) // 80, 0x000FFFFF, 0, ctypes.byref(rejected), ctypes.byref(found), ctypes.byref(self.wcs)
        )
        if status or not found.value or self.library.wcsset(self.wcs):
            raise RuntimeError("wcslib does not take the header")
        self.phi, self.theta = np.empty(count), np.empty(count)
        self.image, self.out = np.empty((count, 2)), np.empty((count, 2))
        self.status = np.empty(count, np.int32)

    def _call(self, function: str, given: np.ndarray, *middle: np.ndarray) -> np.ndarray:
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (given, *middle, self.out, self.status)]
        getattr(self.library, function)(self.wcs, len(given), 2, *pointers)
        return self.out

    def to_world(self, pixel: np.ndarray) -> np.ndarray:
        return self._call("wcsp2s", pixel, self.image, self.phi, self.theta)

    def to_pixel(self, world: np.ndarray) -> np.ndarray:
        return self._call("wcss2p", world, self.phi, self.theta, self.image)


def wcs_of(code: str) -> tuple[astropy.wcs.WCS, torch.Tensor]:
    if code != LOOKUP:
        header = header_of(code)
        return astropy.wcs.WCS(header), torch.ops.fits.wcs_from_header(header.tostring())
    path = Path(astropy.wcs.__file__).parent / "tests/data/dist_lookup.fits.gz"
    with fits.open(path) as hdus:
        return astropy.wcs.WCS(hdus[1].header, hdus), torch.ops.fits.wcs_from_file(str(path), 1)


def cases(folder: Path) -> Iterator[Case]:
    for code in [*CODES, LOOKUP]:
        for count in POINTS if code in TARGETS else POINTS[1:2]:
            yield from _transforms(code, count)
    for pair in PAIRS:
        for count in POINTS:
            yield _pixels(pair, count)
    for count in (1, 10_000):
        yield _headers(count)


def _transforms(code: str, count: int) -> Iterator[Case]:
    astropys, wcs = wcs_of(code)
    pixel = np.random.default_rng(1).uniform(0, 2048, (count, 2))
    world = astropys.all_pix2world(pixel, 0)
    one_based = pixel + 1
    pixels, worlds = torch.from_numpy(pixel), torch.from_numpy(world)
    must, aim = TARGETS.get(code, OTHERS) if count > 100 else (None, None)
    wcslib = Wcslib(header_of(code), count) if _libwcs() and code != LOOKUP else None

    def case(what: str, calls: dict[str, Callable[[], Any] | None], truth: np.ndarray, tolerance: float) -> Case:
        ways = [
            Transform(name, call, "ours" if name == "torchfits" else "rival", truth, tolerance)
            for name, call in calls.items()
            if call is not None
        ]
        agrees = torch.ones(count, 2, dtype=torch.bool)
        name = f"{what} {code}, {count} points"
        return Case(name, truth.nbytes, agrees, ways, must=must, aim=aim, calls=100 if count < 1000 else 1)

    yield case(
        "pixel to world",
        {
            "torchfits": lambda: torch.ops.fits.pixel_to_world(pixels, wcs),
            "astropy": lambda: astropys.all_pix2world(pixel, 0),
            "wcslib": (lambda: wcslib.to_world(one_based)) if wcslib else None,
        },
        world,
        WORLD_TOLERANCE,
    )
    yield case(
        "world to pixel",
        {
            "torchfits": lambda: torch.ops.fits.world_to_pixel(worlds, wcs),
            "astropy": lambda: astropys.all_world2pix(world, 0, tolerance=1e-9),
            "wcslib": (lambda: wcslib.to_pixel(world) - 1) if wcslib else None,
        },
        pixel,
        PIXEL_TOLERANCE,
    )


def _pixels(pair: tuple[str, str], count: int) -> Case:
    one, other = header_of(pair[0]), header_of(pair[1])
    other["CRVAL1"], other["CD1_1"] = 150.11, -6e-5
    wcs_in, wcs_out = (torch.ops.fits.wcs_from_header(header.tostring()) for header in (one, other))
    theirs = astropy.wcs.WCS(one), astropy.wcs.WCS(other)
    pixel = np.random.default_rng(1).uniform(0, 2048, (count, 2))
    x, y = pixel.T.copy()
    pixels = torch.from_numpy(pixel)
    # astropy's own way back through SIP ends at 1e-4 pixel
    truth = theirs[1].all_world2pix(theirs[0].all_pix2world(pixel, 0), 0, tolerance=1e-10)
    tolerance = 1e-3 if "SIP" in pair[1] else PIXEL_TOLERANCE
    calls: dict[str, Callable[[], Any]] = {
        "torchfits": lambda: torch.ops.fits.pixel_to_pixel(pixels, wcs_in, wcs_out),
        "astropy": lambda: np.stack(astropy.wcs.utils.pixel_to_pixel(*theirs, x, y), -1),
    }
    ways = [
        Transform(name, call, "ours" if name == "torchfits" else "rival", truth, tolerance)
        for name, call in calls.items()
    ]
    agrees = torch.ones(count, 2, dtype=torch.bool)
    must, aim = PAIRS[pair] if count > 100 else (None, None)
    name = f"pixel to pixel {pair[0]} to {pair[1]}, {count} points"
    return Case(name, truth.nbytes, agrees, ways, must=must, aim=aim, calls=100 if count < 1000 else 1)


def _headers(count: int) -> Case:
    text = header_of("TAN").tostring()
    expected = torch.ops.fits.wcs_from_header(text).expand(count, -1).contiguous()
    header = fits.Header.fromstring(text)

    def with_astropy() -> torch.Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(count):
                astropy.wcs.WCS(header)
        return expected

    return Case(
        name=f"{count} headers to WCS, TAN",
        bytes=expected.nbytes,
        expected=expected,
        competitors=[
            ours(lambda: torch.ops.fits.wcs_from_headers([text] * count)),
            Competitor("astropy", with_astropy),
        ],
        must=20 if count > 1 else None,
    )
