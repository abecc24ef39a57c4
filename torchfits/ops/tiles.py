"""read_tiles, decode_tiles, decompress_tiles, dequantize, assemble_tiles: tile-compressed images in parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from torchfits.ops.autograd import register_autograd
from torchfits.ops.scaling import stored_dtype
from torchfits.ops.tracing import unknown_size

DOCS = {
    "read_tiles": """The compressed bytes of an image's tiles (FITS Standard 4.0, section 10.1): what travels to a device.

``tiles`` int64 ``[T]``: which, counted from 0 in the order of the table's rows (along NAXIS1 first), in any order, any
of them again; None: all. Returns ``data`` uint8 ``[n]``, the tiles' bytes end to end; ``descriptors`` int64 ``[T, 4]``:
offset into ``data``, bytes, codec, tile number; ``quantisation`` float64 ``[T, 3]``: ZSCALE, ZZERO and ZBLANK, from
columns or keywords, NaN where the tile has none (a tile without ZSCALE is not quantised; one whose ZSCALE is itself NaN
has ZSCALE 1 and ZZERO NaN here, which gives the same pixels). Codecs: 1 RICE_1, 2 GZIP_1,
3 GZIP_2, 4 HCOMPRESS_1, 5 PLIO_1, 6 NOCOMPRESS. Tiles that stand in GZIP_COMPRESSED_DATA are GZIP_1, those in
UNCOMPRESSED_DATA NOCOMPRESS. Only the table rows and bytes of these tiles are read. ``decode_tiles`` makes pixels of
them; ``torchfits.tile_arguments`` gives what else it asks for.

Errors: RuntimeError for a bad file, a tile without bytes in any column, or an image that is not compressed; IndexError
for an HDU or a tile that is not there.
""",
    "read_tiles.bytes": "The same of a file held in memory, uint8 ``[n]``, gzipped or not.",
    "decode_tiles": """Compressed tiles to pixels in one pass: decoded, unshuffled, dequantised or scaled, cast and put into place.

``data``, ``descriptors`` and ``quantisation`` as ``read_tiles`` returns them, of any of the image's tiles in any order,
each at most once; a call may mix codecs. ``shape`` is the image's, ``tile_shape`` that of a whole tile (ZTILEn), both
in tensor order; ``bitpix`` is ZBITPIX. ``method`` (ZQUANTIZ, section 10.2): NONE, NO_DITHER, SUBTRACTIVE_DITHER_1,
SUBTRACTIVE_DITHER_2 (exact zeros kept); ``zdither0`` is ZDITHER0, any number mod 10000. ``params``:
[BLOCKSIZE, BYTEPIX, SCALE, SMOOTH], 0 where unused. Returns the window of ``size`` whose first pixel is ``start``, of
``dtype``, as ``read_image`` gives it: ``bscale``, ``bzero`` and ``blank`` as in ``scale``, with the casts of ``scale``.
It is what ``read_image`` itself calls.

ZBLANK is NaN in floats (NaN converts to 0 in integers); in integer images its pixels become ``blank``. Quantised values
are rounded to the image's own type, then cast. Values that ``bitpix`` cannot hold saturate. The window may reach outside
the image, and tiles may be missing: pixels that no tile covers are NaN, 0 in integers. Of RICE_1 tiles no more pixels
are decoded than the window needs.

On a CUDA device nothing waits for the device, and nothing is raised for what lies in tensors there: pixels of a tile
that is wrong are NaN, 0 in integers, and ``decode_tiles_status`` says which. GZIP tiles are inflated there by one
thread each: fast enough for thousands of them, slow for a few large ones (see docs/deploy.md).

Errors: RuntimeError for streams that are wrong, naming the tile (``tile 17: RICE_1: the stream ends too early``);
ValueError for arguments that do not fit each other: descriptors that do not lie in ``data``, tiles outside the image or
there twice, unknown codecs and methods.
""",
    "decode_tiles_status": """``decode_tiles`` that raises for no tile: the image, and int32 ``[T]`` what is wrong with each tile.

Arguments as of ``decode_tiles``. ``status``, in the order of ``descriptors``: 0 decoded, 1 the stream ends too early,
2 it holds an invalid code, 3 it is of other lengths than the tile, and on CUDA devices 4 a descriptor that cannot be
true or is of a tile that is there twice. Pixels of a tile whose status is 1 to 3 are NaN, 0 in integers. On a device
``status.any()`` is the one place where a program must wait to know that all tiles were good.

Errors: ValueError as of ``decode_tiles``; on CUDA devices descriptors are not looked at on the host.
""",
    "decompress_tiles": """Compressed tiles to stored values, one tile after the other: the first step of ``decode_tiles``.

Arguments as of ``decode_tiles``. Returns ``[T, *tile_shape]`` of the native type of ``bitpix``, in the order of
``descriptors``. A tile that the image's edge cuts off has its pixels first, in the order of its stream, and then zeros:
that is the order in which dithering counts them. Of quantised images ``bitpix=32`` gives the integers; -32 and -64 are
for tiles of floats that are not quantised.

Errors: as of ``decode_tiles``.
""",
    "dequantize": """Quantised integers to floats (section 10.2): ``zzero + zscale * (tile - random + 0.5)``, ZBLANK to NaN.

