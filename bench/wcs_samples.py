"""World coordinate systems to measure with: a header for every projection, distortion and kind of axis, and points."""

from __future__ import annotations

import gzip
import io
import itertools
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import astropy.wcs
import numpy as np
import torch
from astropy.io import fits

DATA = Path(astropy.wcs.__file__).parent / "tests/data"
# Every projection, with parameters such as surveys and maps have (ZPN: VIRCAM; CYP: Gall's).
SMALL_FIELDS: dict[str, dict[int, float]] = {
    "TAN": {},
    "SIN": {},
    "ARC": {},
    "STG": {},
    "ZEA": {},
    "AZP": {1: 2.0, 2: 30.0},
    "SZP": {1: 2.0, 2: 180.0, 3: 60.0},
    "ZPN": {1: 1.0, 3: 42.0, 5: -10000.0},
    "AIR": {1: 45.0},
}
LARGE_FIELDS: dict[str, dict[int, float]] = {
    "CYP": {1: 1.0, 2: 0.5**0.5},
    "CEA": {1: 1.0},
    "CAR": {},
    "MER": {},
    "SFL": {},
    "PAR": {},
    "MOL": {},
    "AIT": {},
    "COP": {1: 45.0, 2: 25.0},
    "COE": {1: 45.0, 2: 25.0},
    "COD": {1: 45.0, 2: 25.0},
    "COO": {1: 45.0, 2: 25.0},
    "BON": {1: 45.0},
    "PCO": {},
    "TSC": {},
    "CSC": {},
    "QSC": {},
    "HPX": {},
    "XPH": {},
}
DISTORTED = ("TAN-SIP", "TPV", "TNX", "ZPX")
FROM_FILES = {"DSS": ("dss.14.29.56-62.41.05.fits.gz", 0, 300), "Lookup": ("dist_lookup.fits.gz", 1, 2048)}
# Paper III's spectral types: a visible line, its pixels 1e-4 of its frequency apart.
SPECTRA = {
    "FREQ": (4.8e14, 4.8e10),
    "FREQ-LOG": (4.8e14, 4.8e10),
    "VOPT-F2W": (1.249e7, -3.1e4),
    "VELO-F2V": (1.223e7, -3.1e4),
    "FREQ-A2F": (4.8e14, 4.8e10),
    "AWAV-GRA": (6.243e-7, -6.2e-11),
}
CUBES = {"TAN + FREQ": "FREQ", "TAN + VELO-F2V": "VELO-F2V"}


@dataclass
class Sample:
    """One WCS, its header where that says all, and as many points as asked."""

    header: fits.Header | None
    astropys: astropy.wcs.WCS
    packed: torch.Tensor
    pixel: np.ndarray
    world: np.ndarray  # astropy's, of these pixels
    back: np.ndarray  # astropy's pixels, of that world


def sky(code: str, scale: float = 5.5e-5) -> fits.Header:
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = f"RA---{code}", f"DEC--{code}"
    header["CRVAL1"], header["CRVAL2"], header["CRPIX1"], header["CRPIX2"] = 150.1, 2.2, 1024.0, 1024.0
    header["CD1_1"], header["CD1_2"], header["CD2_1"], header["CD2_2"] = -scale, 0.1 * scale, 0.1 * scale, scale
    return header


def header_of(code: str) -> fits.Header:
    """A field of 7 arc minutes, or of half the sky; SIP of order 4, TPV of order 3, TNX and ZPX of 4 x 4 terms."""
    if code in SPECTRA:
        return spectrum(code)
    if code in CUBES:
        header = sky("TAN")
        for name in ("1_1", "1_2", "2_1", "2_2"):
            header[f"PC{name}"] = header.pop(f"CD{name}")
        header.extend(spectrum(CUBES[code], 3).cards)
        return header
    header = sky(code, 0.05 if code in LARGE_FIELDS else 5.5e-5)
    for m, value in {**SMALL_FIELDS, **LARGE_FIELDS}.get(code, {}).items():
        header[f"PV2_{m}"] = value
    random = np.random.default_rng(4)
    if code == "TAN-SIP":
        for name in "AB":
            header[f"{name}_ORDER"] = 4
            for p in range(5):
                for q in range(5 - p):
                    if p + q > 1:
                        header[f"{name}_{p}_{q}"] = 3 * random.uniform(-1, 1) * 1500.0 ** -(p + q)
    if code == "TPV":
        degrees = [0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3]
        for axis, (m, degree) in itertools.product((1, 2), enumerate(degrees)):
            if m != 3:  # the first power of r
                header[f"PV{axis}_{m}"] = (m == 1) + 1e-4 * random.uniform(-1, 1) * 0.1 ** (1 - degree)
    if code in ("TNX", "ZPX"):
        for axis in (1, 2):
            own = " projp0=0. projp1=1. projp3=42." if code == "ZPX" else ""
            text = f'wtype={code.lower()} axtype=x{own} cor = "1. 4. 4. 2. -.11 .3 -.12 .4 '
            text += "".join(f"{1e-4 * random.uniform(-1, 1):.16g} " for _ in range(10)) + '"'
            header.update({f"WAT{axis}_{1 + i // 68:03d}": text[i : i + 68] for i in range(0, len(text), 68)})
    return header


