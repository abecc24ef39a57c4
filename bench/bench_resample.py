"""Images onto another WCS: reproject, SciPy at astropy's places, whole images and stamps by the batch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import astropy.wcs
import numpy as np
import torch
from astropy.io import fits
from reproject import reproject_adaptive, reproject_exact, reproject_interp
from scipy import ndimage

from bench.harness import Case, Competitor, limit

SIZE = 1024
STAMPS, STAMP = 256, 64
# Ratio to the best rival on one thread: what each must reach, and the aim.
TARGETS = {"nearest": (20, 60), "bilinear": (20, 60), "bicubic": (20, 60), "area": (10, 30)}
# Of a picture whose values go from 0 to 1. Cubic ones are two curves: Keys's, and the spline of SciPy.
TOLERANCE = {"nearest": 1e-6, "bilinear": 1e-6, "bicubic": 0.02, "area": 1e-3}
ORDERS = {"nearest": "nearest-neighbor", "bilinear": "bilinear", "bicubic": "bicubic"}


@dataclass
class Resampling(Competitor):
    """Its result is where it agrees with the truth, which no two ways of computing it give to the last bit.

    Nearest pixels may differ where a place lies half-way: such a thousandth is let pass.
    """

    truth: Any = None
    tolerance: float = 0.0

    def result(self) -> torch.Tensor:
        found = self.call()
        value = np.asarray(found[0] if isinstance(found, tuple) else found, dtype=float)
        same = np.isnan(value) == np.isnan(self.truth)
        off = ~same | (np.abs(value - self.truth) > self.tolerance)
        return torch.tensor(bool(off.mean() < 1e-3))


def header_of(size: int, *, turn: float = 0.0, shift: float = 0.0, sip: bool = False) -> fits.Header:
    """A field of 0.2 arc seconds a pixel."""
    header = fits.Header()
    header["NAXIS"], header["NAXIS1"], header["NAXIS2"] = 2, size, size
    code = "TAN-SIP" if sip else "TAN"
    header["CTYPE1"], header["CTYPE2"] = f"RA---{code}", f"DEC--{code}"
    header["CRVAL1"], header["CRVAL2"] = 150.1 + shift, 2.2 + shift
    header["CRPIX1"] = header["CRPIX2"] = (size + 1) / 2
    c, s = 5.5e-5 * np.cos(np.deg2rad(turn)), 5.5e-5 * np.sin(np.deg2rad(turn))
    header["CD1_1"], header["CD1_2"], header["CD2_1"], header["CD2_2"] = -c, s, s, c
    if sip:
        header["A_ORDER"], header["B_ORDER"] = 3, 3
        for name, values in {"A": (2e-6, -1e-6, 3e-10), "B": (1e-6, 2e-6, -2e-10)}.items():
            header[f"{name}_2_0"], header[f"{name}_0_2"], header[f"{name}_2_1"] = values
    return header


def in_astropy(header: fits.Header) -> astropy.wcs.WCS:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return astropy.wcs.WCS(header)


def packed(header: fits.Header) -> torch.Tensor:
    return torch.ops.fits.wcs_from_header(header.tostring())


def picture(size: int) -> np.ndarray:
    """Smooth, as stars are that fill some pixels."""
    smooth = ndimage.gaussian_filter(np.random.default_rng(5).normal(size=(size, size)), 2.5)
    return ((smooth - smooth.min()) / np.ptp(smooth)).astype("f4")


def places(output: astropy.wcs.WCS, header: astropy.wcs.WCS, shape: tuple[int, int]) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    column, row = header.all_world2pix(*output.all_pix2world(x, y, 0), 0, tolerance=1e-6)
    return np.stack([row, column])


def sampled(image: np.ndarray, at: np.ndarray, method: str) -> np.ndarray:
    order = {"nearest": 0, "bilinear": 1, "bicubic": 3}[method]
    value = ndimage.map_coordinates(image, at, order=order, mode="nearest", output=float)
    size = np.array(image.shape).reshape(2, *[1] * (at.ndim - 1))
    value[~((at >= -0.5) & (at <= size - 0.5)).all(0)] = np.nan
    return value


def cases(folder: Path) -> Iterator[Case]:
    for method in ("nearest", "bilinear", "bicubic", "area"):
        yield _whole(method)
    yield _whole("bilinear", sip=True)
    yield _whole("bilinear", planes=8)
    yield _stamps()


def _whole(method: str, *, sip: bool = False, planes: int = 0) -> Case:
    header, output = header_of(SIZE, turn=20, sip=sip), header_of(SIZE, shift=0.01)
    wcs, target, shape = in_astropy(header), in_astropy(output), (SIZE, SIZE)
    image = picture(SIZE)
    if planes:
        image = np.stack([np.roll(image, 7 * plane) for plane in range(planes)])
    ours, wcs_in, wcs_out = torch.from_numpy(image), packed(header), packed(output)
    must, aim = TARGETS[method] if planes == 0 else (None, None)
    calls: dict[str, tuple[Callable[[], Any], np.ndarray]]
    limits = []
    if method == "area":
        brightness, _ = reproject_exact((image, wcs), target, shape_out=shape, parallel=False)
        area, _ = torch.ops.fits.resample(torch.ones(SIZE, SIZE), wcs_in, wcs_out, shape, "area")
        calls = {
            "torchfits": (
                lambda: torch.ops.fits.resample(ours, wcs_in, wcs_out, shape, "area"),
                brightness * area.numpy(),
            ),
            "reproject_exact": (
                lambda: reproject_exact((image, wcs), target, shape_out=shape, parallel=False),
                brightness,
            ),
        }
        limits = [  # another weighting of the same pixels
            limit(
                "reproject_adaptive",
                lambda: reproject_adaptive((image, wcs), target, shape_out=shape, parallel=False),
            )
        ]
    else:
        at = places(target, wcs, shape)
        each = list(image) if planes else [image]
        truth = np.stack([sampled(plane, at, method) for plane in each]).reshape(*image.shape[:-2], *shape)
        order = ORDERS[method]
        calls = {
            "torchfits": (lambda: torch.ops.fits.resample(ours, wcs_in, wcs_out, shape, method), truth),
            "reproject_interp": (
                lambda: reproject_interp((image, wcs), target, shape_out=shape, order=order, parallel=False),
                truth,
            ),
            "astropy and SciPy": (
                lambda: np.stack(
                    [sampled(plane, at, method) for at in [places(target, wcs, shape)] for plane in each]
                ).reshape(*image.shape[:-2], *shape),
                truth,
            ),
        }
        limits = [limit("SciPy, places given", lambda: [sampled(plane, at, method) for plane in each])]
    ways = [
        Resampling(name, call, "ours" if name == "torchfits" else "rival", right, TOLERANCE[method])
        for name, (call, right) in calls.items()
    ]
    name = f"{method}, {planes or 1} x {SIZE} x {SIZE} float32, {'TAN-SIP' if sip else 'TAN'} to TAN"
    return Case(name, image.nbytes, torch.tensor(True), [*ways, *limits], must=must, aim=aim)


def _stamps() -> Case:
    """North-up stamps of one image: places on the sky in, stamps out."""
    header = header_of(2 * SIZE, turn=33)
    wcs, image = in_astropy(header), picture(2 * SIZE)
    ours, wcs_in, shape = torch.from_numpy(image), packed(header), (STAMP, STAMP)
    pixel = np.random.default_rng(6).uniform(STAMP, 2 * SIZE - STAMP, (STAMPS, 2))
    sky = wcs.all_pix2world(pixel, 0)
    centers = torch.from_numpy(sky)

    def stamp(center: np.ndarray) -> astropy.wcs.WCS:
        to = astropy.wcs.WCS(naxis=2)
        to.wcs.ctype, to.wcs.crval = ["RA---TAN", "DEC--TAN"], center
        to.wcs.crpix, to.wcs.cdelt = [(STAMP + 1) / 2] * 2, [-5.5e-5, 5.5e-5]
        return to

    def with_torchfits() -> torch.Tensor:
        stamps = torch.ops.fits.wcs_tan(centers, shape, 5.5e-5)
        return torch.ops.fits.resample(ours, wcs_in, stamps, shape)

    def with_scipy() -> np.ndarray:
        return np.stack([sampled(image, places(stamp(center), wcs, shape), "bilinear") for center in sky])

    def with_reproject() -> np.ndarray:
        return np.stack(
            [reproject_interp((image, wcs), stamp(center), shape_out=shape, parallel=False)[0] for center in sky]
        )

    truth = with_scipy()
    calls = {"torchfits": with_torchfits, "reproject_interp": with_reproject, "astropy and SciPy": with_scipy}
    return Case(
        name=f"{STAMPS} north-up stamps of {STAMP} x {STAMP}, bilinear",
        bytes=STAMPS * STAMP * STAMP * 4,
        expected=torch.tensor(True),
        competitors=[
            Resampling(name, call, "ours" if name == "torchfits" else "rival", truth, TOLERANCE["bilinear"])
            for name, call in calls.items()
        ],
        must=20,
        aim=60,
    )
