"""Other ways from pixels to the sky and back: wcslib as a C program calls it, gwcs, and formulas written in torch."""

from __future__ import annotations

import ctypes
import ctypes.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch
from astropy.io import fits

from bench.harness import Competitor


@dataclass
class Transform(Competitor):
    """Its result is where it agrees with the truth, which no two ways of computing it give to the last bit."""

    truth: Any = None
    tolerance: Any = 0.0  # one number, or one for each column
    directions: bool = False  # the first two columns are longitudes and latitudes in degrees
    origin: int = 0  # is added to what it returns: wcslib's pixels count from 1

    def result(self) -> torch.Tensor:
        found = self.call()
        if isinstance(found, (tuple, list)):  # a column for each axis
            found = np.stack([np.asarray(one) for one in found], -1)
        difference = np.abs(np.asarray(found) + self.origin - self.truth)
        if self.directions:
            longitude = np.minimum(difference[:, 0], 360 - difference[:, 0])
            difference[:, 0] = longitude * np.cos(np.deg2rad(self.truth[:, 1]))
        return torch.from_numpy(difference < self.tolerance)


@cache
def libwcs() -> ctypes.CDLL | None:
    name = ctypes.util.find_library("wcs")
    return ctypes.CDLL(name) if name else None


class Wcslib:
    """wcslib's wcsp2s() and wcss2p(): buffers made once. Pixels count from 1."""

    def __init__(self, header: fits.Header, count: int, naxis: int) -> None:
        self.header = header
        self.phi, self.theta = np.empty(count), np.empty(count)
        self.image, self.out = np.empty((count, naxis)), np.empty((count, naxis))
        self.status = np.empty(count, np.int32)

    @cached_property
    def wcs(self) -> ctypes.c_void_p:
        library = libwcs()
        assert library is not None
        cards = self.header.tostring().encode()
        rejected, found, wcs = ctypes.c_int(), ctypes.c_int(), ctypes.c_void_p()
        status = library.wcspih(
            cards, len(cards) // 80, 0x000FFFFF, 0, ctypes.byref(rejected), ctypes.byref(found), ctypes.byref(wcs)
        )
        if status or not found.value or library.wcsset(wcs):
            raise RuntimeError("wcslib does not take the header")
        return wcs

    def _call(self, function: str, given: np.ndarray, *middle: np.ndarray) -> np.ndarray:
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (given, *middle, self.out, self.status)]
        getattr(libwcs(), function)(self.wcs, *given.shape, *pointers)
        return self.out

    def to_world(self, pixel: np.ndarray) -> np.ndarray:
        return self._call("wcsp2s", pixel, self.image, self.phi, self.theta)

    def to_pixel(self, world: np.ndarray) -> np.ndarray:
        return self._call("wcss2p", world, self.phi, self.theta, self.image)


def gwcs_of(header: fits.Header) -> Any:
    """The same TAN header as a gwcs pipeline."""
    import gwcs
    from astropy import coordinates, units
    from astropy.modeling import models

    matrix = [[header["CD1_1"], header["CD1_2"]], [header["CD2_1"], header["CD2_2"]]]
    shift = models.Shift(1 - header["CRPIX1"]) & models.Shift(1 - header["CRPIX2"])
    turn = models.RotateNative2Celestial(header["CRVAL1"], header["CRVAL2"], 180.0)
    detector = gwcs.coordinate_frames.Frame2D(name="detector", unit=(units.pix, units.pix))
    sky = gwcs.coordinate_frames.CelestialFrame(reference_frame=coordinates.ICRS(), unit=(units.deg, units.deg))
    pipeline = shift | models.AffineTransformation2D(matrix) | models.Pix2Sky_TAN() | turn
    return gwcs.WCS([(detector, pipeline), (sky, None)])


def tan_in_torch(header: fits.Header) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """What a user may write instead of calling an operator: the gnomonic projection alone, in float64. Points that have
    no solution are not looked for."""
    x0, y0, longitude = header["CRPIX1"] - 1, header["CRPIX2"] - 1, header["CRVAL1"]
    a, b, c, d = (math.radians(header[f"CD{i}_{j}"]) for i in (1, 2) for j in (1, 2))
    determinant = a * d - b * c
    sine, cosine = math.sin(math.radians(header["CRVAL2"])), math.cos(math.radians(header["CRVAL2"]))

    def to_world(pixel: torch.Tensor) -> torch.Tensor:
        x, y = pixel[:, 0] - x0, pixel[:, 1] - y0
        xi, eta = a * x + b * y, c * x + d * y
        along = cosine - eta * sine
        lng = torch.rad2deg(torch.atan2(xi, along)) + longitude
        lat = torch.rad2deg(torch.atan2(sine + eta * cosine, torch.sqrt(xi * xi + along * along)))
        return torch.stack([torch.remainder(lng, 360.0), lat], -1)

    def to_pixel(world: torch.Tensor) -> torch.Tensor:
        lng, lat = torch.deg2rad(world[:, 0] - longitude), torch.deg2rad(world[:, 1])
        up, flat = torch.sin(lat), torch.cos(lat)
        along = flat * torch.cos(lng)
        scale = 1 / (up * sine + along * cosine)
        xi, eta = flat * torch.sin(lng) * scale, (up * cosine - along * sine) * scale
        x, y = (d * xi - b * eta) / determinant, (a * eta - c * xi) / determinant
        return torch.stack([x + x0, y + y0], -1)

    return to_world, to_pixel
