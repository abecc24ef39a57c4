"""Centres and sizes of stamps as people give them: numbers, arrays of any kind, angles, astropy's Quantities."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

Size = Any  # int, str, astropy's Quantity, or a sequence of those

# No image is longer, and up to it every whole number is a double.
_LONGEST = 2.0**52


@dataclass(slots=True)
class Angle:
    degrees: float


_ANGLE = re.compile(r"\s*([0-9.]+(?:[eE][-+]?\d+)?)\s*(\S+?)\s*")
_UNITS = {
    **dict.fromkeys(("deg", "degree", "degrees", "°"), 1.0),
    **dict.fromkeys(("arcmin", "arcminute", "arcminutes", "'", "′"), 1 / 60),
    **dict.fromkeys(("arcsec", "arcsecond", "arcseconds", '"', "″"), 1 / 3600),
    "mas": 1 / 3600e3,
    "rad": 180 / math.pi,
}


def points(center: Any, unit: str) -> Tensor | list[float]:
    """Coordinates in `unit`, ``pix`` or ``deg``: of one centre in numbers those numbers, of anything else a tensor.

    >>> points(np.array([[1, 2], [3, 4]], ">f4")[:, ::-1], "pix").tolist()
    [[2.0, 1.0], [4.0, 3.0]]
    """
    several = isinstance(center, (tuple, list))
    if several and all(type(one) in (int, float) for one in center):
        return [float(one) for one in center]
    if several and any(isinstance(one, Tensor) for one in center):
        center = torch.stack([torch.as_tensor(one) for one in center])
    if isinstance(center, Tensor):
        if center.is_complex():
            raise TypeError(f"a center is made of real numbers, not of {center.dtype}")
        return center.detach().to("cpu", torch.float64)
    return torch.from_numpy(_array(center, unit))


def _array(center: Any, unit: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Of any array, also one of another byte order or that may not be written to; masked numbers are NaN."""
    if isinstance(center, (tuple, list)):
        center = [_number(one, unit) for one in center]
    center = _number(center, unit)
    try:
        array: Any = np.ma.asarray(center)
        if array.dtype.kind in "biufO":
            return np.array(array.astype(np.float64).filled(np.nan), order="C")
    except (TypeError, ValueError):
        pass
    raise TypeError(
        "a center is numbers, (x, y) or (longitude, latitude), or an array [B, N] of them, not "
        f"{reprlib.repr(center)}; for other ways of writing positions on the sky give an astropy SkyCoord"
    )


def _number(value: Any, unit: str) -> Any:
    """Of an astropy Quantity its value, of anything else itself."""
    if not hasattr(value, "to_value"):
        return value
    try:
        return value.to_value(unit)
    except (TypeError, ValueError):
        raise ValueError(
            f"{reprlib.repr(value)} is not convertible to {unit}: centers of unit='pixel' are pixels, of unit='sky' "
            "and pixel_scale= angles"
        ) from None


def _angle(text: str) -> float:
    """Degrees of an angle.

    >>> _angle("15arcsec") * 3600
    15.0
    """
    match = _ANGLE.fullmatch(text)
    try:
        if match is not None and match[2] in _UNITS:
            return float(match[1]) * _UNITS[match[2]]
    except ValueError:  # such as 1.2.3
        pass
    raise ValueError(
        f"{text!r} is not an angle: give a number and deg, arcmin, arcsec or mas, such as '15arcsec'; a number of "
        "pixels is given as a number"
    )


def degrees(angle: Any) -> float:
    if isinstance(angle, str):
        return _angle(angle)
    return float(_number(angle, "deg"))


def sizes(size: Size, count: int) -> list[float | Angle]:
    """One size for each of `count` axes: numbers of pixels, or angles."""
    scalar = isinstance(size, str) or not hasattr(size, "__len__")
    try:
        given: Sequence[Any] = [size] * count if scalar else list(size)
    except TypeError:  # astropy's Quantity of one number, and tensors and arrays of no dimensions
        given = [size] * count
    if len(given) != count:
        raise ValueError(f"size has {len(given)} lengths, and stamps around these centers {count} axes")
    return [_size(one) for one in given]


def _size(one: Any) -> float | Angle:
    if isinstance(one, str):
        return Angle(_angle(one))
    try:
        if not hasattr(one, "to_value"):
            return float(one)
        if one.unit.physical_type == "angle":
            return Angle(float(one.to_value("deg")))
        return float(one.to_value("pix"))
    except (TypeError, ValueError):
        raise TypeError(
            "a size is a number of pixels or an angle such as '15arcsec', or one for each axis, not "
            f"{reprlib.repr(one)}"
        ) from None


def pixels(length: float | Angle, scale: float = 1.0) -> int:
    """Whole pixels, of angles by their `scale` in degrees."""
    if isinstance(length, Angle):
        length = length.degrees / scale
    if not math.isfinite(length) or length > _LONGEST:
        raise ValueError(f"a size of {length:g} pixels is not that of a stamp")
    rounded = round(length)  # ties to even, as NumPy's
    if rounded < 1:
        raise ValueError(f"a size of {length:g} pixels holds none; it must be 1 pixel or more")
    return rounded