``tiles`` int32, int16 or uint8 ``[T, ...]``, each tile's pixels in the order of its stream; ``zscale``, ``zzero`` and
``zblank`` float64 ``[T]`` (NaN: no ZBLANK); ``tile_number`` int64 ``[T]`` starts each tile's random numbers with
``zdither0``. Without dithering (NO_DITHER, NONE) it is ``zzero + zscale * tile``; SUBTRACTIVE_DITHER_2 keeps exact
zeros. Computed in float64 in CFITSIO's order of operations and rounded to float64 where that is ``dtype``, else to
float32 and from there to ``dtype``: what ``decode_tiles`` gives of an image of BITPIX -64, and of -32. Returns the shape
of ``tiles``. No derivative: the input is integers.

Errors: ValueError for dtypes, shapes and a negative ``tile_number``.
""",
    "assemble_tiles": """Decoded tiles to an image, or a window of it: the last step of ``decode_tiles``.

``tiles``: all of the image's, ``[T, *tile_shape]`` or ``[T, pixels]``, as ``decompress_tiles`` lays them out; any
integer or floating dtype, which is kept. Pixels of the window outside the image are NaN, 0 in integers.

Derivative: in ``tiles``. Errors: ValueError where shapes do not fit each other.
""",
}

Tiles = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def _tiles(tiles: torch.Tensor | None) -> Tiles:
    count = unknown_size() if tiles is None else tiles.shape[0]
    return (
        torch.empty(unknown_size(), dtype=torch.uint8, device="cpu"),
        torch.empty([count, 4], dtype=torch.int64, device="cpu"),
        torch.empty([count, 3], dtype=torch.float64, device="cpu"),
    )


@torch.library.register_fake("fits::read_tiles")
def _(path: str, hdu: int, tiles: torch.Tensor | None = None) -> Tiles:
    return _tiles(tiles)


@torch.library.register_fake("fits::read_tiles.bytes")
def _(data: torch.Tensor, hdu: int, tiles: torch.Tensor | None = None) -> Tiles:
    return _tiles(tiles)


@torch.library.register_fake("fits::decode_tiles")
def _(
    data: torch.Tensor,
    descriptors: torch.Tensor,
    quantisation: torch.Tensor,
    tile_shape: Sequence[int],
    shape: Sequence[int],
    bitpix: int,
    method: str,
    zdither0: int,
    params: Sequence[int],
    *,
    start: Sequence[int],
    size: Sequence[int],
    bscale: float = 1,
    bzero: float = 0,
    blank: int | None = None,
    dtype: torch.dtype,
) -> torch.Tensor:
    return data.new_empty(list(size), dtype=dtype)


@torch.library.register_fake("fits::decode_tiles_status")
def _(
    data: torch.Tensor,
    descriptors: torch.Tensor,
    quantisation: torch.Tensor,
    tile_shape: Sequence[int],
    shape: Sequence[int],
    bitpix: int,
    method: str,
    zdither0: int,
    params: Sequence[int],
    *,
    start: Sequence[int],
    size: Sequence[int],
    bscale: float = 1,
    bzero: float = 0,
    blank: int | None = None,
    dtype: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor]:
    status = descriptors.new_empty([descriptors.shape[0]], dtype=torch.int32)
    return data.new_empty(list(size), dtype=dtype), status


@torch.library.register_fake("fits::decompress_tiles")
def _(
    data: torch.Tensor,
    descriptors: torch.Tensor,
    tile_shape: Sequence[int],
    shape: Sequence[int],
    bitpix: int,
    params: Sequence[int],
) -> torch.Tensor:
    whole = [torch.sym_min(tile, length) for tile, length in zip(tile_shape, shape)]
    return data.new_empty([descriptors.shape[0], *whole], dtype=stored_dtype(bitpix, "decompress_tiles"))


@torch.library.register_fake("fits::dequantize")
def _(
    tiles: torch.Tensor,
    zscale: torch.Tensor,
    zzero: torch.Tensor,
    method: str,
    zdither0: int,
    tile_number: torch.Tensor,
    zblank: torch.Tensor | None = None,
    *,
    dtype: torch.dtype,
) -> torch.Tensor:
    return tiles.new_empty(tiles.shape, dtype=dtype)


@torch.library.register_fake("fits::assemble_tiles")
def _(
    tiles: torch.Tensor,
    tile_shape: Sequence[int],
    shape: Sequence[int],
    *,
    start: Sequence[int],
    size: Sequence[int],
) -> torch.Tensor:
    return tiles.new_empty(list(size))


def _keep_geometry(
    ctx: Any, inputs: tuple[Any, ...], keyword_only_inputs: dict[str, Any], output: torch.Tensor
) -> None:
    tiles, ctx.tile_shape, ctx.shape = inputs
    ctx.tiles = tiles.shape
    ctx.window = keyword_only_inputs


def _assemble_backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None, None]:
    # Where each pixel came from: the same operator on the numbers of the tiles' pixels. 0 is outside the image.
    count = ctx.tiles.numel()
    numbers = torch.arange(1, count + 1, device=grad.device).reshape(ctx.tiles)
    origin = torch.ops.fits.assemble_tiles(numbers, ctx.tile_shape, ctx.shape, **ctx.window)
    tiles = grad.new_zeros(count + 1).index_add(0, origin.flatten(), grad.flatten())
    return tiles[1:].reshape(ctx.tiles), None, None


register_autograd("assemble_tiles", _assemble_backward, _keep_geometry)
