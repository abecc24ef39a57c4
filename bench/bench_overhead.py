"""What a call costs on hardly any data: each must stay within 3 microseconds of the least that it could do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import torch

from bench import readers, rivals, samples
from bench.harness import Case, Competitor, limit, ours

CALLS = 200


def cases(folder: Path) -> Iterator[Case]:
    path = folder / "tiny.fits"
    image = samples.sky((8, 8), "float32")
    path.write_bytes(samples.hdu(image))
    name = str(path)
    yield Case(
        name="read_image of a cached 8x8 file",
        bytes=image.nbytes,
        expected=samples.tensor(image),
        competitors=[
            ours(lambda: torch.ops.fits.read_image(name)),
            Competitor("astropy", lambda: readers.astropy(name)),
            Competitor("fitsio", lambda: readers.fitsio(name)),
            Competitor("cfitsio", lambda: readers.cfitsio(name, 0, torch.float32)),
            rivals.other("image", path=name),
            limit("fstat", lambda: os.stat(name)),
            limit("empty operator", _empty_operator()),
        ],
        must_us=3.0,
        files=[path],
        calls=CALLS,
    )

    stored = torch.tensor([5], dtype=torch.int16)
    yield Case(
        name="scale of one pixel",
        bytes=4,
        expected=torch.tensor([11.0]),
        competitors=[
            ours(lambda: torch.ops.fits.scale(stored, 2.0, 1.0)),
            limit("empty operator", _empty_operator()),
            limit("torch.mul", lambda: torch.mul(stored, 2.0)),
        ],
        must_us=3.0,
        calls=CALLS,
    )


def _empty_operator():
    one = torch.zeros(1)
    return lambda: torch.ops.aten.alias(one)
