"""Whole images, 4096x4096 unless said otherwise: each BITPIX, the conventions, gzip, many extensions."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from bench import readers, rivals, samples
from bench.harness import Case, Competitor, limit, ours

SIDE = 4096


def cases(folder: Path) -> Iterator[Case]:
    targets = {"uint8": (1.5, 2.0), "float32": (1.7, 2.5)}
    for dtype in samples.BITPIX:
        stored = samples.sky((SIDE, SIDE), dtype)
        must, aim = targets.get(dtype, (1.0, None))
        yield _image(folder, f"{dtype}", stored, [], stored, must=must, aim=aim, cold=dtype == "float32")

    stored = samples.sky((SIDE, SIDE), "int16")
    unsigned = (stored.astype(np.int32) + 32768).astype(np.uint16)
    bzero = [samples.card("BSCALE", 1), samples.card("BZERO", 32768)]
    yield _image(folder, "uint16 convention", stored, bzero, unsigned, must=2.0, aim=4.0)

    # Physical values in double arithmetic, rounded once (FITS Standard 4.0, §4.4.2.5); blank pixels are NaN.
    stored.reshape(-1)[::97] = -32768
    physical = (100.0 + 0.25 * stored.astype(np.float64)).astype(np.float32)
    physical[stored == -32768] = np.nan
    scaling = [samples.card("BSCALE", 0.25), samples.card("BZERO", 100.0), samples.card("BLANK", -32768)]
    yield _image(folder, "int16 BSCALE BZERO BLANK to float32", stored, scaling, physical, must=4.0, aim=6.0, cold=True)

    stored = samples.sky((SIDE, SIDE), "int16")
    yield _image(folder, "int16 to float32", stored, [], stored.astype(np.float32), must=1.5, aim=2.0)

    yield _gzipped(folder)
    yield _extensions(folder)


def _image(
    folder: Path,
    name: str,
    stored: np.ndarray,
    cards: Sequence[str],
    expected: np.ndarray,
    must: float | None = None,
    aim: float | None = None,
    cold: bool = False,
) -> Case:
    path = folder / "image.fits"
    path.write_bytes(samples.hdu(stored, cards))
    physical = samples.tensor(expected)
    # A dtype is asked for only where it is not the one that the file's own keywords give.
    convert = physical.dtype if not cards and stored.dtype != expected.dtype else None
    return Case(
        name=f"{name} {stored.shape[1]}x{stored.shape[0]}",
        bytes=physical.nbytes,
        expected=physical,
        competitors=[
            *_readers(path, physical.dtype, convert),
            limit("memcpy", memcpy(physical.nbytes)),
            limit("read", read_file(path)),
        ],
        must=must,
        aim=aim,
        files=[path],
        cold=cold,
    )


def _readers(path: Path, dtype: torch.dtype, convert: torch.dtype | None) -> list[Competitor]:
    name = str(path)
    asked = str(convert).removeprefix("torch.") if convert else None
    return [
        ours(partial(readers.ours, name, 0, convert)),
        # The default result of a scaled image is float32 or float64 by the reader's own choice: its user converts.
        Competitor("astropy", lambda: readers.astropy(name, 0, dtype)),
        Competitor("fitsio", lambda: readers.fitsio(name, 0, dtype)),
        Competitor("cfitsio", lambda: readers.cfitsio(name, 0, dtype)),
        rivals.other("image", path=name, dtype=asked or str(dtype).removeprefix("torch.")),
    ]


def _gzipped(folder: Path) -> Case:
    stored = samples.sky((2048, 2048), "int16")
    path = folder / "image.fits.gz"
    raw = samples.hdu(stored)
    blob = gzip.compress(raw, mtime=0)
    path.write_bytes(blob)
    return Case(
        name=".fits.gz int16 2048x2048",
        bytes=stored.nbytes,
        expected=samples.tensor(stored),
        competitors=[*_readers(path, torch.int16, None), limit("zlib alone", lambda: gzip.decompress(blob))],
        must=1.7,
        aim=2.0,
        files=[path],
    )


def _extensions(folder: Path) -> Case:
    count = 36
    path = folder / "extensions.fits"
    images = [samples.sky((1024, 1024), "int16", seed) for seed in range(count)]
    primary = samples.header(samples.geometry(8, []))
    path.write_bytes(primary + b"".join(samples.hdu(image, extension=True) for image in images))
    name, hdus = str(path), list(range(1, count + 1))

    def with_ours() -> list[torch.Tensor]:
        return [torch.ops.fits.read_image(name, hdu) for hdu in hdus]

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
        name=f"{count} extensions of int16 1024x1024",
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
        must=2.0,
        aim=3.0,
        files=[path],
    )


def memcpy(size: int):
    """Copies `size` bytes between two buffers that are in memory already: no page faults, so a limit indeed."""
    source, target = torch.ones(size, dtype=torch.uint8), torch.ones(size, dtype=torch.uint8)
    return lambda: target.copy_(source)


def read_file(path: Path):
    """Plain read of the whole file into a buffer that is in memory already."""
    target = np.ones(path.stat().st_size, dtype=np.uint8)

    def call() -> None:
        with open(path, "rb", buffering=0) as file:
            got = file.readinto(target)
        assert got == target.size

    return call
