"""`cutout`: stamps around positions of an image, in pixels or on the sky."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from torchfits import positions
from torchfits.fits import FITS
from torchfits.hdu import HDU, Device
from torchfits.positions import Angle, Size
from torchfits.source import READ_CUTOUTS, READ_SECTION, HDUKey, Source, SourceLike, check_options
from torchfits.wcs import WCS

# Boxes of the image that are held at a time while stamps are resampled from them.
_BOX_BYTES = 1 << 28
# Beyond any image, and a whole number in double precision.
_FAR = 2.0**52
# Types whose values single precision holds.
_SHORT = (torch.uint8, torch.int8, torch.int16, torch.uint16, torch.float16, torch.bfloat16, torch.float32)
# Positions of a stamp, along each axis, at which the box that it needs is looked for.
_GRID = 65


def cutout(
    source: SourceLike | FITS | HDU,
    center: Any,
    size: Size,
    *,
    hdu: HDUKey | Sequence[int] | None = None,
    unit: str = "pixel",
    fill: float | None = None,
    mode: str = "partial",
    north_up: bool = False,
    return_wcs: bool = False,
    dtype: torch.dtype | None = None,
    device: Device | None = None,
    pixel_scale: float | str | None = None,
    method: str = "bilinear",
) -> Any:
    """A stamp ``[*size]`` around one position, or stamps ``[B, *size]`` around many, as astropy's Cutout2D lays them.

    >>> stamp = torchfits.cutout("m13.fits", (150, 120), 32)                          # x, y from 0: [32, 32]
    >>> stamps = torchfits.cutout("m13.fits", [[150, 120], [3, 299]], (20, 40))       # [2, 20, 40]
    >>> stamp, wcs = torchfits.cutout("m13.fits", (250.42, 36.46), "1arcmin", unit="sky", return_wcs=True)
    >>> wcs.pixel_shape == tuple(stamp.shape)[::-1]
    True
    >>> stamp = torchfits.cutout("m13.fits", (250.42, 36.46), 64, unit="sky", north_up=True)
    >>> with torchfits.open("mef.fits") as fits:                                      # open once, cut often
    ...     torchfits.cutout(fits["SCI"], (10, 20), 5).shape
    torch.Size([5, 5])

    Only the rows or tiles that the stamps need are read, each tile once however many stamps touch it. Pixels outside
    the image are filled.

    source: as of `torchfits.read`, or an open `FITS` or one of its HDUs.
    center: positions ``[N]`` or ``[B, N]``, the fastest axis first: x and y counted from 0, a pixel's centre being
        whole; ``unit="sky"``: longitude and latitude in degrees, in the image's own frame. astropy's SkyCoord is taken
        as it is, and transformed. Of images with more axes than a centre has coordinates the other axes are whole.
    size: of the stamp in tensor order (rows first), in pixels or as angles such as ``"15arcsec"`` (deg, arcmin,
        arcsec, mas), by the pixel scale at CRPIX; one for all axes, or one for each.
    hdu: number, name or (name, version); None is the first with data. Numbers in a list, of images that lie alike
        (science, variance, mask): they become channels, ``[C, *size]`` or ``[B, C, *size]``.
    fill: of pixels outside; None is NaN, 0 for integers.
    mode: ``"partial"`` fills outside; ``"trim"`` leaves that out (many centres: a list); ``"strict"`` raises.
    north_up: resampled onto stamps of the tangential plane, north up and east to the left, of `pixel_scale` (in degrees
        or as an angle; default: the image's), by `method` of the operator ``resample``; integers are rounded.
    return_wcs: with the stamps' `WCS`: of many a batch (of ``mode="trim"`` a list).
    dtype: None is what `torchfits.read` gives; of several HDUs a type that holds all.

    Raises ValueError for centres that have no place in the image, and as `torchfits.read`.
    """
    if mode not in ("partial", "trim", "strict"):
        raise ValueError(
            f"mode {mode!r} is not known: 'partial' fills what lies outside, 'trim' leaves it out, 'strict' raises"
        )
    if fill is not None:
        check_options({"fill": fill})  # also of a stamp that needs none
    cutter = _Cutter.of(source, hdu)
    if mode != "partial":
        cutter.check_alike(mode)
    place = cutter.place(center, unit)
    stamps: Any
    if north_up:
        stamps, wcs = cutter.north_up(place, size, mode, fill, dtype, pixel_scale, method)
    else:
        if pixel_scale is not None:
            raise ValueError("pixel_scale= is for north_up=True; without it stamps keep the image's pixels")
        lengths = cutter.lengths(size, place)
        plainly = not return_wcs and (fill is None or isinstance(fill, (int, float)))  # a wrong fill raises below
        if plainly and (stamp := cutter.section(place, lengths, dtype)) is not None:
            return stamp if device is None else stamp.to(device)
        stamps, wcs = cutter.cut(place, lengths, mode, fill, dtype, return_wcs)
    if device is not None:
        stamps = [one.to(device) for one in stamps] if isinstance(stamps, list) else stamps.to(device)
    if place.one:
        stamps, wcs = stamps[0], None if wcs is None else wcs[0]
    return (stamps, wcs) if return_wcs else stamps


@dataclass(slots=True)
class _Place:
    """Where stamps are wanted: 0-based pixels of the FITS axes `axes` (counted from 0).

    Of many ``[B, n]``; of one a list of numbers, whose arithmetic is faster than that of tensors.
    """

    pixels: Tensor | list[float]
    axes: list[int]

    @property
    def one(self) -> bool:
        return isinstance(self.pixels, list)

    @property
    def points(self) -> Tensor:
        """Of one as of many: ``[B, n]``."""
        return torch.tensor([self.pixels], dtype=torch.float64) if isinstance(self.pixels, list) else self.pixels

    def corners(self, lengths: list[int]) -> Tensor:
        """First pixels ``[B, n]`` in tensor order, of stamps that lie as astropy.nddata.overlap_slices lays them.

        Places beyond any image stay whole numbers.
        """
        if isinstance(self.pixels, list):
            numbers = [_first(at, length) for at, length in zip(self.pixels, lengths)]
            return torch.tensor([numbers[::-1]])
        firsts = self.pixels - torch.tensor(lengths, dtype=torch.float64) / 2
        return firsts.ceil().clamp(-_FAR, _FAR).long().flip(-1)


def _first(at: float, length: int) -> int:
    """The first pixel of a stamp around `at`."""
    return math.ceil(max(-_FAR, min(at - length / 2, _FAR)))


class _Cutter:
    """The HDUs that are cut, of which the first says shape and WCS."""

    def __init__(self, units: list[HDU], channels: bool) -> None:
        for unit in units:
            unit._check_image()
        self.units = units
        self.channels = channels
        self.first = units[0]
        self.shape = self.first.shape

    @property
    def where(self) -> str:
        return self.first._where

    @classmethod
    def of(cls, source: SourceLike | FITS | HDU, hdu: HDUKey | Sequence[int] | None) -> _Cutter:
        if isinstance(source, HDU):
            if hdu is not None:
                raise ValueError("the HDU is given twice: as the source, and as hdu=")
            return cls([source], False)
        if not isinstance(source, FITS):
            parsed = Source.of(source)
            if parsed.section is not None:
                raise ValueError(f"{parsed.name}: a section and a cutout are both given; leave the section out")
            if parsed.hdu is not None and hdu is not None:
                raise ValueError(
                    f"{parsed.name}: the HDU is given twice, in brackets and as an argument; leave one out"
                )
            hdu = parsed.hdu if hdu is None else hdu
            source = FITS._of(parsed)
        if isinstance(hdu, Sequence) and not isinstance(hdu, (str, tuple)):
            if not hdu:
                raise ValueError("hdu=[] names no HDU")
            return cls([source[one] for one in hdu], True)
        return cls([source.first_with_data() if hdu is None else source[hdu]], False)

    def check_alike(self, mode: str) -> None:
        for unit in self.units[1:]:
            if unit.shape != self.shape:
                raise ValueError(
                    f"mode={mode!r} is for HDUs of one shape: {self.where} is {list(self.shape)}, {unit._where} "
                    f"{list(unit.shape)}; mode='partial' fills the smaller"
                )

    # --- Places ------------------------------------------------------------------------------------------------------

    def place(self, center: Any, unit: str) -> _Place:
        if hasattr(center, "transform_to"):  # astropy's SkyCoord
            axes = self.celestial.high_level_wcs.world_to_pixel(center)
            found = torch.stack([torch.as_tensor(axis, dtype=torch.float64) for axis in axes], -1)
            return self._on_the_sky(found, center)
        if unit not in ("pixel", "sky"):
            raise ValueError(
                f"unit {unit!r} is not known: centres are given in 'pixel' (x, y from 0) or 'sky' (degrees)"
            )
        points = positions.points(center, "deg" if unit == "sky" else "pix")
        if unit == "pixel":
            n = len(points) if isinstance(points, list) else points.shape[-1] if points.dim() else 0
            if not 0 < n <= len(self.shape):
                raise ValueError(f"center has {n} coordinates, and the image {self.where} has {len(self.shape)} axes")
            return self._checked(points, list(range(n)), points)
        given, points = points, torch.as_tensor(points, dtype=torch.float64)
        if points.dim() == 0 or points.shape[-1] != 2:
            raise ValueError(f"a center on the sky is (longitude, latitude), not of shape {list(points.shape)}")
        _check_latitudes(given)
        wcs = self.first.wcs
        world = points.flip(-1) if wcs.lng > wcs.lat else points
        return self._on_the_sky(self.celestial.world_to_pixel(world), points)

    def _on_the_sky(self, pixels: Tensor, given: Any) -> _Place:
        # Coordinates are good to less than this; the middle of a pixel is to stay that
        return self._checked(pixels.round(decimals=6), self.celestial_axes, given)

    def _checked(self, pixels: Tensor | list[float], axes: list[int], given: Any) -> _Place:
        """`given`: the same in the user's words, for messages."""
        if isinstance(pixels, Tensor) and pixels.dim() == 1:
            pixels = pixels.tolist()
        which = None
        if isinstance(pixels, list):
            if not all(map(math.isfinite, pixels)):
                which, bad = "the center", given
        elif pixels.dim() == 2:
            lost = (~pixels.isfinite().all(-1)).nonzero()
            if len(lost):
                which, bad = f"center {int(lost[0])}", given[int(lost[0])]
        else:
            raise ValueError(f"centers are [N] or [B, N], not of shape {list(pixels.shape)}")
        if which is not None:
            shown = bad.tolist() if isinstance(bad, Tensor) else bad
            raise ValueError(
                f"{self.where}: {which} has no place in the image's pixels: {shown}; leave out what is not finite and, "
                "on the sky, what the projection does not show"
            )
        return _Place(pixels, axes)

    @property
    def celestial(self) -> WCS:
        wcs = self.first.wcs
        if not wcs.has_celestial:
            raise ValueError(f"{self.where} has no celestial axes; give the center in pixels")
        return wcs if wcs.is_celestial else wcs.celestial

    @property
    def celestial_axes(self) -> list[int]:
        wcs = self.first.wcs
        axes = sorted((wcs.lng, wcs.lat))
        if axes[-1] >= len(self.shape):
            raise ValueError(f"{self.where}: the celestial axes are not axes of the image; give the center in pixels")
        return axes

    def lengths(self, size: Size, place: _Place) -> list[int]:
        """The stamp's length along each of the place's axes, the fastest first."""
        if type(size) is int:
            return [positions.pixels(size)] * len(place.axes)
        sizes = positions.sizes(size, len(place.axes))[::-1]
        if not any(isinstance(one, Angle) for one in sizes):
            return [positions.pixels(one) for one in sizes]
        if place.axes != self.celestial_axes:
            raise ValueError("sizes on the sky are for stamps of the two celestial axes; give them in pixels")
        scales = self.celestial.proj_plane_pixel_scales().tolist()
        return [positions.pixels(one, scale) for one, scale in zip(sizes, scales)]

    def _boxes(self, corners: Tensor, lengths: list[int], axes: list[int]) -> tuple[Tensor, list[int]]:
        """Corners ``[B, naxis]`` and the size, both in tensor order; axes that are not cut are whole."""
        naxis = len(self.shape)
        if axes == list(range(naxis)):
            return corners, lengths[::-1]
        full, shape = corners.new_zeros(len(corners), naxis), list(self.shape)
        for axis, column, length in zip(axes, corners.flip(-1).unbind(-1), lengths):
            full[:, naxis - 1 - axis], shape[naxis - 1 - axis] = column, length
        return full, shape

    # --- Stamps ------------------------------------------------------------------------------------------------------

    def section(self, place: _Place, lengths: list[int], dtype: torch.dtype | None) -> Tensor | None:
        """One stamp of one HDU that lies wholly inside the image: a section, which is read faster than cutouts are."""
        if self.channels or not isinstance(place.pixels, list):
            return None
        naxis = len(self.shape)
        section = [slice(0, length) for length in self.shape]
        for axis, at, length in zip(place.axes, place.pixels, lengths):
            first = _first(at, length)
            if first < 0 or first + length > self.shape[naxis - 1 - axis]:
                return None
            section[naxis - 1 - axis] = slice(first, first + length)
        part = self.first._part(tuple(section)) if dtype is None else None
        if part is None:
            size = [one.stop - one.start for one in section]
            part = self.first._call(READ_SECTION, [one.start for one in section], size, dtype=dtype)
        return part

    def cut(
        self,
        place: _Place,
        lengths: list[int],
        mode: str,
        fill: float | None,
        dtype: torch.dtype | None,
        with_wcs: bool,
    ) -> tuple[Tensor | list[Tensor], Any]:
        corners, size = self._boxes(place.corners(lengths), lengths, place.axes)
        if mode == "partial":
            stamps = self._read(corners, size, fill, dtype)
            return stamps, self._wcs(corners, size) if with_wcs else None
        low, high = self._inside(corners, size)
        self._check_inside(mode, corners, size, low, high, place.one)
        if mode == "strict":
            return self._read(corners, size, fill, dtype), self._wcs(corners, size) if with_wcs else None
        stamps = self._read(low, (high - low).amax(0).tolist() if len(low) else size, fill, dtype)
        extents = (high - low).tolist()
        trimmed = [one[(..., *map(slice, extent))].clone() for one, extent in zip(stamps, extents)]
        return trimmed, [self._wcs(one[None], extent)[0] for one, extent in zip(low, extents)] if with_wcs else None

    def _inside(self, corners: Tensor, size: list[int]) -> tuple[Tensor, Tensor]:
        """First pixels of what lies inside, and those past its ends."""
        shape = torch.tensor(self.shape)
        return torch.minimum(corners.clamp(min=0), shape), torch.minimum(
            (corners + torch.tensor(size)).clamp(min=0), shape
        )

    def _check_inside(self, mode: str, corners: Tensor, size: list[int], low: Tensor, high: Tensor, one: bool) -> None:
        wrong = (high <= low) if mode == "trim" else (low != corners) | (high != corners + torch.tensor(size))
        bad = wrong.any(-1).nonzero()
        if not len(bad):
            return
        b = int(bad[0])
        which = "the cutout" if one else f"cutout {b}"
        box = ", ".join(f"{start}:{start + length}" for start, length in zip(corners[b].tolist(), size))
        outside = "wholly outside" if mode == "trim" else "partly outside"
        raise ValueError(
            f"{self.where}: {which} [{box}] lies {outside} the image of {list(self.shape)}; mode='partial' fills it"
        )

    def _read(self, corners: Tensor, size: Sequence[int], fill: float | None, dtype: torch.dtype | None) -> Tensor:
        hdus = [unit.index for unit in self.units]
        found: Tensor = self.first._file.source(
            READ_CUTOUTS, hdus, corners, list(size), fill=fill, dtype=dtype or self._dtype()
        )
        return found if self.channels else found.squeeze(1)

    def _dtype(self) -> torch.dtype:
        """Of all HDUs: theirs where it is the same, else one that holds all."""
        found = [unit.dtype or torch.float32 for unit in self.units]
        try:
            return functools.reduce(torch.promote_types, found) if len(found) > 1 else found[0]
        except RuntimeError:  # unsigned integers among others
            return torch.float64

    def _wcs(self, corners: Tensor, size: Sequence[int]) -> WCS:
        wcs = self.first.wcs
        extra = wcs.naxis - corners.shape[-1]
        lengths = [1] * extra + list(size)[max(-extra, 0) :]
        corners = torch.nn.functional.pad(corners, (extra, 0))  # axes of the WCS that the image lacks, or none
        return WCS._of(wcs.crop(corners).packed, lengths[::-1])

    # --- North up ----------------------------------------------------------------------------------------------------

    def north_up(
        self,
        place: _Place,
        size: Size,
        mode: str,
        fill: float | None,
        dtype: torch.dtype | None,
        pixel_scale: float | str | None,
        method: str,
    ) -> tuple[Tensor, WCS]:
        if mode == "trim":
            raise ValueError(
                "a north-up stamp is not trimmed, since what it shows of the image is no rectangle; fill it"
            )
        if self.celestial_axes != [0, 1] or place.axes != [0, 1]:
            raise ValueError("north-up stamps are of images whose two fastest axes are the celestial ones")
        wcs = self.celestial
        scale = float(wcs.proj_plane_pixel_area().sqrt()) if pixel_scale is None else positions.degrees(pixel_scale)
        lengths = [positions.pixels(one, scale) for one in positions.sizes(size, 2)]
        world = wcs.pixel_to_world(place.points)
        centers = world.flip(-1) if self.first.wcs.lng > self.first.wcs.lat else world
        if not bool(centers.isfinite().all()):
            raise ValueError(f"{self.where}: a center has no world coordinates")
        packed: Tensor = torch.ops.fits.wcs_tan(centers, lengths, scale, like=wcs.packed)
        stamps = WCS._of(packed, lengths[::-1])
        kind = dtype or self._dtype()
        corners, box = self._needed(stamps, lengths)
        if mode == "strict":
            self._check_covered(stamps, corners, box, lengths, method, place.one)
        images = self._resampled(stamps, corners, box, lengths, fill, _arithmetic(kind), method)
        if not kind.is_floating_point:  # to the nearest and to the ends of the type, NaN to 0, as while reading
            images = torch.ops.fits.scale(images.round(), dtype=kind)
        return images.to(kind), stamps

    def _resampled(
        self,
        stamps: WCS,
        corners: Tensor,
        box: list[int],
        lengths: list[int],
        fill: float | None,
        dtype: torch.dtype,
        method: str,
    ) -> Tensor:
        planes = [len(self.units)] * self.channels + list(self.shape[:-2])
        parts = [torch.empty(0, *planes, *lengths, dtype=dtype)]
        for chunk, packed in self._chunks(stamps, corners, math.prod([*planes, *box]) * dtype.itemsize):
            boxes, shape = self._boxes(chunk, box[::-1], [0, 1])
            images = self._read(boxes, shape, None, dtype)
            here = self.celestial.crop(chunk)
            parts.append(torch.ops.fits.resample(images, here.packed, packed, lengths, method, fill=fill)[0])
        return torch.cat(parts)

    def _chunks(self, stamps: WCS, corners: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Corners and packed WCS of as many stamps at a time as have boxes of `size` bytes to hold."""
        together = max(1, _BOX_BYTES // max(1, size))
        if len(corners):
            yield from zip(corners.split(together), stamps.packed.split(together))

    def _check_covered(
        self, stamps: WCS, corners: Tensor, box: list[int], lengths: list[int], method: str, one: bool
    ) -> None:
        """Raises for a stamp with pixels that the image does not reach; its own NaN are no such pixels."""
        first = 0
        for chunk, packed in self._chunks(stamps, corners, math.prod(box) * 4):
            whole = torch.ones(len(chunk), *box)
            _, weight = torch.ops.fits.resample(whole, self.celestial.crop(chunk).packed, packed, lengths, method)
            bare = (weight == 0).flatten(1).any(1).nonzero()
            if len(bare):
                which = "the cutout" if one else f"cutout {first + int(bare[0])}"
                raise ValueError(f"{self.where}: {which} lies partly outside the image; mode='partial' fills it")
            first += len(chunk)

    def _needed(self, stamps: WCS, lengths: list[int]) -> tuple[Tensor, list[int]]:
        """First pixels ``[B, 2]`` (rows first) of the boxes that the stamps show, and their common size."""
        axes = [torch.linspace(-0.5, length - 0.5, min(length + 1, _GRID), dtype=torch.float64) for length in lengths]
        rows, columns = torch.meshgrid(*axes, indexing="ij")
        grid = torch.stack([columns, rows], -1).expand(len(stamps), *rows.shape, 2)
        found = stamps.pixel_to_pixel(grid, self.celestial).flip(-1)
        # The farthest that a neighbour of the grid reaches, and the pixels beyond that interpolation looks at
        steps = [found.diff(dim=axis).abs().nan_to_num().flatten(1).amax(1) for axis in (1, 2)]
        pad = 2 + torch.maximum(*steps)[:, None]
        shape = torch.tensor(self.shape[-2:])
        places = found.flatten(1, 2)
        low = (places.nan_to_num(nan=math.inf).amin(1) - pad).floor().clamp(min=-1, max=1e9).long()
        high = (places.nan_to_num(nan=-math.inf).amax(1) + pad).ceil().clamp(min=-1, max=1e9).long() + 1
        low, high = low.minimum(shape).clamp(min=0), high.minimum(shape).clamp(min=0)
        size = (high - low).clamp(min=1).amax(0) if len(low) else torch.ones_like(shape)
        # All inside the image: at its edges, and there alone, interpolation meets an edge.
        return low.minimum(shape - size), size.tolist()


def _arithmetic(kind: torch.dtype) -> torch.dtype:
    """In which pixels are interpolated that will be of `kind`."""
    return torch.float32 if kind in _SHORT else torch.float64


def _check_latitudes(points: Tensor | list[float]) -> None:
    latitudes = points[1:2] if isinstance(points, list) else points[..., 1:2]
    if isinstance(latitudes, Tensor):  # of numbers in a list arithmetic is faster
        latitudes = latitudes[latitudes.abs() > 90].tolist()
    for latitude in latitudes:
        if abs(latitude) > 90:
            raise ValueError(f"a latitude of {latitude:g} degrees: a center on the sky is (longitude, latitude)")
