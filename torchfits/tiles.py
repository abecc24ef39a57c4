"""What the operators on compressed tiles ask for beside the tiles: geometry and parameters, from the header."""

from __future__ import annotations

from typing import Any

from torchfits.header import Header
from torchfits.source import HDUS, HEADER_TEXT, READ_SECTION, Source, SourceLike, text_of


def tile_arguments(source: SourceLike, hdu: int) -> dict[str, Any]:
    """The arguments of ``torch.ops.fits.decode_tiles`` for a compressed image, its tiles and the window left out.

    >>> tiles = torch.ops.fits.read_tiles("m31.fits.fz", 1)
    >>> known = torchfits.tile_arguments("m31.fits.fz", 1)
    >>> image = torch.ops.fits.decode_tiles(*(t.to("cuda") for t in tiles), **known, start=[0, 0], size=known["shape"])

    ``dtype`` is what ``read_image`` would give; the rest is as in the header (FITS Standard 4.0, section 10.1).
    """
    parsed = Source.of(source)
    row = parsed(HDUS)[hdu].tolist()
    shape = row[6 : 6 + row[5]]
    nothing = [0] * len(shape)
    header = Header.fromstring(text_of(parsed(HEADER_TEXT, hdu, stored=True)))
    if "ZCMPTYPE" not in header:
        raise ValueError(f"{parsed.name}[{hdu}] is not a compressed image; read_image reads it")
    tile_shape = [int(header.get(f"ZTILE{n}", shape[-1] if n == 1 else 1)) for n in range(len(shape), 0, -1)]
    return {
        "tile_shape": [max(1, min(tile, length)) for tile, length in zip(tile_shape, shape)],
        "shape": shape,
        "bitpix": row[4],
        "method": header.get("ZQUANTIZ", "NO_DITHER") if row[4] < 0 else "NONE",
        "zdither0": int(header.get("ZDITHER0", 1)),
        "params": _parameters(header),
        "bscale": float(header.get("BSCALE", 1)),
        "bzero": float(header.get("BZERO", 0)),
        "blank": header.get("BLANK", header.get("ZBLANK")) if row[4] > 0 else None,
        "dtype": parsed(READ_SECTION, hdu, nothing, nothing).dtype,
    }


def _parameters(header: Header) -> list[int]:
    """BLOCKSIZE, BYTEPIX, SCALE, SMOOTH; 0 where the header does not say."""
    found: dict[str, Any] = {}
    n = 1
    while f"ZNAME{n}" in header:
        found.setdefault(str(header[f"ZNAME{n}"]).upper(), header.get(f"ZVAL{n}", 0))
        n += 1
    return [int(found.get(name, 0)) for name in ("BLOCKSIZE", "BYTEPIX", "SCALE", "SMOOTH")]
