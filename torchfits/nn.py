"""Modules for networks that eat FITS: readers, scaling, normalisation, world coordinates.

All of them can be scripted, compiled, exported with a dynamic batch, and run from C++. None has parameters; world
coordinates may be kept as a buffer, else there is no state.

Paths and bytes are always inputs of ``forward``, never held by a module: TorchScript evaluates an operator whose
arguments are all constants once and keeps the result, and ``torch.jit.freeze`` writes it into the saved model, so that
the file would never be read again.
"""
# Not `from __future__ import annotations`: TorchScript needs the types of attributes, not their spelling.

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from torchfits.resampling import Resample
from torchfits.wcs import WCS

__all__ = [
    "Cutouts",
    "DecodeCutouts",
    "DecodeImages",
    "Normalize",
    "PixelToWorld",
    "ReadImages",
    "Resample",
    "Scale",
    "WorldToPixel",
]


class _Images(nn.Module):
    """What both readers of batches are told once."""

    hdus: list[int]
    shape: list[int]
    fill: float | None
    dtype: torch.dtype
    centered: bool
    strict: bool

    def __init__(
        self,
        hdus: Sequence[int],
        shape: Sequence[int],
        *,
        fill: float | None = None,
        dtype: torch.dtype = torch.float32,
        centered: bool = False,
        strict: bool = True,
    ) -> None:
        super().__init__()
        self.hdus = [int(hdu) for hdu in hdus]
        self.shape = [int(length) for length in shape]
        self.fill = None if fill is None else float(fill)
        self.dtype = dtype
        self.centered = centered
        self.strict = strict

    def extra_repr(self) -> str:
        options = [f"hdus={self.hdus}, shape={self.shape}, dtype={self.dtype}"]
        options += [] if self.fill is None else [f"fill={self.fill}"]
        options += ["centered=True"] if self.centered else []
        options += [] if self.strict else ["strict=False"]
        return ", ".join(options)


class ReadImages(_Images):
    """A batch of images from files: ``forward(paths)`` gives images ``[B, C, *shape]``, extents and status.

    The operator ``read_images`` with its options fixed; C is the number of ``hdus``. Extents, int64
    ``[B, C, len(shape)]``, are the images' true sizes; status, int32 ``[B, C]``, is 0 where an image was read (always,
    unless ``strict=False``)::

        read = torchfits.nn.ReadImages(hdus=[0], shape=[64, 64])
        images, extents, status = read(["a.fits", "b.fits.gz"])

    torch.compile and torch.export treat strings as constants: a compiled ReadImages is compiled again for each new list
    of paths, an exported one reads the files it was exported with. Read in front of the graph, or give the graph bytes
    (``DecodeImages``). TorchScript has no such limit.
    """

    def forward(self, paths: list[str]) -> tuple[Tensor, Tensor, Tensor]:
        images, extents, status = torch.ops.fits.read_images(
            paths,
            self.hdus,
            self.shape,
            fill=self.fill,
            dtype=self.dtype,
            centered=self.centered,
            strict=self.strict,
        )
        return images, extents, status


