"""Gzipped 63x63 float32 stamps, as alert brokers send them: as bytes of messages, and as files."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from bench import readers, rivals, samples
from bench.harness import Case, Competitor, limit, ours

COUNT, SHAPE = 2000, [63, 63]


def cases(folder: Path, count: int = COUNT) -> Iterator[Case]:
    blobs, pixels = samples.stamps(count)
    yield _as_bytes(folder, blobs, pixels.unsqueeze(1))
    yield _as_files(folder, blobs, pixels.unsqueeze(1))


def _as_bytes(folder: Path, blobs: list[bytes], expected: torch.Tensor) -> Case:
    data, offsets = samples.packed(blobs)
    packed = folder / "packed.pt"
    torch.save((data, offsets), packed)
    in_memory = "/dev/shm" if os.path.isdir("/dev/shm") else None

    def with_astropy() -> torch.Tensor:
        from astropy.io import fits

        return _stack([readers.native(fits.getdata(io.BytesIO(gzip.decompress(blob)))) for blob in blobs])

    def with_files(read) -> torch.Tensor:
        """These readers take paths only, so their user writes each message to a temporary file, in memory if possible
        and each by its own name (ext4 writes a file that is truncated and filled again to the disk at once)."""
        found = []
        with tempfile.TemporaryDirectory(dir=in_memory) as temporary:
            for number, blob in enumerate(blobs):
                path = os.path.join(temporary, f"{number}.fits.gz")
                with open(path, "wb", buffering=0) as file:
                    file.write(blob)
                found.append(read(path, 0, torch.float32))
                os.unlink(path)
        return _stack(found)

    return Case(
        name=f"{len(blobs)} gzipped stamps as packed bytes",
        bytes=expected.nbytes,
        expected=expected,
        competitors=[
            ours(lambda: torch.ops.fits.read_images(data, offsets, [0], SHAPE)[0]),
            Competitor("astropy", with_astropy),
            Competitor("fitsio", lambda: with_files(readers.fitsio)),
            Competitor("cfitsio", lambda: with_files(readers.cfitsio)),
            rivals.other("stamps_packed", packed=str(packed), shape=SHAPE, folder=in_memory),
            limit("zlib alone", lambda: [gzip.decompress(blob) for blob in blobs]),
        ],
        must=4.0,
        aim=8.0,
        files=[packed],
    )


def _as_files(folder: Path, blobs: list[bytes], expected: torch.Tensor) -> Case:
    paths = [folder / f"{number:05d}.fits.gz" for number in range(len(blobs))]
    for path, blob in zip(paths, blobs, strict=True):
        path.write_bytes(blob)
    names = [str(path) for path in paths]
    return Case(
        name=f"{len(blobs)} gzipped stamps as files",
        bytes=expected.nbytes,
        expected=expected,
        competitors=[
            ours(lambda: torch.ops.fits.read_images(names, [0], SHAPE)[0]),
            Competitor("astropy", lambda: _stack([readers.astropy(name) for name in names])),
            Competitor("fitsio", lambda: _stack([readers.fitsio(name) for name in names])),
            Competitor("cfitsio", lambda: _stack([readers.cfitsio(name, 0, torch.float32) for name in names])),
            rivals.other("files", paths=names, shape=SHAPE),
            limit("zlib alone", lambda: [gzip.decompress(blob) for blob in blobs]),
        ],
        must=3.0,
        aim=6.0,
        files=paths,
        cold=True,
    )


def _stack(images: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack(images).unsqueeze(1)
