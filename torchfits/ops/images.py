"""read_image, read_section, read_images, read_images_ragged: pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from torchfits.ops.tracing import batch_size, outside_capture, record_with, unknown_size

_STATUS = """Status int32 ``[B, C]``: 0 read, 1 empty, 2 cannot open, 3 not FITS, 4 truncated, 5 no such HDU, 6 not an image, 7 wrong
number of axes, 8 bad compressed data, 9 bad header."""

DOCS = {
    "read_image": """One whole image, compressed or not: NAXIS1 = W, NAXIS2 = H is ``[H, W]``.

``dtype=None``: as astropy gives it. The unsigned conventions (FITS Standard 4.0, section 5.2.5) are uint16, uint32,
uint64 and int8; other BSCALE, BZERO or BLANK (section 4.4.2.5) give float32 for BITPIX 8 and 16, else float64, and BLANK
is NaN; float32 stays float32; anything else is as stored. Another ``dtype`` (float16, bfloat16, float32, float64, any
integer type) is converted to in the same pass: scaling is computed in float64, floating to integer truncates, what is
out of range saturates, NaN becomes 0. ``scaled=False``: the stored values in native byte order. Random groups are
``[groups, *array]``, their parameters left out.

Under torch.compile and torch.export rank and dtype are read from the file when the graph is captured, and the captured
call carries them as ``naxis`` and ``expected_dtype``: it raises ValueError where the file at run time has another number
of axes or another dtype of its own (what ``dtype=None`` gives). Sizes stay open. With ``naxis`` and ``dtype`` given, no
file is looked into.

Errors: RuntimeError for a bad file or an HDU that is no image or has no data, IndexError for an HDU that is not there.
""",
    "read_image.bytes": """The same of a file held in memory, uint8 ``[n]``, gzipped or not.

Under a compiler ``naxis`` and ``dtype`` must be given.
""",
    "read_section": """A section of an image: ``size`` pixels from pixel ``start`` on, both in tensor axis order, inside the image.

Values, ``dtype`` and ``expected_dtype`` as of ``read_image``; only the rows that are needed are read.
""",
    "read_section.bytes": "The same of a file held in memory. Under a compiler ``dtype`` must be given.",
    "read_images": f"""A batch of images of one shape: images ``[B, C, *shape]``, extents int64 ``[B, C, len(shape)]``, status.

C planes are the HDUs ``hdus`` of each file. An image larger than ``shape`` is cropped, a smaller one padded with ``fill``
(default NaN, 0 for integers); it lies at index 0 of every axis or, ``centered``, in the middle (an odd pixel over goes to
the end). Extents are the images' true sizes. ``dtype``: default float32. One allocation, threads over B, static shapes.

``strict``: the first bad item raises and is named. Otherwise it is filled, its extents are 0 and its status says why.
{_STATUS}
""",
    "read_images.packed": """The same of files laid end to end, gzipped or not.

File i is ``data[offsets[i]:offsets[i + 1]]``; ``data`` uint8 ``[n]``, ``offsets`` int64 ``[B + 1]``. An item without bytes
is empty (status 1).
""",
    "read_images_ragged": f"""A batch of images of any shapes: values ``[n]``, offsets int64 ``[B*C + 1]``, shapes int64 ``[B, C, naxis]``, status.

Image (b, c) is ``values[offsets[b*C + c]:offsets[b*C + c + 1]].view(*shapes[b, c])``; a bad one has no values.
{_STATUS}
""",
    "read_images_ragged.packed": "The same of files laid end to end.",
}

_STATIC = (
    "use torch.ops.fits.read_images.packed or read_section.bytes, whose shapes are arguments, or pass naxis= and dtype="
)


def _natural(path: str, hdu: int, scaled: bool) -> tuple[int, torch.dtype]:
    """Rank and dtype of an image, from the file's header: an empty section of it has both."""
    with outside_capture():
        rank = int(torch.ops.fits.hdus(path)[hdu, 5])
        return rank, torch.ops.fits.read_section(path, hdu, [0] * rank, [0] * rank, scaled=scaled).dtype


def _image_facts(
    path: str,
    hdu: int = 0,
    *,
    dtype: torch.dtype | None = None,
    scaled: bool = True,
    naxis: int | None = None,
    expected_dtype: torch.dtype | None = None,
) -> dict[str, Any]:
    """What a graph must know of the image, from the file where the arguments do not say it."""
    if naxis is not None and (dtype or expected_dtype) is not None:
        return {}
    rank, natural = _natural(path, hdu, scaled)
    return {"naxis": rank if naxis is None else naxis, "expected_dtype": expected_dtype if dtype else natural}


