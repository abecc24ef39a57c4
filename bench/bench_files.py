"""Thousands of small images, each in a file of its own, as one batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from bench import readers, rivals, samples
from bench.harness import Case, Competitor, limit, ours

COUNT, SIDE = 2000, 64


def cases(folder: Path, count: int = COUNT) -> Iterator[Case]:
    paths, images = [], []
    for number in range(count):
        image = samples.sky((SIDE, SIDE), "float32", number)
        paths.append(folder / f"{number:05d}.fits")
        paths[-1].write_bytes(samples.hdu(image))
        images.append(samples.tensor(image))
    names = [str(path) for path in paths]
    expected = torch.stack(images).unsqueeze(1)
    yield Case(
        name=f"{count} files of float32 {SIDE}x{SIDE}",
        bytes=expected.nbytes,
        expected=expected,
        competitors=[
            ours(lambda: torch.ops.fits.read_images(names, [0], [SIDE, SIDE])[0]),
            Competitor("astropy", lambda: torch.stack([readers.astropy(name) for name in names]).unsqueeze(1)),
            Competitor("fitsio", lambda: torch.stack([readers.fitsio(name) for name in names]).unsqueeze(1)),
            Competitor(
                "cfitsio", lambda: torch.stack([readers.cfitsio(name, 0, torch.float32) for name in names]).unsqueeze(1)
            ),
            rivals.other("files", paths=names, shape=[SIDE, SIDE]),
            limit("open and read", lambda: [read_all(name) for name in names]),
        ],
        must=1.0,
        files=paths,
        cold=True,
    )


def read_all(name: str) -> bytes:
    with open(name, "rb", buffering=0) as file:
        return file.read()
