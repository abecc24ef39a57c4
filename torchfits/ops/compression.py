"""compress_tiles, quantize: tile-compressed images, made."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from torchfits.ops.tracing import unknown_size

DOCS = {
    "compress_tiles": """Stored values to compressed tiles (FITS Standard 4.0, section 10.4): what ``decode_tiles`` reads.

``image`` of stored values: uint8, int16, int32 (``unscale`` makes them of physical ones); GZIP_1, GZIP_2 and NOCOMPRESS
also take int64, float32 and float64, without loss. ``codec``: RICE_1, GZIP_1, GZIP_2, HCOMPRESS_1, PLIO_1 (values 0 to
2**24 - 1) or NOCOMPRESS. ``tile_shape`` in tensor order, cut to the image; ``params``: [BLOCKSIZE, BYTEPIX, SCALE,
SMOOTH], 0 where unused: RICE_1 blocks of BLOCKSIZE pixels (0: 32), HCOMPRESS_1 coefficients in steps of SCALE (0 and 1:
no loss); BYTEPIX is always the width of the pixels, which ``decode_tiles`` has to be told. Returns ``data`` uint8
``[n]``, the streams end to end, and ``descriptors`` int64 ``[T, 4]``: offset, bytes, codec, tile number. RICE_1,
HCOMPRESS_1 and PLIO_1 streams are CFITSIO's, byte for byte; GZIP streams are at most 1 % larger than those that fpack
writes. Floats are quantised first: ``quantize``, ``assemble_tiles``, then this. On the host.

Errors: ValueError for types and values that a codec does not code, unknown codecs, shapes that do not fit.
""",
    "quantize": """Floats to integers of limited precision, tile by tile (section 10.2), as fpack does: the way to good compression.

``image`` float32 or float64. ``level`` > 0: the step is the noise of the tile divided by ``level``; < 0: the step is
``-level``; 0: nothing is quantised. ``method``: NO_DITHER, SUBTRACTIVE_DITHER_1, SUBTRACTIVE_DITHER_2 (exact zeros
kept); ``zdither0`` 1 to 10000 where dithered. Noise, steps and integers are CFITSIO's, bit for bit. Returns ``tiles``
int32 ``[T, *tile_shape]``, each tile's pixels in the order of its stream (one that the edge cuts has zeros after them),
``zscale`` and ``zzero`` float64 ``[T]``. NaN becomes -2147483647 (ZBLANK). Where ``zscale`` is NaN the tile cannot be
quantised (no noise, infinities, too wide a range): it is stored without loss, by GZIP_1. ``dequantize`` is the way back.
On the host. No derivative.

Errors: ValueError for other dtypes, methods, a ``zdither0`` outside 1 to 10000, a ``level`` that is not finite.
""",
}


def _grid(shape: Sequence[int], tile_shape: Sequence[int]) -> tuple[int, list[int]]:
    """Number of tiles, and the shape of a whole one."""
    whole = [torch.sym_min(tile, length) for tile, length in zip(tile_shape, shape)]
    count = 1
    for tile, length in zip(whole, shape):
        count = count * ((length + tile - 1) // tile)
    return count, whole


@torch.library.register_fake("fits::compress_tiles")
def _(
    image: torch.Tensor, codec: str, tile_shape: Sequence[int], params: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    count, _ = _grid(image.shape, tile_shape)
    return image.new_empty([unknown_size()], dtype=torch.uint8), image.new_empty([count, 4], dtype=torch.int64)


@torch.library.register_fake("fits::quantize")
def _(
    image: torch.Tensor, tile_shape: Sequence[int], level: float, method: str, zdither0: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    count, whole = _grid(image.shape, tile_shape)
    numbers = [image.new_empty([count], dtype=torch.float64) for _ in range(2)]
    return image.new_empty([count, *whole], dtype=torch.int32), numbers[0], numbers[1]
