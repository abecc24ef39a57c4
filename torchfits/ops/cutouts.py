"""read_cutouts, read_cutouts_status: cutouts of many places in one call."""

from __future__ import annotations

from collections.abc import Sequence

import torch

DOCS = {
    "read_cutouts": """Cutouts of one size: ``[B, C, *size]``, from pixel ``corners[b]`` on, int64 ``[B, naxis]`` in tensor axis order.

C planes are the HDUs ``hdus``, such as science, variance and mask: each with as many axes as ``size`` has, of any
lengths. A corner may be any number: what lies outside an image is ``fill`` (default NaN, 0 for integers). ``dtype``:
default float32; values are those of ``read_image``, of every BITPIX, scaling and codec. Only the rows that are needed are
read, sorted by position; of a compressed image (FITS Standard 4.0, section 10) only the tiles, each decoded once however
many cutouts touch it. One allocation, threads over cutouts and tiles, static shapes; memory beside the result is one tile
or 1 MiB per thread. A file that no cutout comes from is not opened.

Around positions on the sky, ``sky`` ``[B, 2]``, by a packed ``wcs``, in one graph: pixels in tensor order, of each the
first one of its cutout (as astropy's Cutout2D centres it; a position that has no pixel, NaN, lies far outside)::

    pixel = torch.ops.fits.world_to_pixel(sky, wcs).flip(-1)
    first = torch.ceil(pixel - torch.tensor(size) / 2)
    corners = first.nan_to_num(nan=-4e18).clamp(-4e18, 4e18).long()
    cutouts = torch.ops.fits.read_cutouts(path, [0], corners, size)

Errors: RuntimeError for a bad file, of the lowest cutout that it concerns, naming file, HDU, cutout and tile; IndexError
for an HDU that is not there; ValueError for corners of another shape.
""",
    "read_cutouts.bytes": "The same of a file held in memory, uint8 ``[n]``, gzipped or not.",
    "read_cutouts.paths": """The same of many files: cutout b comes from ``paths[index[b]]``, index int64 ``[B]``.

Files are read in parallel, each opened once; no more gzipped ones lie inflated in memory than there are threads.
IndexError for an index that no path has.
""",
    "read_cutouts.packed": """The same of files laid end to end, gzipped or not, as of ``read_images.packed``: cutout b comes from file ``index[b]``.
""",
    "read_cutouts_status.paths": """As ``read_cutouts.paths``, with a status in place of errors: cutouts ``[B, C, *size]``, status int32 ``[B, C]``.

Codes as of ``read_images``. A cutout is ``fill`` where its status is not 0: of a compressed image with a bad tile those
that touch the tile, of a file cut short those that reach into what is missing. Arguments that are wrong still raise.
""",
    "read_cutouts_status.packed": "The same of files laid end to end, gzipped or not. An item without bytes has status 1.",
}


def _cutouts(corners: torch.Tensor, hdus: list[int], size: Sequence[int], dtype: torch.dtype | None) -> torch.Tensor:
    return torch.empty([corners.shape[0], len(hdus), *size], dtype=dtype or torch.float32, device="cpu")


def _status(corners: torch.Tensor, hdus: list[int]) -> torch.Tensor:
    return torch.empty([corners.shape[0], len(hdus)], dtype=torch.int32, device="cpu")


@torch.library.register_fake("fits::read_cutouts")
def _(
    path: str,
    hdus: list[int],
    corners: torch.Tensor,
    size: Sequence[int],
    *,
    fill: float | None = None,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    return _cutouts(corners, hdus, size, dtype)


@torch.library.register_fake("fits::read_cutouts.bytes")
def _(
    data: torch.Tensor,
    hdus: list[int],
    corners: torch.Tensor,
    size: Sequence[int],
    *,
    fill: float | None = None,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    return _cutouts(corners, hdus, size, dtype)


@torch.library.register_fake("fits::read_cutouts.paths")
def _(
    paths: list[str],
    index: torch.Tensor,
    hdus: list[int],
    corners: torch.Tensor,
    size: Sequence[int],
    *,
    fill: float | None = None,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    return _cutouts(corners, hdus, size, dtype)


@torch.library.register_fake("fits::read_cutouts.packed")
def _(
    data: torch.Tensor,
    offsets: torch.Tensor,
    index: torch.Tensor,
    hdus: list[int],
    corners: torch.Tensor,
    size: Sequence[int],
    *,
    fill: float | None = None,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    return _cutouts(corners, hdus, size, dtype)


@torch.library.register_fake("fits::read_cutouts_status.paths")
def _(
    paths: list[str],
    index: torch.Tensor,
    hdus: list[int],
    corners: torch.Tensor,
    size: Sequence[int],
    *,
    fill: float | None = None,
    dtype: torch.dtype | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    return _cutouts(corners, hdus, size, dtype), _status(corners, hdus)


@torch.library.register_fake("fits::read_cutouts_status.packed")
def _(
    data: torch.Tensor,
    offsets: torch.Tensor,
    index: torch.Tensor,
    hdus: list[int],
    corners: torch.Tensor,
    size: Sequence[int],
    *,
    fill: float | None = None,
    dtype: torch.dtype | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    return _cutouts(corners, hdus, size, dtype), _status(corners, hdus)
