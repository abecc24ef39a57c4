"""Tile-compressed images: each codec on a 4096x4096 exposure, row tiles and small tiles, many extensions.

CFITSIO made the files; what they hold is known without it: the pixels of lossless ones, and of the dithered one its
integers put through the formula of the Standard. What the targets do not name must be no slower than the best rival.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench import readers, rivals, samples
from bench.bench_images import memcpy, read_file
from bench.harness import Case, Competitor, limit, ours

SIDE, EXTENSIONS, EXTENSION_SIDE = 4096, 36, 1024


def cases(
    folder: Path, side: int = SIDE, extensions: int = EXTENSIONS, extension_side: int = EXTENSION_SIDE
) -> Iterator[Case]:
    image = partial(_image, folder)
    exposure = samples.starry((side, side))
    counts, rows = np.rint(exposure).astype(np.int16), (1, side)
    yield image("RICE_1 int16 row tiles", counts, "RICE", rows, must=8.0, aim=12.0, cold=True)
    yield image("RICE_1 int16 100x100 tiles", counts, "RICE", (100, 100), aim=8.0)
    yield image("RICE_1 int16 32x32 tiles", counts, "RICE", (32, 32))
    yield _dithered(folder, exposure)
    yield image("GZIP_1 int16 row tiles", counts, "GZIP", rows, must=2.0, aim=3.5)
    yield image("GZIP_2 int16 row tiles", counts, "GZIP_2", rows, must=2.0, aim=3.5)
    yield image("GZIP_1 float32 lossless row tiles", exposure, "GZIP", rows, aim=2.0, qlevel=0)
    yield image("GZIP_2 float32 lossless row tiles", exposure, "GZIP_2", rows, aim=2.0, qlevel=0)
    # 16 rows are fpack's own choice for this codec.
    yield image(
        "HCOMPRESS_1 int16 tiles of 16 rows", counts, "HCOMPRESS", (16, side), must=10.0, aim=18.0, hcomp_scale=0
    )
    yield image("PLIO_1 int16 mask row tiles", samples.discs((side, side)), "PLIO", rows, must=2.0, aim=3.0)
    yield _extensions(folder, extensions, extension_side)


def _image(
    folder: Path,
    name: str,
    pixels: np.ndarray,
    codec: str,
    tile: Sequence[int],
    must: float = 1.0,
    aim: float | None = None,
    cold: bool = False,
    **options: Any,
) -> Case:
    path = folder / "image.fits.fz"
    samples.compress(path, [pixels], codec, tile, **options)
    return _case(name, path, samples.tensor(pixels), must, aim, cold)


def _dithered(folder: Path, exposure: np.ndarray) -> Case:
    """Noise sampled at a quarter of its sigma, as fpack does unasked; bad columns are undefined."""
    path = folder / "image.fits.fz"
    pixels = exposure.copy()
    pixels[:, 17::501] = np.nan
    options = {"qlevel": 4, "qmethod": "SUBTRACTIVE_DITHER_1", "dither_seed": 42}
    samples.compress(path, [pixels], "RICE", (1, pixels.shape[1]), **options)
    expected = samples.tensor(samples.dequantised(path))
    return _case("RICE_1 float32 SUBTRACTIVE_DITHER_1 row tiles", path, expected, must=8.0, aim=12.0)


def _case(name: str, path: Path, expected: torch.Tensor, must: float, aim: float | None, cold: bool = False) -> Case:
    file, dtype = str(path), expected.dtype
    return Case(
        name=f"{name} {expected.shape[1]}x{expected.shape[0]}",
        bytes=expected.nbytes,
        expected=expected,
        competitors=[
            ours(lambda: readers.ours(file, 1)),
            Competitor("astropy", lambda: readers.astropy(file, 1, dtype)),
            Competitor("fitsio", lambda: readers.fitsio(file, 1, dtype)),
            Competitor("cfitsio", lambda: readers.cfitsio(file, 1, dtype)),
            rivals.other("image", path=file, hdu=1, dtype=str(dtype).removeprefix("torch.")),
            limit("memcpy", memcpy(expected.nbytes)),
            limit("read", read_file(path)),
        ],
        must=must,
        aim=aim,
        files=[path],
        cold=cold,
    )


def _extensions(folder: Path, count: int, side: int) -> Case:
    path = folder / "extensions.fits.fz"
    images = [np.rint(samples.starry((side, side), seed)).astype(np.int16) for seed in range(count)]
    samples.compress(path, images, "RICE", (1, side))
    name, hdus = str(path), list(range(1, count + 1))

    def with_ours() -> list[torch.Tensor]:
        return [readers.ours(name, hdu) for hdu in hdus]

    def with_astropy() -> list[torch.Tensor]:
        from astropy.io import fits

        with fits.open(name) as file:
            return [readers.native(file[hdu].data) for hdu in hdus]

    def with_fitsio() -> list[torch.Tensor]:
        import fitsio

        with fitsio.FITS(name) as file:
            return [readers.native(file[hdu].read()) for hdu in hdus]

    def with_cfitsio() -> list[torch.Tensor]:
        found = []
        with readers.CfitsioFile(name) as file:
            for hdu in hdus:
                file.move(hdu)
                found.append(file.image(torch.int16))
        return found

    size = sum(image.nbytes for image in images)
    return Case(
        name=f"{count} extensions of RICE_1 int16 {side}x{side}",
        bytes=size,
        expected=[samples.tensor(image) for image in images],
        competitors=[
            ours(with_ours),
            Competitor("astropy", with_astropy),
            Competitor("fitsio", with_fitsio),
            Competitor("cfitsio", with_cfitsio),
            rivals.other("extensions", path=name, hdus=hdus),
            limit("memcpy", memcpy(size)),
            limit("read", read_file(path)),
        ],
        must=8.0,
        aim=14.0,
        files=[path],
    )