def spectrum(code: str, axis: int = 1) -> fits.Header:
    header = fits.Header()
    header[f"CTYPE{axis}"], header[f"CRPIX{axis}"] = code, 1024.0
    header[f"CRVAL{axis}"], header[f"CDELT{axis}"] = SPECTRA[code]
    header["RESTFRQ"] = 5e14
    if code.endswith("GRA"):
        for m, value in {0: 4.5e5, 1: 1.0, 2: 12.0, 3: 1.55, 4: -9e4, 5: 2.5, 6: 6.0}.items():
            header[f"PV{axis}_{m}"] = value
    return header


def sample(code: str, count: int) -> Sample:
    """Random pixels of a square of 2048; of large fields directions at random within 90 degrees of CRVAL."""
    header = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if code in FROM_FILES:
            name, hdu, _ = FROM_FILES[code]
            with gzip.open(DATA / name) as file, fits.open(io.BytesIO(file.read())) as hdus:
                header = hdus[hdu].header.copy() if code == "DSS" else None
                astropys = astropy.wcs.WCS(hdus[hdu].header, hdus)
            packed = torch.ops.fits.wcs_from_file(str(DATA / name), hdu)
        else:
            header = header_of(code)
            astropys = astropy.wcs.WCS(header)
            packed = torch.ops.fits.wcs_from_header(header.tostring())
    random = np.random.default_rng(1)
    if code in LARGE_FIELDS:
        world = half_the_sky(random, 2 * count)
        pixel = astropys.all_world2pix(world, 0)
        there = np.isfinite(pixel).all(1) & np.isfinite(astropys.all_pix2world(pixel, 0)).all(1)
        pixel = pixel[there][:count]
    else:
        size = FROM_FILES[code][2] if code in FROM_FILES else 2048
        pixel = random.uniform(0, size, (count, astropys.naxis))
    world = astropys.all_pix2world(pixel, 0) if astropys.naxis == 2 else astropys.wcs_pix2world(pixel, 0)
    distorted = code in DISTORTED or code in FROM_FILES
    return Sample(header, astropys, packed, pixel, world, pixel if distorted else astropys.wcs_world2pix(world, 0))


def half_the_sky(random: np.random.Generator, count: int) -> np.ndarray:
    around = random.normal(size=(4 * count, 3))
    around /= np.linalg.norm(around, axis=1, keepdims=True)
    lng, lat = np.deg2rad([150.1, 2.2])
    centre = np.array([np.cos(lat) * np.cos(lng), np.cos(lat) * np.sin(lng), np.sin(lat)])
    x, y, z = around[around @ centre > 0][:count].T
    return np.rad2deg(np.stack([np.arctan2(y, x) % (2 * np.pi), np.arcsin(z)], 1))


# --- -TAB axes


def table_file(coordinates: np.ndarray, index: np.ndarray | None) -> bytes:
    """``coordinates`` in torch order, [K_M, ..., K_1, M]."""
    axes = coordinates.shape[-1]
    header = fits.Header()
    header["WCSAXES"] = axes
    for i in range(1, axes + 1):
        header[f"CTYPE{i}"] = f"AX{i}--TAB"
        header[f"CRPIX{i}"], header[f"CRVAL{i}"], header[f"CDELT{i}"] = 1.0, 1.0, 1.0
        header[f"PS{i}_0"], header[f"PS{i}_1"], header[f"PV{i}_3"] = "TABLE", "COORDINATES", i
    dim = "(" + ",".join(map(str, coordinates.shape[::-1])) + ")"
    columns = [fits.Column("COORDINATES", f"{coordinates.size}D", dim=dim, array=coordinates[None])]
    if index is not None:
        header["PS1_2"] = "INDEX"
        columns.append(fits.Column("INDEX", f"{len(index)}D", array=index[None]))
    image = fits.PrimaryHDU(np.zeros((1,) * axes, "u1"), header)
    stream = io.BytesIO()
    fits.HDUList([image, fits.BinTableHDU.from_columns(columns, name="TABLE")]).writeto(stream)
    return stream.getvalue()


def tables(count: int) -> Iterator[tuple[str, Sample]]:
    """One axis of 1024 coordinates, with and without an index vector, and a celestial table. Points lie between the
    first and the last index value: beyond them wcslib's inverse is wrong."""
    random = np.random.default_rng(1)
    coordinates = np.cumsum(random.uniform(0.5, 1.5, 1024))[:, None]
    index = np.cumsum(random.uniform(0.5, 1.5, 1024))
    y, x = np.indices((64, 64), float)
    noise = random.uniform(-1e-3, 1e-3, (64, 64, 2))
    plate = np.stack([150 + 0.02 * x - 0.011 * y, 2 + 0.009 * x + 0.021 * y], -1) + noise
    for name, file, ends, points in (
        ("1024", table_file(coordinates, None), (1.0, 1024.0), count),
        ("1024 with an index vector", table_file(coordinates, index), (index[0], index[-1]), count),
        ("64 x 64", table_file(plate, None), (1.0, 64.0), count // 10),
    ):
        with warnings.catch_warnings(), fits.open(io.BytesIO(file)) as hdus:
            warnings.simplefilter("ignore")
            astropys = astropy.wcs.WCS(hdus[0].header, hdus)
        packed = torch.ops.fits.wcs_from_file(torch.from_numpy(np.frombuffer(file, "u1").copy()), 0)
        pixel = np.random.default_rng(2).uniform(*ends, (points, astropys.naxis)) - 1
        yield name, Sample(None, astropys, packed, pixel, astropys.wcs_pix2world(pixel, 0), pixel)
