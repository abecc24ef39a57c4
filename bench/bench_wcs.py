"""Pixel to world coordinates and back: every projection, distortions, spectra, cubes, -TAB; pixels to pixels; headers
to packed WCS."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import astropy.wcs
import astropy.wcs.utils
import numpy as np
import torch
from astropy.io import fits

from bench.harness import Case, Competitor, ours
from bench.wcs_rivals import Transform, Wcslib, gwcs_of, libwcs, tan_in_torch
from bench.wcs_samples import (
    CUBES,
    DISTORTED,
    FROM_FILES,
    LARGE_FIELDS,
    SMALL_FIELDS,
    SPECTRA,
    Sample,
    header_of,
    sample,
    tables,
)

POINTS = (100, 10_000, 1_000_000)
# Ratios to the best rival on one thread: what each must reach, and the aim.
TARGETS = {"TAN": (20, 30), "TAN-SIP": (12, 24), "TPV": (12, 24)}
SLOW_RIVALS = {"world to pixel MOL": (50, 100), "pixel to world PCO": (50, 100)}
OTHERS, SPECTRAL = (5, 15), (2, 5)
# Pixels of one WCS to those of another: what each pair must reach against astropy, and the aim.
PAIRS = {("TAN", "TAN"): (50, 200), ("TAN-SIP", "TAN-SIP"): (30, 50), ("TAN", "AIT"): (50, 100)}
WORLD_TOLERANCE, PIXEL_TOLERANCE = 1e-9, 1e-6  # degrees (of a direction), pixels
SPECTRAL_TOLERANCE = 1e-12  # of the largest value


def cases(folder: Path) -> Iterator[Case]:
    for code in [*SMALL_FIELDS, *LARGE_FIELDS, *DISTORTED, *FROM_FILES, *SPECTRA, *CUBES]:
        for count in POINTS if code in TARGETS else POINTS[1:2]:
            yield from _transforms(code, count)
    for name, table in tables(POINTS[1]):
        yield from _tables(name, table)
    for pair in PAIRS:
        for count in POINTS:
            yield _pixels(pair, count)
    for count in POINTS[1:]:
        yield from _formulas(count)
    for count in (1, 1000):
        yield _headers(count)


def _case(name: str, ways: list[Transform], must: float | None = None, aim: float | None = None) -> Case:
    truth = ways[0].truth
    calls = 100 if len(truth) < 1000 else 1
    agrees = torch.ones(truth.shape, dtype=torch.bool)
    return Case(f"{name}, {len(truth)} points", truth.nbytes, agrees, ways, must=must, aim=aim, calls=calls)


def _kind(name: str) -> str:
    return "ours" if name == "torchfits" else "rival"


def _transforms(code: str, count: int) -> Iterator[Case]:
    one = sample(code, count)
    one_based = one.pixel + 1
    pixels, worlds = torch.from_numpy(one.pixel), torch.from_numpy(one.world)
    to_world: dict[str, Callable[[], Any]] = {
        "torchfits": lambda: torch.ops.fits.pixel_to_world(pixels, one.packed),
        "astropy": lambda: one.astropys.all_pix2world(one.pixel, 0),
    }
    to_pixel: dict[str, Callable[[], Any]] = {
        "torchfits": lambda: torch.ops.fits.world_to_pixel(worlds, one.packed),
        "astropy": lambda: one.astropys.all_world2pix(one.world, 0, tolerance=1e-9),
    }
    if one.astropys.naxis != 2:  # what all_* do is defined for images alone
        to_world["astropy"] = lambda: one.astropys.wcs_pix2world(one.pixel, 0)
        to_pixel["astropy"] = lambda: one.astropys.wcs_world2pix(one.world, 0)
    if one.header is not None and libwcs() is not None:
        wcslib = Wcslib(one.header, count, one.astropys.naxis)
        to_world["wcslib"] = lambda: wcslib.to_world(one_based)
        to_pixel["wcslib"] = lambda: wcslib.to_pixel(one.world)
    if code == "TAN" and count > 100:
        pipeline = gwcs_of(header_of(code))
        (x, y), (lng, lat) = one.pixel.T.copy(), one.world.T.copy()
        to_world["gwcs"] = lambda: pipeline(x, y, with_bounding_box=False)
        to_pixel["gwcs"] = lambda: pipeline.invert(lng, lat, with_bounding_box=False)
    directions = one.astropys.naxis > 1
    tolerance = SPECTRAL_TOLERANCE * np.abs(one.world).max(0)
    if directions:
        tolerance[:2] = WORLD_TOLERANCE
    for what, calls in (("pixel to world", to_world), ("world to pixel", to_pixel)):
        forward = calls is to_world
        ways = [
            Transform(name, call, _kind(name), one.world, tolerance, directions)
            if forward
            else Transform(name, call, _kind(name), one.back, PIXEL_TOLERANCE, origin=-(name == "wcslib"))
            for name, call in calls.items()
        ]
        name = f"{what} {code}"
        targets = SLOW_RIVALS.get(name) or TARGETS.get(code) or (SPECTRAL if code in SPECTRA else OTHERS)
        yield _case(name, ways, *(targets if count > 100 else ()))


def _tables(name: str, one: Sample) -> Iterator[Case]:
    pixels, worlds = torch.from_numpy(one.pixel), torch.from_numpy(one.world)
    forward: dict[str, Callable[[], Any]] = {
        "torchfits": lambda: torch.ops.fits.pixel_to_world(pixels, one.packed),
        "astropy": lambda: one.astropys.wcs_pix2world(one.pixel, 0),
    }
    back: dict[str, Callable[[], Any]] = {
        "torchfits": lambda: torch.ops.fits.world_to_pixel(worlds, one.packed),
        "astropy": lambda: one.astropys.wcs_world2pix(one.world, 0),
    }
    # wcslib's search of several axes ends 1e-8 pixel from the truth.
    ways = [Transform(who, call, _kind(who), one.world, 1e-6) for who, call in forward.items()]
    yield _case(f"pixel to world, table of {name}", ways)
    ways = [Transform(who, call, _kind(who), one.pixel, 1e-6) for who, call in back.items()]
    yield _case(f"world to pixel, table of {name}", ways, 50, 80)


def _pixels(pair: tuple[str, str], count: int) -> Case:
    one, other = header_of(pair[0]), header_of(pair[1])
    other["CRVAL1"], other["CD1_1"] = 150.11, -6e-5
    wcs_in, wcs_out = (torch.ops.fits.wcs_from_header(header.tostring()) for header in (one, other))
    theirs = astropy.wcs.WCS(one), astropy.wcs.WCS(other)
    pixel = np.random.default_rng(1).uniform(0, 2048, (count, 2))
    x, y = pixel.T.copy()
    pixels = torch.from_numpy(pixel)
    truth = theirs[1].all_world2pix(theirs[0].all_pix2world(pixel, 0), 0, tolerance=1e-10)
    # astropy's own way back through SIP ends at 1e-4 pixel
    tolerance = 1e-3 if "SIP" in pair[1] else PIXEL_TOLERANCE
    ways = [
        Transform(
            "torchfits", lambda: torch.ops.fits.pixel_to_pixel(pixels, wcs_in, wcs_out), "ours", truth, tolerance
        ),
        Transform("astropy", lambda: astropy.wcs.utils.pixel_to_pixel(*theirs, x, y), "rival", truth, tolerance),
    ]
    return _case(f"pixel to pixel {pair[0]} to {pair[1]}", ways, *(PAIRS[pair] if count > 100 else ()))


def _formulas(count: int) -> Iterator[Case]:
    """TAN alone, against the formula as torch evaluates and as it compiles it: no other projection, no distortion, no
    point without a solution. That is less than an operator does, so nothing is asked but to be no slower."""
    one = sample("TAN", count)
    pixels, worlds = torch.from_numpy(one.pixel), torch.from_numpy(one.world)
    to_world, to_pixel = tan_in_torch(header_of("TAN"))
    compiled_to_world, compiled_to_pixel = (torch.compile(f, dynamic=False) for f in (to_world, to_pixel))
    ways = {
        "torchfits": lambda: torch.ops.fits.pixel_to_world(pixels, one.packed),
        "torch, compiled": lambda: compiled_to_world(pixels),
        "torch, eager": lambda: to_world(pixels),
    }
    every = [Transform(who, call, _kind(who), one.world, WORLD_TOLERANCE, True) for who, call in ways.items()]
    yield _case("pixel to world TAN as a formula", every)
    back = {
        "torchfits": lambda: torch.ops.fits.world_to_pixel(worlds, one.packed),
        "torch, compiled": lambda: compiled_to_pixel(worlds),
        "torch, eager": lambda: to_pixel(worlds),
    }
    every = [Transform(who, call, _kind(who), one.back, PIXEL_TOLERANCE) for who, call in back.items()]
    yield _case("world to pixel TAN as a formula", every)


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
