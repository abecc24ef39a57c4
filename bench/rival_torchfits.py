"""What the PyPI package torchfits 1.2.3 does in each case, in its fastest sensible way; run by bench/worker.py.

Here `torchfits` is that package: this file runs in its virtual environment and imports nothing of ours.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Any

import torch

import torchfits

Call = Callable[[], Any]


def image(path: str, hdu: int = 0, dtype: str | None = None) -> Call:
    wanted = getattr(torch, dtype) if dtype else None

    def call() -> torch.Tensor:
        data = torchfits.read_tensor(path, hdu=hdu)
        return data if wanted is None else data.to(wanted)

    return call


def extensions(path: str, hdus: list[int]) -> Call:
    return lambda: torchfits.read_hdus(path, hdus)


def files(paths: list[str], shape: list[int]) -> Call:
    return lambda: _padded(torchfits.read_batch(paths), shape)


def stamps_packed(packed: str, shape: list[int], folder: str | None) -> Call:
    """The package reads files only: each stamp is written where its user would, then all are read at once."""
    data, offsets = torch.load(packed)
    blobs = [bytes(data[a:b].numpy()) for a, b in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]

    def call() -> torch.Tensor:
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            paths = []
            for number, blob in enumerate(blobs):
                paths.append(os.path.join(temporary, f"{number}.fits.gz"))
                with open(paths[-1], "wb", buffering=0) as file:
                    file.write(blob)
            return _padded(torchfits.read_batch(paths), shape)

    return call


def cutouts(paths: list[str], hdu: int, places: str, size: int) -> Call:
    """A reader of subsets for each file, asked for each of its places in turn."""
    given = torch.load(places)
    count = sum(len(wanted) for _, wanted in given)

    def call() -> torch.Tensor:
        out = torch.empty(count, 1, size, size)
        for file, wanted in given:
            if wanted:
                with torchfits.open_subset_reader(paths[file], hdu=hdu) as reader:
                    for number, row, column in wanted:
                        out[number, 0] = reader.read_subset(column, row, column + size, row + size)
        return out

    return call


def single_cutouts(path: str, hdu: int, places: str, size: int) -> Call:
    """A tensor for each place."""
    ((_, given),) = torch.load(places)

    def call() -> list[torch.Tensor]:
        with torchfits.open_subset_reader(path, hdu=hdu) as reader:
            return [reader.read_subset(column, row, column + size, row + size) for _, row, column in given]

    return call


def header_values(paths: list[str], keys: list[str]) -> Call:
    def call() -> torch.Tensor:
        found = [torchfits.read_keys(path, keys) for path in paths]
        return torch.tensor([[float(values[key]) for key in keys] for values in found], dtype=torch.float64)

    return call


def headers(paths: list[str]) -> Call:
    return lambda: [dict(torchfits.read_header(path)) for path in paths]


# Of tables this package keeps results between calls: cache_capacity=0 makes each call read.


def table(path: str, columns: list[str], rows: list[int] | None = None) -> Call:
    some = {} if rows is None else {"start_row": rows[0] + 1, "num_rows": rows[1] - rows[0]}

    def call() -> dict[str, torch.Tensor]:
        found = torchfits.read(path, hdu=1, columns=columns, cache_capacity=0, **some)
        return {name: found[name] for name in columns}

    return call


def table_rows(path: str, columns: list[str], rows: list[int]) -> Call:
    """Its reading of chosen rows takes seconds: all rows are read, and those chosen."""
    chosen = torch.tensor(rows)

    def call() -> dict[str, torch.Tensor]:
        found = torchfits.read(path, hdu=1, columns=columns, cache_capacity=0)
        return {name: found[name][chosen] for name in columns}

    return call


def arrays(path: str, column: str) -> Call:
    def call() -> tuple[torch.Tensor, torch.Tensor]:
        found = torchfits.read(path, hdu=1, columns=[column], cache_capacity=0)[column]
        if isinstance(found, tuple):
            return found[0], found[1]
        lengths = torch.tensor([0, *(len(array) for array in found)])
        return torch.cat(list(found)), lengths.cumsum(0)

    return call


def _padded(images: list[torch.Tensor], shape: list[int]) -> torch.Tensor:
    """[B, 1, *shape], NaN where an image is smaller."""
    if all(list(image.shape) == shape for image in images):
        return torch.stack(images).unsqueeze(1)
    out = torch.full([len(images), 1, *shape], float("nan"))
    for number, image in enumerate(images):
        out[number, 0, : image.shape[0], : image.shape[1]] = image
    return out


CALLS = {
    "image": image,
    "extensions": extensions,
    "files": files,
    "stamps_packed": stamps_packed,
    "cutouts": cutouts,
    "single_cutouts": single_cutouts,
    "header_values": header_values,
    "headers": headers,
    "table": table,
    "table_rows": table_rows,
    "arrays": arrays,
}
