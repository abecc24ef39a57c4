"""read_cutouts, read_cutouts_status, read_cutouts_sky: cutouts of many places in one call."""

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

``read_cutouts_sky`` takes positions on the sky instead of corners.

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
    "read_cutouts_sky": """As ``read_cutouts``, around positions on the sky: ``[B, C, *size]``, from world coordinates ``[B, N]``, floating.

``wcs``: packed, ``[P]``, such as ``wcs_from_file`` gives, of N axes; coordinates are in the order of its header's axes, in
degrees and the header's units. N may be less than the lengths of ``size``: the other, slower axes of the image begin
at 0. Stamps lie as astropy's Cutout2D centres them, around what ``world_to_pixel`` finds, rounded to 1e-6 pixel so that
the middle of a pixel stays it; distortions are inverted. A position that has no pixel gives ``fill`` alone. Nothing is
differentiable.

Errors: as of ``read_cutouts``; ValueError for a WCS that cannot be used or has another number of axes.
""",
    "read_cutouts_sky.bytes": "The same of a file held in memory, uint8 ``[n]``, gzipped or not.",
    "read_cutouts_sky.paths": """The same of many files: cutout b comes from ``paths[index[b]]``, index int64 ``[B]``.

``wcs``: ``[P]`` for all, or ``[len(paths), P]``, such as ``wcs_from_files`` gives: cutout b by ``wcs[index[b]]``.
""",
    "read_cutouts_sky.packed": "The same of files laid end to end, gzipped or not, as of ``read_images.packed``.",
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


@torch.library.register_fake("fits::read_cutouts_sky")
def _(
    path: str,
    hdus: list[int],
    sky: torch.Tensor,
    wcs: torch.Tensor,
    size: Sequence[int],
    *,
    fill: float | None = None,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    return _cutouts(sky, hdus, size, dtype)


@torch.library.register_fake("fits::read_cutouts_sky.bytes")
def _(
    data: torch.Tensor,
    hdus: list[int],
    sky: torch.Tensor,
    wcs: torch.Tensor,
    size: Sequence[int],
    *,
    fill: float | None = None,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    return _cutouts(sky, hdus, size, dtype)


@torch.library.register_fake("fits::read_cutouts_sky.paths")
def _(
    paths: list[str],
    index: torch.Tensor,
    hdus: list[int],
    sky: torch.Tensor,
    wcs: torch.Tensor,
    size: Sequence[int],
    *,
    fill: float | None = None,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    return _cutouts(sky, hdus, size, dtype)


@torch.library.register_fake("fits::read_cutouts_sky.packed")
def _(
    data: torch.Tensor,
    offsets: torch.Tensor,
    index: torch.Tensor,
    hdus: list[int],
    sky: torch.Tensor,
    wcs: torch.Tensor,
    size: Sequence[int],
    *,
    fill: float | None = None,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    return _cutouts(sky, hdus, size, dtype)


# Where a stamp begins is a whole number: nothing is differentiable, also where a WCS that is fitted is given.
_LIBRARY = torch.library.Library("fits", "IMPL")
for _form in ("", ".bytes", ".paths", ".packed"):
    _LIBRARY.impl(f"read_cutouts_sky{_form}", torch.library.fallthrough_kernel, "Autograd")