class DecodeImages(_Images):
    """A batch of images from bytes, as messages bring them: ``forward(data, offsets)``, results as of ``ReadImages``.

    File i, gzipped or not, is ``data[offsets[i]:offsets[i + 1]]``; ``data`` uint8 ``[n]`` and ``offsets`` int64
    ``[B + 1]`` lie on the CPU, and so do the results::

        decode = torchfits.nn.DecodeImages(hdus=[0], shape=[63, 63], strict=False)
        images, extents, status = decode(data, offsets)

    To export with a dynamic batch that may be 1, see docs/deploy.md.
    """

    def forward(self, data: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        images, extents, status = torch.ops.fits.read_images(
            data,
            offsets,
            self.hdus,
            self.shape,
            fill=self.fill,
            dtype=self.dtype,
            centered=self.centered,
            strict=self.strict,
        )
        return images, extents, status


class _Cutouts(nn.Module):
    """What both readers of cutouts are told once."""

    hdus: list[int]
    size: list[int]
    fill: float | None
    dtype: torch.dtype

    def __init__(
        self,
        hdus: Sequence[int],
        size: Sequence[int],
        *,
        fill: float | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.hdus = [int(hdu) for hdu in hdus]
        self.size = [int(length) for length in size]
        self.fill = None if fill is None else float(fill)
        self.dtype = dtype

    def extra_repr(self) -> str:
        fill = "" if self.fill is None else f", fill={self.fill}"
        return f"hdus={self.hdus}, size={self.size}, dtype={self.dtype}{fill}"


class Cutouts(_Cutouts):
    """Cutouts from files: ``forward(paths, index, corners)`` gives ``[B, C, *size]``.

    The operator ``read_cutouts`` with its options fixed: cutout b comes from ``paths[index[b]]`` (int64 ``[B]``), its
    first pixel is ``corners[b]`` (int64 ``[B, naxis]``, in tensor order, inside the image or not)::

        cut = torchfits.nn.Cutouts(hdus=[1, 2], size=[64, 64])
        stamps = cut(["a.fits", "b.fits.fz"], index, corners)

    torch.compile and torch.export treat strings as constants, as ``ReadImages`` says; ``DecodeCutouts`` takes bytes.
    """

    def forward(self, paths: list[str], index: Tensor, corners: Tensor) -> Tensor:
        stamps: Tensor = torch.ops.fits.read_cutouts(
            paths, index, self.hdus, corners, self.size, fill=self.fill, dtype=self.dtype
        )
        return stamps


class DecodeCutouts(_Cutouts):
    """Cutouts from bytes, as messages bring them: ``forward(data, offsets, index, corners)`` gives ``[B, C, *size]``.

    File i, gzipped or not, is ``data[offsets[i]:offsets[i + 1]]``; all arguments lie on the CPU, and so does the
    result. With `torchfits.nn.WorldToPixel` in front, positions on the sky are the input of one exported graph::

        cut = torchfits.nn.DecodeCutouts(hdus=[0], size=[32, 32])
        stamps = cut(data, offsets, index, corners)
    """

    def forward(self, data: Tensor, offsets: Tensor, index: Tensor, corners: Tensor) -> Tensor:
        stamps: Tensor = torch.ops.fits.read_cutouts(
            data, offsets, index, self.hdus, corners, self.size, fill=self.fill, dtype=self.dtype
        )
        return stamps


class Scale(nn.Module):
    """Physical values of stored ones: ``bzero + bscale * stored``, and NaN where ``stored == blank``.

    FITS Standard 4.0, section 4.4.2.5; the operator ``scale`` with its options fixed. Differentiable for floating
    input::

        physical = torchfits.nn.Scale(bscale=0.5, bzero=100.0, blank=-32768)(stored)
    """

    bscale: float
    bzero: float
    blank: int | None
    dtype: torch.dtype

    def __init__(
        self, bscale: float = 1.0, bzero: float = 0.0, blank: int | None = None, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        self.bscale = float(bscale)
        self.bzero = float(bzero)
        self.blank = blank
        self.dtype = dtype

    def forward(self, stored: Tensor) -> Tensor:
        physical: Tensor = torch.ops.fits.scale(stored, self.bscale, self.bzero, self.blank, dtype=self.dtype)
        return physical

    def extra_repr(self) -> str:
        blank = "" if self.blank is None else f", blank={self.blank}"
        return f"bscale={self.bscale}, bzero={self.bzero}{blank}, dtype={self.dtype}"


class Normalize(nn.Module):
    """Each image brought to the range that a network likes, by its own statistics; pixels that are not finite left out.

    An image is what lies along ``axes`` (default: the last two, one plane); statistics are per image. Not-finite pixels
    (NaN, infinities) take no part in them and come out as ``nan``.

    ``"asinh"``
        ``asinh((x - median) / (softening * sigma))``, ``sigma = 1.4826 * median(|x - median|)``: linear within the
        noise of the sky, logarithmic in stars (Lupton, Gunn & Szalay 1999). Of an even number of pixels the median is
        the lower of the two in the middle, as ``torch.median``'s.
    ``"percentile"``
        ``(x - p_low) / (p_high - p_low)``, clamped to 0..1; ``p_low`` and ``p_high`` are the percentiles ``low`` and
        ``high``, interpolated linearly as NumPy's.
    ``"standard"``
        ``(x - mean) / std``, with the standard deviation of the population.

    A scale of zero (sigma, ``p_high - p_low`` or std of a constant image) counts as 1, so that a constant image gives
    0; an image without a finite pixel gives ``nan`` everywhere. Statistics are computed in float32, of float64 input in
    float64; integer input gives float32, floating input its own dtype. Differentiable, statistics included::

        stamps = torchfits.nn.Normalize("asinh")(images)
    """

    method: str
    axes: list[int]
    low: float
    high: float
    softening: float
    nan: float

    def __init__(
        self,
        method: str = "asinh",
        *,
        axes: Sequence[int] = (-2, -1),
        low: float = 1.0,
        high: float = 99.0,
        softening: float = 1.0,
        nan: float = 0.0,
    ) -> None:
        super().__init__()
        if method not in ("asinh", "percentile", "standard"):
            raise ValueError(f"Normalize: method is {method!r}; it must be 'asinh', 'percentile' or 'standard'")
        if len(axes) == 0:
            raise ValueError("Normalize: axes is empty; name the axes of one image, such as (-2, -1)")
        if not 0 <= low < high <= 100:
            raise ValueError(f"Normalize: low={low} and high={high} must be percentiles, 0 <= low < high <= 100")
        if not 0 < softening < math.inf:
            raise ValueError(f"Normalize: softening={softening} must be a positive number")
        self.method = method
        self.axes = [int(axis) for axis in axes]
        self.low = float(low)
        self.high = float(high)
        self.softening = float(softening)
        self.nan = float(nan)

    def forward(self, images: Tensor) -> Tensor:
        dtype = images.dtype if images.is_floating_point() else torch.float32
        count = len(self.axes)
        last = [axis - count for axis in range(count)]
        # One image a row.
        stacked = images.to(torch.float64 if dtype == torch.float64 else torch.float32).movedim(self.axes, last)
        rows = stacked.flatten(-count)
        missing = ~rows.isfinite()
        if self.method == "asinh":
            result = self._asinh(rows, missing)
        elif self.method == "percentile":
            result = self._percentile(rows, missing)
        else:
            result = self._standard(rows, missing)
        result = result.masked_fill(missing, self.nan)
        return result.reshape(stacked.shape).movedim(last, self.axes).to(dtype)

    # What is missing must be filled before a nonlinear step: a NaN that only the end masks would still reach gradients.

    def _asinh(self, rows: Tensor, missing: Tensor) -> Tensor:
        known = rows.masked_fill(missing, math.nan)
        background = _median(known)
        # A normal distribution's standard deviation is 1 / Phi^-1(3/4) times its median absolute deviation.
        sigma = 1.482602218505602 * _median((known - background).abs())
        return ((rows.masked_fill(missing, 0.0) - background) / (self.softening * _nonzero(sigma))).asinh()

    def _percentile(self, rows: Tensor, missing: Tensor) -> Tensor:
        ordered = rows.masked_fill(missing, math.inf).sort(-1)[0]
        known = (~missing).sum(-1, keepdim=True)
        low = _percentile(ordered, known, self.low)
        span = _nonzero(_percentile(ordered, known, self.high) - low)
        return ((rows.masked_fill(missing, 0.0) - low) / span).clamp(0.0, 1.0)

    def _standard(self, rows: Tensor, missing: Tensor) -> Tensor:
        known = (~missing).sum(-1, keepdim=True).clamp(min=1).to(rows.dtype)
        # Counted from the least pixel, which changes nothing but rounding: a constant image's mean is then exact.
        least = rows.detach().masked_fill(missing, math.inf).amin(-1, keepdim=True)
        raised = (rows - least).masked_fill(missing, 0.0)
        centred = (raised - raised.sum(-1, keepdim=True) / known).masked_fill(missing, 0.0)
        return centred / _nonzero(centred.square().sum(-1, keepdim=True) / known).sqrt()

    def extra_repr(self) -> str:
        options = {"percentile": f", low={self.low}, high={self.high}", "asinh": f", softening={self.softening}"}
        return f"{self.method!r}, axes={tuple(self.axes)}{options.get(self.method, '')}, nan={self.nan}"


def _nonzero(scale: Tensor) -> Tensor:
    """1 where ``scale`` is 0 (or NaN): before a division or a root, whose gradient there would be NaN."""
    return torch.where(scale > 0, scale, torch.ones_like(scale))


def _median(known: Tensor) -> Tensor:
    """The median of each row's values that are not NaN; 0 where there are none."""
    median = known.nanmedian(-1, keepdim=True)[0]
    return torch.where(median.isnan(), torch.zeros_like(median), median)


def _percentile(ordered: Tensor, known: Tensor, percent: float) -> Tensor:
    """A percentile of each row's first ``known`` values; 0 where there are none."""
    last = (known - 1).clamp(min=0)
    position = last.to(torch.float64) * (percent / 100.0)
    below = position.floor().to(torch.int64)
    above = torch.minimum(below + 1, last)
    low, high = ordered.gather(-1, below), ordered.gather(-1, above)
    value = low + (high - low) * (position - below).to(ordered.dtype)
    return torch.where(known > 0, value, torch.zeros_like(value))


class _Coordinates(nn.Module):
    """A WCS that is kept, or one that comes with each call."""

    wcs: Tensor | None

    def __init__(self, wcs: WCS | Tensor | None = None) -> None:
        super().__init__()
        packed = wcs.packed if isinstance(wcs, WCS) else wcs
        # A clone, so that a module moved or loaded into does not change the caller's WCS.
        self.register_buffer("wcs", None if packed is None else WCS.from_packed(packed).packed.detach().clone())

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "_Coordinates":
        """Moves the WCS with the module, but leaves it in float64: half() and float() are for networks.

        1 ulp of a right ascension of 150 degrees is 55 mas in float32.
        """
        exact = self.wcs
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if exact is not None and self.wcs is not None and self.wcs.dtype != torch.float64:
            self.wcs = exact.to(self.wcs.device)
        return self

    def _packed(self, wcs: Tensor | None) -> Tensor:
        packed = self.wcs if wcs is None else wcs
        if packed is None:
            raise RuntimeError("no WCS: give one to the module or to forward, as a packed tensor (WCS(header).packed)")
        return packed

    def extra_repr(self) -> str:
        return "" if self.wcs is None else f"wcs={list(self.wcs.shape)}"


class PixelToWorld(_Coordinates):
    """World coordinates of pixels: ``forward(pixel, wcs=None)``, the operator ``pixel_to_world``.

    ``pixel`` is ``[..., N]``, counted from 0, x first; the result is float64 of the same shape, in degrees or SI units,
    NaN where a point has no solution. The WCS is one that the module keeps as a buffer (a `WCS`, or its packed tensor)
    and saves with a model, or one for each call, which comes first: packed ``[P]``, or ``[B, P]`` for ``[B, ..., N]``
    pixels of images that have their own::

        to_sky = torchfits.nn.PixelToWorld(torchfits.WCS.from_file("m13.fits"))
        sky = to_sky(torch.tensor([[149.0, 149.0]]))

    A buffer stays in float64 when the model is made ``half()`` or ``float()``. Differentiable.
    """

    def forward(self, pixel: Tensor, wcs: Tensor | None = None) -> Tensor:
        world: Tensor = torch.ops.fits.pixel_to_world(pixel, self._packed(wcs))
        return world


class WorldToPixel(_Coordinates):
    """Pixels of world coordinates: ``forward(world, wcs=None)``, the operator ``world_to_pixel``.

    The WCS as of ``PixelToWorld``. A point that the WCS cannot have, or for which the inverse of a distortion does not
    converge, is NaN. Differentiable.
    """

    def forward(self, world: Tensor, wcs: Tensor | None = None) -> Tensor:
        pixel: Tensor = torch.ops.fits.world_to_pixel(world, self._packed(wcs))
        return pixel
