"""Headers of world coordinates, made on the spot or astropy's own, what astropy reads, and distances on the sky."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path

import astropy.wcs
import numpy as np
import torch
from astropy.io import fits

import torchfits  # noqa: F401  registers the operators

DATA = Path(astropy.wcs.__file__).parent / "tests/data"
PROJECTIONS = ["TAN", "SIN", "ARC", "STG", "ZEA", "CAR", "MER", "CEA", "CYP"]
PROJECTIONS += ["AZP", "SZP", "ZPN", "AIR", "SFL", "PAR", "MOL", "AIT", "COP", "COE", "COD", "COO"]
PROJECTIONS += ["BON", "PCO", "TSC", "CSC", "QSC", "HPX", "XPH"]

# What projections need.
PARAMETERS = {"ZPN": {1: 1.0, 2: 0.05, 3: -0.02}, "CEA": {1: 0.9}, "BON": {1: 45.0}}
PARAMETERS |= {code: {1: 45.0, 2: 25.0} for code in ("COP", "COE", "COD", "COO")}

ASTROPY_HEADERS = sorted([*DATA.glob("*.hdr"), *DATA.glob("maps/*.hdr"), *DATA.glob("spectra/*.hdr")])


def sky_header(code: str = "TAN", crval: tuple[float, float] = (150.1, 2.2), scale: float = 0.01) -> fits.Header:
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = f"RA---{code}", f"DEC--{code}"
    header["CRVAL1"], header["CRVAL2"] = crval
    header["CRPIX1"], header["CRPIX2"] = 31.5, 20.25
    header["CD1_1"], header["CD1_2"], header["CD2_1"], header["CD2_2"] = -scale, 0.1 * scale, 0.15 * scale, scale
    for m, value in PARAMETERS.get(code, {}).items():
        header[f"PV2_{m}"] = value
    return header


def sip_header(order: int = 4) -> fits.Header:
    header = sky_header("TAN-SIP", scale=1e-4)
    random = np.random.default_rng(order)
    for name in "AB":
        header[f"{name}_ORDER"] = order
        for p in range(order + 1):
            for q in range(order + 1 - p):
                if p + q > 1:
                    header[f"{name}_{p}_{q}"] = 5 * random.uniform(-1, 1) * 2000.0 ** -(p + q)
    return header


def packed(header: fits.Header, alt: str = "") -> torch.Tensor:
    return torch.ops.fits.wcs_from_header(header.tostring(), alt)


def in_astropy(header: fits.Header, **kwargs: object) -> astropy.wcs.WCS:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return astropy.wcs.WCS(header, **kwargs)


def separation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Great-circle distance in degrees, exact for small ones."""
    lng1, lat1, lng2, lat2 = np.deg2rad([*one.T[:2], *other.T[:2]])
    x = np.cos(lat2) * np.sin(lng2 - lng1)
    y = np.cos(lat1) * np.sin(lat2) - np.sin(lat1) * np.cos(lat2) * np.cos(lng2 - lng1)
    z = np.sin(lat1) * np.sin(lat2) + np.cos(lat1) * np.cos(lat2) * np.cos(lng2 - lng1)
    return np.rad2deg(np.arctan2(np.hypot(x, y), z))


def random_pixels(count: int, naxis: int = 2, size: float = 2048, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, size, (count, naxis))


# Surfaces of TNX and ZPX: kind (1 Chebyshev, 2 Legendre, 3 plain), columns, rows, which cross terms there are.
SURFACES = [(1, 4, 4, 2), (2, 3, 5, 1), (3, 4, 2, 0), (1, 1, 3, 1)]


def surface_cards(code: str, kind: int, columns: int, rows: int, cross: int) -> dict[str, str]:
    """WATi_nnn of both axes, with coefficients of their own."""
    random = np.random.default_rng(columns)
    cards = {}
    for axis in (1, 2):
        parameters = " projp0=0. projp1=1. projp3=-2.5" if code == "ZPX" else ""
        text = f'wtype={code.lower()} axtype=x{parameters} cor = "{kind}. {columns}. {rows}. {cross}. -.11 .3 -.12 .4 '
        for n, m in itertools.product(range(rows), range(columns)):
            if (cross == 0 and m and n) or (cross == 2 and m + n >= max(columns, rows)):
                continue
            text += f"{1e-4 * random.uniform(-1, 1):.16g} "
        text += '"'
        cards |= {f"WAT{axis}_{1 + i // 68:03d}": text[i : i + 68] for i in range(0, len(text), 68)}
    return cards