def _section_facts(
    path: str,
    hdu: int,
    start: Sequence[int],
    size: Sequence[int],
    *,
    dtype: torch.dtype | None = None,
    scaled: bool = True,
    expected_dtype: torch.dtype | None = None,
) -> dict[str, Any]:
    return {} if (dtype or expected_dtype) is not None else {"expected_dtype": _natural(path, hdu, scaled)[1]}


record_with("fits::read_image", _image_facts)
record_with("fits::read_section", _section_facts)


@torch.library.register_fake("fits::read_image")
def _(
    path: str,
    hdu: int = 0,
    *,
    dtype: torch.dtype | None = None,
    scaled: bool = True,
    naxis: int | None = None,
    expected_dtype: torch.dtype | None = None,
) -> torch.Tensor:
    known: dict[str, Any] = {"naxis": naxis, "expected_dtype": expected_dtype}
    known |= _image_facts(path, hdu, dtype=dtype, scaled=scaled, naxis=naxis, expected_dtype=expected_dtype)
    sizes = [unknown_size() for _ in range(known["naxis"])]
    return torch.empty(sizes, dtype=dtype or known["expected_dtype"], device="cpu")


@torch.library.register_fake("fits::read_image.bytes")
def _(
    data: torch.Tensor,
    hdu: int = 0,
    *,
    dtype: torch.dtype | None = None,
    scaled: bool = True,
    naxis: int | None = None,
) -> torch.Tensor:
    if dtype is None or naxis is None:
        raise RuntimeError(
            f"read_image.bytes: rank and dtype lie in the data, which a graph does not have yet; {_STATIC}"
        )
    return torch.empty([unknown_size() for _ in range(naxis)], dtype=dtype, device="cpu")


@torch.library.register_fake("fits::read_section")
def _(
    path: str,
    hdu: int,
    start: Sequence[int],
    size: Sequence[int],
    *,
    dtype: torch.dtype | None = None,
    scaled: bool = True,
    expected_dtype: torch.dtype | None = None,
) -> torch.Tensor:
    return torch.empty(list(size), dtype=dtype or expected_dtype or _natural(path, hdu, scaled)[1], device="cpu")


@torch.library.register_fake("fits::read_section.bytes")
def _(
    data: torch.Tensor,
    hdu: int,
    start: Sequence[int],
    size: Sequence[int],
    *,
    dtype: torch.dtype | None = None,
    scaled: bool = True,
) -> torch.Tensor:
    if dtype is None:
        raise RuntimeError(
            f"read_section.bytes: the dtype lies in the data, which a graph does not have yet; {_STATIC}"
        )
    return torch.empty(list(size), dtype=dtype, device="cpu")


Padded = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
Ragged = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def _padded(batch: int | torch.SymInt, planes: int, shape: Sequence[int], dtype: torch.dtype | None) -> Padded:
    images = torch.empty([batch, planes, *shape], dtype=dtype or torch.float32, device="cpu")
    extents = torch.empty([batch, planes, len(shape)], dtype=torch.int64, device="cpu")
    return images, extents, torch.empty([batch, planes], dtype=torch.int32, device="cpu")


@torch.library.register_fake("fits::read_images")
def _(
    paths: list[str],
    hdus: list[int],
    shape: Sequence[int],
    *,
    fill: float | None = None,
    dtype: torch.dtype | None = None,
    centered: bool = False,
    strict: bool = True,
) -> Padded:
    return _padded(len(paths), len(hdus), shape, dtype)


@torch.library.register_fake("fits::read_images.packed")
def _(
    data: torch.Tensor,
    offsets: torch.Tensor,
    hdus: list[int],
    shape: Sequence[int],
    *,
    fill: float | None = None,
    dtype: torch.dtype | None = None,
    centered: bool = False,
    strict: bool = True,
) -> Padded:
    return _padded(batch_size(offsets), len(hdus), shape, dtype)


def _ragged(batch: int | torch.SymInt, planes: int, naxis: int, dtype: torch.dtype | None) -> Ragged:
    return (
        torch.empty(unknown_size(), dtype=dtype or torch.float32, device="cpu"),
        torch.empty(batch * planes + 1, dtype=torch.int64, device="cpu"),
        torch.empty([batch, planes, naxis], dtype=torch.int64, device="cpu"),
        torch.empty([batch, planes], dtype=torch.int32, device="cpu"),
    )


@torch.library.register_fake("fits::read_images_ragged")
def _(
    paths: list[str], hdus: list[int], naxis: int, *, dtype: torch.dtype | None = None, strict: bool = True
) -> Ragged:
    return _ragged(len(paths), len(hdus), naxis, dtype)


@torch.library.register_fake("fits::read_images_ragged.packed")
def _(
    data: torch.Tensor,
    offsets: torch.Tensor,
    hdus: list[int],
    naxis: int,
    *,
    dtype: torch.dtype | None = None,
    strict: bool = True,
) -> Ragged:
    return _ragged(batch_size(offsets), len(hdus), naxis, dtype)
